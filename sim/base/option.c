#include "sim/base/config.h"
#include "sim/base/units.h"
#include "sim/base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

static void *member(const struct offramp_option *option, void *values)
{
    return (char *)values + option->offset;
}

static const void *const_member(const struct offramp_option *option, const void *values)
{
    return (const char *)values + option->offset;
}

/* Text of the user's, fit for one line of a message. */
static void shown(char *out, size_t size, const char *text)
{
    int length = snprintf(out, size, "%s", text);
    for (char *at = out; *at; ++at)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = ' ';
    if (length >= (int)size)
        memcpy(out + size - 4, "...", 4);
}

static int complain(const struct offramp_option *option, const char *where, const char *text,
                    const char *expected, struct ofr_error *err)
{
    char found[80];
    shown(found, sizeof found, text);
    return ofr_fail(err, OFR_E_INPUT, "%s%s%s: found '%s', expected %s", where ? where : "",
                    where ? ": " : "", option->name, found, expected);
}

/* What a row allows, in its member's unit. Where a row leaves the range open the type still has one. */
struct limits {
    double low, high; /* infinite = open */
    bool none;        /* `none` is allowed beside the range */
};

static struct limits limits_of(const struct offramp_option *option)
{
    bool any = option->min == 0.0 && option->max == 0.0;
    bool is_real = option->type == OFFRAMP_OPT_REAL || option->type == OFFRAMP_OPT_REALS;
    struct limits limits = {.low = option->min, .high = option->max};
    if (any)
        limits = (struct limits){.low = is_real ? -INFINITY : 0.0,
                                 .high = option->type == OFFRAMP_OPT_SHARE ? 1.0 : INFINITY};
    bool may_be_none = option->type == OFFRAMP_OPT_TIME || option->type == OFFRAMP_OPT_RATE;
    if (may_be_none && option->min < 0.0) {
        limits.none = true;
        limits.low = 0.0;
    }
    /* What no 64-bit time or count exceeds is no bound worth naming. */
    if ((option->type == OFFRAMP_OPT_TIME || option->type == OFFRAMP_OPT_COUNT) && limits.high >= 9e18)
        limits.high = INFINITY;
    return limits;
}

static bool within(const struct offramp_option *option, const struct limits *limits, const void *at)
{
    bool open = isinf(limits->high);
    if (option->type == OFFRAMP_OPT_COUNT) {
        uint64_t count = *(const uint64_t *)at;
        return count >= (uint64_t)limits->low && (open || count <= (uint64_t)limits->high);
    }
    if (option->type == OFFRAMP_OPT_TIME) {
        int64_t time_ns = *(const int64_t *)at;
        if (time_ns < 0)
            return limits->none;
        return time_ns >= (int64_t)limits->low && (open || time_ns <= (int64_t)limits->high);
    }
    double value = *(const double *)at;
    return (limits->none && value == -1.0) || (value >= limits->low && value <= limits->high);
}

/* A bound in the unit the user wrote, or the plainest one. */
static void format_bound(const struct offramp_option *option, double bound, const char *unit, char *out)
{
    double one = 0.0;
    if (option->type == OFFRAMP_OPT_TIME)
        one = ofr_unit_ns(unit);
    if (option->type == OFFRAMP_OPT_RATE)
        one = ofr_unit_per_s(unit);
    if (option->type == OFFRAMP_OPT_SHARE && *unit == '%')
        one = 0.01;
    if (one > 0.0 && fabs(bound) < 1e300)
        snprintf(out, OFR_UNIT_TEXT, "%.15g%s", bound / one, unit);
    else if (option->type == OFFRAMP_OPT_TIME)
        ofr_write_time(out, (int64_t)bound);
    else
        snprintf(out, OFR_UNIT_TEXT, "%.15g%s", bound,
                 option->type == OFFRAMP_OPT_RATE     ? "/s"
                 : option->type == OFFRAMP_OPT_FACTOR ? "x"
                                                      : "");
}

