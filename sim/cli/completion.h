/* Shell completion made of the tables the parser reads. */
#ifndef OFR_CLI_COMPLETION_H
#define OFR_CLI_COMPLETION_H

#include <stdio.h>

/* Scripts to be sourced, or put where the shell looks for them: verbs, flags, choices, names of parts and scenario
 * keys (after --set). Everything else completes as a file. The same program gives the same bytes. */
void ofr_completion_bash(FILE *out);
void ofr_completion_fish(FILE *out);

#endif
