#include "analysis/timeline.h"

#include "traces/atomic_file.h"
#include "traces/runlog_file.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* One log on its way into the file. A failure is kept in `rc` and ends all writing. */
struct timeline {
    struct ofr_atomic_file *file;
    struct ofr_error *err;
    int rc;
    uint32_t process;
    const struct ofr_runlog_head *head;
    uint64_t *exits; /* [sites + 1] of one batch, owned */
};

static void put(struct timeline *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct timeline *line, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (!line->rc && size >= (int)sizeof text)
        line->rc = ofr_fail(line->err, OFR_E_BUG, "a timeline's event of %d bytes", size);
    if (!line->rc)
        line->rc = ofr_atomic_write(line->file, text, (size_t)size, line->err);
}

/* A JSON string of any text, quotes included. */
static void put_text(struct timeline *line, const char *text)
{
    json_t *value = json_string(text);
    char *quoted = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
    if (quoted)
        put(line, "%s", quoted);
    else if (!line->rc)
        line->rc = ofr_fail_nomem(line->err, "a timeline");
    free(quoted);
    json_decref(value);
}

static void count_exits(struct timeline *line, const struct ofr_request_row *rows, uint32_t count)
{
    for (uint32_t site = 0; site <= line->head->sites; ++site)
        line->exits[site] = 0;
    for (uint32_t i = 0; i < count; ++i)
        if (rows[i].exit_site <= line->head->sites)
            line->exits[rows[i].exit_site]++;
}

static void write_batch(void *state, const struct ofr_batch_row *batch, const struct ofr_request_row *rows,
                        uint32_t count)
{
    struct timeline *line = state;
    put(line,
        ",\n{\"name\":\"batch of %" PRIu32 "\",\"ph\":\"X\",\"pid\":%" PRIu32
        ",\"tid\":%u,\"ts\":%.3f,\"dur\":%.3f,"
        "\"args\":{\"batch\":%" PRId64 ",\"padded\":%" PRIu32 ",\"reason\":\"%s\",\"waiting\":%" PRIu32
        ",\"ramps\":%u",
        batch->size, line->process, batch->server, (double)batch->dispatched_ns / 1e3,
        (double)(batch->ended_ns - batch->dispatched_ns) / 1e3, batch->id, batch->padded,
        ofr_reason_name(batch->reason), batch->queue_length, batch->ramps);
    count_exits(line, rows, count);
    for (uint32_t site = 0; site <= line->head->sites; ++site) {
        if (!line->exits[site])
            continue;
        put(line, ",");
        put_text(line, site < line->head->sites ? line->head->site_name[site] : "full model");
        put(line, ":%" PRIu64, line->exits[site]);
    }
    put(line,
        "}},\n{\"name\":\"waiting\",\"ph\":\"C\",\"pid\":%" PRIu32
        ",\"ts\":%.3f,\"args\":{\"requests\":%" PRIu32 "}}",
        line->process, (double)batch->dispatched_ns / 1e3, batch->queue_length);
}

static void write_lost(void *state, const struct ofr_request_row *row)
{
    struct timeline *line = state;
    put(line,
        ",\n{\"name\":\"%s\",\"ph\":\"i\",\"s\":\"p\",\"pid\":%" PRIu32
        ",\"tid\":0,\"ts\":%.3f,\"args\":{\"request\":%" PRIu64 "}}",
        ofr_outcome_name(row->outcome), line->process, (double)row->ended_ns / 1e3, row->id);
}

static void write_decision(void *state, const struct ofr_decision_row *decision)
{
    struct timeline *line = state;
    double at_us = (double)decision->applied_ns / 1e3;
    if (!decision->changed)
        return;
    put(line,
        ",\n{\"name\":\"active ramps\",\"ph\":\"C\",\"pid\":%" PRIu32
        ",\"ts\":%.3f,\"args\":{\"ramps\":%" PRIu32 "}}",
        line->process, at_us, decision->config.ramps);
    put(line, ",\n{\"name\":\"thresholds\",\"ph\":\"C\",\"pid\":%" PRIu32 ",\"ts\":%.3f,\"args\":{",
        line->process, at_us);
    for (uint32_t k = 0; k < decision->config.ramps; ++k) {
        put(line, "%s", k ? "," : "");
        put_text(line, line->head->site_name[decision->config.site[k]]);
        put(line, ":%.6g", decision->config.threshold[k]);
    }
    put(line, "}}");
}

static int write_run(struct timeline *line, const char *path, struct ofr_error *err)
{
    struct ofr_runlog_reader *reader = NULL;
    int rc = ofr_runlog_open(&reader, path, err);
    if (rc)
        return rc;
    line->head = ofr_runlog_head(reader);
    line->exits = calloc(line->head->sites + 1, sizeof *line->exits);
    if (!line->exits)
        line->rc = ofr_fail_nomem(err, "a timeline");
    put(line, "%s\n{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":%" PRIu32 ",\"args\":{\"name\":",
        line->process ? "," : "", line->process);
    put_text(line, path);
    put(line, "}}");
    struct ofr_observer observer = {
        .state = line, .batch = write_batch, .lost = write_lost, .decision = write_decision};
    rc = line->rc ? line->rc : ofr_runlog_replay(reader, &observer, err);
    free(line->exits);
    line->exits = NULL;
    ofr_runlog_close(reader);
    return rc ? rc : line->rc;
}

int ofr_timeline_write(const char *path, const char *const *log, uint32_t logs, struct ofr_error *err)
{
    struct timeline line = {.err = err};
    int rc = ofr_atomic_open(&line.file, path, err);
    if (rc)
        return rc;
    put(&line, "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[");
    for (uint32_t i = 0; i < logs && !rc; ++i) {
        line.process = i;
        rc = write_run(&line, log[i], err);
    }
    put(&line, "\n]}\n");
    rc = rc ? rc : line.rc;
    if (rc) {
        ofr_atomic_abort(line.file);
        return rc;
    }
    return ofr_atomic_commit(line.file, err);
}
