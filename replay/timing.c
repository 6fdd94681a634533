#include "replay/timing.h"
#include "sim/base/monotonic.h"

int64_t ofr_timing_read(const struct ofr_timing *timing)
{
    return ofr_monotonic_ns() - timing->monotonic.epoch_ns;
}

static int64_t begin(struct ofr_timing *timing, int64_t now_ns)
{
    timing->stop |= atomic_load_explicit(&timing->asked, memory_order_relaxed);
    timing->row = (struct ofr_instant_row){.now_ns = now_ns, .stop = timing->stop};
    timing->begun = true;
    return now_ns;
}

void ofr_timing_end(struct ofr_timing *timing)
{
    if (timing->begun && timing->relay)
        ofr_relay_instant(timing->relay, &timing->row);
    timing->begun = false;
}

static int64_t now(void *state)
{
    struct ofr_timing *timing = state;
    ofr_timing_end(timing);
    return begin(timing, ofr_clock_now(&timing->inner));
}

static int64_t advance(void *state, int64_t target_ns)
{
    struct ofr_timing *timing = state;
    ofr_histogram_add(&timing->handling, ofr_clock_now(&timing->inner) - timing->row.now_ns);
    ofr_timing_end(timing);
    return begin(timing, ofr_clock_advance(&timing->inner, target_ns));
}

static const struct ofr_clock_ops ops = {.name = "monotonic, noted", .now = now, .advance = advance};

void ofr_timing_init(struct ofr_timing *timing, struct ofr_clock *clock, bool spin)
{
    ofr_clock_monotonic_init(&timing->inner, &timing->monotonic, spin ? INT64_MAX : -1);
    *clock = (struct ofr_clock){.ops = &ops, .state = timing};
}

void ofr_timing_restart(struct ofr_timing *timing, struct ofr_relay *relay)
{
    timing->relay = relay;
    ofr_clock_monotonic_restart(&timing->monotonic);
}

void ofr_timing_stop(struct ofr_timing *timing)
{
    atomic_store_explicit(&timing->asked, true, memory_order_relaxed);
    ofr_clock_monotonic_wake(&timing->monotonic);
}
