#include "traces/import/profile_import.h"

#include "sim/offramp_option.h"
#include "traces/import/csv.h"
#include "traces/import/number.h"
#include "traces/profile_file.h"
#include "traces/recording.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    MODEL,
    BATCH,
    INDEX,
    SITE,
    UNTIL,
    RAMP,
    COLUMNS
};

enum {
    BATCH_MAX = 1 << 20,
    ROWS_MAX = 1 << 20, /* of one model */
    MODELS_MAX = 4096,
};

static const char *const column_names[COLUMNS] = {"model", "batch", "index", "site", "until_ms", "ramp_ms"};

struct row {
    uint32_t batch, index;
    bool full;
    char site[OFR_NAME_SIZE];
    int64_t until_ns, ramp_ns;
    uint64_t line;
};

struct model {
    char name[OFR_NAME_SIZE];
    uint32_t sites, batches; /* as far as its full rows say */
};

/* The table being read: rows of one model, and the models there are. */
struct table {
    const char *path, *wanted;
    struct ofr_csv csv;
    int column[COLUMNS];
    struct row *row; /* owned */
    size_t rows, row_capacity;
    struct model *model; /* owned */
    size_t models, model_capacity;
};

static const struct ofr_field *field_of(const struct table *table, int which)
{
    return &table->csv.field[table->column[which]];
}

static int row_fail(const struct table *table, uint64_t line, struct ofr_error *err, const char *what,
                    const struct row *row)
{
    return ofr_fail_at(err, OFR_E_INPUT, table->path, ofr_text_place(line), 0,
                       "%s (batch %u, index %u, site %s)", what, row->batch, row->index, row->site);
}

static int field_fail(const struct table *table, int which, enum ofr_number number, const char *expected,
                      struct ofr_error *err)
{
    const struct ofr_field *field = field_of(table, which);
    char quoted[OFR_QUOTE_SIZE];
    return ofr_fail_at(err, OFR_E_INPUT, table->path, ofr_text_place(table->csv.line), field->column,
                       "found %s (%s) for %s, expected %s", ofr_quote(quoted, field->text, field->length),
                       ofr_number_text(number), column_names[which], expected);
}

static int read_count(const struct table *table, int which, uint64_t max, uint32_t *out,
                      struct ofr_error *err)
{
    uint64_t value = 0;
    const struct ofr_field *field = field_of(table, which);
    enum ofr_number number = ofr_number_count(field->text, field->length, max, &value);
    if (number != OFR_NUMBER_OK)
        return field_fail(table, which, number, "an integer in range", err);
    *out = (uint32_t)value;
    return 0;
}

static int read_ms(const struct table *table, int which, int64_t *out, struct ofr_error *err)
{
    const struct ofr_field *field = field_of(table, which);
    enum ofr_number number = ofr_number_time(field->text, field->length, OFR_SCALE_MS, out);
    if (number != OFR_NUMBER_OK)
        return field_fail(table, which, number, "milliseconds", err);
    return 0;
}

/* A name fits its place and is plain printable text. */
static int read_name(const struct table *table, int which, char out[OFR_NAME_SIZE], struct ofr_error *err)
{
    const struct ofr_field *field = field_of(table, which);
    bool ok = field->length > 0 && field->length < OFR_NAME_SIZE;
    for (size_t i = 0; ok && i < field->length; ++i)
        ok = (unsigned char)field->text[i] > 0x20 && (unsigned char)field->text[i] < 0x7f;
    if (!ok)
        return field_fail(table, which, field->length ? OFR_NUMBER_RANGE : OFR_NUMBER_EMPTY,
                          "a name of 1 to 47 printable characters", err);
    memcpy(out, field->text, field->length + 1);
    return 0;
}

static void *grow(void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return array;
    size_t wider = *capacity ? *capacity * 2 : 64;
    void *moved = realloc(array, wider * size);
    if (moved)
        *capacity = wider;
    return moved;
}

