/* A small world to drive one batcher in: scripted arrivals and servers, no serving loop, no executor. It
 * keeps the order the core promises (completions, arrivals, timers, then `next` until it forms nothing) and
 * writes down every batch and every request lost. All times in microseconds.
 *
 * It checks by itself, whatever the script: every request ends once; sizes lie within max_batch and within
 * what waits; wake-up times lie ahead; waiting() counts; a server is only given work ahead by a batcher that
 * says so; and I4, no idle server beside waiting requests with nobody to come and no wake-up time.
 */
#ifndef OFR_TESTS_BATCHER_HARNESS_H
#define OFR_TESTS_BATCHER_HARNESS_H

#include "sim/serve/batcher.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WORLD_REQUESTS = 20000,
    WORLD_SERVERS = 4,
    WORLD_COMMITTED = 512,
    WORLD_US = 1000,
};

enum world_state {
    WORLD_TO_COME,
    WORLD_WAITING,
    WORLD_ENDED
};

struct world_batch {
    int64_t us, ns;   /* formed */
    int64_t start_us; /* its server began; -1 = given up */
    int64_t latest_ns;
    uint32_t size, pad_to, server, first; /* first: id of its first request */
    uint32_t *slot;                       /* [size] owned */
    enum ofr_reason reason;
};

struct world_loss {
    int64_t us;
    uint32_t id;
    enum ofr_outcome outcome;
};

struct world_server {
    int64_t end_ns; /* running until; OFR_NEVER_NS = idle */
    uint32_t running;
    uint32_t queue[WORLD_COMMITTED], head, count; /* batches committed, by number */
};

struct world {
    const struct ofr_batcher_ops *ops;
    void *state, *options;
    struct ofr_profile profile;
    struct ofr_batcher_view view;
    struct ofr_request *request; /* [WORLD_REQUESTS]; slot = id */
    enum world_state *request_state;
    uint32_t requests, arrived, waiting;
    struct ofr_server_view server_view[WORLD_SERVERS];
    struct world_server server[WORLD_SERVERS];
    int64_t wake_ns;
    uint32_t calls; /* of next */
    struct world_batch *batch;
    uint32_t batches;
    struct world_loss *loss;
    uint32_t losses;
    struct ofr_stream_wish *wish; /* [WORLD_REQUESTS] by stream */
    uint32_t streams;             /* 0 = nobody wishes anything */
    double (*stretch)(void);      /* factor on execution times; NULL = 1 */
};

static inline void world_discard(void *host, uint32_t slot, enum ofr_outcome outcome)
{
    struct world *w = host;
    cr_assert_eq(w->request_state[slot], WORLD_WAITING, "request %u ends twice", slot);
    w->request_state[slot] = WORLD_ENDED;
    w->loss[w->losses++] = (struct world_loss){w->view.now_ns / WORLD_US, slot, outcome};
    if (outcome != OFR_OUTCOME_REJECTED)
        w->waiting--;
}

/* ---- options, by the batcher's own table ---- */

static inline const struct offramp_option *world_option(const struct world *w, const char *name)
{
    for (uint32_t i = 0; i < w->ops->component.option_count; ++i)
        if (strcmp(w->ops->component.options[i].name, name) == 0)
            return &w->ops->component.options[i];
    cr_assert_fail("%s has no option %s", w->ops->component.name, name);
    return NULL;
}

static inline void *world_member(const struct world *w, const char *name)
{
    return (char *)w->options + world_option(w, name)->offset;
}

static inline void world_count(struct world *w, const char *name, uint64_t value)
{
    memcpy(world_member(w, name), &value, sizeof value);
}

static inline void world_time(struct world *w, const char *name, int64_t us)
{
    int64_t ns = us * WORLD_US;
    memcpy(world_member(w, name), &ns, sizeof ns);
}

static inline void world_choice(struct world *w, const char *name, int32_t index)
{
    memcpy(world_member(w, name), &index, sizeof index);
}

