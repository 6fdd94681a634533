/* What the `info` verbs say about a file: as text for people, and as one JSON object (a new reference; NULL
 * when out of memory).
 */
#ifndef OFR_TRACES_INFO_PRINT_H
#define OFR_TRACES_INFO_PRINT_H

#include "sim/model/profile.h"
#include "traces/recording_ops.h"
#include "traces/runlog_print.h"
#include "traces/trace_ops.h"

#include <jansson.h>
#include <stdio.h>

/* JSON: requests span_s rate_mean rate_peak interarrival_cv equal_stamps first_ns last_ns columns[] streams
 * duration_s_mean prompt_tokens_mean output_tokens_mean partial provenance{}; null where not defined. */
void ofr_trace_info_text(FILE *out, const struct ofr_trace_info *info);
json_t *ofr_trace_info_json(const struct ofr_trace_info *info);

/* JSON: name samples classes answers columns[] sites[{name top1_mean agreement accuracy}] final_accuracy
 * partial provenance{}. */
void ofr_recording_info_text(FILE *out, const struct ofr_recording_info *info);
json_t *ofr_recording_info_json(const struct ofr_recording_info *info);

/* JSON: model sites[] batches[{batch until_us[] full_us ramp_add_us[] ramp_delay_us[] copy_in_us copy_out_us
 * full_samples}] dispatch_us release_us feedback_us. */
void ofr_profile_info_text(FILE *out, const struct ofr_profile *profile);
json_t *ofr_profile_info_json(const struct ofr_profile *profile);

/* JSON: seed sites[] requests{offered, ok, ...} batches{total, full, ...} decisions first_arrival_ns
 * last_end_ns partial scenario provenance{}. */
void ofr_runlog_info_text(FILE *out, const struct ofr_runlog_reader *reader,
                          const struct ofr_runlog_info *info);
json_t *ofr_runlog_info_json(const struct ofr_runlog_reader *reader, const struct ofr_runlog_info *info);

#endif
