/* Whether an option table is sound. Built-in tables are (a test says so); a plug-in's is checked when it is loaded,
 * because everything that reads tables trusts them. */
#include "sim/base/config.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_ROWS = 256,
    MOST_CHOICES = 256,
    LONGEST_NAME = 63
};

struct room {
    size_t size, alignment;
};

static struct room room_of(enum offramp_option_type type)
{
#define ROOM(type)                                                                                           \
    {                                                                                                        \
        sizeof(type), _Alignof(type)                                                                         \
    }
    static const struct room room[] = {
        [OFFRAMP_OPT_COUNT] = ROOM(uint64_t),
        [OFFRAMP_OPT_TIME] = ROOM(int64_t),
        [OFFRAMP_OPT_RATE] = ROOM(double),
        [OFFRAMP_OPT_SHARE] = ROOM(double),
        [OFFRAMP_OPT_FACTOR] = ROOM(double),
        [OFFRAMP_OPT_REAL] = ROOM(double),
        [OFFRAMP_OPT_BOOL] = ROOM(uint8_t),
        [OFFRAMP_OPT_CHOICE] = ROOM(int32_t),
        [OFFRAMP_OPT_TEXT] = {OFFRAMP_TEXT_SIZE, 1},
        [OFFRAMP_OPT_PATH] = {OFFRAMP_TEXT_SIZE, 1},
        [OFFRAMP_OPT_REALS] = ROOM(struct offramp_reals),
        [OFFRAMP_OPT_TEXTS] = ROOM(struct offramp_texts),
        [OFFRAMP_OPT_ARGS] = ROOM(struct offramp_args),
    };
#undef ROOM
    return room[type];
}

static bool good_name(const char *name)
{
    size_t length = strnlen(name, LONGEST_NAME + 1);
    return length > 0 && length <= LONGEST_NAME && name[0] >= 'a' && name[0] <= 'z' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

static int check_name(const struct offramp_option *row, uint32_t at, struct ofr_error *err)
{
    static const char expected[] = "lower-case letters, digits and underscores, a letter first, at most 63";
    if (!row->name)
        return ofr_fail(err, OFR_E_INPUT, "row %u of its option table has no name", at);
    if (!good_name(row->name))
        return ofr_fail(err, OFR_E_INPUT, "row %u of its option table is called '%.80s', expected %s", at,
                        row->name, expected);
    if (row->alias && !good_name(row->alias))
        return ofr_fail(err, OFR_E_INPUT, "option %s has the alias '%.80s', expected %s", row->name,
                        row->alias, expected);
    if (!row->help)
        return ofr_fail(err, OFR_E_INPUT, "option %s has no help", row->name);
    return 0;
}

/* `type` may be any number: it comes from a file. */
static int check_place(const struct offramp_option *row, size_t values_size, struct ofr_error *err)
{
    if ((unsigned)row->type > OFFRAMP_OPT_ARGS)
        return ofr_fail(err, OFR_E_INPUT, "option %s is of type %u, expected one up to %u", row->name,
                        (unsigned)row->type, (unsigned)OFFRAMP_OPT_ARGS);
    struct room room = room_of(row->type);
    if (row->offset > values_size || room.size > values_size - row->offset)
        return ofr_fail(
            err, OFR_E_INPUT,
            "option %s takes %zu bytes at offset %zu, expected them inside options_size, %zu bytes",
            row->name, room.size, row->offset, values_size);
    if (row->offset % room.alignment)
        return ofr_fail(err, OFR_E_INPUT, "option %s is at offset %zu, expected a multiple of %zu", row->name,
                        row->offset, room.alignment);
    return 0;
}

static int check_choices(const struct offramp_option *row, struct ofr_error *err)
{
    uint32_t count = 0;
    while (row->choices && count <= MOST_CHOICES && row->choices[count])
        ++count;
    if (count == 0 || count > MOST_CHOICES)
        return ofr_fail(err, OFR_E_INPUT, "option %s has %s choices, expected 1 to %d and a NULL", row->name,
                        count ? "too many" : "no", MOST_CHOICES);
    return 0;
}

/* Reads the default as the parser will; range and spelling are checked on the way. */
static int check_fallback(const struct offramp_option *row, void *values, struct ofr_error *err)
{
    if (!(row->min <= row->max))
        return ofr_fail(err, OFR_E_INPUT, "option %s has the range %g to %g", row->name, row->min, row->max);
    bool list =
        row->type == OFFRAMP_OPT_REALS || row->type == OFFRAMP_OPT_TEXTS || row->type == OFFRAMP_OPT_ARGS;
    if (!row->fallback || (list && strcmp(row->fallback, "[]") == 0))
        return 0;
    return ofr_option_parse(row, row->fallback, values, "in its defaults", err);
}

bool ofr_options_share_name(const struct offramp_option *a, const struct offramp_option *b)
{
    return strcmp(a->name, b->name) == 0 || (a->alias && strcmp(a->alias, b->name) == 0) ||
           (b->alias && strcmp(a->name, b->alias) == 0) ||
           (a->alias && b->alias && strcmp(a->alias, b->alias) == 0);
}

static int check_pair(const struct offramp_option *a, const struct offramp_option *b, struct ofr_error *err)
{
    if (ofr_options_share_name(a, b))
        return ofr_fail(err, OFR_E_INPUT, "options %s and %s answer to the same name", a->name, b->name);
    if (a->offset < b->offset + room_of(b->type).size && b->offset < a->offset + room_of(a->type).size)
        return ofr_fail(err, OFR_E_INPUT, "options %s and %s share bytes, at offsets %zu and %zu", a->name,
                        b->name, a->offset, b->offset);
    return 0;
}

static int check_rows(const struct offramp_option *options, uint32_t count, void *values, size_t values_size,
                      struct ofr_error *err)
{
    int rc = 0;
    for (uint32_t i = 0; i < count && !rc; ++i) {
        rc = check_name(&options[i], i, err);
        if (!rc)
            rc = check_place(&options[i], values_size, err);
        if (!rc && options[i].type == OFFRAMP_OPT_CHOICE)
            rc = check_choices(&options[i], err);
        if (!rc)
            rc = check_fallback(&options[i], values, err);
        for (uint32_t j = 0; j < i && !rc; ++j)
            rc = check_pair(&options[j], &options[i], err);
    }
    return rc;
}

int ofr_options_check(const struct offramp_option *options, uint32_t count, size_t values_size,
                      struct ofr_error *err)
{
    if (count > MOST_ROWS || (count > 0 && !options))
        return ofr_fail(err, OFR_E_INPUT, "its option table has %u rows%s, expected at most %d", count,
                        options ? "" : " and no address", MOST_ROWS);
    void *values = calloc(1, values_size + 1);
    if (!values)
        return ofr_fail_nomem(err, "options");
    int rc = check_rows(options, count, values, values_size, err);
    free(values);
    return rc;
}
