#include "traces/recording_ops.h"

#include "traces/half.h"
#include "traces/recording_format.h"
#include "traces/row_buffer.h"
#include "traces/site_names.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tally {
    struct ofr_recording_info *info;
    uint32_t table;
    int index[OFR_SAMPLE_COLUMNS];
    double top1[OFFRAMP_MAX_SITES];
    uint64_t agree[OFFRAMP_MAX_SITES], right[OFFRAMP_MAX_SITES + 1];
};

static int check_columns(struct tally *tally, struct ofr_container_reader *file, uint32_t sites,
                         struct ofr_error *err)
{
    const struct ofr_column_need needs[OFR_SAMPLE_COLUMNS] = {
#define X(id, text, types, unit, per_site, bit)                                                              \
    [OFR_SAMPLE_##id] = {text, types, unit, per_site ? sites : 1, bit != 0},
        OFR_SAMPLE_COLUMN_MAP(X)
#undef X
    };
    return ofr_container_check(file, OFR_SAMPLE_TABLE, needs, OFR_SAMPLE_COLUMNS, true, &tally->table,
                               tally->index, err);
}

static double real_at(const struct ofr_column *column, const void *values, size_t k)
{
    float value;
    if (column->type == OFR_TYPE_F16)
        return (double)ofr_half_to_float(((const uint16_t *)values)[k]);
    memcpy(&value, (const float *)values + k, sizeof value);
    return (double)value;
}

static void count_sample(struct tally *tally, const struct ofr_chunk *chunk, uint32_t i)
{
    const struct ofr_recording_info *info = tally->info;
    const struct ofr_column *column = &info->head.table[tally->table].column[tally->index[OFR_SAMPLE_TOP1]];
    const uint16_t *answer = chunk->column[tally->index[OFR_SAMPLE_ANSWER]];
    uint16_t final = ((const uint16_t *)chunk->column[tally->index[OFR_SAMPLE_FINAL_ANSWER]])[i];
    const uint16_t *label = info->has_labels ? chunk->column[tally->index[OFR_SAMPLE_LABEL]] : NULL;
    for (uint32_t s = 0; s < info->sites; s++) {
        size_t k = (size_t)i * info->sites + s;
        tally->top1[s] += real_at(column, chunk->column[tally->index[OFR_SAMPLE_TOP1]], k);
        tally->agree[s] += answer[k] == final;
        tally->right[s] += label && answer[k] == label[i];
    }
    tally->right[info->sites] += label && final == label[i];
}

static void summarise(const struct tally *tally)
{
    struct ofr_recording_info *info = tally->info;
    double samples = info->samples ? (double)info->samples : NAN;
    double labelled = info->has_labels ? samples : NAN;
    for (uint32_t s = 0; s < info->sites; s++) {
        info->top1_mean[s] = tally->top1[s] / samples;
        info->agreement_share[s] = (double)tally->agree[s] / samples;
    }
    for (uint32_t s = 0; s <= info->sites; s++)
        info->accuracy[s] = (double)tally->right[s] / labelled;
}

static int read_samples(struct tally *tally, struct ofr_container_reader *file, struct ofr_error *err)
{
    struct ofr_recording_info *info = tally->info;
    struct ofr_chunk chunk;
    int rc;
    while ((rc = ofr_container_next(file, &chunk, err)) == 1) {
        if (chunk.table != tally->table)
            continue;
        for (uint32_t i = 0; i < chunk.rows; i++)
            count_sample(tally, &chunk, i);
        info->samples += chunk.rows;
    }
    info->partial = ofr_container_partial(file);
    summarise(tally);
    return rc;
}

/* Notes are copied, tables are plain values. */
static int copy_head(struct ofr_file_head *to, const struct ofr_file_head *from, struct ofr_error *err)
{
    *to = *from;
    to->meta = to->provenance = (struct ofr_notes)OFR_NOTES_INIT;
    int rc = ofr_notes_add_all(&to->meta, &from->meta, err);
    return rc ? rc : ofr_notes_add_all(&to->provenance, &from->provenance, err);
}

static int read_meta(struct ofr_recording_info *info, const char *path, struct ofr_error *err)
{
    char(*names)[OFR_NAME_SIZE];
    int rc = ofr_site_names_get(&info->head.meta, path, &info->sites, &names, err);
    if (rc)
        return rc;
    memcpy(info->site_name, names, info->sites * sizeof *names);
    free(names);
    const char *name = ofr_notes_get(&info->head.meta, "name");
    const char *classes = ofr_notes_get(&info->head.meta, "classes");
    const char *answers = ofr_notes_get(&info->head.meta, "answers");
    if (name)
        snprintf(info->name, sizeof info->name, "%s", name);
    info->classes = classes ? (uint32_t)strtoul(classes, NULL, 10) : 0;
    info->agreement = answers && !strcmp(answers, "agreement");
    return OFR_OK;
}

int ofr_recording_info(struct ofr_recording_info *info, const char *path, struct ofr_error *err)
{
    struct ofr_container_reader *file;
    struct tally tally = {.info = info};
    memset(info, 0, sizeof *info);
    int rc = ofr_container_open(&file, path, OFR_FILE_RECORDING, err);
    if (rc)
        return rc;
    rc = copy_head(&info->head, ofr_container_head(file), err);
    if (!rc)
        rc = read_meta(info, path, err);
    if (!rc)
        rc = check_columns(&tally, file, info->sites, err);
    if (!rc) {
        info->has_labels = tally.index[OFR_SAMPLE_LABEL] >= 0;
        rc = read_samples(&tally, file, err);
    }
    if (!rc)
        rc = ofr_notes_add_all(&info->head.provenance, &ofr_container_head(file)->provenance, err);
    ofr_container_close(file);
    if (rc)
        ofr_recording_info_release(info);
    return rc;
}

void ofr_recording_info_release(struct ofr_recording_info *info)
{
    ofr_head_release(&info->head);
}

/* Requests that samples in a row belong to. */
struct requests {
    bool any;
    uint32_t first, last;
};

/* Rows copied column by column, whatever the columns mean. */
struct cut {
    struct ofr_container_reader *file;   /* owned */
    struct ofr_container_writer *writer; /* owned */
    struct ofr_row_buffer rows[OFR_TABLES_MAX];
    uint32_t tables, samples, lengths; /* lengths = tables: there is no such table */
    int request;                       /* column of a sample's request; -1 = none */
    uint64_t from, count;
    bool wrap;
    uint64_t kept;
    bool wrapped;                  /* now, behind the last sample */
    struct requests request_of[2]; /* before and behind it */
};

static int copy_row(struct ofr_row_buffer *rows, const struct ofr_chunk *chunk, uint32_t i,
                    struct ofr_error *err)
{
    for (uint32_t c = 0; c < rows->columns; c++)
        memcpy(ofr_row_cell(rows, c), (const unsigned char *)chunk->column[c] + i * rows->bytes[c],
               rows->bytes[c]);
    return ofr_row_done(rows, err);
}

static void note_request(struct requests *requests, uint32_t request)
{
    requests->first = requests->any && requests->first < request ? requests->first : request;
    requests->last = requests->any && requests->last > request ? requests->last : request;
    requests->any = true;
}

static bool is_among(const struct requests *requests, uint32_t request)
{
    return requests->any && request >= requests->first && request <= requests->last;
}

static int cut_samples(struct cut *cut, const struct ofr_chunk *chunk, struct ofr_error *err)
{
    for (uint32_t i = 0; i < chunk->rows; i++) {
        uint64_t row = chunk->first_row + i;
        if (row < cut->from || row - cut->from >= cut->count)
            continue;
        if (cut->request >= 0)
            note_request(&cut->request_of[cut->wrapped], ((const uint32_t *)chunk->column[cut->request])[i]);
        cut->kept++;
        int rc = copy_row(&cut->rows[chunk->table], chunk, i, err);
        if (rc)
            return rc;
    }
    return OFR_OK;
}

static int cut_lengths(struct cut *cut, const struct ofr_chunk *chunk, struct ofr_error *err)
{
    int index = ofr_table_find(&ofr_container_head(cut->file)->table[chunk->table], "request");
    for (uint32_t i = 0; i < chunk->rows; i++) {
        uint32_t request = index < 0 ? 0 : ((const uint32_t *)chunk->column[index])[i];
        bool keep = index < 0 || cut->request < 0 || is_among(&cut->request_of[0], request) ||
                    is_among(&cut->request_of[1], request);
        int rc = keep ? copy_row(&cut->rows[chunk->table], chunk, i, err) : OFR_OK;
        if (rc)
            return rc;
    }
    return OFR_OK;
}

/* Two passes: which requests are kept is known only when all samples have been seen, and their lengths may
 * stand before them. */
static int cut_pass(struct cut *cut, uint32_t table, bool *partial, struct ofr_error *err)
{
    struct ofr_chunk chunk;
    int rc;
    while ((rc = ofr_container_next(cut->file, &chunk, err)) == 1) {
        if (chunk.table != table)
            continue;
        rc = table == cut->samples ? cut_samples(cut, &chunk, err) : cut_lengths(cut, &chunk, err);
        if (rc)
            return rc;
    }
    *partial = ofr_container_partial(cut->file);
    return rc ? rc : ofr_row_buffer_flush(&cut->rows[table], err);
}

static bool is_u32(const struct ofr_column *column)
{
    return column->type == OFR_TYPE_U32 && column->width == 1;
}

static int find_tables(struct cut *cut, const struct ofr_file_head *head, const char *input,
                       struct ofr_error *err)
{
    int samples = ofr_head_find(head, OFR_SAMPLE_TABLE);
    int lengths = ofr_head_find(head, OFR_LENGTHS_TABLE);
    if (samples < 0)
        return ofr_fail(err, OFR_E_INPUT, "%s: offset 0: has no table %s", input, OFR_SAMPLE_TABLE);
    cut->samples = (uint32_t)samples;
    cut->lengths = lengths < 0 ? head->tables : (uint32_t)lengths;
    cut->request = ofr_table_find(&head->table[samples], "request");
    int key = lengths < 0 ? -1 : ofr_table_find(&head->table[lengths], "request");
    if ((cut->request >= 0 && !is_u32(&head->table[samples].column[cut->request])) ||
        (key >= 0 && !is_u32(&head->table[lengths].column[key])))
        return ofr_fail(err, OFR_E_INPUT, "%s: offset 0: column request is no single u32", input);
    return OFR_OK;
}

static int note_cut(const struct cut *cut, struct ofr_notes *notes, struct ofr_error *err)
{
    const char *wrap = cut->wrap ? ", the first after the last" : "";
    if (cut->count == UINT64_MAX)
        return ofr_notes_setf(notes, err, "cut", "samples from %" PRIu64 " on%s", cut->from, wrap);
    return ofr_notes_setf(notes, err, "cut", "samples from %" PRIu64 ", %" PRIu64 " of them%s", cut->from,
                          cut->count, wrap);
}

static int open_output(struct cut *cut, const struct ofr_file_head *from, const char *output,
                       struct ofr_error *err)
{
    struct ofr_file_head *head = calloc(1, sizeof *head);
    if (!head)
        return ofr_fail_nomem(err, "a recording");
    int rc = copy_head(head, from, err);
    if (!rc)
        rc = note_cut(cut, &head->provenance, err);
    if (!rc)
        rc = ofr_container_create(&cut->writer, output, head, err);
    for (; !rc && cut->tables < head->tables; cut->tables++)
        rc = ofr_row_buffer_init(&cut->rows[cut->tables], cut->writer, head, cut->tables, 1 << 20, err);
    ofr_head_release(head);
    free(head);
    return rc;
}

/* What is still wanted, from the first sample to the one the cut began with. */
static int cut_rest(struct cut *cut, bool *partial, struct ofr_error *err)
{
    uint64_t rest = cut->count - cut->kept;
    cut->count = rest < cut->from ? rest : cut->from;
    cut->from = 0;
    cut->wrapped = true;
    int rc = ofr_container_rewind(cut->file, err);
    return rc ? rc : cut_pass(cut, cut->samples, partial, err);
}

static int cut_all(struct cut *cut, const char *input, const char *output, bool *partial,
                   struct ofr_error *err)
{
    int rc = ofr_container_open(&cut->file, input, OFR_FILE_RECORDING, err);
    if (!rc)
        rc = find_tables(cut, ofr_container_head(cut->file), input, err);
    if (!rc)
        rc = open_output(cut, ofr_container_head(cut->file), output, err);
    if (!rc)
        rc = cut_pass(cut, cut->samples, partial, err);
    if (!rc && !cut->kept)
        rc = ofr_fail(err, OFR_E_USAGE, "%s: has %" PRIu64 " samples, none from %" PRIu64 " on", input,
                      ofr_container_rows(cut->file, cut->samples), cut->from);
    if (!rc && cut->wrap)
        rc = cut_rest(cut, partial, err);
    if (!rc && cut->lengths < cut->tables) {
        rc = ofr_container_rewind(cut->file, err);
        if (!rc)
            rc = cut_pass(cut, cut->lengths, partial, err);
    }
    return rc;
}

int ofr_recording_cut(const char *input, const char *output, uint64_t from, uint64_t count, bool wrap,
                      bool *partial, struct ofr_error *err)
{
    struct cut cut = {.from = from, .count = count, .wrap = wrap};
    *partial = false;
    int rc = cut_all(&cut, input, output, partial, err);
    if (!rc) {
        rc = ofr_container_finish(cut.writer, err);
        cut.writer = NULL;
    }
    ofr_container_abort(cut.writer);
    ofr_container_close(cut.file);
    for (uint32_t t = 0; t < OFR_TABLES_MAX; t++)
        ofr_row_buffer_release(&cut.rows[t]);
    return rc;
}