static void format_range(const struct offramp_option *option, const char *unit, char *out, size_t size)
{
    struct limits limits = limits_of(option);
    char low[OFR_UNIT_TEXT], high[OFR_UNIT_TEXT];
    const char *none = limits.none ? "none, or " : "";
    format_bound(option, isinf(limits.low) ? 0.0 : limits.low, unit, low);
    format_bound(option, isinf(limits.high) ? 0.0 : limits.high, unit, high);
    if (isinf(limits.low) && isinf(limits.high))
        snprintf(out, size, "any finite number");
    else if (isinf(limits.high))
        snprintf(out, size, "%s%s or more", none, low);
    else
        snprintf(out, size, "%s%s to %s", none, low, high);
}

static int check_range(const struct offramp_option *option, const void *at, const char *where,
                       const char *text, struct ofr_error *err)
{
    struct limits limits = limits_of(option);
    if (within(option, &limits, at))
        return 0;
    char expected[4 * OFR_UNIT_TEXT];
    format_range(option, ofr_unit_of(text), expected, sizeof expected);
    return complain(option, where, text, expected, err);
}

static int read_choice(const struct offramp_option *option, const char *text, int32_t *value,
                       const char *where, struct ofr_error *err)
{
    char expected[512] = "one of:";
    size_t used = strlen(expected);
    for (int32_t i = 0; option->choices[i]; ++i) {
        if (strcmp(option->choices[i], text) == 0) {
            *value = i;
            return 0;
        }
        int added = snprintf(expected + used, sizeof expected - used, " %s", option->choices[i]);
        if (added > 0 && used + (size_t)added < sizeof expected)
            used += (size_t)added;
    }
    const char *near = ofr_nearest(text, option->choices);
    if (near)
        snprintf(expected + used, sizeof expected - used, "; did you mean '%s'?", near);
    return complain(option, where, text, expected, err);
}

static int read_text(const struct offramp_option *option, const char *text, char *out, size_t size,
                     const char *where, struct ofr_error *err)
{
    if (strlen(text) >= size) {
        char expected[64];
        snprintf(expected, sizeof expected, "at most %zu characters", size - 1);
        return complain(option, where, text, expected, err);
    }
    memset(out, 0, size);
    memcpy(out, text, strlen(text));
    return 0;
}

static const char *read_number(const struct offramp_option *option, const char *text, void *at)
{
    switch (option->type) {
    case OFFRAMP_OPT_COUNT:
        return ofr_read_count(text, at);
    case OFFRAMP_OPT_TIME:
        return ofr_read_time(text, at);
    case OFFRAMP_OPT_RATE:
        return ofr_read_rate(text, at);
    case OFFRAMP_OPT_SHARE:
        return ofr_read_share(text, at);
    case OFFRAMP_OPT_FACTOR:
        return ofr_read_factor(text, at);
    default:
        return ofr_read_real(text, at);
    }
}

static int read_ranged(const struct offramp_option *option, const char *text, void *at, const char *where,
                       struct ofr_error *err)
{
    bool none = limits_of(option).none;
    if (none && option->type == OFFRAMP_OPT_RATE && strcmp(text, "none") == 0) {
        *(double *)at = -1.0;
        return 0;
    }
    /* Counts and times know no sign, and where -1 stands for none nothing may read like it: what would be
     * fine without its sign is out of range. */
    bool negative =
        text[0] == '-' && (none || read_number(option, text, at)) && !read_number(option, text + 1, at);
    const char *expected = negative ? NULL : read_number(option, text, at);
    char range[4 * OFR_UNIT_TEXT];
    if (negative) {
        format_range(option, ofr_unit_of(text), range, sizeof range);
        expected = range;
    }
    return expected ? complain(option, where, text, expected, err)
                    : check_range(option, at, where, text, err);
}

