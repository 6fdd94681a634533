#include "sim/base/json.h"

#include "sim/base/units.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

json_t *ofr_json_real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *ofr_json_count(uint64_t value)
{
    if (value <= INT64_MAX)
        return json_integer((json_int_t)value);
    return json_sprintf("%" PRIu64, value);
}

struct writer {
    FILE *out;
    bool failed; /* out of memory */
};

static void write_real(struct writer *writer, double value)
{
    char text[OFR_UNIT_TEXT];
    ofr_write_real(text, value);
    /* A real stays a real for readers that tell 1 from 1.0. */
    fprintf(writer->out, "%s%s", text, strpbrk(text, ".e") ? "" : ".0");
}

static void write_plain(struct writer *writer, const json_t *value)
{
    if (json_is_real(value)) {
        write_real(writer, json_real_value(value));
        return;
    }
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    if (text)
        fputs(text, writer->out);
    writer->failed = writer->failed || !text;
    free(text);
}

static bool is_nested(const json_t *value)
{
    return json_is_object(value) || json_is_array(value);
}

static bool on_one_line(const json_t *value)
{
    for (size_t i = 0; json_is_array(value) && i < json_array_size(value); ++i) {
        if (is_nested(json_array_get(value, i)))
            return false;
    }
    return json_is_array(value) || json_object_size(value) == 0;
}

static void write_break(struct writer *writer, bool one_line, int depth)
{
    if (!one_line)
        fprintf(writer->out, "\n%*s", 2 * depth, "");
}

static void write_value(struct writer *writer, const json_t *value, int depth);

static void write_object(struct writer *writer, json_t *object, int depth)
{
    bool one_line = on_one_line(object), first = true;
    const char *key;
    json_t *value;
    fputc('{', writer->out);
    json_object_foreach(object, key, value)
    {
        if (!first)
            fputs(one_line ? ", " : ",", writer->out);
        first = false;
        write_break(writer, one_line, depth + 1);
        json_t *name = json_string(key);
        write_plain(writer, name);
        json_decref(name);
        fputs(": ", writer->out);
        write_value(writer, value, depth + 1);
    }
    if (!first)
        write_break(writer, one_line, depth);
    fputc('}', writer->out);
}

static void write_array(struct writer *writer, const json_t *array, int depth)
{
    bool one_line = on_one_line(array);
    size_t count = json_array_size(array);
    fputc('[', writer->out);
    for (size_t i = 0; i < count; ++i) {
        if (i > 0)
            fputs(one_line ? ", " : ",", writer->out);
        write_break(writer, one_line, depth + 1);
        write_value(writer, json_array_get(array, i), depth + 1);
    }
    if (count > 0)
        write_break(writer, one_line, depth);
    fputc(']', writer->out);
}

static void write_value(struct writer *writer, const json_t *value, int depth)
{
    if (json_is_object(value))
        write_object(writer, (json_t *)(uintptr_t)value, depth); /* jansson iterates over non-const only */
    else if (json_is_array(value))
        write_array(writer, value, depth);
    else
        write_plain(writer, value);
}

int ofr_json_write(FILE *out, const json_t *value, struct ofr_error *err)
{
    struct writer writer = {.out = out};
    if (!value)
        return ofr_fail_nomem(err, "JSON");
    write_value(&writer, value, 0);
    fputc('\n', out);
    if (writer.failed)
        return ofr_fail_nomem(err, "JSON");
    return ferror(out) ? ofr_fail_errno(err, "cannot write", "JSON") : 0;
}