static inline void world_list(struct world *w, const char *name, uint32_t count, ...)
{
    struct offramp_reals *list = world_member(w, name);
    va_list args;
    va_start(args, count);
    for (list->count = 0; list->count < count; ++list->count)
        list->item[list->count] = va_arg(args, double);
    va_end(args);
}

static inline void world_texts(struct world *w, const char *name, uint32_t count, ...)
{
    struct offramp_texts *list = world_member(w, name);
    va_list args;
    va_start(args, count);
    for (list->count = 0; list->count < count; ++list->count)
        snprintf(list->item[list->count], sizeof list->item[0], "%s", va_arg(args, const char *));
    va_end(args);
}

/* One more arrival stream; priority 0 and timeout_us < 0 stand for no wish. */
static inline void world_stream(struct world *w, uint32_t priority, int64_t timeout_us)
{
    w->wish[w->streams++] = (struct ofr_stream_wish){
        .timeout_ns = timeout_us < 0 ? -1 : timeout_us * WORLD_US, .priority = priority};
}

/* The table's defaults: plain numbers, times in us or ms, empty lists, the first choice, false. */
static inline void world_defaults(struct world *w)
{
    for (uint32_t i = 0; i < w->ops->component.option_count; ++i) {
        const struct offramp_option *option = &w->ops->component.options[i];
        char *unit;
        int64_t number = strtoll(option->fallback, &unit, 10);
        if (option->type == OFFRAMP_OPT_TIME)
            world_time(w, option->name, number * (strcmp(unit, "ms") == 0 ? 1000 : 1));
        else if (option->type == OFFRAMP_OPT_COUNT)
            world_count(w, option->name, (uint64_t)number);
        else
            cr_assert(option->type == OFFRAMP_OPT_CHOICE || strcmp(option->fallback, "[]") == 0 ||
                      strcmp(option->fallback, "false") == 0);
    }
}

/* ---- making ---- */

/* A world for one batcher on a profile of the given sizes, where a pass takes base_us + per_row_us * size. */
static inline void world_init(struct world *w, const char *batcher, uint32_t sizes, const uint32_t *size,
                              int64_t base_us, int64_t per_row_us)
{
    *w = (struct world){.ops = ofr_batcher_find(batcher), .wake_ns = OFR_NEVER_NS};
    cr_assert_not_null(w->ops, "no batcher %s", batcher);
    w->profile.batches = sizes;
    w->profile.batch = calloc(sizes, sizeof *w->profile.batch);
    w->profile.until_ns = calloc(sizes, sizeof *w->profile.until_ns);
    w->profile.copy_in_ns = calloc(sizes, sizeof *w->profile.copy_in_ns);
    w->profile.copy_out_ns = calloc(sizes, sizeof *w->profile.copy_out_ns);
    w->profile.full_samples = calloc(sizes, sizeof *w->profile.full_samples);
    for (uint32_t i = 0; i < sizes; ++i) {
        w->profile.batch[i] = size[i];
        w->profile.until_ns[i] = (base_us + per_row_us * size[i]) * WORLD_US;
    }
    w->request = calloc(WORLD_REQUESTS, sizeof *w->request);
    w->wish = calloc(WORLD_REQUESTS, sizeof *w->wish);
    w->request_state = calloc(WORLD_REQUESTS, sizeof *w->request_state);
    w->batch = calloc(WORLD_REQUESTS, sizeof *w->batch);
    w->loss = calloc(WORLD_REQUESTS, sizeof *w->loss);
    w->options = calloc(1, w->ops->component.options_size);
    for (uint32_t i = 0; i < WORLD_SERVERS; ++i)
        w->server[i].end_ns = OFR_NEVER_NS;
    w->view = (struct ofr_batcher_view){
        .request = w->request, .server = w->server_view, .servers = 1, .host = w, .discard = world_discard};
    world_defaults(w);
}

