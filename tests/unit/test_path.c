/* Passes timed along the path of a replay (replay/path.h), on the null device in the time of a profile. */
#include "replay/path.h"
#include "tests/support/fixture.h"

#include <criterion/criterion.h>

enum {
    SITES = 3,
    BATCH = 2,
    FIRST = 3, /* batches of a run that are not handed out */
    TURNS = 5,
    PASSES = 60
};

/* One run on a device of its own. A pass takes two milliseconds, much longer than a policy's answer. */
static void measure(const struct ofr_path_ask *ask, struct ofr_path_sample *sample, int64_t *start_ns)
{
    static const uint32_t batch[] = {BATCH};
    struct ofr_error err = OFR_ERROR_INIT;
    int32_t index;
    struct ofr_profile *profile = fixture_profile(SITES, batch, 1, 1900000, 50000, 10000);
    const struct ofr_device_ops *ops = ofr_device_find("null", &index, &err);
    cr_assert(ops, "%s", err.text);
    const struct ofr_device_setup setup = {.batch = batch, .batches = 1, .profile = profile};
    struct ofr_path path = {.ops = ops, .sites = SITES, .inputs = 1};
    cr_assert_eq(ops->create(&path.device, &setup, &err), 0, "%s", err.text);
    cr_assert_eq(ofr_path_measure(&path, ask, sample, start_ns, &err), 0, "%s", err.text);
    ops->destroy(path.device);
    ofr_profile_free(profile);
}

/* How many turns ended in between, and how many of them were exactly as long as asked for. */
static uint32_t count_turns(const struct ofr_path_sample *sample, uint32_t *exact)
{
    uint32_t changes = 0;
    *exact = 0;
    for (uint32_t i = 1; i < PASSES; ++i) {
        bool alike = sample[i].ramps == sample[i - 1].ramps;
        cr_expect_eq(sample[i].turn, alike ? sample[i - 1].turn + 1 : 0, "batch %u", i);
        changes += !alike;
        *exact += !alike && changes > 1 && sample[i - 1].turn + 1 == TURNS;
        /* A change is asked for after every TURNS batches, those at the beginning counted, and never sooner. */
        cr_expect_leq(changes, (FIRST + i) / TURNS, "batch %u", i);
    }
    return changes;
}

/* Fails when ramps stay, never come, or the turns are not as long as asked for. A busy machine may keep the policy's
 * thread waiting: one of a few runs has to be undisturbed. */
Test(path, ramps_take_turns_with_none)
{
    static const int32_t sites[] = {1, OFR_PATH_ALL_RAMPS};
    struct ofr_path_sample sample[PASSES];
    for (size_t k = 0; k < 2; ++k) {
        const struct ofr_path_ask ask = {.batch = BATCH, .site = sites[k], .turns = TURNS, .passes = PASSES};
        uint32_t changes = 0, exact = 0;
        for (int run = 0; run < 10 && (changes < 11 || exact < changes - 1); ++run) {
            measure(&ask, sample, NULL);
            cr_expect(sample[0].ramps, "a run begins with them");
            cr_expect_eq(sample[0].turn, FIRST);
            changes = count_turns(sample, &exact);
        }
        cr_expect_geq(changes, 11);
        cr_expect_eq(exact, changes - 1, "%u of %u turns", exact, changes - 1);
    }
}

Test(path, without_turns_every_batch_is_alike)
{
    static const struct {
        int32_t site;
        bool ramps;
    } one[] = {{OFR_PATH_NO_RAMP, false}, {0, true}, {OFR_PATH_ALL_RAMPS, true}};
    struct ofr_path_sample sample[PASSES];
    for (size_t k = 0; k < sizeof one / sizeof *one; ++k) {
        const struct ofr_path_ask ask = {.batch = BATCH, .site = one[k].site, .passes = PASSES};
        measure(&ask, sample, NULL);
        for (uint32_t i = 0; i < PASSES; ++i) {
            cr_expect_eq(sample[i].ramps, one[k].ramps);
            cr_expect_eq(sample[i].turn, FIRST + i);
        }
    }
}

/* Every row leaves at the ramp: it is seen well before the end, and where there is none at the end. */
Test(path, times_are_those_of_the_device)
{
    struct ofr_path_sample sample[PASSES];
    int64_t start_ns = -1;
    struct ofr_path_ask ask = {.batch = BATCH, .site = 0, .turns = TURNS, .passes = PASSES};
    measure(&ask, sample, &start_ns);
    cr_expect_gt(start_ns, 0);
    for (uint32_t i = 0; i < PASSES; ++i) {
        cr_expect_geq(sample[i].pass_ns, 2000000, "batch %u", i);
        cr_expect_geq(sample[i].seen_ns, sample[i].ramps ? 500000 : 2000000, "batch %u", i);
        cr_expect_leq(sample[i].seen_ns, sample[i].pass_ns, "batch %u", i);
    }
    ask =
        (struct ofr_path_ask){.batch = BATCH, .site = OFR_PATH_NO_RAMP, .period_ns = 10000000, .passes = 10};
    measure(&ask, sample, &start_ns);
    int64_t sum_ns = 0; /* 100 ms by the arrivals; 20 ms if they did not count */
    for (uint32_t i = 0; i < 10; ++i)
        sum_ns += sample[i].idle_ns + sample[i].pass_ns;
    cr_expect_geq(sum_ns, 5 * ask.period_ns, "%lld ns", (long long)sum_ns);
}