/* Appends to a list; scalars are lists of one. */
static int read_item(const struct offramp_option *option, const char *text, void *at, const char *where,
                     struct ofr_error *err)
{
    struct offramp_texts *texts = at;
    if (texts->count == OFFRAMP_MAX_SITES)
        return complain(option, where, text, "at most 64 values", err);
    if (option->type == OFFRAMP_OPT_TEXTS) {
        int rc = read_text(option, text, texts->item[texts->count], sizeof texts->item[0], where, err);
        texts->count += rc == 0;
        return rc;
    }
    if (option->type == OFFRAMP_OPT_ARGS) {
        struct offramp_args *args = at;
        args->item[args->count++] = text;
        return 0;
    }
    struct offramp_reals *reals = at;
    double value;
    const char *expected = ofr_read_real(text, &value);
    if (expected)
        return complain(option, where, text, expected, err);
    int rc = check_range(option, &value, where, text, err);
    if (!rc)
        reals->item[reals->count++] = value;
    return rc;
}

int ofr_option_parse(const struct offramp_option *option, const char *text, void *values, const char *where,
                     struct ofr_error *err)
{
    void *at = member(option, values);
    switch (option->type) {
    case OFFRAMP_OPT_BOOL: {
        const char *expected = ofr_read_bool(text, at);
        return expected ? complain(option, where, text, expected, err) : 0;
    }
    case OFFRAMP_OPT_CHOICE:
        return read_choice(option, text, at, where, err);
    case OFFRAMP_OPT_TEXT:
    case OFFRAMP_OPT_PATH:
        return read_text(option, text, at, OFFRAMP_TEXT_SIZE, where, err);
    case OFFRAMP_OPT_REALS:
    case OFFRAMP_OPT_TEXTS:
    case OFFRAMP_OPT_ARGS:
        return read_item(option, text, at, where, err);
    default:
        return read_ranged(option, text, at, where, err);
    }
}

/* ---- binding ---- */

static void place_of(const struct ofr_node *node, char *out, size_t size)
{
    if (node->line > 0)
        snprintf(out, size, "%s:%d:%d", node->source, node->line, node->column);
    else
        snprintf(out, size, "%s", node->source ? node->source : "scenario");
}

void ofr_node_path(const struct ofr_node *node, const char *path, char *out, size_t size)
{
    const char *slash = node->line > 0 ? strrchr(node->source, '/') : NULL;
    if (!path[0] || path[0] == '/' || !slash)
        snprintf(out, size, "%s", path);
    else
        snprintf(out, size, "%.*s/%s", (int)(slash - node->source), node->source, path);
}

/* Paths are relative to the file that names them. */
static int resolve_path(const struct offramp_option *option, const struct ofr_node *node, void *values,
                        const char *where, struct ofr_error *err)
{
    char *path = member(option, values);
    char whole[2 * OFFRAMP_TEXT_SIZE];
    ofr_node_path(node, path, whole, sizeof whole);
    return read_text(option, whole, path, OFFRAMP_TEXT_SIZE, where, err);
}

static bool takes_list(const struct offramp_option *option)
{
    return option->type == OFFRAMP_OPT_REALS || option->type == OFFRAMP_OPT_TEXTS;
}

static int bind_list(const struct offramp_option *option, const struct ofr_node *node, void *values,
                     struct ofr_error *err)
{
    *(uint32_t *)member(option, values) = 0;
    for (uint32_t i = 0; i < node->children; ++i) {
        char where[OFFRAMP_TEXT_SIZE + 32];
        if (node->child[i]->kind != OFR_NODE_SCALAR)
            return ofr_node_fail(node->child[i], err, "%s: found a list or map, expected a single value",
                                 option->name);
        place_of(node->child[i], where, sizeof where);
        int rc = ofr_option_parse(option, node->child[i]->text, values, where, err);
        if (rc)
            return rc;
    }
    return 0;
}

