/* Gates on a comparison: names, bounds, verdicts. */
#include "analysis/compare.h"
#include "sim/base/units.h"
#include <math.h>
#include <string.h>

/* A figure a gate can bound: its size without sign, in the unit its bound is given in. */
struct figure {
    double value;
    const char *unit; /* "%" of A, "points" of per cent, "" for a distance (bound as a share) */
};

static const struct ofr_difference *find_time(const struct ofr_comparison *c, const char *name)
{
    const char *dot = strchr(name, '.'), *statistic = dot ? dot + 1 : name;
    int compared = OFR_COMPARED_LATENCY;
    if (dot) {
        size_t length = (size_t)(dot - name);
        for (compared = 0; compared < OFR_COMPARED; ++compared)
            if (strlen(ofr_compared_names[compared]) == length &&
                strncmp(name, ofr_compared_names[compared], length) == 0)
                break;
    }
    for (int i = 0; compared < OFR_COMPARED && i < OFR_STATISTICS; ++i)
        if (strcmp(statistic, ofr_statistic_names[i]) == 0)
            return &c->time[compared][i];
    return NULL;
}

static bool find_figure(const struct ofr_comparison *c, const char *name, struct figure *out)
{
    const struct ofr_difference *time = find_time(c, name);
    if (time) {
        *out = (struct figure){.value = fabs(time->error_pct), .unit = "%"};
        return true;
    }
    const struct {
        const char *name;
        struct figure figure;
    } known[] = {
        {"throughput", {fabs(c->throughput.error_pct), "%"}},
        {"goodput", {fabs(c->goodput.error_pct), "%"}},
        {"agreement", {fabs(c->agreement.b - c->agreement.a) * 100.0, "points"}},
        {"exit_rate", {c->exit_worst_points, "points"}},
        {"batch_size", {c->size_distance * 100.0, "% distance"}},
        {"outcome", {c->outcome_distance * 100.0, "% distance"}},
        {"reason", {c->reason_distance * 100.0, "% distance"}},
        {"decisions", {(1.0 - c->same_ramps) * 100.0, "% of the time"}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; ++i)
        if (strcmp(name, known[i].name) == 0) {
            *out = known[i].figure;
            return true;
        }
    return false;
}

/* "p99=3%": splits off the bound, in per cent. */
static int read_bound(char *gate, double *bound_pct, struct ofr_error *err)
{
    char *equals = strchr(gate, '=');
    double share = -1.0;
    if (!equals || ofr_read_share(equals + 1, &share) || !(share >= 0.0))
        return ofr_fail(err, OFR_E_USAGE, "gate: found '%s', expected NAME=BOUND such as p99=3%%", gate);
    *bound_pct = share * 100.0;
    *equals = '\0';
    return 0;
}

static int add_gate(struct ofr_gates *out, const struct ofr_comparison *c, char *text, struct ofr_error *err)
{
    struct figure figure;
    struct ofr_gate *gate = &out->gate[out->gates];
    if (out->gates == OFR_MOST_GATES)
        return ofr_fail(err, OFR_E_USAGE, "gate: more than %d gates", OFR_MOST_GATES);
    int rc = read_bound(text, &gate->bound, err);
    if (rc)
        return rc;
    if (!find_figure(c, text, &figure))
        return ofr_fail(err, OFR_E_USAGE,
                        "gate: found '%s', expected mean, p50, p90, p95 or p99 (also latency.p50, "
                        "queueing.mean, service.p99, ...), throughput, goodput, agreement, exit_rate, "
                        "batch_size, outcome, reason or decisions",
                        text);
    snprintf(gate->name, sizeof gate->name, "%s", text);
    gate->value = figure.value;
    gate->unit = figure.unit;
    gate->failed = !(figure.value <= gate->bound);
    out->gates++;
    out->failed += gate->failed;
    return 0;
}

int ofr_compare_gates(struct ofr_gates *out, const struct ofr_comparison *comparison, const char *text,
                      struct ofr_error *err)
{
    char gates[OFFRAMP_TEXT_SIZE];
    *out = (struct ofr_gates){0};
    snprintf(gates, sizeof gates, "%s", text);
    char *rest = NULL;
    for (char *gate = strtok_r(gates, ", ", &rest); gate; gate = strtok_r(NULL, ", ", &rest)) {
        int rc = add_gate(out, comparison, gate, err);
        if (rc)
            return rc;
    }
    if (*text && !out->gates)
        return ofr_fail(err, OFR_E_USAGE, "gate: found '%s', expected NAME=BOUND such as p99=3%%", text);
    return 0;
}

int ofr_compare_verdict(const struct ofr_comparison *comparison, const struct ofr_gates *gates,
                        struct ofr_error *err)
{
    if (comparison->complaint[0])
        return ofr_fail(err, OFR_E_GATE, "gate failed: conservation: %s", comparison->complaint);
    for (uint32_t i = 0; i < gates->gates; ++i) {
        const struct ofr_gate *gate = &gates->gate[i];
        if (!gate->failed)
            continue;
        if (isnan(gate->value))
            return ofr_fail(err, OFR_E_GATE, "gate failed: %s is not defined for these runs", gate->name);
        return ofr_fail(err, OFR_E_GATE, "gate failed: %s is %.4g %s, bound %.4g (%u of %u gates failed)",
                        gate->name, gate->value, gate->unit, gate->bound, gates->failed, gates->gates);
    }
    return 0;
}
