#include "sim/serve/serve_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- arrivals ---- */

/* Finds the next arrival: next_arrival_ns, OFR_NEVER_NS when none will come. */
static int next_arrival(struct serve *s)
{
    const struct ofr_serve_setup *setup = s->setup;
    if (s->arrival_at == s->arrival_count) {
        int got = setup->arrivals.ops->next(setup->arrivals.state, s->arrival, ARRIVAL_BUFFER, s->err);
        if (got < 0)
            return got;
        s->arrival_at = 0;
        s->arrival_count = (uint32_t)got;
    }
    bool enough = s->arrival_count == 0 || (setup->requests && s->result->offered == setup->requests);
    if (!enough) {
        int64_t last_ns = s->next_arrival_ns;
        s->next_arrival_ns = s->arrival[s->arrival_at].time_ns + setup->arrivals.offset_ns;
        if (s->next_arrival_ns < last_ns)
            return serve__bug(s, "I2: arrivals run back", "request", s->result->offered);
        enough = setup->duration_ns >= 0 && s->next_arrival_ns >= setup->duration_ns;
    }
    if (enough) {
        s->next_arrival_ns = OFR_NEVER_NS;
        s->view.draining = s->closed = true;
        s->dispatch_due = true; /* whoever holds requests back for company has to let them go */
    }
    return 0;
}

static uint32_t choose_sample(struct serve *s, uint32_t stream)
{
    if (s->setup->sample_order == OFR_SAMPLES_RANDOM)
        return (uint32_t)ofr_random_below(&s->sample_random, s->setup->samples);
    uint32_t sample = s->sample_cursor[stream];
    s->sample_cursor[stream] = sample + 1 == s->setup->samples ? 0 : sample + 1;
    return sample;
}

/* Nobody will come to this stage any more. */
static bool drains(const struct serve *s, uint32_t stage)
{
    bool empty = s->closed;
    for (uint32_t before = 0; before < stage; ++before)
        empty = empty && s->stage[before].waiting == 0 && s->stage[before].formed == 0;
    return empty;
}

/* The world as the batcher of a stage sees it. That of a single stage needs no turning. */
static inline const struct ofr_batcher_view *view_of(struct serve *s, uint32_t stage)
{
    if (s->stages > 1) {
        s->asked = &s->stage[stage];
        s->view.draining = drains(s, stage);
    }
    return &s->view;
}

/* A request joins the queue of a stage, or is rejected. */
int serve__enqueue(struct serve *s, uint32_t stage, uint32_t slot)
{
    s->stage[stage].waiting++;
    int queued = s->setup->batcher->enqueue(s->stage[stage].batcher, view_of(s, stage), slot, s->err);
    if (queued < 0)
        return queued;
    if (!queued) {
        s->stage[stage].waiting--;
        serve__lose(s, slot, OFR_OUTCOME_REJECTED);
    }
    s->dispatch_due |= s->idle_servers > 0 || s->ahead;
    return queued ? serve__expect_input(s, slot) : 0;
}

static int arrive(struct serve *s)
{
    const struct ofr_arrival *arrival = &s->arrival[s->arrival_at++];
    if (arrival->stream >= s->setup->streams)
        return serve__bug(s, "arrival of an unknown stream", "stream", arrival->stream);
    if (s->pool.free_count == 0 && ofr_request_pool_grow(&s->pool, s->err))
        return s->err->code;
    uint32_t slot = ofr_request_pool_take(&s->pool);
    int64_t slo_ns = s->setup->slo_ns[arrival->stream];
    int64_t arrival_ns = s->next_arrival_ns;
    s->view.request = s->pool.request;
    s->pool.request[slot] = (struct ofr_request){
        .id = s->result->offered++,
        .arrival_ns = arrival_ns,
        .admitted_ns = serve__now(s),
        .deadline_ns = slo_ns < 0 ? OFR_NEVER_NS : arrival_ns + slo_ns,
        .sample = choose_sample(s, arrival->stream),
        .stream = arrival->stream,
    };
    int rc = serve__enqueue(s, 0, slot);
    if (rc)
        return rc;
    if (s->result->offered >= s->progress_at) {
        s->progress_at += UINT64_C(1) << 16;
        if (s->setup->progress)
            s->setup->progress(s->setup->progress_state, s->result->offered, serve__now(s));
    }
    return next_arrival(s);
}

