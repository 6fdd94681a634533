/* Mooncake traces: JSON lines with the arrival in ms, tokens in and out, and the ids of the prefix blocks.
 * The ids are checked but not kept: no part of the simulator caches prefixes. Found in time order.
 */
#include "traces/import/importers.h"

#include <string.h>

/* A member that must be an integer 0..max. 1 = taken, 0 = refused, negative = error. */
static int integer(struct ofr_import *import, const json_t *object, const char *key, json_int_t max,
                   uint64_t line, json_int_t *out, struct ofr_error *err)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value))
        return ofr_import_refuse(import, line, 0, err, "found %s for '%s', expected an integer",
                                 value ? "another kind of value" : "nothing", key);
    *out = json_integer_value(value);
    if (*out < 0 || *out > max)
        return ofr_import_refuse(import, line, 0, err, "found %lld for '%s', expected 0..%lld",
                                 (long long)*out, key, (long long)max);
    return 1;
}

static bool is_id_list(const json_t *value)
{
    if (!json_is_array(value))
        return false;
    for (size_t i = 0; i < json_array_size(value); ++i)
        if (!json_is_integer(json_array_get(value, i)))
            return false;
    return true;
}

static int take_object(struct ofr_import *import, const json_t *object, uint64_t line, struct ofr_error *err)
{
    json_int_t ms = 0, prompt = 0, output = 0;
    int rc = integer(import, object, "timestamp", INT64_MAX / 1000000, line, &ms, err);
    if (rc > 0)
        rc = integer(import, object, "input_length", UINT32_MAX, line, &prompt, err);
    if (rc > 0)
        rc = integer(import, object, "output_length", UINT32_MAX, line, &output, err);
    if (rc <= 0)
        return rc;
    const json_t *ids = json_object_get(object, "hash_ids");
    if (ids && !is_id_list(ids))
        return ofr_import_refuse(import, line, 0, err, "'hash_ids' is not a list of integers");
    struct ofr_trace_row row = {
        .arrival_ns = ms * 1000000, .prompt_tokens = (uint32_t)prompt, .output_tokens = (uint32_t)output};
    return ofr_import_row(import, &row, line, 0, err);
}

static int take_line(struct ofr_import *import, const struct ofr_line *line, struct ofr_error *err)
{
    json_error_t problem;
    json_t *object = json_loadb(line->text, line->length, JSON_REJECT_DUPLICATES, &problem);
    int rc;
    if (!object)
        rc = ofr_import_refuse(import, line->number, problem.column, err, "bad JSON: %s", problem.text);
    else if (!json_is_object(object))
        rc = ofr_import_refuse(import, line->number, 1, err, "found no JSON object, expected {...}");
    else
        rc = take_object(import, object, line->number, err);
    json_decref(object);
    return rc;
}

static int run(struct ofr_import *import, struct ofr_error *err)
{
    struct ofr_line line;
    int rc = ofr_import_begin(import, OFR_TRACE_PROMPT | OFR_TRACE_OUTPUT, OFR_IMPORT_SORTED, true, err);
    if (rc)
        return rc;
    while ((rc = ofr_text_line(import->text, &line, err)) > 0) {
        if (line.length == 0)
            ++import->quality.blank_lines;
        else if ((rc = take_line(import, &line, err)) < 0)
            return rc;
    }
    return rc;
}

const struct ofr_importer ofr_importer_mooncake = {
    .component = {.name = "mooncake",
                  .help = "Mooncake JSON lines: timestamp (ms), input_length, output_length, hash_ids"},
    .run = run,
};