static inline int world_create(struct world *w, struct ofr_error *err)
{
    struct ofr_batcher_setup setup = {.profile = &w->profile,
                                      .servers = w->view.servers,
                                      .seed = 1,
                                      .wish = w->streams ? w->wish : NULL,
                                      .streams = w->streams};
    return w->ops->create(&w->state, &setup, w->options, err);
}

static inline void world_release(struct world *w)
{
    w->ops->destroy(w->state);
    for (uint32_t i = 0; i < w->batches; ++i)
        free(w->batch[i].slot);
    free(w->profile.batch);
    free(w->profile.until_ns);
    free(w->profile.copy_in_ns);
    free(w->profile.copy_out_ns);
    free(w->profile.full_samples);
    free(w->request);
    free(w->wish);
    free(w->request_state);
    free(w->batch);
    free(w->loss);
    free(w->options);
}

/* `count` requests at one time; slo_us < 0 = none. Times must not fall. */
static inline void world_arrive(struct world *w, int64_t us, uint32_t count, int64_t slo_us)
{
    for (; count > 0; --count) {
        int64_t ns = us * WORLD_US;
        cr_assert_lt(w->requests, (uint32_t)WORLD_REQUESTS);
        w->request[w->requests] =
            (struct ofr_request){.id = w->requests,
                                 .arrival_ns = ns,
                                 .admitted_ns = ns,
                                 .deadline_ns = slo_us < 0 ? OFR_NEVER_NS : ns + slo_us * WORLD_US};
        w->requests++;
    }
}

/* One request of a stream. */
static inline void world_arrive_on(struct world *w, int64_t us, uint32_t stream)
{
    world_arrive(w, us, 1, -1);
    w->request[w->requests - 1].stream = stream;
}

/* A server that is busy from the start, until end_us; the batcher is told `expected_us`. */
static inline void world_busy(struct world *w, uint32_t server, int64_t end_us, int64_t expected_us)
{
    w->server[server].end_ns = end_us * WORLD_US;
    w->server[server].running = UINT32_MAX;
    w->server_view[server] = (struct ofr_server_view){.free_ns = expected_us * WORLD_US, .committed = 1};
}

/* ---- running ---- */

static inline int64_t world_pass_ns(const struct world *w, const struct world_batch *batch)
{
    int32_t index =
        ofr_profile_batch_index(&w->profile, batch->pad_to > batch->size ? batch->pad_to : batch->size);
    cr_assert_geq(index, 0);
    return w->profile.until_ns[index];
}

static inline void world_find_idle(struct world *w)
{
    w->view.idle_server = -1;
    for (uint32_t i = w->view.servers; i-- > 0;)
        if (w->server[i].end_ns == OFR_NEVER_NS)
            w->view.idle_server = (int32_t)i;
}

static inline void world_complete(struct world *w, uint32_t index)
{
    struct world_server *server = &w->server[index];
    struct ofr_server_view *view = &w->server_view[index];
    server->end_ns = OFR_NEVER_NS;
    view->committed--;
    view->free_ns = w->view.now_ns;
    for (uint32_t i = 0; i < server->count; ++i)
        view->free_ns += world_pass_ns(w, &w->batch[server->queue[(server->head + i) % WORLD_COMMITTED]]);
    if (server->running == UINT32_MAX || !w->ops->completed)
        return;
    const struct world_batch *batch = &w->batch[server->running];
    int32_t at = ofr_profile_batch_index(&w->profile, batch->size);
    struct ofr_batch_row row = {.id = server->running,
                                .dispatched_ns = batch->start_us * WORLD_US,
                                .ended_ns = w->view.now_ns,
                                .size = batch->size,
                                .padded = w->profile.batch[at],
                                .server = (uint16_t)index};
    w->ops->completed(w->state, &row);
}

