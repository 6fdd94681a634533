#include "sim/sweep/metric.h"

#include "analysis/summary_print.h"
#include "sim/base/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const unit_suffix[] = {"_ms", "_us", "_rps", "_s", NULL};

/* Whether `key` of a summary is what `step` asks for: the name, or the name without its unit. */
static bool answers(const char *key, const char *step, size_t length)
{
    if (strncmp(key, step, length) != 0)
        return false;
    if (!key[length])
        return true;
    for (int i = 0; unit_suffix[i]; ++i)
        if (strcmp(key + length, unit_suffix[i]) == 0)
            return true;
    return false;
}

static const json_t *member(const json_t *value, const char *step, size_t length, const char **name)
{
    if (json_is_array(value)) {
        char *end;
        unsigned long at = strtoul(step, &end, 10);
        return end == step + length && length ? json_array_get(value, at) : NULL;
    }
    void *at = json_object_iter((json_t *)(uintptr_t)value); /* jansson iterates over non-const only */
    for (; at; at = json_object_iter_next((json_t *)(uintptr_t)value, at)) {
        *name = json_object_iter_key(at);
        if (answers(*name, step, length))
            return json_object_iter_value(at);
    }
    return NULL;
}

/* Follows `name`; the full name of what was found goes to `full` (may be NULL). */
static const json_t *follow(const json_t *summary, const char *name, char *full, size_t size)
{
    const json_t *value = summary;
    size_t used = 0;
    for (const char *step = name; step && value;) {
        const char *dot = strchr(step, '.');
        size_t length = dot ? (size_t)(dot - step) : strlen(step);
        const char *key = NULL;
        value = member(value, step, length, &key);
        if (full && value && used < size)
            used += (size_t)snprintf(full + used, size - used, "%s%.*s", used ? "." : "",
                                     key ? (int)strlen(key) : (int)length, key ? key : step);
        step = dot ? dot + 1 : NULL;
    }
    return value;
}

/* A summary as every run has one, of a run in which nothing happened. */
static json_t *specimen(void)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_summary summary = {0};
    struct ofr_summary_title title = {.scenario = "", .policy = ""};
    if (ofr_summary_init(&summary, OFFRAMP_MAX_SITES, 1, 1, &err))
        return NULL;
    json_t *json = ofr_summary_json(&summary, &title);
    ofr_summary_release(&summary);
    return json;
}

/* Numbers of a run its summary has no room for. */
static const char *const derived[] = {
    [OFR_DERIVED_OK_SHARE] = "ok_share",
    [OFR_DERIVED_SLO] = "slo_ms",
    [OFR_DERIVED_CAPACITY] = "capacity",
    [OFR_DERIVED_INSIDE] = "capacity_inside",
};

static enum ofr_derived derived_of(const char *name)
{
    for (int i = 1; i < OFR_DERIVED_COUNT; ++i)
        if (answers(derived[i], name, strlen(name)))
            return (enum ofr_derived)i;
    return OFR_DERIVED_NONE;
}

static int resolve(const char *name, char *full, size_t size, struct ofr_error *err)
{
    enum ofr_derived own = derived_of(name);
    if (own) {
        snprintf(full, size, "%s", derived[own]);
        return 0;
    }
    json_t *summary = specimen();
    if (!summary)
        return ofr_fail_nomem(err, "a metric");
    const json_t *value = follow(summary, name, full, size);
    bool number = value && !json_is_object(value) && !json_is_array(value) && !json_is_string(value) &&
                  !json_is_boolean(value);
    json_decref(summary);
    if (number)
        return 0;
    return ofr_fail(
        err, OFR_E_INPUT,
        "metric: found '%.60s', expected a number of the summary `offramp sim --json` prints, such as "
        "latency_ms.p99, throughput_rps, ok_share, agreement or exit_rate.0",
        name);
}

static int32_t add_full(struct ofr_metric *list, uint32_t *count, const char *full, struct ofr_error *err)
{
    for (uint32_t i = 0; i < *count; ++i)
        if (strcmp(list[i].name, full) == 0)
            return (int32_t)i;
    if (*count == OFFRAMP_MAX_SITES)
        return ofr_fail(err, OFR_E_INPUT, "metrics: more than %d", OFFRAMP_MAX_SITES);
    snprintf(list[*count].name, sizeof list[*count].name, "%.47s", full);
    list[*count].derived = derived_of(full);
    return (int32_t)(*count)++;
}

int32_t ofr_metric_add(struct ofr_metric *list, uint32_t *count, const char *name, struct ofr_error *err)
{
    char full[48] = "";
    int rc = resolve(name, full, sizeof full, err);
    return rc ? rc : add_full(list, count, full, err);
}

