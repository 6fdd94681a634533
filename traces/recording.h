/* Exit recordings (.orec): for every sample of a stream, what each ramp and the full model answered and how
 * sure they were. The simulator's ground truth: it holds enough to replay any exit rule offline.
 */
#ifndef OFR_TRACES_RECORDING_H
#define OFR_TRACES_RECORDING_H

#include "sim/base/error.h"

#include <stdint.h>

enum {
    OFR_NAME_SIZE = 48
};

/* A recording in memory, row-major: [sample][site]. Owned; release with ofr_recording_free. */
struct ofr_recording {
    uint32_t samples, sites;
    uint32_t classes;                 /* 0 = unknown */
    char name[OFR_NAME_SIZE];         /* model-task-stream */
    char (*site_name)[OFR_NAME_SIZE]; /* [sites] shallow to deep */
    float *top1;            /* [samples][sites] top softmax probability, 0..1 (f16 sources are exact) */
    float *entropy;         /* [samples][sites] nats; NULL when the source has none */
    uint16_t *answer;       /* [samples][sites] class chosen by the ramp (1/0 = agrees when `agreement`) */
    uint16_t *final_answer; /* [samples] class chosen by the full model (1 when `agreement`) */
    float *final_top1;      /* [samples]; NULL when unknown */
    uint16_t *label;        /* [samples] ground truth; NULL when unknown */
    bool agreement;         /* the source recorded only whether ramp and full model agree */
};

/* Loads a whole recording. Errors: OFR_E_INPUT with the file and offset, OFR_E_IO, OFR_E_NOMEM. A truncated
 * file is an error here (its whole chunks can be saved with `recording cut`). */
int ofr_recording_load(struct ofr_recording **out, const char *path, struct ofr_error *err);
void ofr_recording_free(struct ofr_recording *recording); /* NULL is allowed */

#endif
