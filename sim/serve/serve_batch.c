#include "sim/serve/serve_internal.h"

#include <inttypes.h>
#include <stdlib.h>

int serve__bug(struct serve *s, const char *invariant, const char *entity, uint64_t number)
{
    return ofr_fail(s->err, OFR_E_BUG, "%s: at %" PRId64 " ns, %s %" PRIu64 ", seed %" PRIu64, invariant,
                    serve__now(s), entity, number, s->setup->seed);
}

/* ---- batch objects ---- */

static bool allocate_arrays(struct ofr_batch *batch, uint32_t max_batch, bool feedback)
{
    size_t cells = feedback ? (size_t)max_batch * OFFRAMP_MAX_SITES : 1;
    batch->slot = calloc(max_batch, sizeof *batch->slot);
    batch->sample = calloc(max_batch, sizeof *batch->sample);
    batch->place = calloc(max_batch, sizeof *batch->place);
    batch->released_ns = calloc(max_batch, sizeof *batch->released_ns);
    batch->exit_ramp = calloc(max_batch, sizeof *batch->exit_ramp);
    batch->answer = calloc(max_batch, sizeof *batch->answer);
    batch->final_answer = calloc(max_batch, sizeof *batch->final_answer);
    batch->score = calloc(cells, sizeof *batch->score);
    batch->ramp_answer = calloc(cells, sizeof *batch->ramp_answer);
    return batch->slot && batch->sample && batch->place && batch->released_ns && batch->exit_ramp &&
           batch->answer && batch->final_answer && batch->score && batch->ramp_answer;
}

static void free_batch(struct ofr_batch *batch)
{
    free(batch->slot);
    free(batch->sample);
    free(batch->place);
    free(batch->released_ns);
    free(batch->exit_ramp);
    free(batch->answer);
    free(batch->final_answer);
    free(batch->score);
    free(batch->ramp_answer);
    free(batch);
}

static struct ofr_batch *new_batch(struct serve *s)
{
    struct ofr_batch *batch = calloc(1, sizeof *batch);
    if (batch && !allocate_arrays(batch, s->max_batch, s->wants_feedback)) {
        free_batch(batch);
        batch = NULL;
    }
    if (!batch) {
        ofr_fail_nomem(s->err, "a batch");
        return NULL;
    }
    batch->allocated = s->all_batches;
    s->all_batches = batch;
    return batch;
}

struct ofr_batch *serve__take_batch(struct serve *s)
{
    struct ofr_batch *batch = s->free_batches;
    if (!batch)
        return new_batch(s);
    s->free_batches = batch->next;
    return batch;
}

void serve__give_batch(struct serve *s, struct ofr_batch *batch)
{
    batch->next = s->free_batches;
    s->free_batches = batch;
}

void serve__free_batches(struct serve *s)
{
    while (s->all_batches) {
        struct ofr_batch *batch = s->all_batches;
        s->all_batches = batch->allocated;
        free_batch(batch);
    }
}

/* ---- running ---- */

int64_t serve__estimate_ns(const struct serve *s, const struct ofr_batch *batch)
{
    const struct stage *stage = &s->stage[batch->stage];
    const struct ofr_profile *profile = stage->profile;
    int32_t index = ofr_profile_batch_index(profile, ofr_batch_rows(batch));
    if (index < 0)
        return 0;
    size_t at = (size_t)index;
    int64_t time_ns = profile->dispatch_ns + profile->copy_in_ns[at] + profile->copy_out_ns[at] +
                      profile->until_ns[at * (profile->sites + 1) + profile->sites];
    for (uint32_t k = 0; k < stage->config.ramps && !stage->config.free_ramps; ++k)
        time_ns += profile->ramp_add_ns[at * profile->sites + stage->config.site[k]];
    return time_ns;
}

static int32_t lowest_idle(const struct serve *s)
{
    for (uint32_t word = 0; word < OFR_MAX_SERVERS / 64; ++word)
        if (s->idle_bits[word])
            return (int32_t)(word * 64 + (uint32_t)__builtin_ctzll(s->idle_bits[word]));
    return -1;
}

static void set_idle(struct serve *s, uint32_t server, bool idle)
{
    uint64_t bit = UINT64_C(1) << (server % 64);
    if (idle)
        s->idle_bits[server / 64] |= bit;
    else
        s->idle_bits[server / 64] &= ~bit;
    s->idle_servers += idle ? 1 : -1U;
    s->view.idle_server = lowest_idle(s);
}

int serve__start(struct serve *s, struct ofr_batch *batch)
{
    batch->dispatched_ns = serve__now(s);
    batch->ended_ns = -1;
    batch->notice_ns = 0;
    batch->padded = 0;
    batch->cut = 0;
    serve__copy_config(&batch->config, &s->stage[batch->stage].config);
    for (uint32_t row = 0; row < batch->size; ++row)
        batch->sample[row] = s->pool.request[batch->slot[row]].sample;
    if (s->setup->inputs_ahead)
        serve__take_inputs(s, batch);
    s->server[batch->server].running = batch;
    set_idle(s, batch->server, false);
    s->in_flight_rows += batch->size;
    const struct ofr_executor *executor = &s->setup->executor;
    int rc = executor->ops->submit(executor->state, batch, serve__now(s), s->err);
    if (rc)
        return rc;
    if (batch->ended_ns < 0) {
        s->awaited++;
        return 0;
    }
    return ofr_event_queue_push(&s->events, batch->ended_ns + batch->notice_ns, OFR_EVENT_COMPLETE,
                                ofr_event_pointer(batch), s->err);
}