/* A value in the unit the metric's name ends in. NULL or what was expected. */
static const char *read_value(const char *metric, const char *text, double *value)
{
    static const struct {
        const char *unit;
        double ns;
    } time_unit[] = {{"_ms", 1e6}, {"_us", 1e3}, {"_s", 1e9}};
    char first[48];
    snprintf(first, sizeof first, "%.*s", (int)strcspn(metric, "."), metric);
    size_t length = strlen(first);
    for (size_t i = 0; i < sizeof time_unit / sizeof *time_unit; ++i) {
        size_t unit = strlen(time_unit[i].unit);
        if (length <= unit || strcmp(first + length - unit, time_unit[i].unit) != 0)
            continue;
        int64_t time_ns;
        const char *expected = ofr_read_time(text, &time_ns);
        *value = (double)time_ns / time_unit[i].ns;
        return expected ? expected : time_ns < 0 ? "a time, e.g. 20ms" : NULL;
    }
    if (length > 4 && strcmp(first + length - 4, "_rps") == 0)
        return ofr_read_rate(text, value);
    return text[strlen(text) - 1] == '%' ? ofr_read_share(text, value) : ofr_read_real(text, value);
}

int ofr_constraint_read(struct ofr_constraint *out, const char *text, struct ofr_metric *list,
                        uint32_t *count, struct ofr_error *err)
{
    char name[48] = "", op[4] = "", value[48] = "", more;
    int fields = sscanf(text, "%47[a-z0-9_.] %2[<>=] %47s %c", name, op, value, &more);
    bool known =
        strcmp(op, "<=") == 0 || strcmp(op, ">=") == 0 || strcmp(op, "<") == 0 || strcmp(op, ">") == 0;
    if (fields != 3 || !known)
        return ofr_fail(err, OFR_E_INPUT,
                        "constraint: found '%.60s', expected METRIC <= VALUE, with <=, >=, < or >, such as "
                        "latency.p99 <= 20ms",
                        text);
    *out = (struct ofr_constraint){.at_most = op[0] == '<', .strict = op[1] == '\0'};
    snprintf(out->text, sizeof out->text, "%.47s", text);
    out->metric = ofr_metric_add(list, count, name, err);
    if (out->metric < 0)
        return out->metric;
    out->slo = -1;
    if (strcmp(value, "slo") == 0 && strstr(list[out->metric].name, "_ms")) {
        out->slo = ofr_metric_add(list, count, "slo", err);
        return out->slo < 0 ? out->slo : 0;
    }
    const char *expected = read_value(list[out->metric].name, value, &out->value);
    return expected
               ? ofr_fail(err, OFR_E_INPUT, "constraint '%s': found '%s', expected %s", text, value, expected)
               : 0;
}

int ofr_goal_read(struct ofr_goal *out, const char *text, struct ofr_metric *list, uint32_t *count,
                  struct ofr_error *err)
{
    char word[48] = "", name[48] = "", more;
    int fields = sscanf(text, "%47s %47s %c", word, name, &more);
    bool least = strncmp(word, "min", 3) == 0, most = strncmp(word, "max", 3) == 0;
    if (fields == 2 && (least || most)) {
        *out = (struct ofr_goal){.minimize = least, .metric = ofr_metric_add(list, count, name, err)};
        return out->metric < 0 ? out->metric : 0;
    }
    if (fields != 1)
        return ofr_fail(err, OFR_E_INPUT,
                        "found '%.60s', expected a metric, or minimize or maximize and a metric", text);
    out->metric = ofr_metric_add(list, count, word, err);
    if (out->metric < 0)
        return out->metric;
    const char *full = list[out->metric].name;
    size_t first = strcspn(full, ".");
    out->minimize =
        (first > 3 && (strncmp(full + first - 3, "_ms", 3) == 0 || strncmp(full + first - 3, "_us", 3) == 0));
    return 0;
}

bool ofr_constraint_met(const struct ofr_constraint *constraint, const double *value)
{
    double found = value[constraint->metric];
    double bound = constraint->slo < 0 ? constraint->value : value[constraint->slo];
    if (constraint->at_most)
        return constraint->strict ? found < bound : found <= bound;
    return constraint->strict ? found > bound : found >= bound;
}

static double derived_value(enum ofr_derived derived_number, const struct ofr_summary *summary,
                            int64_t slo_ns)
{
    switch (derived_number) {
    case OFR_DERIVED_OK_SHARE:
        return summary->offered ? (double)summary->outcome[OFR_OUTCOME_OK] / (double)summary->offered : NAN;
    case OFR_DERIVED_SLO:
        return slo_ns >= 0 ? 1e-6 * (double)slo_ns : NAN;
    default:
        return NAN; /* a search knows them, not a run */
    }
}

int ofr_metrics_measure(const struct ofr_metric *metric, uint32_t metrics, const struct ofr_summary *summary,
                        int64_t slo_ns, double *value, struct ofr_error *err)
{
    struct ofr_summary_title title = {.scenario = "", .policy = ""};
    json_t *json = ofr_summary_json(summary, &title);
    if (!json)
        return ofr_fail_nomem(err, "a summary");
    for (uint32_t i = 0; i < metrics; ++i) {
        const json_t *found = metric[i].derived ? NULL : follow(json, metric[i].name, NULL, 0);
        value[i] = json_is_number(found) ? json_number_value(found)
                                         : derived_value(metric[i].derived, summary, slo_ns);
    }
    json_decref(json);
    return 0;
}