static int bind_node(const struct offramp_option *option, const struct ofr_node *node, void *values,
                     struct ofr_error *err)
{
    char where[OFFRAMP_TEXT_SIZE + 32];
    if (node->kind == OFR_NODE_LIST && takes_list(option))
        return bind_list(option, node, values, err);
    if (node->kind != OFR_NODE_SCALAR)
        return ofr_node_fail(node, err, "%s: found a %s, expected %s", option->name,
                             node->kind == OFR_NODE_LIST ? "list" : "map",
                             takes_list(option) ? "a value or a list of values" : "a single value");
    place_of(node, where, sizeof where);
    if (takes_list(option))
        *(uint32_t *)member(option, values) = 0;
    int rc = ofr_option_parse(option, node->text, values, where, err);
    return rc || option->type != OFFRAMP_OPT_PATH ? rc : resolve_path(option, node, values, where, err);
}

static int bind_fallback(const struct offramp_option *option, void *values, const struct ofr_node *map,
                         struct ofr_error *err)
{
    if (!option->fallback)
        return map ? ofr_node_fail(map, err, "'%s' is missing: %s", option->name, option->help)
                   : ofr_fail(err, OFR_E_INPUT, "'%s' is missing: %s", option->name, option->help);
    if (takes_list(option) && strcmp(option->fallback, "[]") == 0)
        return 0;
    int rc = ofr_option_parse(option, option->fallback, values, "default", err);
    return rc ? ofr_fail(err, OFR_E_BUG, "default of '%s' is bad", option->name) : 0;
}

/* Finds an option under its name or its alias; *out is NULL when the map has neither. */
static int find_option(struct ofr_node *map, const struct offramp_option *option, const struct ofr_node **out,
                       struct ofr_error *err)
{
    const struct ofr_node *node = ofr_node_get(map, option->name);
    const struct ofr_node *other = option->alias ? ofr_node_get(map, option->alias) : NULL;
    *out = node ? node : other;
    if (node && other)
        return ofr_node_fail(other, err, "found both '%s' and '%s', two names of one option", option->name,
                             option->alias);
    return 0;
}

int ofr_options_bind(const struct offramp_option *options, uint32_t count, void *values, size_t values_size,
                     struct ofr_node *map, struct ofr_error *err)
{
    memset(values, 0, values_size);
    for (uint32_t i = 0; i < count; ++i) {
        const struct ofr_node *node;
        int rc = find_option(map, &options[i], &node, err);
        if (!rc)
            rc = node ? bind_node(&options[i], node, values, err)
                      : bind_fallback(&options[i], values, map, err);
        if (rc)
            return rc;
    }
    return 0;
}

/* ---- writing ---- */

/* YAML takes these in a double-quoted text only as escapes. */
static bool must_escape(uint32_t point, size_t size)
{
    return point < 0x20 || point == 0x7f || (size > 1 && point >= 0x80 && point < 0xa0) || point == 0x2028 ||
           point == 0x2029 || point == 0xfeff;
}

int ofr_text_format(const char *text, char *out, size_t size)
{
    bool plain =
        text[0] != '\0' &&
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-") == strlen(text) &&
        text[0] != '-';
    if (plain)
        return snprintf(out, size, "%s", text);
    int used = snprintf(out, size, "\"");
    while (*text) {
        uint32_t point;
        size_t bytes = ofr_utf8_at(text, &point);
        if (bytes == 0) { /* a byte that is no UTF-8 stands for itself */
            point = (unsigned char)*text;
            bytes = 1;
        }
        size_t room = (size_t)used < size ? size - (size_t)used : 0;
        char *to = room ? out + used : NULL;
        if (must_escape(point, bytes))
            used += snprintf(to, room, "\\u%04x", point);
        else
            used += snprintf(to, room, "%s%.*s", point == '"' || point == '\\' ? "\\" : "", (int)bytes, text);
        text += bytes;
    }
    size_t room = (size_t)used < size ? size - (size_t)used : 0;
    return used + snprintf(room ? out + used : NULL, room, "\"");
}

