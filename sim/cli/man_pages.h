/* Manual pages made of the tables the parser reads: offramp(1), offramp-VERB(1) of every verb, offramp-scenario(5),
 * offramp-sweep-file(5). */
#ifndef OFR_CLI_MAN_PAGES_H
#define OFR_CLI_MAN_PAGES_H

#include "sim/base/error.h"

/* Writes every page into a folder that exists. The same program gives the same bytes. */
int ofr_man_pages(const char *folder, struct ofr_error *err);

#endif
