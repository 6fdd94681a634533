/* How a device settles to a load. A GPU runs slower by some per cent when it has idled, and takes a few hundred
 * milliseconds of work to reach its settled speed (docs/how-far-to-trust.md): passes are only comparable when it is
 * known how busy the device was before them. This part measures by how much and how fast, gives the passes of a settled
 * device, and keeps the device's busy share (sim/model/busy_share.h) along all measurements of the path. Private to
 * replay/profiling*.c and replay/probing.c.
 */
#ifndef OFR_REPLAY_PROFILING_SETTLE_H
#define OFR_REPLAY_PROFILING_SETTLE_H

#include "replay/path.h"
#include "traces/profile_file.h"

enum {
    OFR_SETTLE_ROUNDS_MAX = 16
};

/* Of one batch size; ns. */
struct ofr_settle_size {
    uint32_t batch;
    double cold_ns[OFR_SETTLE_ROUNDS_MAX]; /* [rounds] median pass at the beginning of a load after a rest */
    double settled_ns[OFR_SETTLE_ROUNDS_MAX]; /* [rounds] and at its end */
    double excess_ns[OFR_SETTLE_ROUNDS_MAX];  /* [rounds] the load's integral of pass / settled - 1 */
};

struct ofr_settle {
    const struct ofr_path *path;    /* borrowed */
    struct ofr_settle_size *size;   /* owned, [sizes] */
    struct ofr_path_sample *sample; /* owned, [passes] of the last load */
    double *share;                  /* owned, [passes] and the busy share at the dispatch of each */
    double *sorted;                 /* owned, room for them */
    uint32_t passes;
    uint32_t sizes, rounds; /* rounds: so far */
    bool rests;             /* before loads: without, nothing is learnt of a cold device */
    double scale;       /* of how long rests and loads are: 1 where a GPU settles, less for a quick look */
    int64_t ended_ns;   /* of the last measurement; CLOCK_MONOTONIC */
    int64_t start_ns;   /* of the first: beginning of the run to its first dispatch; -1 = none yet */
    double constant_ns; /* of the share: taken for granted where none is known */
    double now;         /* the share at ended_ns */
};

/* `scale` is above 0 and at most 1. It rests before loads. */
int ofr_settle_init(struct ofr_settle *settle, const struct ofr_path *path, const uint32_t *batch,
                    uint32_t sizes, double scale, struct ofr_error *err);
void ofr_settle_release(struct ofr_settle *settle);

/* As ofr_path_measure; share[i] is the busy share at the dispatch of the pass of sample[i]; NULL: not wanted. */
int ofr_settle_measure(struct ofr_settle *settle, const struct ofr_path_ask *ask,
                       struct ofr_path_sample *sample, double *share, struct ofr_error *err);

/* A load of the largest size that lasts until the device has settled. */
int ofr_settle_warm(struct ofr_settle *settle, struct ofr_error *err);

/* Passes of size number `at` after a rest, until the device has settled: part of the round `rounds`. The last quarter
 * of settle->sample is a settled device's. Without rests: a short load, the device is as settled as settle->share says. */
int ofr_settle_load(struct ofr_settle *settle, uint32_t at, struct ofr_error *err);

/* Passes of size number `at` that follow each other for a moment, with inputs of their own or with such that travelled
 * ahead: settle->sample. The first half pays for the beginning. */
int ofr_settle_moment(struct ofr_settle *settle, uint32_t at, bool ahead, struct ofr_error *err);
double ofr_settle_median(struct ofr_settle *settle); /* pass of the second half, ns */

/* By this share a pass of size number `at` is slower on a cold device than on a settled one; 0 after a quick look. */
double ofr_settle_slower(const struct ofr_settle *settle, uint32_t at);

int ofr_settle_append(const struct ofr_settle *settle, struct ofr_profile_writer *writer,
                      struct ofr_error *err);

#endif