static int note_model(struct table *table, const char *name, struct model **out, struct ofr_error *err)
{
    for (size_t i = 0; i < table->models; ++i) {
        if (strcmp(table->model[i].name, name) == 0) {
            *out = &table->model[i];
            return 0;
        }
    }
    if (table->models == MODELS_MAX)
        return ofr_fail(err, OFR_E_INPUT, "%s: found more than %d models", table->path, MODELS_MAX);
    struct model *model = grow(table->model, table->models, &table->model_capacity, sizeof *model);
    if (!model)
        return ofr_fail_nomem(err, "the models");
    table->model = model;
    *out = &table->model[table->models++];
    memset(*out, 0, sizeof **out);
    snprintf((*out)->name, sizeof(*out)->name, "%s", name);
    return 0;
}

static int read_row(struct table *table, struct row *row, struct ofr_error *err)
{
    int rc = read_count(table, BATCH, BATCH_MAX, &row->batch, err);
    if (rc == 0 && row->batch == 0)
        rc = field_fail(table, BATCH, OFR_NUMBER_RANGE, "a batch size from 1", err);
    if (rc == 0)
        rc = read_count(table, INDEX, OFFRAMP_MAX_SITES, &row->index, err);
    if (rc == 0)
        rc = read_name(table, SITE, row->site, err);
    if (rc == 0)
        rc = read_ms(table, UNTIL, &row->until_ns, err);
    row->full = strcmp(row->site, "full") == 0;
    row->line = table->csv.line;
    if (rc == 0 && !row->full)
        rc = read_ms(table, RAMP, &row->ramp_ns, err);
    if (rc == 0 && row->full && field_of(table, RAMP)->length > 0)
        rc = field_fail(table, RAMP, OFR_NUMBER_OK, "nothing: the full model has no ramp", err);
    return rc;
}

static int keep_row(struct table *table, const struct row *row, struct ofr_error *err)
{
    if (table->rows == ROWS_MAX)
        return ofr_fail(err, OFR_E_INPUT, "%s: found more than %d rows of one model", table->path, ROWS_MAX);
    struct row *rows = grow(table->row, table->rows, &table->row_capacity, sizeof *rows);
    if (!rows)
        return ofr_fail_nomem(err, "the rows of a profile");
    table->row = rows;
    table->row[table->rows++] = *row;
    return 0;
}

static int take_record(struct table *table, struct ofr_error *err)
{
    char name[OFR_NAME_SIZE];
    struct model *model = NULL;
    struct row row = {0};
    const struct ofr_csv *csv = &table->csv;
    if (csv->count != csv->header_count)
        return ofr_fail_at(err, OFR_E_INPUT, table->path, ofr_text_place(csv->line), 0,
                           "found %zu fields, expected %zu", csv->count, csv->header_count);
    if (csv->problem)
        return ofr_fail_at(err, OFR_E_INPUT, table->path, ofr_text_place(csv->line), csv->problem_column,
                           "%s", csv->problem);
    int rc = read_name(table, MODEL, name, err);
    if (rc == 0)
        rc = note_model(table, name, &model, err);
    if (rc == 0)
        rc = read_row(table, &row, err);
    if (rc)
        return rc;
    if (row.full) {
        model->sites = row.index;
        ++model->batches;
    }
    return table->wanted && strcmp(table->wanted, name) == 0 ? keep_row(table, &row, err) : 0;
}

static int read_table(struct table *table, struct ofr_text *text, struct ofr_error *err)
{
    ofr_csv_init(&table->csv, text, '\t');
    int rc = ofr_csv_header(&table->csv, "model batch index site until_ms ramp_ms between tabs", err);
    for (int i = 0; rc == 0 && i < COLUMNS; ++i)
        rc = ofr_csv_require(&table->csv, column_names[i], &table->column[i], err);
    if (rc)
        return rc;
    while ((rc = ofr_csv_next(&table->csv, err)) > 0)
        if ((rc = take_record(table, err)) != 0)
            return rc;
    return rc;
}

static int open_table(struct table *table, const char *path, const char *wanted, uint64_t *hash,
                      struct ofr_error *err)
{
    struct ofr_text *text = NULL;
    *table = (struct table){.path = path, .wanted = wanted};
    int rc = ofr_text_open(&text, path, err);
    if (rc == 0)
        rc = read_table(table, text, err);
    if (rc == 0 && hash)
        *hash = ofr_text_hash(text);
    ofr_text_close(text);
    return rc;
}

