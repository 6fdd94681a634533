/* What `trace import`, `recording import` and `profile import` do once their arguments are parsed: convert,
 * and say what was found. The data-quality line goes to `chatter`, the object (`json`) to `out`.
 */
#ifndef OFR_IMPORT_COMMANDS_H
#define OFR_IMPORT_COMMANDS_H

#include "traces/import/importers.h"
#include "traces/import/profile_import.h"

#include <stdio.h>

/* Where a command reports. Borrowed. */
struct ofr_import_report {
    FILE *out, *chatter;
    bool json;
};

int ofr_import_trace_command(const struct ofr_import_request *request, const struct ofr_import_report *report,
                             struct ofr_error *err);
/* `command` is the line as typed, for the provenance; NULL = unknown. */
int ofr_import_recording_command(const char *folder, const char *output, const char *command,
                                 const struct ofr_import_report *report, struct ofr_error *err);
int ofr_import_profile_command(const struct ofr_profile_request *request,
                               const struct ofr_import_report *report, struct ofr_error *err);

/* `list formats`: one line a format, name and help. */
void ofr_importers_list(FILE *out);

#endif
