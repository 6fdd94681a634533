/* A comparison for programs. */
#include "analysis/compare.h"
#include "sim/base/json.h"

#include <string.h>

static void set(json_t *object, const char *key, double value)
{
    json_object_set_new(object, key, ofr_json_real(value));
}

static json_t *difference_json(const struct ofr_difference *d)
{
    json_t *object = json_object();
    set(object, "a", d->a);
    set(object, "b", d->b);
    set(object, "a_spread_pct", d->spread_pct);
    set(object, "error_pct", d->error_pct);
    json_t *interval = json_array();
    json_array_append_new(interval, ofr_json_real(d->low_pct));
    json_array_append_new(interval, ofr_json_real(d->high_pct));
    json_object_set_new(object, "interval_pct", interval);
    json_object_set_new(object, "significant", json_boolean(d->significant));
    return object;
}

static json_t *paired_json(const struct ofr_paired *p)
{
    json_t *object = json_object();
    json_object_set_new(object, "pairs", ofr_json_count(p->pairs));
    set(object, "bias_us", p->bias_ns / 1e3);
    set(object, "mean_abs_us", p->mean_abs_ns / 1e3);
    set(object, "p50_abs_us", p->p50_abs_ns / 1e3);
    set(object, "p95_abs_us", p->p95_abs_ns / 1e3);
    set(object, "p99_abs_us", p->p99_abs_ns / 1e3);
    set(object, "max_abs_us", p->max_abs_ns / 1e3);
    set(object, "mean_abs_pct", p->mean_abs_pct);
    set(object, "within_1pct", p->within_1pct);
    return object;
}

static void put_times(json_t *object, const struct ofr_comparison *c)
{
    for (int i = 0; i < OFR_COMPARED; ++i) {
        json_t *time = json_object();
        for (int j = 0; j < OFR_STATISTICS; ++j)
            json_object_set_new(time, ofr_statistic_names[j], difference_json(&c->time[i][j]));
        json_object_set_new(time, "paired", paired_json(&c->paired[i]));
        char key[32];
        snprintf(key, sizeof key, "%s_ms", ofr_compared_names[i]);
        json_object_set_new(object, key, time);
    }
}

static json_t *pair_of(double a, double b)
{
    json_t *array = json_array();
    json_array_append_new(array, ofr_json_real(a));
    json_array_append_new(array, ofr_json_real(b));
    return array;
}

static json_t *histogram_json(double distance, json_t *shares)
{
    json_t *object = json_object();
    set(object, "distance", distance);
    json_object_set_new(object, "shares", shares);
    return object;
}

static void put_histograms(json_t *object, const struct ofr_comparison *c, const struct ofr_run_data *a)
{
    json_t *exits = json_object(), *sizes = json_object(), *outcomes = json_object(),
           *reasons = json_object();
    for (uint32_t i = 0; i <= c->sites; ++i)
        json_object_set_new(exits, i < c->sites ? a->site_name[i] : "full",
                            pair_of(c->exit_a[i], c->exit_b[i]));
    for (uint32_t i = 1; i < c->sizes; ++i) {
        char key[16];
        snprintf(key, sizeof key, "%u", i);
        if (c->size_a[i] > 0.0 || c->size_b[i] > 0.0)
            json_object_set_new(sizes, key, pair_of(c->size_a[i], c->size_b[i]));
    }
    for (int i = 0; i < OFR_OUTCOMES; ++i)
        json_object_set_new(outcomes, ofr_outcome_name(i), pair_of(c->outcome_a[i], c->outcome_b[i]));
    for (int i = 0; i < OFR_REASONS; ++i)
        json_object_set_new(reasons, ofr_reason_name(i), pair_of(c->reason_a[i], c->reason_b[i]));
    json_t *exit_rate = histogram_json(c->exit_distance, exits);
    set(exit_rate, "worst_points", c->exit_worst_points);
    json_object_set_new(object, "exit_rate", exit_rate);
    json_object_set_new(object, "batch_size", histogram_json(c->size_distance, sizes));
    json_object_set_new(object, "outcome", histogram_json(c->outcome_distance, outcomes));
    json_object_set_new(object, "reason", histogram_json(c->reason_distance, reasons));
}

static json_t *decisions_json(const struct ofr_comparison *c)
{
    json_t *object = json_object();
    json_object_set_new(object, "a", ofr_json_count(c->decisions_a));
    json_object_set_new(object, "b", ofr_json_count(c->decisions_b));
    set(object, "same_ramps", c->same_ramps);
    set(object, "threshold_distance", c->threshold_distance);
    json_object_set_new(object, "first_apart_ns",
                        c->first_apart_ns < 0 ? json_null() : json_integer((json_int_t)c->first_apart_ns));
    return object;
}