static int format_list(const struct offramp_option *option, const void *at, char *out, size_t size)
{
    const struct offramp_texts *texts = at;
    const struct offramp_reals *reals = at;
    int used = snprintf(out, size, "[");
    for (uint32_t i = 0; i <= texts->count; ++i) {
        char item[6 * sizeof texts->item[0] + 3] = "]"; /* every byte may become an escape */
        if (i < texts->count && option->type == OFFRAMP_OPT_TEXTS)
            ofr_text_format(texts->item[i], item, sizeof item);
        else if (i < texts->count)
            ofr_write_real(item, reals->item[i]);
        size_t room = (size_t)used < size ? size - (size_t)used : 0;
        used += snprintf(room ? out + used : NULL, room, "%s%s", i && i < texts->count ? ", " : "", item);
    }
    return used;
}

int ofr_option_format(const struct offramp_option *option, const void *values, char *out, size_t size)
{
    const void *at = const_member(option, values);
    char number[OFR_UNIT_TEXT];
    switch (option->type) {
    case OFFRAMP_OPT_COUNT:
        return snprintf(out, size, "%" PRIu64, *(const uint64_t *)at);
    case OFFRAMP_OPT_TIME:
        ofr_write_time(number, *(const int64_t *)at);
        return snprintf(out, size, "%s", number);
    case OFFRAMP_OPT_BOOL:
        return snprintf(out, size, "%s", *(const uint8_t *)at ? "true" : "false");
    case OFFRAMP_OPT_CHOICE:
        return snprintf(out, size, "%s", option->choices[*(const int32_t *)at]);
    case OFFRAMP_OPT_TEXT:
    case OFFRAMP_OPT_PATH:
        return ofr_text_format(at, out, size);
    case OFFRAMP_OPT_REALS:
    case OFFRAMP_OPT_TEXTS:
        return format_list(option, at, out, size);
    case OFFRAMP_OPT_ARGS:
        return snprintf(out, size, "[]"); /* command line only: no file holds any */
    default:
        if (limits_of(option).none && *(const double *)at < 0.0)
            return snprintf(out, size, "none");
        ofr_write_real(number, *(const double *)at);
        return snprintf(out, size, "%s%s", number,
                        option->type == OFFRAMP_OPT_RATE     ? "/s"
                        : option->type == OFFRAMP_OPT_FACTOR ? "x"
                                                             : "");
    }
}

int ofr_options_write(FILE *out, const char *indent, const struct offramp_option *options, uint32_t count,
                      const void *values)
{
    for (uint32_t i = 0; i < count; ++i) {
        size_t size = (size_t)ofr_option_format(&options[i], values, NULL, 0) + 1;
        char *text = malloc(size);
        if (!text)
            return OFR_E_NOMEM;
        ofr_option_format(&options[i], values, text, size);
        fprintf(out, "%s%s: %s\n", indent, options[i].name, text);
        free(text);
    }
    return 0;
}

const char *ofr_option_type_name(enum offramp_option_type type)
{
    static const char *const name[] = {"count",  "time", "rate", "share",   "factor", "number", "bool",
                                       "choice", "text", "path", "numbers", "texts",  "texts"};
    return name[type];
}

static void help_row(FILE *out, const struct offramp_option *option, int width)
{
    fprintf(out, "  %-*s %-8s ", width, option->name, ofr_option_type_name(option->type));
    fprintf(out, "%-12s %s", option->fallback ? (*option->fallback ? option->fallback : "-") : "required",
            option->help);
    if (option->alias)
        fprintf(out, " (also %s)", option->alias);
    if (option->type == OFFRAMP_OPT_CHOICE) {
        fputs(" (", out);
        for (int i = 0; option->choices[i]; ++i)
            fprintf(out, "%s%s", i ? " | " : "", option->choices[i]);
        fputc(')', out);
    }
    fputc('\n', out);
}

void ofr_options_help(FILE *out, const struct offramp_option *options, uint32_t count)
{
    int width = 22;
    for (uint32_t i = 0; i < count; ++i)
        width = (int)strlen(options[i].name) > width ? (int)strlen(options[i].name) : width;
    fprintf(out, "  %-*s %-8s %-12s %s\n", width, "option", "type", "default", "what it is");
    for (uint32_t i = 0; i < count; ++i)
        help_row(out, &options[i], width);
}
