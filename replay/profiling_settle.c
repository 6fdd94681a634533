#include "replay/profiling_settle.h"

#include "replay/median.h"
#include "sim/base/monotonic.h"
#include "sim/model/busy_share.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

enum {
    REST_NS = 300000000, /* a GPU has forgotten a load by then: time constants seen are 80 to 180 ms */
    LOAD_NS = 450000000,
    SHORT_NS = 60000000, /* a load of a device that is settled before */
    MOMENT_NS = 15000000,
    COLD_NS = 20000000, /* of the load's beginning, and FEWEST passes */
    NOMINAL_NS = 110000000,
    FEWEST = 4,
    BEFORE = 10, /* passes that tell how many a load has */
    MOST = 1 << 15
};

static double load_ns(const struct ofr_settle *settle)
{
    return settle->rests ? fmax(LOAD_NS, (double)settle->path->ops->settle_ns) : SHORT_NS;
}

int ofr_settle_init(struct ofr_settle *settle, const struct ofr_path *path, const uint32_t *batch,
                    uint32_t sizes, double scale, struct ofr_error *err)
{
    *settle = (struct ofr_settle){.path = path,
                                  .sizes = sizes,
                                  .rests = true,
                                  .constant_ns = NOMINAL_NS,
                                  .scale = scale,
                                  .ended_ns = ofr_monotonic_ns(),
                                  .start_ns = -1};
    settle->size = calloc(sizes, sizeof *settle->size);
    settle->sample = calloc(MOST, sizeof *settle->sample);
    settle->share = calloc(MOST, sizeof *settle->share);
    settle->sorted = calloc(MOST, sizeof *settle->sorted);
    if (!settle->size || !settle->sample || !settle->share || !settle->sorted)
        return ofr_fail_nomem(err, "a profile");
    for (uint32_t i = 0; i < sizes; ++i)
        settle->size[i].batch = batch[i];
    return OFR_OK;
}

void ofr_settle_release(struct ofr_settle *settle)
{
    free(settle->size);
    free(settle->sample);
    free(settle->share);
    free(settle->sorted);
    *settle = (struct ofr_settle){0};
}

/* What of the call is not in its samples is a start, when the device idles, and a few passes. */
static void follow(struct ofr_settle *settle, const struct ofr_path_sample *sample, uint32_t passes,
                   double *share, int64_t began_ns)
{
    const int64_t ended_ns = ofr_monotonic_ns();
    double before_ns = (double)(ended_ns - settle->ended_ns), busy = settle->now;
    for (uint32_t i = 0; i < passes; ++i)
        before_ns -= (double)(sample[i].idle_ns + sample[i].pass_ns);
    const double first_ns = fmin(FEWEST * (double)sample[0].pass_ns, (double)(ended_ns - began_ns));
    busy = ofr_busy_share_idle(busy, before_ns - first_ns, settle->constant_ns);
    busy = ofr_busy_share_busy(busy, first_ns, settle->constant_ns);
    for (uint32_t i = 0; i < passes; ++i) {
        busy = ofr_busy_share_idle(busy, (double)sample[i].idle_ns, settle->constant_ns);
        if (share)
            share[i] = busy;
        busy = ofr_busy_share_busy(busy, (double)sample[i].pass_ns, settle->constant_ns);
    }
    settle->now = busy;
    settle->ended_ns = ended_ns;
}

int ofr_settle_measure(struct ofr_settle *settle, const struct ofr_path_ask *ask,
                       struct ofr_path_sample *sample, double *share, struct ofr_error *err)
{
    const int64_t began_ns = ofr_monotonic_ns();
    int64_t start_ns = 0;
    int rc = ofr_path_measure(settle->path, ask, sample, &start_ns, err);
    if (settle->start_ns < 0)
        settle->start_ns = start_ns;
    if (!rc)
        follow(settle, sample, ask->passes, share, began_ns);
    return rc;
}

/* Passes that follow each other, of a load of `for_ns`; pass_ns: what one takes. */
static int run(struct ofr_settle *settle, const struct ofr_settle_size *size, int64_t pass_ns, bool ahead,
               double for_ns, struct ofr_error *err)
{
    const double wanted = settle->scale * for_ns / (double)(pass_ns + 1);
    const struct ofr_path_ask ask = {.batch = size->batch,
                                     .site = OFR_PATH_NO_RAMP,
                                     .ahead = ahead,
                                     .passes = (uint32_t)fmin(fmax(wanted, 4 * FEWEST), MOST)};
    settle->passes = ask.passes;
    return ofr_settle_measure(settle, &ask, settle->sample, settle->share, err);
}

/* Median, for a moment's disturbance of the machine lengthens single passes many times. */
static double median_pass(struct ofr_settle *settle, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; ++i)
        settle->sorted[i - from] = (double)settle->sample[i].pass_ns;
    return ofr_median(settle->sorted, to - from);
}

/* The pass after which so much time has been spent on passes from `from` on, FEWEST of them at least. */
static uint32_t after(const struct ofr_settle *settle, uint32_t from, double for_ns)
{
    double spent_ns = 0.0;
    uint32_t i = from;
    while (i < settle->passes && (i - from < FEWEST || spent_ns < for_ns))
        spent_ns += (double)settle->sample[i++].pass_ns;
    return i;
}

