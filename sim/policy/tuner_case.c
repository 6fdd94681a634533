/* Reads a tuner case; every value is checked before it is used. */
#include "sim/policy/tuner_case.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FILE_RAMPS = OFR_TUNER_MAX_RAMPS + 1 /* with a shadow ramp */
};

struct reader {
    const char *path; /* borrowed */
    struct ofr_error *err;
    struct ofr_tuner_case *out;
    const json_t *root;
    uint32_t rows; /* ramps in the file */
    uint32_t row_id[FILE_RAMPS];
    double until[FILE_RAMPS + 1], ramp_ms[FILE_RAMPS];
};

/* What a value is, for messages. */
static const char *describe(const json_t *value, char *out, size_t size)
{
    if (!value)
        snprintf(out, size, "nothing");
    else if (json_is_number(value))
        snprintf(out, size, "%.17g", json_number_value(value));
    else if (json_is_string(value))
        snprintf(out, size, "\"%.40s\"", json_string_value(value));
    else if (json_is_array(value))
        snprintf(out, size, "a list of %zu", json_array_size(value));
    else
        snprintf(out, size, "%s",
                 json_is_object(value) ? "an object"
                 : json_is_null(value) ? "null"
                 : json_is_true(value) ? "true"
                                       : "false");
    return out;
}

/* `path: KEY: found X, expected Y`. */
__attribute__((format(printf, 4, 5))) static int fail(const struct reader *reader, const json_t *found,
                                                      const char *expected, const char *key, ...)
{
    char place[128], what[80];
    va_list args;
    va_start(args, key);
    vsnprintf(place, sizeof place, key, args);
    va_end(args);
    return ofr_fail(reader->err, OFR_E_INPUT, "%s: %s: found %s, expected %s", reader->path, place,
                    describe(found, what, sizeof what), expected);
}

static bool is_whole(const json_t *value, json_int_t min, json_int_t max)
{
    return json_is_integer(value) && json_integer_value(value) >= min && json_integer_value(value) <= max;
}

static bool is_real(const json_t *value, double min, double max)
{
    return json_is_number(value) && json_number_value(value) >= min && json_number_value(value) <= max;
}

static int read_shape(struct reader *reader)
{
    const json_t *n = json_object_get(reader->root, "n");
    const json_t *ids = json_object_get(reader->root, "ramp_ids");
    const json_t *name = json_object_get(reader->root, "name");
    if (!is_whole(n, 1, OFR_TUNER_MAX_SAMPLES))
        return fail(reader, n, "a whole number 1..65536", "n");
    if (name && !json_is_string(name))
        return fail(reader, name, "a string", "name");
    snprintf(reader->out->name, sizeof reader->out->name, "%s", name ? json_string_value(name) : "");
    if (json_array_size(ids) < 1 || json_array_size(ids) > FILE_RAMPS)
        return fail(reader, ids, "a list of 1..64 ramps", "ramp_ids");
    reader->out->samples = (uint32_t)json_integer_value(n);
    reader->rows = (uint32_t)json_array_size(ids);
    for (uint32_t k = 0; k < reader->rows; ++k) {
        const json_t *id = json_array_get(ids, k);
        if (!is_whole(id, 0, 1000000))
            return fail(reader, id, "a ramp number from 0", "ramp_ids[%u]", k);
        reader->row_id[k] = (uint32_t)json_integer_value(id);
        if (k > 0 && reader->row_id[k] <= reader->row_id[k - 1])
            return fail(reader, id, "ramps in ascending order", "ramp_ids[%u]", k);
    }
    return 0;
}

static int read_latency(struct reader *reader)
{
    const json_t *list = json_object_get(reader->root, "latency_list");
    size_t count = json_array_size(list);
    uint32_t deepest = reader->row_id[reader->rows - 1];
    if (count < (size_t)deepest + 2)
        return fail(reader, list, "a list of [vanilla_ms, ramp_ms] for every ramp and the model",
                    "latency_list");
    for (uint32_t k = 0; k < reader->rows; ++k) {
        uint32_t id = reader->row_id[k];
        const json_t *pair = json_array_get(list, id);
        const json_t *until = json_array_get(pair, 0), *ramp_ms = json_array_get(pair, 1);
        if (!is_real(until, 0.0, 1e12))
            return fail(reader, until, "milliseconds, 0 or more", "latency_list[%u][0]", id);
        if (!is_real(ramp_ms, 0.0, 1e12))
            return fail(reader, ramp_ms, "milliseconds, 0 or more", "latency_list[%u][1]", id);
        reader->until[k] = json_number_value(until);
        reader->ramp_ms[k] = json_number_value(ramp_ms);
    }
    const json_t *vanilla = json_array_get(json_array_get(list, count - 1), 0);
    if (!is_real(vanilla, 1e-12, 1e12))
        return fail(reader, vanilla, "milliseconds of the model, above 0", "latency_list[%zu][0]", count - 1);
    reader->until[reader->rows] = json_number_value(vanilla);
    return 0;
}