/* Starts what is committed to idle servers, or gives it up when its window has passed. */
static inline void world_start(struct world *w)
{
    for (uint32_t i = 0; i < w->view.servers; ++i) {
        struct world_server *server = &w->server[i];
        while (server->end_ns == OFR_NEVER_NS && server->count > 0) {
            uint32_t number = server->queue[server->head++ % WORLD_COMMITTED];
            struct world_batch *batch = &w->batch[number];
            server->count--;
            if (w->view.now_ns > batch->latest_ns) {
                batch->start_us = -1;
                w->server_view[i].committed--;
                w->server_view[i].free_ns -= world_pass_ns(w, batch);
                continue;
            }
            double factor = w->stretch ? w->stretch() : 1.0;
            int64_t pass_us = (int64_t)((double)world_pass_ns(w, batch) * factor) / WORLD_US;
            batch->start_us = w->view.now_ns / WORLD_US;
            server->running = number;
            server->end_ns = w->view.now_ns + (pass_us > 0 ? pass_us : 1) * WORLD_US;
        }
    }
    world_find_idle(w);
}

static inline void world_commit(struct world *w, const struct ofr_plan *plan)
{
    struct world_server *server = &w->server[plan->server];
    struct ofr_server_view *view = &w->server_view[plan->server];
    cr_assert_lt(plan->server, w->view.servers);
    cr_assert(plan->count >= 1 && plan->count <= w->ops->max_batch(w->state) && plan->count <= w->waiting,
              "batch of %u with %u waiting", plan->count, w->waiting);
    cr_assert(view->committed == 0 || (w->ops->flags & OFR_BATCHER_AHEAD), "work for a busy server");
    struct world_batch *batch = &w->batch[w->batches];
    *batch = (struct world_batch){.us = w->view.now_ns / WORLD_US,
                                  .ns = w->view.now_ns,
                                  .latest_ns = plan->latest_ns,
                                  .size = plan->count,
                                  .pad_to = plan->pad_to,
                                  .server = plan->server,
                                  .first = plan->slot[0],
                                  .slot = calloc(plan->count, sizeof *batch->slot),
                                  .reason = plan->reason};
    memcpy(batch->slot, plan->slot, plan->count * sizeof *batch->slot);
    for (uint32_t i = 0; i < plan->count; ++i) {
        cr_assert_eq(w->request_state[plan->slot[i]], WORLD_WAITING, "request %u twice", plan->slot[i]);
        w->request_state[plan->slot[i]] = WORLD_ENDED;
    }
    w->waiting -= plan->count;
    if (view->free_ns < w->view.now_ns)
        view->free_ns = w->view.now_ns;
    view->free_ns += world_pass_ns(w, batch);
    view->committed++;
    cr_assert_lt(server->count, (uint32_t)WORLD_COMMITTED);
    server->queue[(server->head + server->count++) % WORLD_COMMITTED] = w->batches++;
    world_start(w);
}

static inline void world_dispatch(struct world *w)
{
    uint32_t slot[256];
    world_start(w);
    while (w->waiting > 0 && (w->view.idle_server >= 0 || (w->ops->flags & OFR_BATCHER_AHEAD))) {
        struct ofr_plan plan = {.slot = slot,
                                .server = w->view.idle_server < 0 ? 0 : (uint32_t)w->view.idle_server,
                                .latest_ns = OFR_NEVER_NS,
                                .wake_ns = OFR_NEVER_NS};
        w->calls++;
        bool formed = w->ops->next(w->state, &w->view, &plan);
        if (formed)
            world_commit(w, &plan);
        cr_assert_eq(w->ops->waiting(w->state), w->waiting);
        if (formed)
            continue;
        cr_assert_gt(plan.wake_ns, w->view.now_ns, "wake-up time not ahead");
        cr_assert(w->waiting == 0 || w->view.idle_server < 0 || plan.wake_ns != OFR_NEVER_NS ||
                      !w->view.draining,
                  "I4 at %lld us: %u wait for nothing", (long long)(w->view.now_ns / WORLD_US), w->waiting);
        w->wake_ns = plan.wake_ns;
        return;
    }
}

