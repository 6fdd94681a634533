/* The cpu device as the executor sees it: cells, order, lanes; and, where ../shared has it, a real network against the
 * logits of a float32 run. */
#include "replay/device.h"
#include "replay/model.h"
#include "traces/import/npy.h"

#include <criterion/criterion.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct world {
    struct ofr_replay_model model;
    const struct ofr_net *net; /* the model's */
    const struct ofr_device_ops *ops;
    void *device;
};

static void open_world(struct world *world, const struct ofr_replay_model_options *options, uint32_t batch)
{
    struct ofr_error err = OFR_ERROR_INIT;
    int32_t index;
    uint32_t sizes[2] = {1, batch};
    cr_assert_eq(ofr_replay_model_load(&world->model, options, NULL, NULL, &err), 0, "%s", err.text);
    world->net = world->model.net;
    world->ops = ofr_device_find("cpu", &index, &err);
    cr_assert(world->ops, "%s", err.text);
    struct ofr_device_setup setup = {
        .net = world->net,
        .weights = world->model.weights,
        .inputs = world->model.inputs,
        .batch = sizes,
        .batches = 2,
    };
    cr_assert_eq(world->ops->create(&world->device, &setup, &err), 0, "%s", err.text);
}

static void open_random(struct world *world, const char *name, uint32_t tokens, uint32_t batch)
{
    struct ofr_replay_model_options options = {.net = name, .tokens = tokens, .seed = 1};
    open_world(world, &options, batch);
}

static void close_world(struct world *world)
{
    world->ops->destroy(world->device);
    ofr_replay_model_release(&world->model);
}

static struct offramp_exit_config every_ramp(const struct ofr_net *net, double threshold)
{
    struct offramp_exit_config config = {.ramps = net->sites, .criterion = OFFRAMP_CRITERION_TOP1};
    for (uint32_t i = 0; i < net->sites; ++i) {
        config.site[i] = (uint16_t)i;
        config.threshold[i] = threshold;
    }
    return config;
}

static void wait_for(struct world *world, uint32_t lane, uint32_t ticket)
{
    struct ofr_lane_view view;
    world->ops->lane(world->device, lane, &view);
    while (atomic_load_explicit(view.ended, memory_order_acquire) != ticket)
        sched_yield();
}

static void run(struct world *world, uint32_t ticket, uint32_t rows, uint32_t padded, const uint32_t *sample,
                const struct offramp_exit_config *config)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_pass pass = {.ticket = ticket,
                            .lane = ticket % 2,
                            .rows = rows,
                            .padded = padded,
                            .sample = sample,
                            .config = config};
    cr_assert_eq(world->ops->submit(world->device, &pass, &err), 0);
}

/* Falls when cells are of another pass, row or ramp, when the exit flag is not score < threshold, or when a row's result
 * depends on who shares its batch. */
Test(cpu_device, cells_hold_what_the_logits_say)
{
    struct world world = {0};
    struct ofr_error err = OFR_ERROR_INIT;
    open_random(&world, "resnet18-small", 0, 4);
    struct offramp_exit_config config = every_ramp(world.net, 0.8);
    const uint32_t first[3] = {4, 0, 2}, second[1] = {2};
    run(&world, 1, 3, 4, first, &config);
    run(&world, 2, 1, 1, second, &config);
    wait_for(&world, 0, 2);
    struct ofr_lane_view one, two;
    world.ops->lane(world.device, 1, &one);
    world.ops->lane(world.device, 0, &two);
    float logits[4 * 10], alone[10];
    for (uint32_t site = 0; site <= world.net->sites; ++site) {
        bool full = site == world.net->sites;
        _Atomic uint64_t *cell = full ? one.full : one.ramp + (size_t)site * one.stride;
        _Atomic uint64_t *other = full ? two.full : two.ramp + (size_t)site * two.stride;
        cr_assert_eq(world.ops->logits(world.device, 1, site, logits, 3, &err), 0);
        cr_assert_eq(world.ops->logits(world.device, 0, site, alone, 1, &err), 0);
        for (uint32_t row = 0; row < 3; ++row) {
            uint64_t word = atomic_load(&cell[row]);
            uint32_t best = 0;
            for (uint32_t c = 1; c < 10; ++c)
                best = logits[row * 10 + c] > logits[row * 10 + best] ? c : best;
            cr_expect(ofr_cell_is_of(word, 1));
            cr_expect_eq(ofr_cell_answer(word), best);
            cr_expect_eq(ofr_cell_exits(word), !full && (double)ofr_cell_score(word) < 0.8);
        }
        cr_expect_eq(atomic_load(&cell[3]), 0, "padding has no cell");
        cr_expect_eq(ofr_cell_answer(atomic_load(other)), ofr_cell_answer(atomic_load(&cell[2])));
        for (uint32_t c = 0; c < 10; ++c)
            cr_expect_float_eq(alone[c], logits[20 + c], 1e-3f);
    }
    close_world(&world);
}