static int read_shadow(struct reader *reader)
{
    const json_t *shadow = json_object_get(reader->root, "shadow_ramp_idx");
    reader->out->shadow = -1;
    if (shadow && !json_is_null(shadow)) {
        if (!is_whole(shadow, 0, (json_int_t)reader->rows - 1))
            return fail(reader, shadow, "an index into ramp_ids", "shadow_ramp_idx");
        reader->out->shadow = (int32_t)json_integer_value(shadow);
    }
    reader->out->ramps = reader->rows - (reader->out->shadow >= 0);
    if (reader->out->ramps < 1 || reader->out->ramps > OFR_TUNER_MAX_RAMPS)
        return fail(reader, json_object_get(reader->root, "ramp_ids"), "1..64 ramps beside the shadow ramp",
                    "ramp_ids");
    return 0;
}

/* Row of a ramp id in the file; rows when it is not active. */
static uint32_t row_of(const struct reader *reader, const char *id)
{
    uint32_t k = 0;
    char text[16];
    for (; k < reader->rows; ++k) {
        snprintf(text, sizeof text, "%u", reader->row_id[k]);
        if (strcmp(text, id) == 0)
            break;
    }
    return k;
}

/* Row of the file as a row of the case: the shadow ramp is not in it. */
static uint32_t without_shadow(const struct reader *reader, uint32_t row)
{
    return row - (reader->out->shadow >= 0 && row > (uint32_t)reader->out->shadow);
}

static int read_fixed(struct reader *reader)
{
    json_t *fixed = json_object_get(reader->root, "fixed_ramps");
    const char *id;
    json_t *value;
    for (uint32_t k = 0; k < reader->out->ramps; ++k)
        reader->out->fixed[k] = NAN;
    if (!fixed || json_is_null(fixed))
        return 0;
    if (!json_is_object(fixed))
        return fail(reader, fixed, "an object of ramp: threshold", "fixed_ramps");
    json_object_foreach(fixed, id, value)
    {
        uint32_t row = row_of(reader, id);
        if (row == reader->rows)
            return fail(reader, value, "one of ramp_ids as the key", "fixed_ramps.%.40s", id);
        if (!is_real(value, 0.0, 1e12))
            return fail(reader, value, "a threshold, 0 or more", "fixed_ramps.%.40s", id);
        if ((int32_t)row != reader->out->shadow)
            reader->out->fixed[without_shadow(reader, row)] = json_number_value(value);
    }
    return 0;
}

static int read_row(struct reader *reader, uint32_t row, double *score, uint8_t *agrees)
{
    uint32_t n = reader->out->samples;
    const json_t *conf = json_array_get(json_object_get(reader->root, "conf"), row);
    const json_t *acc = json_array_get(json_object_get(reader->root, "acc"), row);
    if (json_array_size(conf) != n)
        return fail(reader, conf, "a list of n numbers", "conf[%u]", row);
    if (json_array_size(acc) != n)
        return fail(reader, acc, "a list of n numbers", "acc[%u]", row);
    for (uint32_t i = 0; i < n; ++i) {
        const json_t *c = json_array_get(conf, i), *a = json_array_get(acc, i);
        if (!is_real(c, 0.0, 1.0))
            return fail(reader, c, "a confidence 0..1", "conf[%u][%u]", row, i);
        bool right = json_is_true(a) || (json_is_number(a) && json_number_value(a) == 1.0);
        if (!right && !json_is_false(a) && !(json_is_number(a) && json_number_value(a) == 0.0))
            return fail(reader, a, "0 or 1", "acc[%u][%u]", row, i);
        score[i] = 1 - json_number_value(c);
        agrees[i] = right;
    }
    return 0;
}

