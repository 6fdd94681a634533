#include "replay/verify_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int ofr_verify__differs(struct ofr_verifier *v, struct ofr_error *err, const char *format, ...)
{
    struct ofr_verify_report *report = v->report;
    if (!report->differs) {
        va_list args;
        report->differs = true;
        va_start(args, format);
        vsnprintf(report->where, sizeof report->where, format, args);
        va_end(args);
    }
    return ofr_fail(err, OFR_E_GATE, "%s", report->where);
}

/* One field: what the log has and what came out. Stays silent after the first difference. */
static void compare(struct ofr_verifier *v, const char *entity, int64_t number, int64_t time_ns,
                    const char *field, int64_t log, int64_t came)
{
    if (log != came && !v->report->differs)
        ofr_verify__differs(v, NULL,
                            "at %" PRId64 " ns, %s %" PRId64 ": %s is %" PRId64
                            " in the log, the core says %" PRId64,
                            time_ns, entity, number, field, log, came);
}

#define SAME(entity, number, time_ns, field)                                                                 \
    compare(v, entity, (int64_t)(number), time_ns, #field, (int64_t)log->field, (int64_t)came->field)

static void compare_batch(struct ofr_verifier *v, const struct ofr_batch_row *log,
                          const struct ofr_batch_row *came)
{
    int64_t id = came->id, at = came->dispatched_ns;
    SAME("batch", id, at, id);
    SAME("batch", id, at, dispatched_ns);
    SAME("batch", id, at, ended_ns);
    SAME("batch", id, at, size);
    SAME("batch", id, at, padded);
    SAME("batch", id, at, queue_length);
    SAME("batch", id, at, server);
    SAME("batch", id, at, ramps);
    SAME("batch", id, at, reason);
    SAME("batch", id, at, cut);
}

static void compare_request(struct ofr_verifier *v, const struct ofr_request_row *log,
                            const struct ofr_request_row *came)
{
    int64_t id = (int64_t)came->id, at = came->ended_ns;
    SAME("request", id, at, id);
    SAME("request", id, at, arrival_ns);
    SAME("request", id, at, admitted_ns);
    SAME("request", id, at, dispatched_ns);
    SAME("request", id, at, released_ns);
    SAME("request", id, at, ended_ns);
    SAME("request", id, at, deadline_ns);
    SAME("request", id, at, batch);
    SAME("request", id, at, sample);
    SAME("request", id, at, stream);
    SAME("request", id, at, exit_site);
    SAME("request", id, at, answer);
    SAME("request", id, at, outcome);
    SAME("request", id, at, agrees);
    SAME("request", id, at, correct);
    v->report->requests += !v->report->differs && came->outcome != OFR_OUTCOME_ONWARD;
}

static int64_t bits(double value)
{
    int64_t out;
    memcpy(&out, &value, sizeof out);
    return out;
}

static void compare_decision(struct ofr_verifier *v, const struct ofr_decision_row *log,
                             const struct ofr_decision_row *came)
{
    int64_t id = (int64_t)v->report->decisions, at = came->applied_ns;
    SAME("decision", id, at, decided_ns);
    SAME("decision", id, at, applied_ns);
    SAME("decision", id, at, cost_ns);
    SAME("decision", id, at, evaluations);
    SAME("decision", id, at, changed);
    SAME("decision", id, at, config.ramps);
    SAME("decision", id, at, config.criterion);
    SAME("decision", id, at, config.free_ramps);
    compare(v, "decision", id, at, "predicted_gain (bits)", bits(log->predicted_gain_pct),
            bits(came->predicted_gain_pct));
    if (strcmp(log->trigger, came->trigger) != 0 && !v->report->differs)
        ofr_verify__differs(v, NULL,
                            "at %" PRId64 " ns, decision %" PRId64
                            ": trigger is '%s' in the log, the core says '%s'",
                            at, id, log->trigger, came->trigger);
    for (uint32_t k = 0; k < came->config.ramps && !v->report->differs; ++k) {
        SAME("decision", id, at, config.site[k]);
        compare(v, "decision", id, at, "config.threshold (bits)", bits(log->config.threshold[k]),
                bits(came->config.threshold[k]));
    }
    v->report->decisions += !v->report->differs;
}

static const char *const kinds[] = {
    [OFR_RUNLOG_BATCH] = "a batch",
    [OFR_RUNLOG_LOST] = "a request without a batch",
    [OFR_RUNLOG_DECISION] = "a decision",
};

/* The next row of the log, which has to be of this kind; false: it is not. */
static bool next_expected(struct ofr_verifier *v, enum ofr_runlog_event_kind kind,
                          struct ofr_runlog_event *event)
{
    struct ofr_error err = OFR_ERROR_INIT;
    if (v->report->differs)
        return false;
    int rc = ofr_runlog_next(v->expected, event, &err);
    if (rc == 1 && event->kind == kind)
        return true;
    ofr_verify__differs(v, NULL,
                        "at %" PRId64 " ns, after request row %" PRIu64 ": the core gives %s, the log has %s",
                        v->now_ns, v->report->requests, kinds[kind],
                        rc < 0    ? err.text
                        : rc == 0 ? "ended"
                                  : kinds[event->kind]);
    return false;
}

static void on_batch(void *state, const struct ofr_batch_row *batch, const struct ofr_request_row *rows,
                     uint32_t count)
{
    struct ofr_verifier *v = state;
    struct ofr_runlog_event event;
    if (!next_expected(v, OFR_RUNLOG_BATCH, &event))
        return;
    compare_batch(v, event.batch, batch);
    for (uint32_t i = 0; i < count && !v->report->differs; ++i)
        compare_request(v, &event.request[i], &rows[i]);
    v->report->batches += !v->report->differs;
}

static void on_lost(void *state, const struct ofr_request_row *row)
{
    struct ofr_verifier *v = state;
    struct ofr_runlog_event event;
    if (next_expected(v, OFR_RUNLOG_LOST, &event))
        compare_request(v, event.request, row);
}

static void on_decision(void *state, const struct ofr_decision_row *row)
{
    struct ofr_verifier *v = state;
    struct ofr_runlog_event event;
    if (next_expected(v, OFR_RUNLOG_DECISION, &event))
        compare_decision(v, event.decision, row);
}

struct ofr_observer ofr_verify__observer(struct ofr_verifier *v)
{
    return (struct ofr_observer){.state = v, .batch = on_batch, .lost = on_lost, .decision = on_decision};
}

int ofr_verify__formed(struct ofr_verifier *v, const struct ofr_batch *batch, const struct ofr_batch_row *log,
                       struct ofr_error *err)
{
    struct ofr_batch_row row = {.id = batch->id,
                                .dispatched_ns = batch->dispatched_ns,
                                .size = batch->size,
                                .padded = batch->padded,
                                .queue_length = batch->queue_length,
                                .server = batch->server,
                                .ramps = (uint16_t)batch->config.ramps,
                                .reason = batch->reason,
                                .cut = log->cut,
                                .ended_ns = log->ended_ns};
    compare_batch(v, log, &row);
    return v->report->differs ? ofr_fail(err, OFR_E_GATE, "%s", v->report->where) : 0;
}

int ofr_verify__end(struct ofr_verifier *v, struct ofr_error *err)
{
    struct ofr_runlog_event event;
    if (v->report->differs)
        return 0;
    int rc = ofr_runlog_next(v->expected, &event, err);
    if (rc < 0)
        return rc;
    if (rc == 1)
        ofr_verify__differs(v, NULL, "at %" PRId64 " ns: the core has ended, the log goes on with %s",
                            v->now_ns, kinds[event.kind]);
    return 0;
}