/* A row whose input has travelled ahead is computed from what lies at its place, the others from their samples. */
Test(cpu_device, inputs_travel_ahead_to_their_places)
{
    struct world world = {0};
    struct ofr_error err = OFR_ERROR_INIT;
    open_random(&world, "resnet18-small", 0, 4);
    struct offramp_exit_config config = every_ramp(world.net, 0.8);
    const uint32_t plain[3] = {4, 0, 2}, other[3] = {1, 0, 1}, place[3] = {8, OFR_PLACE_NONE, 3};
    float expected[3 * 10], found[3 * 10];
    run(&world, 1, 3, 4, plain, &config);
    wait_for(&world, 1, 1);
    cr_assert_eq(world.ops->logits(world.device, 1, world.net->sites, expected, 3, &err), 0);
    cr_assert_eq(world.ops->prepare(world.device, 4, 8, &err), 0);
    cr_assert_eq(world.ops->prepare(world.device, 2, 3, &err), 0);
    struct ofr_pass pass = {
        .ticket = 2, .rows = 3, .padded = 4, .sample = other, .place = place, .config = &config};
    cr_assert_eq(world.ops->submit(world.device, &pass, &err), 0);
    wait_for(&world, 0, 2);
    cr_assert_eq(world.ops->logits(world.device, 0, world.net->sites, found, 3, &err), 0);
    cr_expect_arr_eq(found, expected, sizeof found);
    close_world(&world);
}

/* Falls when a causal network looks ahead: other tokens at the end may not change what the first one's site says.
 * GPT-2 pools the last token, so only the last may move it; an encoder's first token sees all. */
Test(cpu_device, text_networks_run)
{
    static const char *const names[] = {"bert-tiny", "gpt2-tiny"};
    for (int i = 0; i < 2; ++i) {
        struct world world = {0};
        struct ofr_error err = OFR_ERROR_INIT;
        float logits[2];
        uint32_t sample = 1;
        open_random(&world, names[i], 7, 2);
        struct offramp_exit_config config = every_ramp(world.net, 0.0);
        run(&world, 1, 1, 1, &sample, &config);
        wait_for(&world, 1, 1);
        cr_assert_eq(world.ops->logits(world.device, 1, world.net->sites, logits, 1, &err), 0);
        cr_expect(isfinite(logits[0]) && isfinite(logits[1]) && logits[0] != logits[1]);
        close_world(&world);
    }
}

Test(cpu_device, a_device_without_network_or_inputs_is_refused)
{
    struct ofr_error err = OFR_ERROR_INIT;
    int32_t index;
    const struct ofr_device_ops *ops = ofr_device_find("cpu", &index, &err);
    uint32_t one = 1;
    void *device;
    struct ofr_device_setup setup = {.batch = &one, .batches = 1};
    cr_expect_eq(ops->create(&device, &setup, &err), OFR_E_INPUT);
    cr_expect(strstr(err.text, "no network"));
    cr_expect_null(device);
}

/* ---- the real network ---- */

#define SHARED OFR_TEST_SOURCE_DIR "/../shared/models/"

/* One site's logits against the reference. */
struct tally {
    double largest, off;     /* largest logit and largest difference of any row */
    double squares, against; /* sums of squared differences and logits */
    double worst_row;        /* largest difference over the row's own largest logit */
    uint32_t same, rows;
};

