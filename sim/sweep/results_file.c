#include "sim/base/version.h"
#include "sim/sweep/results.h"
#include "traces/container.h"
#include "traces/row_buffer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Widths of the texts: as wide as the longest, so that nothing is cut. */
struct widths {
    uint32_t value[OFR_SWEEP_MOST_AXES + 1]; /* of every key */
    uint32_t error;
};

static uint32_t wider(uint32_t width, const char *text)
{
    size_t length = text ? strlen(text) : 0;
    return length > width ? (length > OFR_WIDTH_MAX ? OFR_WIDTH_MAX : (uint32_t)length) : width;
}

static int measure(struct widths *widths, const struct ofr_sweep *sweep, const struct ofr_sweep_runs *runs,
                   struct ofr_error *err)
{
    *widths = (struct widths){.error = 1};
    uint32_t key = 0;
    for (uint32_t i = 0; i < sweep->axes; ++i)
        for (uint32_t k = 0; k < sweep->axis[i].keys; ++k, ++key) {
            widths->value[key] = 1;
            for (uint32_t p = 0; p < sweep->axis[i].points; ++p) {
                char *text = ofr_axis_value_text(&sweep->axis[i], p, k);
                if (!text)
                    return ofr_fail_nomem(err, "results");
                widths->value[key] = wider(widths->value[key], text);
                free(text);
            }
        }
    for (uint64_t run = 0; run < sweep->runs; ++run)
        widths->error = wider(widths->error, runs->error[run]);
    return 0;
}

static void add_keys(struct ofr_table *table, const struct ofr_sweep *sweep, const struct widths *widths)
{
    for (uint32_t k = 0; k < ofr_sweep_keys(sweep); ++k)
        ofr_table_add(table, ofr_sweep_key(sweep, k), OFR_TYPE_TEXT, "", widths->value[k], OFR_ENCODING_RAW);
}

static int describe(struct ofr_file_head *head, const struct ofr_sweep *sweep, const struct widths *widths,
                    struct ofr_error *err)
{
    head->kind = OFR_FILE_SWEEP;
    struct ofr_table *table = ofr_head_add_table(head, "configurations");
    ofr_table_add(table, "configuration", OFR_TYPE_U64, "", 1, OFR_ENCODING_DELTA);
    ofr_table_add(table, "failed", OFR_TYPE_U32, "", 1, OFR_ENCODING_DELTA);
    ofr_table_add(table, "mean", OFR_TYPE_F64, "", sweep->metrics, OFR_ENCODING_PLANES);
    ofr_table_add(table, "low", OFR_TYPE_F64, "", sweep->metrics, OFR_ENCODING_PLANES);
    ofr_table_add(table, "high", OFR_TYPE_F64, "", sweep->metrics, OFR_ENCODING_PLANES);
    ofr_table_add(table, "feasible", OFR_TYPE_U8, "", 1, OFR_ENCODING_RAW);
    ofr_table_add(table, "pareto", OFR_TYPE_U8, "", 1, OFR_ENCODING_RAW);
    ofr_table_add(table, "best", OFR_TYPE_U8, "", 1, OFR_ENCODING_RAW);
    ofr_table_add(table, "error", OFR_TYPE_TEXT, "", widths->error, OFR_ENCODING_RAW);
    add_keys(table, sweep, widths);
    table = ofr_head_add_table(head, "runs");
    ofr_table_add(table, "run", OFR_TYPE_U64, "", 1, OFR_ENCODING_DELTA);
    ofr_table_add(table, "configuration", OFR_TYPE_U64, "", 1, OFR_ENCODING_DELTA);
    ofr_table_add(table, "replication", OFR_TYPE_U64, "", 1, OFR_ENCODING_DELTA);
    ofr_table_add(table, "value", OFR_TYPE_F64, "", sweep->metrics, OFR_ENCODING_PLANES);
    ofr_table_add(table, "error", OFR_TYPE_TEXT, "", widths->error, OFR_ENCODING_RAW);
    int rc = ofr_notes_set(&head->meta, "name", sweep->top.name, err);
    for (uint32_t m = 0; m < sweep->metrics && !rc; ++m) {
        char name[32];
        snprintf(name, sizeof name, "metric.%" PRIu32, m);
        rc = ofr_notes_set(&head->meta, name, sweep->metric[m].name, err);
    }
    if (!rc)
        rc = ofr_notes_set(&head->meta, "sweep", sweep->text, err);
    return rc ? rc : ofr_notes_set(&head->provenance, "tool", "offramp " OFR_VERSION, err);
}

/* ---- rows ---- */

static void *next(struct ofr_row_buffer *buffer, uint32_t *column)
{
    return ofr_row_cell(buffer, (*column)++);
}

