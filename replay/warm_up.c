#include "replay/executor_internal.h"
#include "sim/serve/serve.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum {
    SETTLED_MOST = 64
};

static int launch(struct ofr_replay_executor *executor, struct unit *unit, uint32_t size, struct lane **lane,
                  struct ofr_error *err)
{
    *lane = ofr_replay__next_lane(executor, unit);
    (*lane)->pass.rows = size < executor->setup.max_batch ? size : executor->setup.max_batch;
    (*lane)->pass.padded = size;
    return ofr_replay__launch(executor, unit, *lane, err);
}

/* Until the end mark of the lane's pass, as the run would. */
static int await(const struct ofr_replay_executor *executor, const struct unit *unit, const struct lane *lane,
                 struct ofr_error *err)
{
    struct ofr_timing *timing = executor->setup.timing;
    const int64_t start_ns = ofr_timing_read(timing);
    int rc;
    for (uint32_t looks = 1;
         atomic_load_explicit(lane->view.ended, memory_order_acquire) != lane->pass.ticket; ++looks) {
        ofr_patience(executor->setup.spin, looks);
        if (looks % 65536)
            continue;
        rc = executor->setup.device->check(unit->device, err);
        if (!rc && ofr_timing_read(timing) - start_ns > OFR_SILENCE_NS)
            rc = ofr_fail(err, OFR_E_DEVICE, "device %s has not answered for %" PRId64 " s",
                          executor->setup.device->name, OFR_SILENCE_NS / 1000000000);
        if (rc)
            return rc;
    }
    return 0;
}

/* One pass from submission to its end mark. */
static int time_pass(struct ofr_replay_executor *executor, struct unit *unit, uint32_t size, int64_t *took_ns,
                     struct ofr_error *err)
{
    struct lane *lane;
    const int64_t start_ns = ofr_timing_read(executor->setup.timing);
    int rc = launch(executor, unit, size, &lane, err);
    if (!rc)
        rc = await(executor, unit, lane, err);
    *took_ns = ofr_timing_read(executor->setup.timing) - start_ns;
    return rc;
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Whether the passes in the ring lie within the spread of their median. */
static bool is_settled(const int64_t *ring, uint32_t count, double spread)
{
    int64_t sorted[SETTLED_MOST];
    memcpy(sorted, ring, count * sizeof *ring);
    qsort(sorted, count, sizeof *sorted, ascending);
    double median = (double)sorted[count / 2];
    return (double)sorted[count - 1] <= median * (1.0 + spread) &&
           (double)sorted[0] >= median * (1.0 - spread);
}

static int warm_size(struct ofr_replay_executor *executor, struct unit *unit, uint32_t size,
                     const struct ofr_warm_up *rule, uint32_t *passes, bool *settled, struct ofr_error *err)
{
    int64_t ring[SETTLED_MOST];
    uint32_t window = rule->settled < SETTLED_MOST ? rule->settled : SETTLED_MOST;
    int64_t start_ns = ofr_timing_read(executor->setup.timing);
    *settled = window == 0;
    for (*passes = 0; *passes < rule->passes || !*settled; ++*passes) {
        int64_t took_ns = 0;
        int rc = time_pass(executor, unit, size, &took_ns, err);
        if (rc)
            return rc;
        if (window)
            ring[*passes % window] = took_ns;
        *settled = *passes + 1 >= window && (window == 0 || is_settled(ring, window, rule->spread));
        if (ofr_timing_read(executor->setup.timing) - start_ns > rule->most_ns)
            break;
    }
    return 0;
}

static void use_config(struct ofr_replay_executor *executor, const struct offramp_exit_config *first)
{
    for (uint32_t i = 0; i < executor->setup.servers; ++i)
        for (uint32_t l = 0; l < executor->setup.device->lanes; ++l)
            executor->unit[i].lane[l].config = *first;
}

/* All servers at once, so that none rests when the run begins. */
static int load(struct ofr_replay_executor *executor, uint32_t size, int64_t for_ns, struct ofr_error *err)
{
    const uint32_t servers = executor->setup.servers;
    const int64_t start_ns = ofr_timing_read(executor->setup.timing);
    struct lane *lane[OFR_MAX_SERVERS];
    int rc = 0;
    while (!rc && ofr_timing_read(executor->setup.timing) - start_ns < for_ns) {
        for (uint32_t i = 0; i < servers && !rc; ++i)
            rc = launch(executor, &executor->unit[i], size, &lane[i], err);
        for (uint32_t i = 0; i < servers && !rc; ++i)
            rc = await(executor, &executor->unit[i], lane[i], err);
    }
    return rc;
}

int ofr_replay_executor_warm_up(struct ofr_replay_executor *executor, const struct ofr_warm_up *rule,
                                const struct offramp_exit_config *first, struct ofr_notes *notes,
                                struct ofr_error *err)
{
    const struct ofr_profile *profile = executor->setup.profile;
    const int64_t load_ns = rule->load_ns < 0 ? executor->setup.device->settle_ns : rule->load_ns;
    uint64_t passes = 0, sizes = 0, settled_sizes = 0;
    uint32_t largest = 0;
    int rc = 0;
    use_config(executor, first);
    for (uint32_t i = 0; i < executor->setup.servers && !rc; ++i)
        for (uint32_t b = 0; b < profile->batches && !rc; ++b) {
            if (b > 0 && profile->batch[b - 1] >= executor->setup.max_batch)
                break;
            uint32_t ran = 0;
            bool settled = false;
            rc = warm_size(executor, &executor->unit[i], largest = profile->batch[b], rule, &ran, &settled,
                           err);
            passes += ran;
            sizes++;
            settled_sizes += settled;
        }
    if (!rc)
        rc = load(executor, largest, load_ns, err);
    if (rc)
        return rc;
    return ofr_notes_setf(notes, err, "warm_up",
                          "%" PRIu64 " passes, before the run: at each of %" PRIu64 " sizes at least %" PRIu32
                          ", then until %" PRIu32 " lay within %g %% of their median, at most %g s; %" PRIu64
                          " sizes settled; then a load of %g s",
                          passes, sizes, rule->passes, rule->settled, 100.0 * rule->spread,
                          1e-9 * (double)rule->most_ns, settled_sizes, 1e-9 * (double)load_ns);
}