/* ---- ends of requests ---- */

static void emit_lost(struct serve *s, const struct ofr_request *request, enum ofr_outcome outcome,
                      int64_t batch, int64_t dispatched_ns)
{
    s->result->outcome[outcome]++;
    struct ofr_request_row row = {
        .id = request->id,
        .arrival_ns = request->arrival_ns,
        .admitted_ns = outcome == OFR_OUTCOME_REJECTED ? -1 : request->admitted_ns,
        .dispatched_ns = dispatched_ns,
        .released_ns = -1,
        .ended_ns = serve__now(s),
        .deadline_ns = request->deadline_ns == OFR_NEVER_NS ? -1 : request->deadline_ns,
        .batch = batch,
        .sample = request->sample,
        .stream = (uint16_t)request->stream,
        .exit_site = OFR_EXIT_NONE,
        .outcome = (uint8_t)outcome,
        .correct = 2,
    };
    for (uint32_t i = 0; i < s->setup->observers; ++i)
        s->setup->observer[i].lost(s->setup->observer[i].state, &row);
}

void serve__lose(struct serve *s, uint32_t slot, enum ofr_outcome outcome)
{
    serve__forget_input(s, slot);
    emit_lost(s, &s->pool.request[slot], outcome, OFR_BATCH_NONE, -1);
    ofr_request_pool_give(&s->pool, slot);
}

/* A committed batch whose window has passed: its requests are lost, the server stays idle. */
int serve__give_up(struct serve *s, struct ofr_batch *batch)
{
    struct ofr_server_view *view = &s->server_view[batch->server];
    view->committed--;
    s->stage[batch->stage].formed -= batch->size;
    view->free_ns -= serve__estimate_ns(s, batch);
    for (uint32_t row = 0; row < batch->size; ++row)
        serve__lose(s, batch->slot[row], OFR_OUTCOME_DROPPED);
    serve__give_batch(s, batch);
    return 0;
}

static uint8_t judge(const struct serve *s, uint32_t sample, uint16_t answer)
{
    return s->setup->label ? (uint8_t)(s->setup->label[sample] == answer) : 2;
}

/* Fills the row of a released request; false when its times are out of order (I3). */
static bool fill_row(const struct serve *s, const struct ofr_batch *batch, uint32_t i,
                     struct ofr_request_row *row)
{
    const struct ofr_request *request = &s->pool.request[batch->slot[i]];
    const struct offramp_exit_config *config = &batch->config;
    uint32_t k = batch->exit_ramp[i];
    *row = (struct ofr_request_row){
        .id = request->id,
        .arrival_ns = request->arrival_ns,
        .admitted_ns = request->admitted_ns,
        .dispatched_ns = batch->dispatched_ns,
        .released_ns = batch->released_ns[i],
        .ended_ns = batch->ended_ns,
        .deadline_ns = request->deadline_ns == OFR_NEVER_NS ? -1 : request->deadline_ns,
        .batch = batch->id,
        .sample = request->sample,
        .stream = (uint16_t)request->stream,
        .exit_site = (uint16_t)(k < config->ramps ? config->site[k] : s->setup->sites),
        .answer = batch->answer[i],
        .outcome = batch->released_ns[i] <= request->deadline_ns ? OFR_OUTCOME_OK : OFR_OUTCOME_LATE,
        .agrees = batch->answer[i] == batch->final_answer[i],
        .correct = judge(s, request->sample, batch->answer[i]),
    };
    return row->arrival_ns <= row->admitted_ns && row->admitted_ns <= row->dispatched_ns &&
           row->dispatched_ns <= row->released_ns && row->released_ns <= row->ended_ns;
}

static void emit_batch(struct serve *s, const struct ofr_batch *batch, struct ofr_batch_row *out)
{
    *out = (struct ofr_batch_row){
        .id = batch->id,
        .dispatched_ns = batch->dispatched_ns,
        .ended_ns = batch->ended_ns,
        .size = batch->size,
        .padded = batch->padded,
        .queue_length = batch->queue_length,
        .server = batch->server,
        .ramps = (uint16_t)batch->config.ramps,
        .reason = batch->reason,
        .cut = batch->cut,
    };
    for (uint32_t i = 0; i < s->setup->observers; ++i)
        s->setup->observer[i].batch(s->setup->observer[i].state, out, s->rows, batch->size);
}