static void put_count(struct ofr_row_buffer *buffer, uint32_t *column, uint64_t value)
{
    *(uint64_t *)next(buffer, column) = value;
}

static void put_flag(struct ofr_row_buffer *buffer, uint32_t *column, bool value)
{
    *(uint8_t *)next(buffer, column) = value;
}

static void put_reals(struct ofr_row_buffer *buffer, uint32_t *column, const double *value)
{
    size_t bytes = buffer->bytes[*column];
    memcpy(next(buffer, column), value, bytes);
}

static void put_text(struct ofr_row_buffer *buffer, uint32_t *column, const char *text)
{
    size_t bytes = buffer->bytes[*column];
    strncpy(next(buffer, column), text ? text : "", bytes);
}

static int put_configuration(struct ofr_row_buffer *buffer, const struct ofr_sweep_results *results,
                             uint64_t i, struct ofr_error *err)
{
    const struct ofr_sweep *sweep = results->sweep;
    uint32_t column = 0;
    put_count(buffer, &column, i);
    *(uint32_t *)next(buffer, &column) = results->failed[i];
    put_reals(buffer, &column, results->mean + i * sweep->metrics);
    put_reals(buffer, &column, results->low + i * sweep->metrics);
    put_reals(buffer, &column, results->high + i * sweep->metrics);
    put_flag(buffer, &column, results->feasible[i]);
    put_flag(buffer, &column, results->pareto[i]);
    put_flag(buffer, &column, ofr_sweep_is_best(results, i));
    put_text(buffer, &column, ofr_sweep_failure(results, i));
    for (uint32_t k = 0; k < ofr_sweep_keys(sweep); ++k) {
        char *text = ofr_sweep_value_text(sweep, i, k);
        if (!text)
            return ofr_fail_nomem(err, "results");
        put_text(buffer, &column, text);
        free(text);
    }
    return ofr_row_done(buffer, err);
}

static int put_run(struct ofr_row_buffer *buffer, const struct ofr_sweep_results *results, uint64_t run,
                   struct ofr_error *err)
{
    const struct ofr_sweep *sweep = results->sweep;
    uint32_t column = 0;
    put_count(buffer, &column, run);
    put_count(buffer, &column, run / sweep->top.replications);
    put_count(buffer, &column, run % sweep->top.replications);
    put_reals(buffer, &column, results->runs->value + run * sweep->metrics);
    put_text(buffer, &column, results->runs->error[run]);
    return ofr_row_done(buffer, err);
}

static int put_table(struct ofr_container_writer *file, const struct ofr_file_head *head, uint32_t table,
                     uint64_t rows, const struct ofr_sweep_results *results,
                     int (*put)(struct ofr_row_buffer *, const struct ofr_sweep_results *, uint64_t,
                                struct ofr_error *),
                     struct ofr_error *err)
{
    struct ofr_row_buffer buffer;
    int rc = ofr_row_buffer_init(&buffer, file, head, table, OFR_CHUNK_BYTES, err);
    if (rc)
        return rc;
    for (uint64_t i = 0; i < rows && !rc; ++i)
        rc = put(&buffer, results, i, err);
    if (!rc)
        rc = ofr_row_buffer_flush(&buffer, err);
    ofr_row_buffer_release(&buffer);
    return rc;
}

static int write_file(const struct ofr_sweep_results *results, const char *path, struct ofr_file_head *head,
                      struct ofr_error *err)
{
    struct ofr_container_writer *file = NULL;
    struct widths widths;
    int rc = measure(&widths, results->sweep, results->runs, err);
    if (!rc)
        rc = describe(head, results->sweep, &widths, err);
    if (!rc)
        rc = ofr_container_create(&file, path, head, err);
    if (!rc)
        rc = put_table(file, head, 0, results->sweep->configurations, results, put_configuration, err);
    if (!rc)
        rc = put_table(file, head, 1, results->sweep->runs, results, put_run, err);
    if (!rc)
        return ofr_container_finish(file, err);
    ofr_container_abort(file);
    return rc;
}

int ofr_sweep_write_file(const struct ofr_sweep_results *results, const char *folder, struct ofr_error *err)
{
    char path[2 * OFFRAMP_TEXT_SIZE];
    snprintf(path, sizeof path, "%s/results.osweep", folder);
    struct ofr_file_head *head = calloc(1, sizeof *head);
    if (!head)
        return ofr_fail_nomem(err, "results");
    int rc = write_file(results, path, head, err);
    ofr_head_release(head);
    free(head);
    return rc;
}

int ofr_sweep_results_write(const struct ofr_sweep_results *results, const char *folder,
                            struct ofr_error *err)
{
    int rc = ofr_sweep_write_csv(results, folder, err);
    return rc ? rc : ofr_sweep_write_file(results, folder, err);
}