/* ---- dispatch ---- */

static void discard(void *host, uint32_t slot, enum ofr_outcome outcome)
{
    struct serve *s = host;
    s->asked->waiting--;
    s->dispatch_due |=
        s->asked != &s->stage[s->stages - 1]; /* perhaps nobody comes to the next stage any more */
    serve__lose(s, slot, outcome);
}

static int set_timer(struct serve *s, int64_t wake_ns)
{
    if (wake_ns >= s->timer_ns)
        return 0;
    if (wake_ns <= serve__now(s))
        return serve__bug(s, "a batcher asked to be woken at once", "wake time", (uint64_t)wake_ns);
    s->timer_ns = wake_ns;
    return ofr_event_queue_push(&s->events, wake_ns, OFR_EVENT_TIMER, ofr_event_number((uint64_t)wake_ns),
                                s->err);
}

/* Turns a plan into a batch and starts it, or queues it behind the server's running one. */
static int commit(struct serve *s, uint32_t stage, const struct ofr_plan *plan)
{
    if (plan->count == 0 || plan->count > s->max_batch || plan->pad_to > s->max_batch ||
        plan->server >= s->setup->servers)
        return serve__bug(s, "a batcher formed a batch out of bounds", "requests", plan->count);
    struct ofr_batch *batch = serve__take_batch(s);
    if (!batch)
        return s->err->code;
    batch->id = s->next_batch++;
    batch->stage = (uint8_t)stage;
    batch->size = plan->count;
    batch->pad_to = plan->pad_to;
    batch->server = (uint16_t)plan->server;
    batch->reason = (uint8_t)plan->reason;
    batch->latest_ns = plan->latest_ns;
    s->stage[stage].waiting -= plan->count;
    s->stage[stage].formed += plan->count;
    batch->queue_length = serve__waiting(s);
    batch->next = NULL;
    memcpy(batch->slot, plan->slot, plan->count * sizeof *plan->slot);

    struct server *server = &s->server[plan->server];
    struct ofr_server_view *view = &s->server_view[plan->server];
    if (view->free_ns < serve__now(s))
        view->free_ns = serve__now(s);
    view->free_ns += serve__estimate_ns(s, batch);
    view->committed++;
    if (!server->running && !server->first)
        return serve__start(s, batch);
    if (!s->ahead)
        return serve__bug(s, "a batcher gave work to a busy server", "server", plan->server);
    if (server->last)
        server->last->next = batch;
    else
        server->first = batch;
    server->last = batch;
    return 0;
}

/* Starts committed batches of servers that have become idle. */
static int start_committed(struct serve *s)
{
    for (uint32_t i = 0; i < s->setup->servers; ++i) {
        struct server *server = &s->server[i];
        while (!server->running && server->first) {
            struct ofr_batch *batch = server->first;
            server->first = batch->next;
            if (!server->first)
                server->last = NULL;
            int rc = serve__now(s) > batch->latest_ns ? serve__give_up(s, batch) : serve__start(s, batch);
            if (rc)
                return rc;
        }
    }
    return 0;
}

static int dispatch_stage(struct serve *s, uint32_t stage)
{
    const struct ofr_batcher_ops *batcher = s->setup->batcher;
    const struct stage *from = &s->stage[stage];
    const struct ofr_batcher_view *view = view_of(s, stage);
    while (from->waiting > 0 && (s->idle_servers > 0 || s->ahead)) {
        struct ofr_plan plan = {.slot = s->plan_slot,
                                .server = s->view.idle_server < 0 ? 0 : (uint32_t)s->view.idle_server,
                                .latest_ns = OFR_NEVER_NS,
                                .wake_ns = OFR_NEVER_NS};
        if (!batcher->next(from->batcher, view, &plan)) {
            bool held = s->idle_servers > 0 && from->waiting > 0;
            if (held && plan.wake_ns == OFR_NEVER_NS && view->draining)
                return serve__bug(s, "I4: requests wait beside an idle server for nothing", "waiting",
                                  from->waiting);
            return plan.wake_ns == OFR_NEVER_NS ? 0 : set_timer(s, plan.wake_ns);
        }
        int rc = commit(s, stage, &plan);
        if (rc)
            return rc;
    }
    return 0;
}

