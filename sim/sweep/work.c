#include "sim/sweep/work.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- inputs ---- */

struct ofr_sweep_loaded {
    struct ofr_scenario_model model; /* what was asked for */
    struct ofr_inputs inputs;
    bool borrows; /* its recording belongs to an earlier entry */
    struct ofr_sweep_loaded *next;
};

void ofr_sweep_inputs_init(struct ofr_sweep_inputs *inputs)
{
    *inputs = (struct ofr_sweep_inputs){0};
    pthread_mutex_init(&inputs->lock, NULL);
}

void ofr_sweep_inputs_release(struct ofr_sweep_inputs *inputs)
{
    while (inputs->first) {
        struct ofr_sweep_loaded *loaded = inputs->first;
        inputs->first = loaded->next;
        if (loaded->borrows)
            loaded->inputs.recording = NULL;
        ofr_inputs_release(&loaded->inputs);
        free(loaded);
    }
    pthread_mutex_destroy(&inputs->lock);
}

static int load(struct ofr_sweep_inputs *inputs, const struct ofr_scenario *scenario,
                struct ofr_sweep_loaded **out, struct ofr_error *err)
{
    struct ofr_sweep_loaded *loaded = calloc(1, sizeof *loaded);
    struct ofr_recording *recording = NULL;
    if (!loaded)
        return ofr_fail_nomem(err, "inputs");
    for (struct ofr_sweep_loaded *each = inputs->first; each && !recording; each = each->next)
        if (strcmp(each->model.recording, scenario->model.recording) == 0)
            recording = each->inputs.recording;
    loaded->model = scenario->model;
    loaded->borrows = recording != NULL;
    int rc = ofr_inputs_load_beside(&loaded->inputs, scenario, recording, err);
    if (rc) {
        free(loaded);
        return rc;
    }
    loaded->next = inputs->first;
    *out = inputs->first = loaded;
    return 0;
}

/* Models that differ in how samples are drawn alone have the same inputs. */
static bool same_inputs(const struct ofr_scenario_model *a, const struct ofr_scenario_model *b)
{
    return strcmp(a->profile, b->profile) == 0 && strcmp(a->recording, b->recording) == 0 &&
           strcmp(a->first_profile, b->first_profile) == 0 && strcmp(a->times, b->times) == 0 &&
           a->ramp_ns == b->ramp_ns && a->dispatch_ns == b->dispatch_ns && a->copy_in_ns == b->copy_in_ns &&
           a->copy_out_ns == b->copy_out_ns && a->release_ns == b->release_ns &&
           a->feedback_ns == b->feedback_ns;
}

int ofr_sweep_inputs_get(struct ofr_sweep_inputs *inputs, const struct ofr_scenario *scenario,
                         const struct ofr_inputs **out, struct ofr_error *err)
{
    int rc = 0;
    pthread_mutex_lock(&inputs->lock);
    struct ofr_sweep_loaded *loaded = inputs->first;
    while (loaded && !same_inputs(&loaded->model, &scenario->model))
        loaded = loaded->next;
    if (!loaded)
        rc = load(inputs, scenario, &loaded, err);
    pthread_mutex_unlock(&inputs->lock);
    if (!rc)
        *out = &loaded->inputs;
    return rc;
}

/* ---- runs ---- */

/* The scenario of a configuration, with the searched key at `at` when there is a search. Owned. */
static int make_scenario(const struct ofr_sweep *sweep, uint64_t configuration, const struct ofr_node *at,
                         struct ofr_scenario **out, struct ofr_error *err)
{
    uint32_t point[OFR_SWEEP_MOST_AXES + 1];
    struct ofr_config *config = NULL;
    ofr_sweep_place(sweep, configuration, point);
    int rc = ofr_config_copy(&config, sweep->scenario, err);
    for (uint32_t i = 0; i < sweep->axes && !rc; ++i) {
        const struct ofr_axis *axis = &sweep->axis[i];
        for (uint32_t k = 0; k < axis->keys && !rc; ++k)
            rc = ofr_config_put(config, axis->key[k], axis->value[(size_t)point[i] * axis->keys + k], err);
    }
    if (!rc && at)
        rc = ofr_config_put(config, sweep->capacity.key, at, err);
    if (!rc)
        rc = ofr_scenario_bind(out, config, err);
    ofr_config_free(config);
    return rc;
}

static int simulate(const struct ofr_sweep *sweep, struct ofr_sweep_inputs *shared, uint64_t run,
                    const struct ofr_node *at, double *value, struct ofr_error *err)
{
    struct ofr_scenario *scenario = NULL;
    const struct ofr_inputs *inputs = NULL;
    struct ofr_run_options options = {0};
    struct ofr_run done;
    int rc = make_scenario(sweep, run / sweep->top.replications, at, &scenario, err);
    if (rc)
        return rc;
    scenario->top.seed += run % sweep->top.replications;
    rc = ofr_sweep_inputs_get(shared, scenario, &inputs, err);
    if (!rc)
        rc = ofr_run_simulate(&done, scenario, inputs, &options, err);
    if (!rc) {
        rc = ofr_metrics_measure(sweep->metric, sweep->metrics, &done.summary, scenario->top.slo_ns, value,
                                 err);
        ofr_run_release(&done);
    }
    ofr_scenario_free(scenario);
    return rc;
}

