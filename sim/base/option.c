#include "sim/base/config.h"
#include "sim/base/units.h"

#include <inttypes.h>
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

/* The value in the unit of the row's range; NaN for types without one. */
static double ranged(const struct offramp_option *option, const void *at)
{
    switch (option->type) {
    case OFFRAMP_OPT_COUNT:
        return (double)*(const uint64_t *)at;
    case OFFRAMP_OPT_TIME:
        return (double)*(const int64_t *)at;
    default:
        return *(const double *)at;
    }
}

/* A bound of the row's range, as the user would write it. */
static void format_bound(const struct offramp_option *option, double bound, char *out)
{
    if (option->type == OFFRAMP_OPT_TIME)
        ofr_write_time(out, bound >= 9.2e18 ? INT64_MAX : (int64_t)bound);
    else
        ofr_write_real(out, bound);
    if (option->type == OFFRAMP_OPT_RATE)
        strcat(out, "/s");
}

static int complain(const struct offramp_option *option, const char *where, const char *text,
                    const char *expected, struct ofr_error *err)
{
    if (where)
        return ofr_fail(err, OFR_E_INPUT, "%s: %s: found '%s', expected %s", where, option->name, text,
                        expected);
    return ofr_fail(err, OFR_E_INPUT, "%s: found '%s', expected %s", option->name, text, expected);
}

static int check_range(const struct offramp_option *option, double value, const char *where, const char *text,
                       struct ofr_error *err)
{
    bool any = option->min == 0.0 && option->max == 0.0;
    if (any || (value >= option->min && value <= option->max))
        return 0;
    char low[OFR_UNIT_TEXT + 4], high[OFR_UNIT_TEXT + 4], expected[3 * OFR_UNIT_TEXT];
    format_bound(option, option->min, low);
    format_bound(option, option->max, high);
    snprintf(expected, sizeof expected, "%s to %s", low, high);
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
    int rc = check_range(option, value, where, text, err);
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
    default: {
        const char *expected = read_number(option, text, at);
        return expected ? complain(option, where, text, expected, err)
                        : check_range(option, ranged(option, at), where, text, err);
    }
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

/* Paths are relative to the file that names them. */
static int resolve_path(const struct offramp_option *option, const struct ofr_node *node, void *values,
                        const char *where, struct ofr_error *err)
{
    char *path = member(option, values);
    const char *slash = node->line > 0 ? strrchr(node->source, '/') : NULL;
    if (!path[0] || path[0] == '/' || !slash)
        return 0;
    char whole[2 * OFFRAMP_TEXT_SIZE];
    snprintf(whole, sizeof whole, "%.*s/%s", (int)(slash - node->source), node->source, path);
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

int ofr_options_bind(const struct offramp_option *options, uint32_t count, void *values, size_t values_size,
                     struct ofr_node *map, struct ofr_error *err)
{
    memset(values, 0, values_size);
    for (uint32_t i = 0; i < count; ++i) {
        const struct ofr_node *node = ofr_node_get(map, options[i].name);
        int rc =
            node ? bind_node(&options[i], node, values, err) : bind_fallback(&options[i], values, map, err);
        if (rc)
            return rc;
    }
    return 0;
}

/* ---- writing ---- */

/* A plain YAML scalar where that is safe, else double-quoted. */
static int format_text(const char *text, char *out, size_t size)
{
    bool plain =
        text[0] != '\0' &&
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-") == strlen(text) &&
        text[0] != '-';
    if (plain)
        return snprintf(out, size, "%s", text);
    size_t used = 0;
    for (const char *at = text; *at && used + 4 < size; ++at) {
        if (used == 0)
            out[used++] = '"';
        if (*at == '"' || *at == '\\')
            out[used++] = '\\';
        out[used++] = *at;
    }
    if (used == 0)
        return snprintf(out, size, "\"\"");
    out[used++] = '"';
    out[used] = '\0';
    return (int)used;
}

static int format_list(const struct offramp_option *option, const void *at, char *out, size_t size)
{
    const struct offramp_texts *texts = at;
    const struct offramp_reals *reals = at;
    int used = snprintf(out, size, "[");
    for (uint32_t i = 0; i < texts->count && used >= 0 && (size_t)used < size; ++i) {
        char item[128];
        if (option->type == OFFRAMP_OPT_TEXTS)
            format_text(texts->item[i], item, sizeof item);
        else
            ofr_write_real(item, reals->item[i]);
        used += snprintf(out + used, size - (size_t)used, "%s%s", i ? ", " : "", item);
    }
    if (used >= 0 && (size_t)used < size)
        used += snprintf(out + used, size - (size_t)used, "]");
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
        return format_text(at, out, size);
    case OFFRAMP_OPT_REALS:
    case OFFRAMP_OPT_TEXTS:
        return format_list(option, at, out, size);
    default:
        ofr_write_real(number, *(const double *)at);
        return snprintf(out, size, "%s%s", number,
                        option->type == OFFRAMP_OPT_RATE     ? "/s"
                        : option->type == OFFRAMP_OPT_FACTOR ? "x"
                                                             : "");
    }
}

static const char *type_name(enum offramp_option_type type)
{
    static const char *const name[] = {"count",  "time", "rate", "share",   "factor", "number", "bool",
                                       "choice", "text", "path", "numbers", "texts",  "texts"};
    return name[type];
}

static void help_row(FILE *out, const struct offramp_option *option)
{
    fprintf(out, "  %-22s %-8s ", option->name, type_name(option->type));
    fprintf(out, "%-12s %s", option->fallback ? (*option->fallback ? option->fallback : "-") : "required",
            option->help);
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
    fprintf(out, "  %-22s %-8s %-12s %s\n", "option", "type", "default", "what it is");
    for (uint32_t i = 0; i < count; ++i)
        help_row(out, &options[i]);
}