/* The last stage first: its requests have come the longest way. */
static int dispatch(struct serve *s)
{
    s->dispatch_due = false;
    if (s->ahead && start_committed(s))
        return s->err->code;
    for (uint32_t stage = s->stages; stage-- > 0;) {
        int rc = dispatch_stage(s, stage);
        if (rc)
            return rc;
    }
    return 0;
}

/* ---- the loop ---- */

static int handle(struct serve *s, const struct ofr_event *event)
{
    switch (ofr_event_class(event)) {
    case OFR_EVENT_COMPLETE:
        return serve__complete(s, event->data.pointer);
    case OFR_EVENT_FEEDBACK:
        return serve__feedback(s, event->data.pointer);
    case OFR_EVENT_CONTROL:
        return serve__control(s);
    case OFR_EVENT_TIMER:
        if ((int64_t)event->data.number == s->timer_ns)
            s->timer_ns = OFR_NEVER_NS;
        s->dispatch_due = true;
        return 0;
    case OFR_EVENT_STOP:
        s->stopped = true;
        return serve__cut(s);
    default:
        return serve__bug(s, "an event of unknown class", "class", ofr_event_class(event));
    }
}

static int take_finished(struct serve *s)
{
    const struct ofr_executor *executor = &s->setup->executor;
    struct ofr_batch *batch = NULL;
    int rc;
    while ((rc = executor->ops->poll(executor->state, &batch, s->err)) == 1) {
        s->awaited--;
        rc = serve__complete(s, batch);
        if (rc)
            return rc;
    }
    return rc;
}

/* Advances to `target_ns` (or less, on a real clock that was woken) and takes what a real executor and a real
 * controller have finished. */
static int advance(struct serve *s, int64_t target_ns)
{
    int64_t now_ns = ofr_clock_advance(&s->setup->clock, target_ns);
    if (now_ns < serve__now(s))
        return serve__bug(s, "I2: the clock ran back", "clock", (uint64_t)now_ns);
    s->view.now_ns = now_ns;
    if (s->setup->executor.ops->poll && take_finished(s))
        return s->err->code;
    return s->controller.ops->poll ? serve__take_answers(s) : 0;
}

/* Until then there is nothing to do but to send an input ahead; after each one the loop looks what else has happened. */
static int wait_for(struct serve *s, int64_t next_ns)
{
    bool sent = false;
    if (s->inputs.count > 0 && serve__send_input(s, &sent))
        return s->err->code;
    return advance(s, sent ? serve__now(s) : next_ns);
}

/* The user wants the run to end: nobody else is let in. */
static void stop_arrivals(struct serve *s)
{
    s->stopping = true;
    s->next_arrival_ns = OFR_NEVER_NS;
    s->view.draining = s->closed = true;
    s->dispatch_due = true;
}

static int step(struct serve *s, bool *more)
{
    if (s->setup->stop && *s->setup->stop && !s->stopping)
        stop_arrivals(s);
    if (s->stopping && ofr_request_pool_in_use(&s->pool) == 0) {
        *more = false;
        return 0;
    }
    int64_t arrival_ns = s->next_arrival_ns;
    struct ofr_event event = {.time_ns = OFR_NEVER_NS};
    bool pending = ofr_event_queue_peek(&s->events, &event);
    bool event_first =
        pending && (event.time_ns < arrival_ns ||
                    (event.time_ns == arrival_ns && ofr_event_class(&event) < OFR_EVENT_ARRIVAL));
    int64_t next_ns = event_first ? event.time_ns : arrival_ns;
    if (s->dispatch_due && next_ns > serve__now(s))
        return dispatch(s);
    if (next_ns == OFR_NEVER_NS && s->awaited == 0) {
        *more = false;
        return 0;
    }
    if (next_ns > serve__now(s)) {
        int rc = wait_for(s, next_ns);
        if (rc || serve__now(s) < next_ns)
            return rc;
    }
    if (!event_first)
        return arrive(s);
    ofr_event_queue_pop(&s->events, &event);
    return handle(s, &event);
}

static int check_conservation(struct serve *s)
{
    uint64_t ended = 0;
    for (int i = 0; i < OFR_OUTCOMES; ++i)
        ended += s->result->outcome[i];
    if (ended != s->result->offered)
        return serve__bug(s, "I1: requests offered and ended differ", "ended", ended);
    if (ofr_request_pool_in_use(&s->pool) != 0)
        return serve__bug(s, "I1: requests are still in the system", "requests",
                          ofr_request_pool_in_use(&s->pool));
    return 0;
}

