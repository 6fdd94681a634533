/* All batchers under random load: bursts of random size, random options, 1 to 4 servers. The world checks
 * that no request is lost or doubled, that sizes lie within bounds and I4; here, that requests leave in
 * order, and that each system's batcher decides exactly as its rules in longhand (batcher_oracles.h) do.
 *
 * Broken on purpose, each of these fails here: TF's capacity one request or one batch off, its timeout from
 * the newest request, no flush; Triton keeping the first point, without the full mark, without or with too
 * much topping up, late a nanosecond late, the queue's limit without the delayed ones, levels upside down, a delayed
 * request behind the next level, a timeout that lengthens, the oldest looked for in the first level alone; Clockwork counting one
 * request less, taking from the head, dropping at the deadline sharp or never, always the smallest size. */
#include "tests/support/batcher_oracles.h"
#include "tests/support/batcher_random_world.h"

enum {
    SEEDS = 60
};

static double jitter(void)
{
    return 0.5 + ofr_random_uniform(&random_stream);
}

static void same_batch(const struct world_batch *a, const struct world_batch *b, const char *name,
                       uint64_t seed, uint32_t number)
{
    cr_assert(a->ns == b->ns && a->size == b->size && a->server == b->server &&
                  memcmp(a->slot, b->slot, a->size * sizeof *a->slot) == 0,
              "%s, seed %llu, batch %u: %u at %lld us on %u, in longhand %u at %lld us on %u", name,
              (unsigned long long)seed, number, a->size, (long long)a->us, a->server, b->size,
              (long long)b->us, b->server);
}

static void compare(const char *name, const struct ofr_batcher_ops *longhand, uint64_t *batches,
                    uint64_t *losses)
{
    for (uint64_t seed = 1; seed <= SEEDS; ++seed) {
        struct world real, slow;
        random_world(&real, name, seed);
        random_world(&slow, name, seed);
        world_run(&real);
        oracle_reset(&slow);
        slow.ops = longhand;
        slow.state = &oracle;
        oracle.world = &real; /* has the option table */
        world_run(&slow);
        cr_assert_eq(real.batches, slow.batches, "%s, seed %llu: %u batches, in longhand %u", name,
                     (unsigned long long)seed, real.batches, slow.batches);
        for (uint32_t i = 0; i < real.batches; ++i)
            same_batch(&real.batch[i], &slow.batch[i], name, seed, i);
        cr_assert_eq(real.losses, slow.losses);
        for (uint32_t i = 0; i < real.losses; ++i)
            cr_assert(memcmp(&real.loss[i], &slow.loss[i], sizeof real.loss[i]) == 0,
                      "%s, seed %llu, loss %u", name, (unsigned long long)seed, i);
        *batches += real.batches;
        *losses += real.losses;
        world_release(&real);
        world_release(&slow);
    }
    cr_expect_gt(*batches, 1000, "the load is too light to say anything");
    cr_expect_gt(*losses, 1000, "nobody is lost, so losing is untested");
}

Test(batcher_random, tfserving_is_its_deque_of_batches)
{
    uint64_t batches = 0, losses = 0;
    compare("tfserving", &oracle_tfserving, &batches, &losses);
}

Test(batcher_random, triton_is_its_walk)
{
    uint64_t batches = 0, losses = 0;
    compare("triton", &oracle_triton, &batches, &losses);
}

Test(batcher_random, clockwork_is_its_queues_per_size)
{
    uint64_t batches = 0, losses = 0;
    compare("clockwork", &oracle_clockwork, &batches, &losses);
}

/* With passes of varying length, every option random: order within and across batches. */
static void check_order(const struct world *w, const char *name, uint64_t seed)
{
    bool by_deadline = strcmp(name, "clockwork") == 0;
    int64_t last = -1;
    for (uint32_t i = 0; i < w->batches; ++i) {
        last = by_deadline ? -1 : last;
        for (uint32_t k = 0; k < w->batch[i].size; ++k) {
            const struct ofr_request *request = &w->request[w->batch[i].slot[k]];
            int64_t key = (int64_t)request->id;
            if (by_deadline)
                key = request->deadline_ns == OFR_NEVER_NS ? request->arrival_ns + 100000 * WORLD_US
                                                           : request->deadline_ns;
            cr_assert(by_deadline ? key >= last : key > last, "%s, seed %llu, batch %u: out of order", name,
                      (unsigned long long)seed, i);
            last = key;
        }
    }
}

Test(batcher_random, requests_leave_in_order)
{
    static const char *const names[] = {"fifo", "tfserving", "triton", "clockwork"};
    for (uint64_t seed = 1; seed <= SEEDS; ++seed)
        for (uint32_t i = 0; i < sizeof names / sizeof *names; ++i) {
            struct world w;
            random_world(&w, names[i], seed);
            w.stretch = jitter;
            if (strcmp(names[i], "triton") == 0)
                world_choice(&w, "timeout_action", 0); /* DELAY changes the order */
            if (strcmp(names[i], "tfserving") == 0)
                world_time(&w, "scan_interval", 70 * random_below(3));
            world_run(&w);
            if (w.streams == 0) /* priorities change the order too */
                check_order(&w, names[i], seed);
            world_release(&w);
        }
}

/* fifo never leaves a server idle while requests wait: by hand, and with a bounded queue. 5 at 0 with
 * max_batch 2 on two servers: 2 and 2, the fifth when the first pass ends. */
Test(batcher_random, fifo_by_hand)
{
    struct world w;
    world_init(&w, "fifo", 5, random_sizes, 1000, 0);
    w.view.servers = 2;
    world_count(&w, "max_batch", 2);
    world_count(&w, "max_queue", 5);
    world_arrive(&w, 0, 6, -1);
    world_arrive(&w, 1500, 1, -1);
    world_run(&w);
    EXPECT_BATCHES(&w, {0, 2, OFR_REASON_FULL}, {0, 2, OFR_REASON_FULL}, {1000, 1, OFR_REASON_IDLE},
                   {1500, 1, OFR_REASON_IDLE});
    cr_assert_eq(w.losses, 1);
    EXPECT_LOSS(&w, 0, 0, 5, OFR_OUTCOME_REJECTED);
    world_release(&w);
}

/* Every batcher is in the table once, and every option row is complete and lies within its struct. */
Test(batcher_random, the_table_is_sound)
{
    uint32_t count = 0;
    for (const struct ofr_batcher_ops *const *each = ofr_batchers; *each; ++each, ++count) {
        const struct ofr_component *component = &(*each)->component;
        cr_expect_eq(ofr_batcher_find(component->name), *each);
        cr_expect(component->help && component->options_size <= OFR_OPTIONS_MAX);
        for (uint32_t i = 0; i < component->option_count; ++i) {
            const struct offramp_option *option = &component->options[i];
            cr_expect(option->name && option->help && option->fallback, "%s: row %u", component->name, i);
            cr_expect_lt(option->offset, component->options_size);
        }
    }
    cr_expect_geq(count, 4);
    cr_expect_null(ofr_batcher_find("nobody"));
}
