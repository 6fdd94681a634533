#include "sim/sweep/range.h"

#include "sim/base/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- quantities ---- */

const char *ofr_amount_read(const char *text, struct ofr_amount *quantity)
{
    const char *unit = ofr_unit_of(text);
    const char *expected;
    if (*unit && ofr_unit_ns(unit) > 0.0) {
        int64_t time_ns = 0;
        expected = ofr_read_time(text, &time_ns);
        *quantity = (struct ofr_amount){.kind = OFR_AMOUNT_TIME, .value = (double)time_ns};
    } else if (*unit && ofr_unit_per_s(unit) > 0.0) {
        quantity->kind = OFR_AMOUNT_RATE;
        expected = ofr_read_rate(text, &quantity->value);
    } else if (strcmp(unit, "%") == 0) {
        quantity->kind = OFR_AMOUNT_PERCENT;
        expected = ofr_read_share(text, &quantity->value);
        quantity->value *= 100.0;
    } else if (strcmp(unit, "x") == 0) {
        quantity->kind = OFR_AMOUNT_FACTOR;
        expected = ofr_read_factor(text, &quantity->value);
    } else {
        uint64_t count;
        quantity->kind = OFR_AMOUNT_PLAIN;
        expected = ofr_read_real(text, &quantity->value);
        if (expected && !ofr_read_count(text, &count)) { /* 10k, 2M */
            quantity->value = (double)count;
            expected = NULL;
        }
    }
    return expected;
}

void ofr_amount_write(char *out, size_t size, struct ofr_amount quantity)
{
    static const char *const unit[] = {"", "", "/s", "%", "x"};
    if (quantity.kind == OFR_AMOUNT_TIME) {
        char text[OFR_UNIT_TEXT];
        ofr_write_time(text, (int64_t)llround(quantity.value));
        snprintf(out, size, "%s", text);
        return;
    }
    bool whole = fabs(quantity.value) < 1e15 && quantity.value == floor(quantity.value);
    snprintf(out, size, whole ? "%.0f%s" : "%.12g%s", quantity.value, unit[quantity.kind]);
}

/* ---- ranges ---- */

struct range_text {
    char from[OFFRAMP_TEXT_SIZE], to[OFFRAMP_TEXT_SIZE], step[OFFRAMP_TEXT_SIZE], round[OFFRAMP_TEXT_SIZE];
    uint64_t count;
    int32_t scale;
};

#define ROW(member) .offset = offsetof(struct range_text, member)
static const char *const scales[] = {"linear", "log", NULL};
static const struct offramp_option range_table[] = {
    {.name = "from", .type = OFFRAMP_OPT_TEXT, ROW(from), .help = "first value, with its unit"},
    {.name = "to", .type = OFFRAMP_OPT_TEXT, ROW(to), .help = "last value"},
    {.name = "step",
     .type = OFFRAMP_OPT_TEXT,
     ROW(step),
     .fallback = "",
     .help = "from one value to the next"},
    {.name = "round",
     .type = OFFRAMP_OPT_TEXT,
     ROW(round),
     .fallback = "",
     .help = "values are multiples of this"},
    {.name = "count",
     .type = OFFRAMP_OPT_COUNT,
     ROW(count),
     .fallback = "0",
     .max = OFR_RANGE_MOST,
     .help = "how many values"},
    {.name = "scale",
     .type = OFFRAMP_OPT_CHOICE,
     ROW(scale),
     .fallback = "linear",
     .choices = scales,
     .help = "spacing"},
};
enum {
    RANGE_ROWS = sizeof range_table / sizeof *range_table
};

static int read_bound(const struct ofr_node *map, const char *key, const char *text, struct ofr_range *range,
                      double *value, struct ofr_error *err)
{
    struct ofr_amount quantity;
    *value = 0.0;
    if (!*text)
        return 0;
    const char *expected = ofr_amount_read(text, &quantity);
    if (expected)
        return ofr_node_fail(map, err, "%s: found '%.60s', expected %s", key, text, expected);
    if (strcmp(key, "from") == 0)
        range->kind = quantity.kind;
    else if (quantity.kind != range->kind)
        return ofr_node_fail(map, err, "%s: found '%.60s', which is another kind of quantity than `from`",
                             key, text);
    *value = quantity.value;
    return 0;
}

static int check_range(const struct ofr_range *range, const struct ofr_node *map, struct ofr_error *err)
{
    if (range->to < range->from)
        return ofr_node_fail(map, err, "found a range whose `to` is less than its `from`");
    if (range->step < 0.0 || range->round < 0.0)
        return ofr_node_fail(map, err, "found a negative step, expected one above 0");
    if (range->step > 0.0 && (range->count || range->log))
        return ofr_node_fail(
            map, err, "found a step beside a count or a log scale, expected one way to space the values");
    if (range->log && range->from <= 0.0)
        return ofr_node_fail(map, err, "found a log scale from 0 or less, expected `from` above 0");
    if (range->step > 0.0 && (range->to - range->from) / range->step > OFR_RANGE_MOST)
        return ofr_node_fail(map, err, "found a range of more than %d values", OFR_RANGE_MOST);
    return 0;
}

int ofr_range_read(struct ofr_range *range, struct ofr_node *map, struct ofr_error *err)
{
    static const char *const known[] = {"from", "to", "step", "round", "count", "scale", NULL};
    struct range_text *text = malloc(sizeof *text);
    if (!text)
        return ofr_fail_nomem(err, "a range");
    *range = (struct ofr_range){0};
    int rc = ofr_options_bind(range_table, RANGE_ROWS, text, sizeof *text, map, err);
    if (!rc)
        rc = ofr_node_reject_unused(map, known, err);
    if (!rc)
        rc = read_bound(map, "from", text->from, range, &range->from, err);
    if (!rc)
        rc = read_bound(map, "to", text->to, range, &range->to, err);
    if (!rc)
        rc = read_bound(map, "step", text->step, range, &range->step, err);
    if (!rc)
        rc = read_bound(map, "round", text->round, range, &range->round, err);
    if (!rc) {
        range->count = text->count;
        range->log = text->scale == 1;
        rc = check_range(range, map, err);
    }
    free(text);
    return rc;
}

struct ofr_amount ofr_range_at(const struct ofr_range *range, double u)
{
    double value = range->log ? range->from * pow(range->to / range->from, u)
                              : range->from + u * (range->to - range->from);
    if (range->round > 0.0)
        value = range->round * nearbyint(value / range->round);
    return (struct ofr_amount){.kind = range->kind, .value = value};
}
