#include "sim/base/error.h"
#include "sim/engine/clock.h"

#include <inttypes.h>

static int64_t virtual_now(void *state)
{
    const struct ofr_clock_virtual *clock = state;
    return clock->now_ns;
}

static int64_t virtual_advance(void *state, int64_t target_ns)
{
    struct ofr_clock_virtual *clock = state;
    if (target_ns < clock->now_ns)
        return OFR_CLOCK_BACK;
    clock->now_ns = target_ns;
    return target_ns;
}

static const struct ofr_clock_ops virtual_ops = {
    .name = "virtual",
    .now = virtual_now,
    .advance = virtual_advance,
};

void ofr_clock_virtual_init(struct ofr_clock *clock, struct ofr_clock_virtual *state, int64_t start_ns)
{
    state->now_ns = start_ns;
    clock->ops = &virtual_ops;
    clock->state = state;
}

int ofr_clock_advance_checked(const struct ofr_clock *clock, int64_t target_ns, int64_t *now_ns,
                              struct ofr_error *err)
{
    int64_t reached_ns = ofr_clock_advance(clock, target_ns);
    if (reached_ns == OFR_CLOCK_BACK)
        return ofr_fail(err, OFR_E_BUG,
                        "I2: %s clock at %" PRId64 " ns was asked to go back to %" PRId64 " ns",
                        clock->ops->name, ofr_clock_now(clock), target_ns);
    *now_ns = reached_ns;
    return OFR_OK;
}
