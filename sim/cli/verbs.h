/* The verbs, one per cmd_*.c; verbs.c is the table. To add one: write sim/cli/cmd_NAME.c, declare it here, add a line
 * there. */
#ifndef OFR_CLI_VERBS_H
#define OFR_CLI_VERBS_H

#include "sim/cli/cli.h"

extern const struct ofr_cli_verb ofr_verb_sim;
extern const struct ofr_cli_verb ofr_verb_replay;
extern const struct ofr_cli_verb ofr_verb_verify;
extern const struct ofr_cli_verb ofr_verb_compare;
extern const struct ofr_cli_verb ofr_verb_report;
extern const struct ofr_cli_verb ofr_verb_sweep;
extern const struct ofr_cli_verb ofr_verb_profile; /* cmd_profile_measure.c; has sub-verbs */
extern const struct ofr_cli_verb ofr_verb_tune;
extern const struct ofr_cli_verb ofr_verb_list;
extern const struct ofr_cli_verb ofr_verb_help;

/* cmd_import.c */
extern const struct ofr_cli_verb ofr_verb_trace_import;
extern const struct ofr_cli_verb ofr_verb_recording_import;
extern const struct ofr_cli_verb ofr_verb_profile_import;

/* cmd_trace.c, cmd_recording.c, cmd_profile.c, cmd_log.c */
extern const struct ofr_cli_verb ofr_verb_trace_info;
extern const struct ofr_cli_verb ofr_verb_trace_cut;
extern const struct ofr_cli_verb ofr_verb_trace_merge;
extern const struct ofr_cli_verb ofr_verb_trace_scale;
extern const struct ofr_cli_verb ofr_verb_trace_print;
extern const struct ofr_cli_verb ofr_verb_recording_info;
extern const struct ofr_cli_verb ofr_verb_recording_cut;
extern const struct ofr_cli_verb ofr_verb_recording_print;
extern const struct ofr_cli_verb ofr_verb_profile_info;
extern const struct ofr_cli_verb ofr_verb_profile_probe;
extern const struct ofr_cli_verb ofr_verb_log_info;
extern const struct ofr_cli_verb ofr_verb_log_print;
extern const struct ofr_cli_verb ofr_verb_log_compact;

/* cmd_workload.c */
extern const struct ofr_cli_verb ofr_verb_workload_arrivals;
extern const struct ofr_cli_verb ofr_verb_workload_fit;
extern const struct ofr_cli_verb ofr_verb_workload_generate;

#endif
