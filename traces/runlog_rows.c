#include "traces/runlog_file.h"
#include "traces/runlog_format.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct ofr_runlog_rows_reader {
    struct ofr_container_reader *file; /* owned */
    bool present;
    uint32_t table;
    int column[OFR_COLUMNS_MAX];
    size_t bytes[OFR_COLUMNS_MAX]; /* of one row, by our own numbers */
    struct ofr_chunk chunk;
    uint32_t next;
    float score[OFFRAMP_MAX_SITES];
    uint16_t answer[OFFRAMP_MAX_SITES], final_answer;
};

static int find_table(struct ofr_runlog_rows_reader *reader, enum ofr_runlog_tables which,
                      struct ofr_error *err)
{
    bool instants = which == OFR_RUNLOG_INSTANTS;
    const char *name = instants ? "instants" : "results";
    const struct ofr_file_head *head = ofr_container_head(reader->file);
    int index = ofr_head_find(head, name);
    reader->present = index >= 0;
    if (index < 0)
        return OFR_OK;
    uint32_t sites = 0; /* any: the width is checked below */
#define X(id, name, type, unit, width, encoding) {name, 1u << (type), unit, width, false},
    const struct ofr_column_need instant[] = {OFR_LOG_INSTANT_MAP(X)};
    const struct ofr_column_need result[] = {OFR_LOG_RESULT_MAP(X)};
#undef X
    uint32_t columns = instants ? OFR_LOG_INSTANT_COLUMNS : OFR_LOG_RESULT_COLUMNS;
    int rc = ofr_container_check(reader->file, name, instants ? instant : result, columns, true,
                                 &reader->table, reader->column, err);
    for (uint32_t i = 0; !rc && i < columns; i++) {
        const struct ofr_column *column = &head->table[reader->table].column[reader->column[i]];
        reader->bytes[i] = ofr_column_bytes(column);
        if (column->width > OFFRAMP_MAX_SITES)
            rc = ofr_fail(err, OFR_E_INPUT, "%s: column %s is %" PRIu32 " wide, expected at most %d",
                          ofr_container_path(reader->file), column->name, column->width, OFFRAMP_MAX_SITES);
    }
    /* Nothing else of the file is decoded. */
    for (uint32_t t = 0; !rc && t < head->tables; t++)
        for (uint32_t c = 0; t != reader->table && c < head->table[t].columns; c++)
            ofr_container_want(reader->file, t, c, false);
    return rc;
}

int ofr_runlog_rows_open(struct ofr_runlog_rows_reader **out, const char *path, enum ofr_runlog_tables table,
                         struct ofr_error *err)
{
    *out = NULL;
    struct ofr_runlog_rows_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return ofr_fail_nomem(err, "a run log");
    int rc = ofr_container_open(&reader->file, path, OFR_FILE_RUNLOG, err);
    if (!rc)
        rc = find_table(reader, table, err);
    if (rc) {
        ofr_runlog_rows_close(reader);
        return rc;
    }
    *out = reader;
    return OFR_OK;
}

bool ofr_runlog_rows_present(const struct ofr_runlog_rows_reader *reader)
{
    return reader->present;
}

/* 1 = a row is at reader->next. */
static int have_row(struct ofr_runlog_rows_reader *reader, struct ofr_error *err)
{
    while (reader->present && reader->next == reader->chunk.rows) {
        struct ofr_chunk chunk;
        int rc = ofr_container_next(reader->file, &chunk, err);
        if (rc == 0 && ofr_container_partial(reader->file))
            return ofr_container_fail_partial(reader->file, err);
        if (rc != 1)
            return rc;
        if (chunk.table == reader->table) {
            reader->chunk = chunk;
            reader->next = 0;
        }
    }
    return reader->present;
}

static void get(const struct ofr_runlog_rows_reader *reader, int column, void *to)
{
    const unsigned char *from = reader->chunk.column[reader->column[column]];
    memcpy(to, from + reader->next * reader->bytes[column], reader->bytes[column]);
}

int ofr_runlog_rows_instant(struct ofr_runlog_rows_reader *reader, struct ofr_instant_row *row,
                            struct ofr_error *err)
{
    int rc = have_row(reader, err);
    if (rc != 1)
        return rc;
    get(reader, OFR_LOG_INSTANT_NOW, &row->now_ns);
    get(reader, OFR_LOG_INSTANT_ENDED, &row->ended);
    get(reader, OFR_LOG_INSTANT_ANSWERED, &row->answered);
    get(reader, OFR_LOG_INSTANT_STOP, &row->stop);
    reader->next++;
    return 1;
}

int ofr_runlog_rows_result(struct ofr_runlog_rows_reader *reader, struct ofr_results_row *row,
                           struct ofr_error *err)
{
    int rc = have_row(reader, err);
    if (rc != 1)
        return rc;
    get(reader, OFR_LOG_RESULT_FINAL, &reader->final_answer);
    get(reader, OFR_LOG_RESULT_SCORE, reader->score);
    get(reader, OFR_LOG_RESULT_ANSWER, reader->answer);
    reader->next++;
    *row = (struct ofr_results_row){
        .rows = 1, .score = reader->score, .answer = reader->answer, .final_answer = &reader->final_answer};
    return 1;
}

void ofr_runlog_rows_close(struct ofr_runlog_rows_reader *reader)
{
    if (!reader)
        return;
    ofr_container_close(reader->file);
    free(reader);
}