static json_t *requests_json(const struct ofr_comparison *c)
{
    json_t *object = json_object();
    json_object_set_new(object, "a", ofr_json_count(c->offered_a));
    json_object_set_new(object, "b", ofr_json_count(c->offered_b));
    json_object_set_new(object, "missing_in_a", ofr_json_count(c->missing_a));
    json_object_set_new(object, "missing_in_b", ofr_json_count(c->missing_b));
    json_object_set_new(object, "doubled", ofr_json_count(c->doubled));
    json_object_set_new(object, "different_work", ofr_json_count(c->different_work));
    json_object_set_new(object, "conserved", json_boolean(!c->complaint[0]));
    json_object_set_new(object, "complaint", c->complaint[0] ? json_string(c->complaint) : json_null());
    return object;
}

static json_t *set_json(const struct ofr_run_set *set_of)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < set_of->runs; ++i) {
        const struct ofr_run_data *run = set_of->run[i];
        json_t *object = json_object(), *notes = json_object();
        json_object_set_new(object, "log", json_string(run->path));
        json_object_set_new(object, "seed", ofr_json_count(run->seed));
        for (uint32_t j = 0; j < run->notes.count; ++j)
            json_object_set_new(notes, run->notes.item[j].name, json_string(run->notes.item[j].text));
        json_object_set_new(object, "provenance", notes);
        json_array_append_new(array, object);
    }
    return array;
}

/* Notes of `a` that `b` has not, or has otherwise; with `missing_only` those that it has not. */
static void warn_of_notes(json_t *array, const struct ofr_notes *a, const struct ofr_notes *b,
                          bool missing_only)
{
    for (uint32_t i = 0; i < a->count; ++i) {
        const char *other = ofr_notes_get(b, a->item[i].name);
        if (!other || (!missing_only && strcmp(other, a->item[i].text) != 0))
            json_array_append_new(array, json_sprintf("provenance differs: %s", a->item[i].name));
    }
}

static json_t *warnings_json(const struct ofr_run_data *a, const struct ofr_run_data *b)
{
    json_t *array = json_array();
    if (strcmp(a->scenario, b->scenario) != 0)
        json_array_append_new(array, json_string("the scenarios differ"));
    warn_of_notes(array, &a->notes, &b->notes, false);
    warn_of_notes(array, &b->notes, &a->notes, true);
    return array;
}

static json_t *gates_json(const struct ofr_gates *gates)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < gates->gates; ++i) {
        json_t *object = json_object();
        json_object_set_new(object, "name", json_string(gates->gate[i].name));
        set(object, "value", gates->gate[i].value);
        set(object, "bound", gates->gate[i].bound);
        json_object_set_new(object, "unit", json_string(gates->gate[i].unit));
        json_object_set_new(object, "passed", json_boolean(!gates->gate[i].failed));
        json_array_append_new(array, object);
    }
    return array;
}

json_t *ofr_comparison_json(const struct ofr_comparison *c, const struct ofr_run_set *a,
                            const struct ofr_run_set *b, const struct ofr_gates *gates)
{
    json_t *object = json_object(), *late = json_object(), *pass = json_object(), *sizes = json_object();
    json_object_set_new(object, "a", set_json(a));
    json_object_set_new(object, "b", set_json(b));
    json_object_set_new(object, "warnings", warnings_json(a->run[0], b->run[0]));
    json_object_set_new(object, "requests", requests_json(c));
    json_object_set_new(object, "paired", json_boolean(c->paired_work));
    put_times(object, c);
    json_object_set_new(object, "throughput_rps", difference_json(&c->throughput));
    json_object_set_new(object, "goodput_rps", difference_json(&c->goodput));
    json_object_set_new(object, "agreement", difference_json(&c->agreement));
    json_object_set_new(pass, "size", ofr_json_count(c->pass_size));
    for (int i = 0; i < OFR_PASSES; ++i)
        json_object_set_new(pass, ofr_pass_names[i], difference_json(&c->pass[i]));
    for (uint32_t i = 0; i < c->size_passes; ++i) {
        char key[16];
        snprintf(key, sizeof key, "%u", c->size_pass[i].size);
        json_t *size = difference_json(&c->size_pass[i].mean);
        set(size, "share", c->size_pass[i].share);
        json_object_set_new(sizes, key, size);
    }
    json_object_set_new(pass, "mean_by_size", sizes);
    json_object_set_new(object, "pass_ms", pass);
    json_object_set_new(late, "p50", difference_json(&c->lateness[0]));
    json_object_set_new(late, "p99", difference_json(&c->lateness[1]));
    json_object_set_new(late, "max", difference_json(&c->lateness[2]));
    json_object_set_new(object, "sender_lateness_us", late);
    put_histograms(object, c, a->run[0]);
    json_object_set_new(object, "decisions", decisions_json(c));
    json_object_set_new(object, "gates", gates_json(gates));
    return object;
}
