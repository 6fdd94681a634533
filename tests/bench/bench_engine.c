/* The engine's hot loops. All dispatch goes through function pointers found by event class, as a simulation's
 * does.
 *   hold n       n pending events; each takes the first event off and schedules its follow-up an exponential
 * time later. Unit: dispatched events. M/M/1        arrivals and departures of a queue at load 0.9, both
 * drawn as exponentials. Unit: dispatched events. exponential  draws alone; normal, gamma, uniform likewise.
 * Unit: draws. */
#include "sim/engine/event_queue.h"
#include "sim/engine/random.h"
#include "tests/support/bench.h"

enum {
    HOLD,
    ARRIVAL,
    DEPARTURE,
    CLASSES
};

static const double MEAN_NS = 1e6;

struct model;
typedef void (*handler)(struct model *model, const struct ofr_event *event);

struct model {
    struct ofr_event_queue queue;
    struct ofr_random arrivals;
    struct ofr_random services;
    handler handlers[CLASSES];
    uint64_t waiting; /* M/M/1: customers in the system */
    uint64_t served;
    int failed;
};

static void schedule(struct model *model, int64_t time_ns, uint8_t event_class)
{
    model->failed |=
        ofr_event_queue_push(&model->queue, time_ns, event_class, ofr_event_pointer(model), NULL);
}

static void hold(struct model *model, const struct ofr_event *event)
{
    schedule(model, event->time_ns + (int64_t)ofr_random_exponential(&model->arrivals, MEAN_NS), HOLD);
}

static void arrival(struct model *model, const struct ofr_event *event)
{
    schedule(model, event->time_ns + (int64_t)ofr_random_exponential(&model->arrivals, MEAN_NS), ARRIVAL);
    if (model->waiting++ == 0)
        schedule(model, event->time_ns + (int64_t)ofr_random_exponential(&model->services, 0.9 * MEAN_NS),
                 DEPARTURE);
}

static void departure(struct model *model, const struct ofr_event *event)
{
    model->served++;
    if (--model->waiting > 0)
        schedule(model, event->time_ns + (int64_t)ofr_random_exponential(&model->services, 0.9 * MEAN_NS),
                 DEPARTURE);
}

static void dispatch(void *ctx, uint64_t n)
{
    struct model *model = ctx;
    struct ofr_event event;
    for (uint64_t i = 0; i < n && ofr_event_queue_pop(&model->queue, &event); i++)
        model->handlers[ofr_event_class(&event)](model, &event);
}

static void model_init(struct model *model, uint8_t event_class, int pending)
{
    *model = (struct model){.handlers = {hold, arrival, departure}};
    ofr_event_queue_init(&model->queue, 1 << 20);
    ofr_random_init(&model->arrivals, 1, OFR_RANDOM_ARRIVALS, 0);
    ofr_random_init(&model->services, 1, OFR_RANDOM_EXECUTION, 0);
    for (int i = 0; i < pending; i++)
        schedule(model, (int64_t)ofr_random_exponential(&model->arrivals, MEAN_NS), event_class);
}

static void bench_model(struct bench *bench, const char *name, double bar, uint8_t event_class, int pending,
                        uint64_t n)
{
    struct model model;
    model_init(&model, event_class, pending);
    bench_rate(bench, name, "events", bar, dispatch, &model, n);
    if (model.failed)
        fprintf(stderr, "%s: the event queue failed\n", name);
    ofr_event_queue_release(&model.queue);
}

static void draw_uniforms(void *ctx, uint64_t n)
{
    double sum = 0.0;
    for (uint64_t i = 0; i < n; i++)
        sum += ofr_random_uniform(ctx);
    BENCH_USE(sum);
}

static void draw_exponentials(void *ctx, uint64_t n)
{
    double sum = 0.0;
    for (uint64_t i = 0; i < n; i++)
        sum += ofr_random_exponential(ctx, 1.0);
    BENCH_USE(sum);
}

static void draw_normals(void *ctx, uint64_t n)
{
    double sum = 0.0;
    for (uint64_t i = 0; i < n; i++)
        sum += ofr_random_normal(ctx, 0.0, 1.0);
    BENCH_USE(sum);
}

static void draw_gammas(void *ctx, uint64_t n)
{
    double sum = 0.0;
    for (uint64_t i = 0; i < n; i++)
        sum += ofr_random_gamma(ctx, 2.5, 1.0);
    BENCH_USE(sum);
}

int main(void)
{
    struct bench bench = bench_begin("engine", "one thread, events dispatched by function pointer");
    bench_model(&bench, "hold, 64 pending", 18e6, HOLD, 64, 4000000);
    bench_model(&bench, "hold, 1000 pending", 14e6, HOLD, 1000, 4000000);
    bench_model(&bench, "hold, 100000 pending", 7e6, HOLD, 100000, 2000000);
    bench_model(&bench, "M/M/1, load 0.9", 50e6, ARRIVAL, 1, 10000000);

    struct ofr_random random;
    ofr_random_init(&random, 1, OFR_RANDOM_TEST, 0);
    bench_rate(&bench, "uniform", "draws", 0, draw_uniforms, &random, 10000000);
    bench_rate(&bench, "exponential", "draws", 0, draw_exponentials, &random, 10000000);
    bench_rate(&bench, "normal", "draws", 0, draw_normals, &random, 10000000);
    bench_rate(&bench, "gamma, shape 2.5", "draws", 0, draw_gammas, &random, 4000000);
    return bench_end(&bench);
}