static void compare(struct tally *tally, const float *found, const struct ofr_npy *wanted, size_t first,
                    uint32_t classes)
{
    uint32_t best = 0, should = 0;
    double largest = 0.0, off = 0.0;
    for (uint32_t c = 0; c < classes; ++c) {
        double value = (double)ofr_npy_real(wanted, first + c), difference = value - (double)found[c];
        largest = fmax(largest, fabs(value));
        off = fmax(off, fabs(difference));
        tally->squares += difference * difference;
        tally->against += value * value;
        best = found[c] > found[best] ? c : best;
        should = ofr_npy_real(wanted, first + c) > ofr_npy_real(wanted, first + should) ? c : should;
    }
    tally->largest = fmax(tally->largest, largest);
    tally->off = fmax(tally->off, off);
    tally->worst_row = fmax(tally->worst_row, off / largest);
    tally->same += best == should;
    tally->rows++;
}

/* Two measures of relative error within 2e-2: of all logits of a site by their root mean square, and of the worst
 * single logit against the site's largest. A row whose own logits are all small has a larger error of its own. */
static uint32_t check_site(const struct tally *tally, uint32_t site)
{
    fprintf(stderr,
            "site %u: %u rows, error %.5f (rms), %.5f (worst), %.5f (worst of its row); same answer %u\n",
            site, tally->rows, sqrt(tally->squares / tally->against), tally->off / tally->largest,
            tally->worst_row, tally->same);
    cr_expect_lt(sqrt(tally->squares / tally->against), 2e-2);
    cr_expect_lt(tally->off / tally->largest, 2e-2);
    return tally->rows - tally->same;
}

/* 24 of the 512 images, all with OFR_TEST_ALL_IMAGES=1 (about ten seconds of a processor). Falls when any operator, the
 * folding or the resizing is wrong: relative error above 2e-2 or more than 0.5 % other answers. */
Test(cpu_device, resnet18_cifar10_gives_the_reference_logits)
{
    struct world world = {0};
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_npy logits, ramps;
    if (access(SHARED "resnet18-cifar10.safetensors", R_OK))
        cr_skip_test("SKIPPED: no " SHARED "resnet18-cifar10.safetensors");
    struct ofr_replay_model_options options = {.net = "resnet18",
                                               .weights = SHARED "resnet18-cifar10.safetensors",
                                               .images = SHARED "resnet18-cifar10-sample/images.npy",
                                               .classes = 10};
    cr_assert_eq(ofr_npy_load(&logits, SHARED "resnet18-cifar10-sample/logits.npy", &err), 0, "%s", err.text);
    cr_assert_eq(ofr_npy_load_rows(&ramps, SHARED "resnet18-cifar10-sample/ramp_logits.npy", &err), 0, "%s",
                 err.text);
    open_world(&world, &options, 8);
    struct offramp_exit_config config = every_ramp(world.net, 0.0);
    struct tally tally[9] = {0};
    uint32_t images = getenv("OFR_TEST_ALL_IMAGES") ? 512 : 24, ticket = 0;
    for (uint32_t first = 0; first < images; first += 8) {
        uint32_t sample[8];
        float found[8 * 10];
        for (uint32_t i = 0; i < 8; ++i)
            sample[i] = first + i;
        run(&world, ++ticket, 8, 8, sample, &config);
        wait_for(&world, ticket % 2, ticket);
        for (uint32_t site = 0; site <= 8; ++site) {
            cr_assert_eq(world.ops->logits(world.device, ticket % 2, site, found, 8, &err), 0);
            for (uint32_t i = 0; i < 8; ++i)
                compare(&tally[site], found + i * 10, site < 8 ? &ramps : &logits,
                        site < 8 ? ((size_t)(first + i) * 8 + site) * 10 : (size_t)(first + i) * 10, 10);
        }
    }
    uint32_t others = 0;
    for (uint32_t site = 0; site < 8; ++site)
        others += check_site(&tally[site], site);
    cr_expect_leq(others, ceil(0.005 * 8 * images), "%u other answers of ramps", others);
    cr_expect_leq(check_site(&tally[8], 8), 0.005 * images);
    ofr_npy_release(&logits);
    ofr_npy_release(&ramps);
    close_world(&world);
}