static int read_rows(struct reader *reader)
{
    struct ofr_tuner_case *out = reader->out;
    static const char *const key[] = {"conf", "acc"};
    for (int i = 0; i < 2; ++i)
        if (json_array_size(json_object_get(reader->root, key[i])) != reader->rows)
            return fail(reader, json_object_get(reader->root, key[i]), "a list for every ramp of ramp_ids",
                        "%s", key[i]);
    size_t cells = (size_t)out->ramps * out->samples;
    out->score = malloc(cells * sizeof *out->score);
    out->agrees = malloc(cells);
    if (!out->score || !out->agrees)
        return ofr_fail_nomem(reader->err, "tuner case");
    for (uint32_t row = 0; row < reader->rows; ++row) {
        size_t at = (size_t)without_shadow(reader, row) * out->samples;
        if ((int32_t)row != out->shadow && read_row(reader, row, out->score + at, out->agrees + at))
            return OFR_E_INPUT;
    }
    return 0;
}

static void fill_costs(struct reader *reader)
{
    struct ofr_tuner_case *out = reader->out;
    double until[OFR_TUNER_MAX_RAMPS + 1], add[OFR_TUNER_MAX_RAMPS];
    for (uint32_t row = 0; row < reader->rows; ++row) {
        if ((int32_t)row == out->shadow)
            continue;
        uint32_t k = without_shadow(reader, row);
        out->ramp_id[k] = reader->row_id[row];
        until[k] = reader->until[row];
        add[k] = reader->ramp_ms[row];
    }
    until[out->ramps] = reader->until[reader->rows];
    ofr_tuner_costs_from(&out->costs, out->ramps, until, add, add);
}

static int read_all(struct reader *reader)
{
    int code = 0;
    if (!json_is_object(reader->root))
        return fail(reader, reader->root, "an object with n, ramp_ids, conf, acc and latency_list", "file");
    if ((code = read_shape(reader)) || (code = read_latency(reader)) || (code = read_shadow(reader)) ||
        (code = read_fixed(reader)) || (code = read_rows(reader)))
        return code;
    fill_costs(reader);
    return 0;
}

static json_t *parse(const char *path, struct ofr_error *err)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        ofr_fail(err, OFR_E_INPUT, "%s: cannot be opened: %s", path, strerror(errno));
        return NULL;
    }
    json_error_t error;
    json_t *root = json_loadf(file, JSON_REJECT_DUPLICATES, &error);
    if (!root && ferror(file))
        ofr_fail(err, OFR_E_INPUT, "%s: cannot be read as a file", path);
    else if (!root)
        ofr_fail_at(err, OFR_E_INPUT, path, error.line > 0 ? error.line : 1,
                    error.column > 0 ? error.column : 1, "found no JSON (%s), expected a tuner case",
                    error.text);
    fclose(file);
    return root;
}

int ofr_tuner_case_load(struct ofr_tuner_case *out, const char *path, struct ofr_error *err)
{
    *out = (struct ofr_tuner_case){.shadow = -1};
    json_t *root = parse(path, err);
    if (!root)
        return OFR_E_INPUT;
    struct reader reader = {.path = path, .err = err, .out = out, .root = root};
    int code = read_all(&reader);
    json_decref(root);
    if (code)
        ofr_tuner_case_release(out);
    return code;
}

void ofr_tuner_case_release(struct ofr_tuner_case *kase)
{
    free(kase->score);
    free(kase->agrees);
    kase->score = NULL;
    kase->agrees = NULL;
}

void ofr_tuner_case_put(const struct ofr_tuner_case *kase, struct ofr_tuner *tuner)
{
    ofr_tuner_window(tuner, kase->samples, kase->ramps);
    ofr_tuner_set_costs(tuner, &kase->costs);
    for (uint32_t k = 0; k < kase->ramps; ++k) {
        size_t at = (size_t)k * kase->samples;
        ofr_tuner_column(tuner, k, kase->score + at, kase->agrees + at);
        ofr_tuner_fix(tuner, k, kase->fixed[k]);
    }
}

uint32_t ofr_tuner_case_thresholds(const struct ofr_tuner_case *kase, const struct ofr_tuner_result *result,
                                   double threshold[OFR_TUNER_MAX_RAMPS + 1])
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < kase->ramps; ++k) {
        if ((int32_t)count == kase->shadow)
            threshold[count++] = 0.0;
        threshold[count++] = result->threshold[k];
    }
    if ((int32_t)count == kase->shadow)
        threshold[count++] = 0.0;
    return count;
}