/* One step of a search: a run with the key at `at`. */
static int probe(const struct ofr_sweep *sweep, struct ofr_sweep_inputs *inputs, uint64_t run, double at,
                 double *value, bool *met, struct ofr_error *err)
{
    const struct ofr_sweep_capacity *capacity = &sweep->capacity;
    char text[OFR_AMOUNT_TEXT];
    ofr_amount_write(text, sizeof text, (struct ofr_amount){.kind = capacity->range.kind, .value = at});
    struct ofr_node *node = ofr_node_scalar(capacity->node, text);
    if (!node)
        return ofr_fail_nomem(err, "a search");
    int rc = simulate(sweep, inputs, run, node, value, err);
    ofr_node_free(node);
    *met = !rc && ofr_constraint_met(&capacity->meets, value);
    value[OFR_SWEEP_CAPACITY] = at;
    value[OFR_SWEEP_INSIDE] = 1.0;
    return rc;
}

/* Where a bracket is cut: its geometric mean, or the multiple of `round` between its ends that is nearest to that. 0 =
 * it is narrow enough, or there is no multiple between. */
static double middle_of(const struct ofr_sweep_capacity *capacity, double low, double high)
{
    const double slip = 1e-9; /* of a quotient whose divisor is no whole number */
    double middle = sqrt(low * high), round = capacity->range.round;
    if (high / low <= 1.0 + capacity->tolerance)
        return 0.0;
    if (round <= 0.0)
        return middle;
    double first = floor(low / round + slip) + 1.0, last = ceil(high / round - slip) - 1.0;
    return first > last ? 0.0 : round * fmin(fmax(nearbyint(middle / round), first), last);
}

/* Narrows the bracket low (holds) .. high (does not), keeping the values of the last run that held. */
static int bisect(const struct ofr_sweep *sweep, struct ofr_sweep_inputs *inputs, uint64_t run, double *value,
                  struct ofr_error *err)
{
    const struct ofr_sweep_capacity *capacity = &sweep->capacity;
    double low = capacity->range.from, high = capacity->range.to, trial[OFFRAMP_MAX_SITES];
    int rc = 0;
    for (double middle; !rc && (middle = middle_of(capacity, low, high)) > 0.0;) {
        bool met = false;
        rc = probe(sweep, inputs, run, middle, trial, &met, err);
        if (!rc && met)
            memcpy(value, trial, sweep->metrics * sizeof *value);
        if (met)
            low = middle;
        else
            high = middle;
    }
    return rc;
}

/* At an end of the range there is nothing to narrow: 0 when the condition does not hold even at its start, the end
 * when it holds there still. */
static int search(const struct ofr_sweep *sweep, struct ofr_sweep_inputs *inputs, uint64_t run, double *value,
                  struct ofr_error *err)
{
    const struct ofr_range *range = &sweep->capacity.range;
    bool met = false;
    int rc = probe(sweep, inputs, run, range->to, value, &met, err);
    if (!rc && met) {
        value[OFR_SWEEP_INSIDE] = 0.0;
        return 0;
    }
    if (!rc)
        rc = probe(sweep, inputs, run, range->from, value, &met, err);
    if (!rc && !met) {
        value[OFR_SWEEP_CAPACITY] = value[OFR_SWEEP_INSIDE] = 0.0;
        return 0;
    }
    return rc ? rc : bisect(sweep, inputs, run, value, err);
}

int ofr_sweep_do(const struct ofr_sweep *sweep, struct ofr_sweep_inputs *inputs, uint64_t run, double *value,
                 struct ofr_error *err)
{
    if (sweep->capacity.node)
        return search(sweep, inputs, run, value, err);
    return simulate(sweep, inputs, run, NULL, value, err);
}

int ofr_sweep_check(const struct ofr_sweep *sweep, struct ofr_sweep_inputs *inputs, struct ofr_error *err)
{
    enum {
        LOOKED_AT = 100
    };
    uint64_t count = sweep->configurations < LOOKED_AT ? sweep->configurations : LOOKED_AT;
    struct ofr_error first = OFR_ERROR_INIT;
    for (uint64_t i = 0; i < count; ++i) {
        struct ofr_scenario *scenario = NULL;
        const struct ofr_inputs *found;
        struct ofr_error own = OFR_ERROR_INIT;
        int rc =
            make_scenario(sweep, i * sweep->configurations / count, sweep->capacity.start, &scenario, &own);
        if (!rc)
            rc = ofr_sweep_inputs_get(inputs, scenario, &found, &own);
        ofr_scenario_free(scenario);
        if (!rc)
            return 0;
        if (!first.code)
            first = own;
    }
    return ofr_fail(err, first.code, "%s", first.text);
}
