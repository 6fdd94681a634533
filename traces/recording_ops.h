/* What `offramp recording info | cut` do, as functions. Both stream in constant memory and read a partial
 * (truncated) file up to its last whole chunk, which they say in *partial.
 */
#ifndef OFR_TRACES_RECORDING_OPS_H
#define OFR_TRACES_RECORDING_OPS_H

#include "sim/offramp_option.h"
#include "traces/container.h"
#include "traces/recording.h"

struct ofr_recording_info {
    uint64_t samples;
    uint32_t sites, classes;
    bool agreement, has_labels, partial;
    char name[OFR_NAME_SIZE];
    char site_name[OFFRAMP_MAX_SITES][OFR_NAME_SIZE];
    double top1_mean[OFFRAMP_MAX_SITES];       /* mean top probability of each ramp; NaN without samples */
    double agreement_share[OFFRAMP_MAX_SITES]; /* ramp answers equal to the full model's */
    double accuracy[OFFRAMP_MAX_SITES + 1];    /* answers equal to the label; last: full model; NaN without */
    struct ofr_file_head head;                 /* owned: columns and provenance */
};

int ofr_recording_info(struct ofr_recording_info *info, const char *path, struct ofr_error *err);
void ofr_recording_info_release(struct ofr_recording_info *info);

/* Samples from..from+count of `input`, every column kept; of the per-request table the requests these samples
 * belong to. Nothing in the window is OFR_E_USAGE. With `wrap` the first sample comes after the last, up to the one
 * before `from`. */
int ofr_recording_cut(const char *input, const char *output, uint64_t from, uint64_t count, bool wrap,
                      bool *partial, struct ofr_error *err);

#endif
