/* What `offramp --version` says. */
#ifndef OFR_CLI_VERSION_H
#define OFR_CLI_VERSION_H

#include <stdio.h>

/* Version, commit, build, devices and libraries, one fact a line. Versions of libraries are those the program runs
 * with, as they give them themselves. */
void ofr_cli_version(FILE *out);

#endif