static void close_table(struct table *table)
{
    ofr_csv_release(&table->csv);
    free(table->row);
    free(table->model);
}

static int by_batch_index(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    if (a->batch != b->batch)
        return a->batch < b->batch ? -1 : 1;
    if (a->index != b->index)
        return a->index < b->index ? -1 : 1;
    return (a->line > b->line) - (a->line < b->line);
}

static int missing_model(const struct table *table, struct ofr_error *err)
{
    char there[512] = "";
    size_t used = 0;
    for (size_t i = 0; i < table->models && used + OFR_NAME_SIZE + 2 < sizeof there; ++i)
        used += (size_t)snprintf(there + used, sizeof there - used, " %s", table->model[i].name);
    return ofr_fail(err, OFR_E_INPUT, "%s: found no model '%.60s', expected one of%s", table->path,
                    table->wanted, used ? there : " (the table has no rows)");
}

/* One batch size's rows: indices 0, 1, ... without a hole, times that do not fall, `full` at the end and
 * nowhere else, the same sites as the first batch size. Moves *at past them. */
static int check_batch(const struct table *table, size_t *at, struct ofr_error *err)
{
    const struct row *first = &table->row[*at];
    size_t count = 0;
    for (; *at < table->rows && table->row[*at].batch == first->batch; ++*at, ++count) {
        const struct row *row = &table->row[*at];
        if (count > 0 && row->index == row[-1].index)
            return row_fail(table, row->line, err, "found the same batch and index twice, expected once",
                            row);
        if (count > 0 && row[-1].full)
            return row_fail(table, row->line, err, "found a site after `full`, expected `full` last", row);
        if (row->index != count)
            return row_fail(table, row->line, err, "found a hole before this index, expected 0, 1, 2, ...",
                            row);
        if (count > 0 && row->until_ns < row[-1].until_ns)
            return row_fail(table, row->line, err,
                            "found a time before that of the site ahead, expected later", row);
        if (first != table->row && strcmp(row->site, table->row[count].site) != 0)
            return row_fail(table, row->line, err, "found another site than at the first batch size", row);
    }
    if (!table->row[*at - 1].full)
        return row_fail(table, table->row[*at - 1].line, err,
                        "found no row `full` after this one, expected it", &table->row[*at - 1]);
    if (table->row[*at - 1].until_ns == 0)
        return row_fail(table, table->row[*at - 1].line, err, "found a model that takes no time",
                        &table->row[*at - 1]);
    return 0;
}

/* Checks the sorted rows and counts sites and batch sizes. */
static int check_rows(const struct table *table, uint32_t *sites, uint32_t *batches, struct ofr_error *err)
{
    *batches = 0;
    for (size_t at = 0; at < table->rows; ++*batches) {
        int rc = check_batch(table, &at, err);
        if (rc)
            return rc;
        if (*batches == 0)
            *sites = (uint32_t)at - 1;
    }
    return 0;
}

static int append(struct ofr_profile_writer *writer, uint32_t batch, uint32_t site,
                  enum ofr_quantity quantity, int64_t value_ns, struct ofr_error *err)
{
    struct ofr_profile_row row = {.batch = batch, .site = site, .quantity = quantity, .value_ns = value_ns};
    return ofr_profile_append(writer, &row, err);
}

static int append_row(struct ofr_profile_writer *writer, const struct row *row,
                      const struct ofr_profile_request *request, struct ofr_error *err)
{
    int rc = append(writer, row->batch, row->index, OFR_QUANTITY_UNTIL, row->until_ns, err);
    if (rc == 0 && !row->full)
        rc = append(writer, row->batch, row->index, OFR_QUANTITY_RAMP_ADD, row->ramp_ns, err);
    if (rc == 0 && !row->full)
        rc = append(writer, row->batch, row->index, OFR_QUANTITY_RAMP_DELAY, row->ramp_ns, err);
    if (rc == 0 && row->full)
        rc = append(writer, row->batch, 0, OFR_QUANTITY_COPY_IN, request->copy_in_ns, err);
    if (rc == 0 && row->full)
        rc = append(writer, row->batch, 0, OFR_QUANTITY_COPY_OUT, request->copy_out_ns, err);
    return rc;
}

