/* The batchers inside the real serving loop, with the simulated executor: batch by batch the same times,
 * sizes, servers, reasons and requests as in the small test world, under random load. Fails when the loop
 * calls a batcher too seldom, forgets a wake-up time or an `ahead` commitment, or pads differently. */
#include "sim/policy/policies.h"
#include "sim/serve/serve.h"
#include "tests/support/batcher_random_world.h"

enum {
    SEEDS = 20
};

struct log {
    const struct world *world;
    uint32_t batches, losses;
    const char *name;
    uint64_t seed;
};

static void on_batch(void *state, const struct ofr_batch_row *batch, const struct ofr_request_row *rows,
                     uint32_t count)
{
    struct log *log = state;
    cr_assert_lt(batch->id, (int64_t)log->world->batches);
    const struct world_batch *expected = &log->world->batch[batch->id];
    log->batches++;
    cr_assert(batch->dispatched_ns == expected->start_us * WORLD_US && batch->size == expected->size &&
                  batch->server == expected->server && batch->reason == expected->reason &&
                  batch->padded >= expected->pad_to,
              "%s, seed %llu, batch %lld: %u at %lld ns on %u, %s; expected %u at %lld us on %u, %s",
              log->name, (unsigned long long)log->seed, (long long)batch->id, batch->size,
              (long long)batch->dispatched_ns, batch->server, ofr_reason_name(batch->reason), expected->size,
              (long long)expected->start_us, expected->server, ofr_reason_name(expected->reason));
    for (uint32_t i = 0; i < count; ++i)
        cr_assert_eq(rows[i].id, expected->slot[i]);
}

static void on_lost(void *state, const struct ofr_request_row *row)
{
    struct log *log = state;
    cr_assert_lt(log->losses, log->world->losses);
    const struct world_loss *expected = &log->world->loss[log->losses++];
    cr_assert(row->id == expected->id && row->ended_ns / WORLD_US == expected->us &&
                  row->outcome == expected->outcome,
              "%s, seed %llu: request %llu %s at %lld ns; expected %u %s at %lld us", log->name,
              (unsigned long long)log->seed, (unsigned long long)row->id, ofr_outcome_name(row->outcome),
              (long long)row->ended_ns, expected->id, ofr_outcome_name(expected->outcome),
              (long long)expected->us);
}

static void on_decision(void *state, const struct ofr_decision_row *decision)
{
    (void)state;
    (void)decision;
}

/* Arrivals of a world; every request is its own stream, so that it can have its own SLO. */
struct script {
    const struct world *world;
    uint32_t at;
};

static int script_next(void *state, struct ofr_arrival *out, uint32_t max, struct ofr_error *err)
{
    struct script *script = state;
    (void)err;
    uint32_t count = 0;
    for (; count < max && script->at < script->world->requests; ++count, ++script->at)
        out[count] = (struct ofr_arrival){.time_ns = script->world->request[script->at].arrival_ns,
                                          .stream = script->at};
    return (int)count;
}

static const struct ofr_arrival_ops script_ops = {.next = script_next};

/* As every request is a stream, its stream's wish becomes its own. */
static void spread_wishes(struct world *w)
{
    if (w->streams == 0)
        return;
    struct ofr_stream_wish *wish = calloc(WORLD_REQUESTS, sizeof *wish);
    for (uint32_t i = 0; i < w->requests; ++i)
        wish[i] = w->wish[w->request[i].stream];
    free(w->wish);
    w->wish = wish;
    w->streams = w->requests;
}

static void run_in_loop(const struct world *expected, struct world *w, struct log *log)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct script script = {.world = w};
    struct ofr_clock clock;
    struct ofr_clock_virtual clock_state;
    ofr_clock_virtual_init(&clock, &clock_state, 0);
    struct ofr_sim_executor *executor = NULL;
    struct ofr_sim_executor_setup executing = {
        .profile = {&w->profile}, .servers = w->view.servers, .seed = 1};
    int64_t *slo_ns = calloc(w->requests, sizeof *slo_ns);
    for (uint32_t i = 0; i < w->requests; ++i)
        slo_ns[i] = w->request[i].deadline_ns == OFR_NEVER_NS
                        ? -1
                        : w->request[i].deadline_ns - w->request[i].arrival_ns;
    spread_wishes(w);
    cr_assert_eq(world_create(w, &err), 0, "%s", err.text);
    cr_assert_eq(ofr_sim_executor_create(&executor, &executing, &err), 0);
    *log = (struct log){.world = expected, .name = w->ops->component.name, .seed = log->seed};
    struct ofr_serve_setup setup = {
        .clock = clock,
        .executor = {.ops = &ofr_sim_executor_ops, .state = executor},
        .arrivals = {.ops = &script_ops, .state = &script},
        .batcher = w->ops,
        .stage = {{.batcher_state = w->state, .profile = &w->profile}},
        .sites = w->profile.sites,
        .policy = ofr_policy_find("vanilla"),
        .observer[0] = {.state = log, .batch = on_batch, .lost = on_lost, .decision = on_decision},
        .observers = 1,
        .servers = w->view.servers,
        .streams = w->requests,
        .slo_ns = slo_ns,
        .samples = 1,
        .duration_ns = -1,
    };
    struct ofr_serve_result result;
    cr_assert_eq(ofr_serve_run(&setup, &result, &err), 0, "%s, seed %llu: %s", log->name,
                 (unsigned long long)log->seed, err.text);
    cr_expect_eq(log->batches, expected->batches);
    cr_expect_eq(log->losses, expected->losses);
    ofr_sim_executor_destroy(executor);
    free(slo_ns);
}

static void check(const char *name)
{
    for (uint64_t seed = 1; seed <= SEEDS; ++seed) {
        struct world expected, w;
        struct log log = {.seed = seed};
        random_world(&expected, name, seed);
        random_world(&w, name, seed);
        if (strcmp(name, "tfserving") == 0 && seed % 2) {
            world_count(&expected, "max_batch", 16);
            world_count(&w, "max_batch", 16);
            world_list(&expected, "allowed_batch_sizes", 2, 4.0, 16.0);
            world_list(&w, "allowed_batch_sizes", 2, 4.0, 16.0);
        }
        world_run(&expected);
        run_in_loop(&expected, &w, &log);
        world_release(&expected);
        world_release(&w);
    }
}

Test(batcher_loop, fifo)
{
    check("fifo");
}

Test(batcher_loop, tfserving)
{
    check("tfserving");
}

Test(batcher_loop, triton)
{
    check("triton");
}

Test(batcher_loop, clockwork)
{
    check("clockwork");
}