static void free_server(struct serve *s, const struct ofr_batch *batch)
{
    struct server *server = &s->server[batch->server];
    struct ofr_server_view *view = &s->server_view[batch->server];
    server->running = NULL;
    set_idle(s, batch->server, true);
    view->committed--;
    view->free_ns = serve__now(s);
    for (const struct ofr_batch *next = server->first; next; next = next->next)
        view->free_ns += serve__estimate_ns(s, next);
    s->dispatch_due |= serve__waiting(s) > 0 || s->ahead;
}

/* Whether the batch has answered its request i: in a stage before the last, who left at no ramp has no answer yet. */
static inline bool answers(const struct ofr_batch *batch, uint32_t i, bool last)
{
    return last || batch->exit_ramp[i] < batch->config.ramps;
}

/* The row of a request that its batch did not answer: what stands there is the way to the batch alone. */
static void blank_row(struct ofr_request_row *row, uint8_t outcome)
{
    row->released_ns = -1;
    row->exit_site = OFR_EXIT_NONE;
    row->answer = 0;
    row->outcome = outcome;
    row->agrees = 0;
    row->correct = 2;
}

/* The requests of a batch leave the system. */
static void leave(struct serve *s, const struct ofr_batch *batch)
{
    for (uint32_t i = 0; i < batch->size; ++i)
        ofr_request_pool_give(&s->pool, batch->slot[i]);
}

/* Who left at a ramp leaves the system, the others join the next queue. */
static int part(struct serve *s, const struct ofr_batch *batch)
{
    for (uint32_t i = 0; i < batch->size; ++i) {
        if (answers(batch, i, false)) {
            ofr_request_pool_give(&s->pool, batch->slot[i]);
            continue;
        }
        s->pool.request[batch->slot[i]].admitted_ns = serve__now(s);
        int rc = serve__enqueue(s, batch->stage + 1U, batch->slot[i]);
        if (rc)
            return rc;
    }
    return 0;
}

int serve__complete(struct serve *s, struct ofr_batch *batch)
{
    bool last = batch->stage + 1U == s->stages;
    for (uint32_t i = 0; i < batch->size; ++i) {
        if (!fill_row(s, batch, i, &s->rows[i]))
            return serve__bug(s, "I3: a request's times are out of order", "request", s->rows[i].id);
        if (answers(batch, i, last))
            s->result->outcome[s->rows[i].outcome]++;
        else
            blank_row(&s->rows[i], OFR_OUTCOME_ONWARD);
    }
    struct ofr_batch_row row;
    emit_batch(s, batch, &row);
    s->stage[batch->stage].formed -= batch->size;
    free_server(s, batch);
    if (s->setup->batcher->completed)
        s->setup->batcher->completed(s->stage[batch->stage].batcher, &row);
    if (last)
        leave(s, batch);
    else if (part(s, batch))
        return s->err->code;
    if (!s->wants_feedback) {
        serve__give_batch(s, batch);
        return 0;
    }
    int64_t reaches_ns = batch->ended_ns + s->setup->feedback_ns;
    return ofr_event_queue_push(&s->events, reaches_ns > serve__now(s) ? reaches_ns : serve__now(s),
                                OFR_EVENT_FEEDBACK, ofr_event_pointer(batch), s->err);
}

/* ---- the end of a run that is cut short ---- */

/* A running batch at the cut: answers already released count, the others are unfinished. */
static int cut_running(struct serve *s, struct ofr_batch *batch)
{
    bool results = batch->ended_ns >= 0, last = batch->stage + 1U == s->stages;
    int64_t end_ns = batch->ended_ns;
    batch->ended_ns = serve__now(s);
    batch->cut = 1;
    for (uint32_t i = 0; i < batch->size; ++i) {
        bool released = results && answers(batch, i, last) &&
                        (batch->released_ns[i] <= serve__now(s) || end_ns <= serve__now(s));
        if (released && !fill_row(s, batch, i, &s->rows[i]))
            return serve__bug(s, "I3: a request's times are out of order", "request", s->rows[i].id);
        if (!released) {
            batch->released_ns[i] = serve__now(s);
            batch->exit_ramp[i] = (uint16_t)batch->config.ramps;
            fill_row(s, batch, i, &s->rows[i]);
            blank_row(&s->rows[i], OFR_OUTCOME_UNFINISHED);
        }
        s->result->outcome[s->rows[i].outcome]++;
    }
    struct ofr_batch_row row;
    emit_batch(s, batch, &row);
    leave(s, batch);
    return 0;
}

int serve__cut(struct serve *s)
{
    for (uint32_t i = 0; i < s->setup->servers; ++i) {
        struct server *server = &s->server[i];
        if (server->running && cut_running(s, server->running))
            return s->err->code;
        server->running = NULL;
        for (struct ofr_batch *batch = server->first; batch; batch = batch->next)
            for (uint32_t row = 0; row < batch->size; ++row)
                serve__lose(s, batch->slot[row], OFR_OUTCOME_UNFINISHED);
        server->first = server->last = NULL;
    }
    for (uint32_t i = 0; i < s->stages; ++i)
        for (; s->stage[i].waiting > 0; --s->stage[i].waiting)
            serve__lose(s, s->setup->batcher->evict(s->stage[i].batcher), OFR_OUTCOME_UNFINISHED);
    return 0;
}