static int append_all(struct ofr_profile_writer *writer, const struct table *table,
                      const struct ofr_profile_request *request, struct ofr_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < table->rows; ++i)
        rc = append_row(writer, &table->row[i], request, err);
    if (rc == 0)
        rc = append(writer, 0, 0, OFR_QUANTITY_DISPATCH, request->dispatch_ns, err);
    if (rc == 0)
        rc = append(writer, 0, 0, OFR_QUANTITY_RELEASE, request->release_ns, err);
    if (rc == 0)
        rc = append(writer, 0, 0, OFR_QUANTITY_FEEDBACK, request->feedback_ns, err);
    return rc;
}

static int describe(const struct ofr_profile_request *request, uint64_t hash, struct ofr_notes *notes,
                    struct ofr_error *err)
{
    int rc = request->command ? ofr_notes_set(notes, "command", request->command, err) : 0;
    if (rc == 0)
        rc = ofr_notes_set(notes, "source_format", "tsv", err);
    if (rc == 0)
        rc = ofr_notes_set(notes, "source", request->input, err);
    if (rc == 0)
        rc = ofr_notes_setf(notes, err, "source_xxh64", "%016" PRIx64, hash);
    if (rc == 0)
        rc = ofr_notes_set(notes, "ramps", "in line: each holds up the backbone by its run time", err);
    if (rc == 0)
        rc = ofr_notes_setf(notes, err, "terms_given",
                            "dispatch %" PRId64 " ns, copy_in %" PRId64 " ns, copy_out %" PRId64
                            " ns, release %" PRId64 " ns, feedback %" PRId64 " ns",
                            request->dispatch_ns, request->copy_in_ns, request->copy_out_ns,
                            request->release_ns, request->feedback_ns);
    return rc;
}

static int write_profile(const struct table *table, const struct ofr_profile_request *request, uint32_t sites,
                         const struct ofr_notes *notes, struct ofr_error *err)
{
    const char *site_name[OFFRAMP_MAX_SITES];
    struct ofr_profile_writer *writer = NULL;
    for (uint32_t i = 0; i < sites; ++i)
        site_name[i] = table->row[i].site;
    int rc = ofr_profile_create(&writer, request->output, request->model, sites, site_name, notes, err);
    if (rc == 0)
        rc = append_all(writer, table, request, err);
    if (rc == 0)
        return ofr_profile_finish(writer, err);
    ofr_profile_abort(writer);
    return rc;
}

/* Checks the rows of the model and writes them. */
static int convert(struct table *table, const struct ofr_profile_request *request, uint64_t hash,
                   struct ofr_profile_summary *summary, struct ofr_error *err)
{
    struct ofr_notes notes = OFR_NOTES_INIT;
    if (table->rows == 0)
        return missing_model(table, err);
    qsort(table->row, table->rows, sizeof *table->row, by_batch_index);
    int rc = check_rows(table, &summary->sites, &summary->batches, err);
    if (rc == 0)
        rc = describe(request, hash, &notes, err);
    if (rc == 0)
        rc = write_profile(table, request, summary->sites, &notes, err);
    summary->batch_min = table->row[0].batch;
    summary->batch_max = table->row[table->rows - 1].batch;
    ofr_notes_release(&notes);
    return rc;
}

int ofr_profile_import(const struct ofr_profile_request *request, struct ofr_profile_summary *summary,
                       struct ofr_error *err)
{
    struct table table;
    uint64_t hash = 0;
    memset(summary, 0, sizeof *summary);
    int rc = open_table(&table, request->input, request->model, &hash, err);
    if (rc == 0)
        rc = convert(&table, request, hash, summary, err);
    close_table(&table);
    return rc;
}

int ofr_profile_list(FILE *out, const char *path, struct ofr_error *err)
{
    struct table table;
    int rc = open_table(&table, path, NULL, NULL, err);
    for (size_t i = 0; rc == 0 && i < table.models; ++i)
        fprintf(out, "%s: %u sites, %u batch sizes\n", table.model[i].name, table.model[i].sites,
                table.model[i].batches);
    close_table(&table);
    return rc;
}
