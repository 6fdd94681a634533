/* Feedback and decisions. The controller takes one batch of feedback at a time; while it works on a decision
 * further feedback waits, and a finished decision is in force from the next dispatch on. */
#include "sim/serve/serve_internal.h"

#include "sim/model/exit_config.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void emit_decision(struct serve *s, const struct ofr_decision_row *row)
{
    for (uint32_t i = 0; i < s->setup->observers; ++i)
        s->setup->observer[i].decision(s->setup->observer[i].state, row);
}

/* From now on in force: as a whole, and each stage's part of it. */
void serve__configure(struct serve *s, const struct offramp_exit_config *config)
{
    serve__copy_config(&s->config, config);
    for (uint32_t i = 0; i < s->stages; ++i)
        s->mode->ramps(i, &s->config, &s->stage[i].config);
}

/* The initial configuration is the first row of the decision log. */
int serve__announce(struct serve *s)
{
    struct ofr_decision_row row = {.changed = 1, .trigger = "initial", .predicted_gain_pct = NAN};
    serve__copy_config(&row.config, &s->config);
    emit_decision(s, &row);
    return 0;
}

static bool good_decision(const struct serve *s, const struct offramp_decision *decision, char *why,
                          size_t why_size)
{
    if (!ofr_decision_cost_good(decision)) {
        snprintf(why, why_size, "its cost is %" PRId64 " ns, expected 0 to %" PRId64, decision->cost_ns,
                 OFR_LONGEST_DECISION_NS);
        return false;
    }
    if (!decision->changed)
        return true;
    if (decision->config.criterion != s->setup->first_config.criterion) {
        snprintf(why, why_size, "its criterion is %d, expected that of the first configuration, %d",
                 decision->config.criterion, s->setup->first_config.criterion);
        return false;
    }
    return ofr_exit_config_good(&decision->config, s->setup->sites, s->setup->policy->flags, why, why_size);
}

static int refuse_decision(const struct serve *s, const char *why)
{
    const char *file = s->setup->policy_file;
    return ofr_fail(s->err, file ? OFR_E_INPUT : OFR_E_BUG,
                    "policy %s%s%s%s made an impossible decision: at %" PRId64 " ns, seed %" PRIu64 ": %s",
                    s->setup->policy->name, file ? " (" : "", file ? file : "", file ? ")" : "",
                    serve__now(s), s->setup->seed, why);
}

/* Hands the results of one batch to the controller; as ofr_controller_ops.ask. */
static int ask(struct serve *s, const struct ofr_batch *batch)
{
    s->in_flight_rows -= batch->size;
    struct offramp_feedback feedback = {
        .size = sizeof feedback,
        .now_ns = serve__now(s),
        .dispatched_ns = batch->dispatched_ns,
        .ended_ns = batch->ended_ns,
        .rows = batch->size,
        .padded_rows = batch->padded,
        .queue_length = batch->queue_length,
        .in_flight_rows = s->in_flight_rows,
        .config = &batch->config,
        .score = batch->score,
        .answer = batch->ramp_answer,
        .final_answer = batch->final_answer,
        .exit_ramp = batch->exit_ramp,
    };
    s->pending.decided_ns = serve__now(s);
    return s->controller.ops->ask(s->controller.state, &feedback, &s->answer, s->err);
}

/* Turns the answer at hand into the pending decision. */
static int accept_decision(struct serve *s)
{
    const struct offramp_decision *decision = &s->answer.decision;
    char why[160];
    if (!good_decision(s, decision, why, sizeof why))
        return refuse_decision(s, why);
    struct ofr_decision_row *row = &s->pending;
    row->cost_ns = decision->cost_ns;
    row->evaluations = decision->evaluations;
    row->changed = decision->changed;
    row->predicted_gain_pct = decision->predicted_gain_pct;
    memset(row->trigger, 0,
           sizeof row->trigger); /* what stands behind the text is not the policy's to choose */
    memcpy(row->trigger, decision->trigger, strnlen(decision->trigger, sizeof row->trigger - 1));
    serve__copy_config(&row->config, decision->changed ? &decision->config : &s->config);
    return 0;
}

int serve__feedback(struct serve *s, struct ofr_batch *batch)
{
    if (s->controller_busy) {
        batch->next = NULL;
        if (s->feedback_last)
            s->feedback_last->next = batch;
        else
            s->feedback_first = batch;
        s->feedback_last = batch;
        return 0;
    }
    int answered = ask(s, batch);
    serve__give_batch(s, batch);
    if (answered < 0)
        return answered;
    if (!answered) {
        s->awaited++;
        s->controller_busy = true;
        return 0;
    }
    if (!s->answer.decided)
        return 0;
    int rc = accept_decision(s);
    if (rc)
        return rc;
    s->controller_busy = true;
    return ofr_event_queue_push(&s->events, serve__now(s) + s->pending.cost_ns, OFR_EVENT_CONTROL,
                                ofr_event_number(0), s->err);
}

/* The controller is free: feedback that has waited for it goes on. */
static int next_feedback(struct serve *s)
{
    s->controller_busy = false;
    while (s->feedback_first && !s->controller_busy) {
        struct ofr_batch *batch = s->feedback_first;
        s->feedback_first = batch->next;
        if (!s->feedback_first)
            s->feedback_last = NULL;
        int rc = serve__feedback(s, batch);
        if (rc)
            return rc;
    }
    return 0;
}

static void apply(struct serve *s)
{
    s->pending.applied_ns = serve__now(s);
    serve__configure(s, &s->pending.config);
    emit_decision(s, &s->pending);
}

int serve__control(struct serve *s)
{
    apply(s);
    return next_feedback(s);
}

/* Answers of a controller with a time of its own. */
int serve__take_answers(struct serve *s)
{
    int rc;
    while ((rc = s->controller.ops->poll(s->controller.state, &s->answer, s->err)) == 1) {
        s->awaited--;
        if (s->answer.decided) {
            rc = accept_decision(s);
            if (rc)
                return rc;
            apply(s);
        }
        rc = next_feedback(s);
        if (rc)
            return rc;
    }
    return rc;
}