static void prepare_stages(struct serve *s)
{
    const struct ofr_serve_setup *setup = s->setup;
    s->mode = setup->mode ? setup->mode : ofr_modes[0];
    s->stages = s->mode->stages;
    for (uint32_t i = 0; i < s->stages; ++i) {
        s->stage[i].batcher = setup->stage[i].batcher_state;
        s->stage[i].profile = setup->stage[i].profile;
        uint32_t max_batch = setup->batcher->max_batch(s->stage[i].batcher);
        s->max_batch = max_batch > s->max_batch ? max_batch : s->max_batch;
    }
    s->asked = &s->stage[0];
    serve__configure(s, &setup->first_config);
}

static int prepare(struct serve *s)
{
    const struct ofr_serve_setup *setup = s->setup;
    if (setup->servers == 0 || setup->servers > OFR_MAX_SERVERS || setup->streams == 0 || setup->samples == 0)
        return ofr_fail(s->err, OFR_E_BUG, "a run needs 1..%d servers, a stream and a sample",
                        OFR_MAX_SERVERS);
    s->ahead = (setup->batcher->flags & OFR_BATCHER_AHEAD) != 0;
    s->policy = (struct ofr_policy_handle){.ops = setup->policy, .state = setup->policy_state};
    s->controller = setup->controller;
    if (!s->controller.ops)
        s->controller = (struct ofr_controller){.ops = &ofr_controller_inline_ops, .state = &s->policy};
    s->wants_feedback = (setup->policy->flags & OFFRAMP_POLICY_FEEDBACK) != 0;
    s->timer_ns = OFR_NEVER_NS;
    s->progress_at = UINT64_C(1) << 16;
    s->idle_servers = setup->servers;
    for (uint32_t i = 0; i < setup->servers; ++i)
        s->idle_bits[i / 64] |= UINT64_C(1) << (i % 64);
    prepare_stages(s);
    if (setup->inputs_ahead && ofr_slot_queue_init(&s->inputs, s->err))
        return s->err->code;
    ofr_random_init(&s->sample_random, setup->seed, OFR_RANDOM_SAMPLES, 0);
    ofr_event_queue_init(&s->events, SIZE_MAX / 64);
    s->sample_cursor = calloc(setup->streams, sizeof *s->sample_cursor);
    s->plan_slot = calloc(s->max_batch, sizeof *s->plan_slot);
    s->rows = calloc(s->max_batch, sizeof *s->rows);
    if (!s->sample_cursor || !s->plan_slot || !s->rows)
        return ofr_fail_nomem(s->err, "a run");
    for (uint32_t i = 0; i < setup->streams; ++i)
        s->sample_cursor[i] = (uint32_t)((uint64_t)setup->samples * i / setup->streams);
    if (setup->cut_at_duration &&
        ofr_event_queue_push(&s->events, setup->duration_ns, OFR_EVENT_STOP, ofr_event_number(0), s->err))
        return s->err->code;
    if (ofr_request_pool_init(&s->pool, 1024, s->err))
        return s->err->code;
    s->view = (struct ofr_batcher_view){.now_ns = ofr_clock_now(&setup->clock),
                                        .request = s->pool.request,
                                        .server = s->server_view,
                                        .servers = setup->servers,
                                        .host = s,
                                        .discard = discard};
    return next_arrival(s);
}

static void release(struct serve *s)
{
    serve__free_batches(s);
    ofr_slot_queue_release(&s->inputs);
    ofr_request_pool_release(&s->pool);
    ofr_event_queue_release(&s->events);
    free(s->rows);
    free(s->plan_slot);
    free(s->sample_cursor);
    free(s);
}

int ofr_serve_run(const struct ofr_serve_setup *setup, struct ofr_serve_result *result, struct ofr_error *err)
{
    struct serve *s = calloc(1, sizeof *s);
    if (!s)
        return ofr_fail_nomem(err, "a run");
    *result = (struct ofr_serve_result){0};
    s->setup = setup;
    s->result = result;
    s->err = err;
    int rc = prepare(s);
    if (!rc)
        rc = serve__announce(s);
    bool more = true;
    while (!rc && more && !s->stopped)
        rc = step(s, &more);
    result->end_ns = serve__now(s);
    if (!rc)
        rc = check_conservation(s);
    release(s);
    return rc;
}