static inline void world_take_arrivals(struct world *w)
{
    struct ofr_error err = OFR_ERROR_INIT;
    while (w->arrived < w->requests && w->request[w->arrived].arrival_ns == w->view.now_ns) {
        uint32_t slot = w->arrived++;
        w->request_state[slot] = WORLD_WAITING;
        w->waiting++;
        int queued = w->ops->enqueue(w->state, &w->view, slot, &err);
        cr_assert_geq(queued, 0, "%s", err.text);
        if (!queued) {
            w->waiting--;
            world_discard(w, slot, OFR_OUTCOME_REJECTED);
        }
    }
    w->view.draining = w->arrived == w->requests;
}

static inline int64_t world_next_ns(const struct world *w)
{
    int64_t next_ns = w->wake_ns;
    if (w->arrived < w->requests && w->request[w->arrived].arrival_ns < next_ns)
        next_ns = w->request[w->arrived].arrival_ns;
    for (uint32_t i = 0; i < w->view.servers; ++i)
        if (w->server[i].end_ns < next_ns)
            next_ns = w->server[i].end_ns;
    return next_ns;
}

/* Runs the script to its end; every request must have ended. */
static inline void world_run(struct world *w)
{
    struct ofr_error err = OFR_ERROR_INIT;
    cr_assert(w->state || world_create(w, &err) == 0, "%s", err.text);
    for (int64_t next_ns; (next_ns = world_next_ns(w)) != OFR_NEVER_NS;) {
        w->view.now_ns = next_ns;
        for (uint32_t i = 0; i < w->view.servers; ++i)
            if (w->server[i].end_ns == next_ns)
                world_complete(w, i);
        world_take_arrivals(w);
        if (w->wake_ns <= next_ns)
            w->wake_ns = OFR_NEVER_NS;
        world_dispatch(w);
    }
    for (uint32_t i = 0; i < w->requests; ++i)
        cr_assert_eq(w->request_state[i], WORLD_ENDED, "request %u never ended", i);
}

/* ---- expectations ---- */

struct world_expected {
    int64_t us;
    uint32_t size;
    enum ofr_reason reason;
};

static inline void world_expect(const struct world *w, uint32_t count, const struct world_expected *expected)
{
    for (uint32_t i = 0; i < count && i < w->batches; ++i)
        cr_expect(w->batch[i].us == expected[i].us && w->batch[i].size == expected[i].size &&
                      w->batch[i].reason == expected[i].reason,
                  "batch %u: found %lld us, %u, %s; expected %lld us, %u, %s", i, (long long)w->batch[i].us,
                  w->batch[i].size, ofr_reason_name(w->batch[i].reason), (long long)expected[i].us,
                  expected[i].size, ofr_reason_name(expected[i].reason));
    cr_expect_eq(w->batches, count, "%u batches, expected %u", w->batches, count);
}

#define EXPECT_BATCHES(world, ...)                                                                           \
    do {                                                                                                     \
        const struct world_expected expected_[] = {__VA_ARGS__};                                             \
        world_expect(world, sizeof expected_ / sizeof *expected_, expected_);                                \
    } while (0)

/* The i-th request lost. */
#define EXPECT_LOSS(world, i, at_us, request, how)                                                           \
    do {                                                                                                     \
        cr_assert_gt((world)->losses, (uint32_t)(i), "only %u requests were lost", (world)->losses);         \
        const struct world_loss *loss_ = &(world)->loss[i];                                                  \
        cr_expect(loss_->us == (at_us) && loss_->id == (request) && loss_->outcome == (how),                 \
                  "loss %d: found request %u at %lld us, %s", i, loss_->id, (long long)loss_->us,            \
                  ofr_outcome_name(loss_->outcome));                                                         \
    } while (0)

#endif