/* Integral of pass / settled - 1 over the load. */
static double excess(struct ofr_settle *settle, double settled_ns)
{
    double sum_ns = 0.0;
    for (uint32_t from = 0, to; from < settle->passes; from = to) {
        to = after(settle, from, COLD_NS);
        const double middle_ns = median_pass(settle, from, to);
        sum_ns += middle_ns * (double)(to - from) * (middle_ns / settled_ns - 1.0);
    }
    return sum_ns;
}

static void rest(const struct ofr_settle *settle)
{
    const struct timespec rest = {0, (long)(settle->scale * REST_NS)};
    nanosleep(&rest, NULL);
}

int ofr_settle_warm(struct ofr_settle *settle, struct ofr_error *err)
{
    const struct ofr_settle_size *size = &settle->size[settle->sizes - 1];
    const struct ofr_path_ask before = {.batch = size->batch, .site = OFR_PATH_NO_RAMP, .passes = BEFORE};
    const double for_ns = (double)settle->path->ops->settle_ns;
    int rc = for_ns > 0.0 ? ofr_settle_measure(settle, &before, settle->sample, NULL, err) : OFR_OK;
    return rc || for_ns <= 0.0 ? rc
                               : run(settle, size, settle->sample[BEFORE - 1].pass_ns, false, for_ns, err);
}

int ofr_settle_load(struct ofr_settle *settle, uint32_t at, struct ofr_error *err)
{
    struct ofr_settle_size *size = &settle->size[at];
    const struct ofr_path_sample *sample = settle->sample;
    const struct ofr_path_ask before = {.batch = size->batch, .site = OFR_PATH_NO_RAMP, .passes = BEFORE};
    int rc = ofr_settle_measure(settle, &before, settle->sample, NULL, err);
    if (rc)
        return rc;
    if (settle->rests)
        rest(settle);
    rc = run(settle, size, sample[BEFORE - 1].pass_ns, false, load_ns(settle), err);
    if (rc)
        return rc;
    const uint32_t round = settle->rounds;
    size->cold_ns[round] = median_pass(settle, 0, after(settle, 0, COLD_NS));
    size->settled_ns[round] = median_pass(settle, settle->passes - settle->passes / 4, settle->passes);
    size->excess_ns[round] = excess(settle, size->settled_ns[round]);
    return OFR_OK;
}

int ofr_settle_moment(struct ofr_settle *settle, uint32_t at, bool ahead, struct ofr_error *err)
{
    const struct ofr_settle_size *size = &settle->size[at];
    return run(settle, size, llround(size->settled_ns[settle->rounds]), ahead, MOMENT_NS, err);
}

double ofr_settle_median(struct ofr_settle *settle)
{
    return median_pass(settle, settle->passes / 2, settle->passes);
}

double ofr_settle_slower(const struct ofr_settle *settle, uint32_t at)
{
    const struct ofr_settle_size *size = &settle->size[at];
    return settle->scale >= 1.0 ? ofr_busy_share_slower(size->cold_ns, size->settled_ns, settle->rounds)
                                : 0.0;
}

/* An exponential that begins at cold / settled - 1 has this integral over its beginning as its time constant; over all
 * sizes by least squares, and within what a load can tell. */
static int64_t settling_ns(const struct ofr_settle *settle, uint32_t round)
{
    double product = 0.0, square = 0.0;
    for (uint32_t i = 0; i < settle->sizes; ++i) {
        const struct ofr_settle_size *size = &settle->size[i];
        const double drop = size->cold_ns[round] / size->settled_ns[round] - 1.0;
        product += drop * size->excess_ns[round];
        square += drop * drop;
    }
    const double ns = square > 0.0 ? product / square : NOMINAL_NS;
    return llround(fmin(fmax(ns, COLD_NS), load_ns(settle)));
}

static int append(struct ofr_profile_writer *writer, enum ofr_quantity quantity, uint32_t batch,
                  int64_t value_ns, struct ofr_error *err)
{
    const struct ofr_profile_row row = {.quantity = quantity, .batch = batch, .value_ns = value_ns};
    return ofr_profile_append(writer, &row, err);
}

int ofr_settle_append(const struct ofr_settle *settle, struct ofr_profile_writer *writer,
                      struct ofr_error *err)
{
    int rc = append(writer, OFR_QUANTITY_START, 0, settle->start_ns, err);
    const uint32_t rounds = settle->rests && settle->scale >= 1.0 ? settle->rounds : 0;
    for (uint32_t round = 0; round < rounds && !rc; ++round) {
        for (uint32_t i = 0; i < settle->sizes && !rc; ++i) {
            const struct ofr_settle_size *size = &settle->size[i];
            rc = append(writer, OFR_QUANTITY_COLD, size->batch, llround(size->cold_ns[round]), err);
            if (!rc)
                rc = append(writer, OFR_QUANTITY_SETTLED, size->batch, llround(size->settled_ns[round]), err);
        }
        if (!rc)
            rc = append(writer, OFR_QUANTITY_SETTLING, 0, settling_ns(settle, round), err);
    }
    return rc;
}
