#include "traces/runlog_print.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static void count_request(struct ofr_runlog_info *info, const struct ofr_request_row *row)
{
    if (!info->requests || row->arrival_ns < info->first_arrival_ns)
        info->first_arrival_ns = row->arrival_ns;
    info->last_end_ns = row->ended_ns > info->last_end_ns ? row->ended_ns : info->last_end_ns;
    if (row->outcome == OFR_OUTCOME_ONWARD) {
        info->onward++;
        return;
    }
    info->requests++;
    info->outcome[row->outcome]++;
}

/* As ofr_runlog_next, a truncated end being an end like any other. */
static int next_event(struct ofr_runlog_reader *reader, struct ofr_runlog_event *event, bool *partial,
                      struct ofr_error *err)
{
    struct ofr_error own = OFR_ERROR_INIT;
    int rc = ofr_runlog_next(reader, event, &own);
    if (rc >= 0)
        return rc;
    *partial = ofr_runlog_partial(reader);
    return *partial ? 0 : ofr_fail(err, rc, "%s", own.text);
}

int ofr_runlog_count(struct ofr_runlog_reader *reader, struct ofr_runlog_info *info, struct ofr_error *err)
{
    struct ofr_runlog_event event;
    int rc;
    *info = (struct ofr_runlog_info){0};
    while ((rc = next_event(reader, &event, &info->partial, err)) == 1) {
        info->decisions += event.kind == OFR_RUNLOG_DECISION;
        info->batches += event.kind == OFR_RUNLOG_BATCH;
        if (event.kind == OFR_RUNLOG_BATCH && event.batch->reason < OFR_REASONS)
            info->reason[event.batch->reason]++;
        for (uint32_t i = 0; i < event.requests; i++)
            count_request(info, &event.request[i]);
    }
    return rc;
}

struct printer {
    FILE *out;
    enum ofr_print_format format;
    uint64_t rows, limit;
    bool first;                        /* of its row */
    struct offramp_exit_config before; /* in force when the next decision was made */
};

static void begin_row(struct printer *printer)
{
    if (printer->format == OFR_PRINT_JSON)
        fputs(printer->rows ? ",\n{" : "\n{", printer->out);
    printer->rows++;
    printer->first = true;
}

static void end_row(const struct printer *printer)
{
    fputs(printer->format == OFR_PRINT_JSON ? "}" : "\n", printer->out);
}

static void begin_cell(struct printer *printer, const char *name)
{
    if (!printer->first)
        fputc(',', printer->out);
    printer->first = false;
    if (printer->format == OFR_PRINT_JSON)
        fprintf(printer->out, "\"%s\":", name);
}

static void put_nothing(struct printer *printer, const char *name)
{
    begin_cell(printer, name);
    if (printer->format == OFR_PRINT_JSON)
        fputs("null", printer->out);
}

static void put_int(struct printer *printer, const char *name, int64_t value)
{
    begin_cell(printer, name);
    fprintf(printer->out, "%" PRId64, value);
}

/* Times and ids of what may not have happened. */
static void put_maybe(struct printer *printer, const char *name, int64_t value, int64_t nothing)
{
    if (value == nothing)
        put_nothing(printer, name);
    else
        put_int(printer, name, value);
}

static void put_real(struct printer *printer, const char *name, double value)
{
    if (!isfinite(value)) {
        put_nothing(printer, name);
        return;
    }
    begin_cell(printer, name);
    fprintf(printer->out, "%.17g", value);
}

static void put_text(struct printer *printer, const char *name, const char *text)
{
    begin_cell(printer, name);
    if (printer->format == OFR_PRINT_JSON || strpbrk(text, ",\"\n"))
        ofr_json_text_print(printer->out, text, strlen(text));
    else
        fputs(text, printer->out);
}

static void print_request(struct printer *printer, const struct ofr_request_row *row)
{
    begin_row(printer);
    put_int(printer, "id", (int64_t)row->id);
    put_int(printer, "arrival_ns", row->arrival_ns);
    put_maybe(printer, "admitted_ns", row->admitted_ns, -1);
    put_maybe(printer, "dispatched_ns", row->dispatched_ns, -1);
    put_maybe(printer, "released_ns", row->released_ns, -1);
    put_maybe(printer, "ended_ns", row->ended_ns, -1);
    put_maybe(printer, "deadline_ns", row->deadline_ns, -1);
    put_maybe(printer, "batch", row->batch, OFR_BATCH_NONE);
    put_int(printer, "sample", row->sample);
    put_int(printer, "stream", row->stream);
    put_maybe(printer, "exit_site", row->exit_site, OFR_EXIT_NONE);
    put_maybe(printer, "answer", row->answer, row->exit_site == OFR_EXIT_NONE ? row->answer : -1);
    put_text(printer, "outcome", ofr_outcome_name(row->outcome));
    put_int(printer, "agrees", row->agrees);
    put_maybe(printer, "correct", row->correct, 2);
    end_row(printer);
}

static void print_batch(struct printer *printer, const struct ofr_batch_row *row)
{
    begin_row(printer);
    put_int(printer, "id", row->id);
    put_int(printer, "dispatched_ns", row->dispatched_ns);
    put_int(printer, "ended_ns", row->ended_ns);
    put_int(printer, "size", row->size);
    put_int(printer, "padded", row->padded);
    put_int(printer, "queue_length", row->queue_length);
    put_int(printer, "server", row->server);
    put_int(printer, "ramps", row->ramps);
    put_text(printer, "reason", ofr_reason_name(row->reason));
    end_row(printer);
}

/* Site and threshold of each active ramp: `site=threshold`, separated by spaces. */
static void put_ramps(struct printer *printer, const char *name, const struct offramp_exit_config *config)
{
    begin_cell(printer, name);
    fputs(printer->format == OFR_PRINT_JSON ? "\"" : "", printer->out);
    for (uint32_t i = 0; i < config->ramps; i++)
        fprintf(printer->out, "%s%u=%.17g", i ? " " : "", config->site[i], config->threshold[i]);
    fputs(printer->format == OFR_PRINT_JSON ? "\"" : "", printer->out);
}

static void print_decision(struct printer *printer, const struct ofr_decision_row *row)
{
    begin_row(printer);
    put_int(printer, "decided_ns", row->decided_ns);
    put_int(printer, "applied_ns", row->applied_ns);
    put_int(printer, "cost_ns", row->cost_ns);
    put_int(printer, "evaluations", row->evaluations);
    put_int(printer, "changed", row->changed);
    put_text(printer, "trigger", row->trigger);
    put_real(printer, "predicted_gain_pct", row->predicted_gain_pct);
    put_int(printer, "criterion", row->config.criterion);
    put_int(printer, "free_ramps", row->config.free_ramps);
    put_ramps(printer, "ramps", &row->config);
    put_ramps(printer, "old_ramps", &printer->before);
    printer->before = row->config;
    end_row(printer);
}

static const char *const headers[] = {
    [OFR_RUNLOG_ROWS_REQUESTS] =
        "id,arrival_ns,admitted_ns,dispatched_ns,released_ns,ended_ns,deadline_ns,batch,sample,stream,"
        "exit_site,answer,outcome,agrees,correct\n",
    [OFR_RUNLOG_ROWS_BATCHES] = "id,dispatched_ns,ended_ns,size,padded,queue_length,server,ramps,reason\n",
    [OFR_RUNLOG_ROWS_DECISIONS] = "decided_ns,applied_ns,cost_ns,evaluations,changed,trigger,"
                                  "predicted_gain_pct,criterion,free_ramps,ramps,old_ramps\n",
};

static void print_event(struct printer *printer, const struct ofr_runlog_event *event,
                        enum ofr_runlog_rows rows)
{
    if (rows == OFR_RUNLOG_ROWS_DECISIONS && event->kind == OFR_RUNLOG_DECISION)
        print_decision(printer, event->decision);
    if (rows == OFR_RUNLOG_ROWS_BATCHES && event->kind == OFR_RUNLOG_BATCH)
        print_batch(printer, event->batch);
    for (uint32_t i = 0; rows == OFR_RUNLOG_ROWS_REQUESTS && i < event->requests; i++)
        if (printer->rows < printer->limit)
            print_request(printer, &event->request[i]);
}

int ofr_runlog_print(FILE *out, const char *path, enum ofr_runlog_rows rows, enum ofr_print_format format,
                     uint64_t limit, bool *partial, struct ofr_error *err)
{
    struct ofr_runlog_reader *reader;
    struct ofr_runlog_event event;
    struct printer printer = {.out = out, .format = format, .limit = limit};
    *partial = false;
    int rc = ofr_runlog_open(&reader, path, err);
    if (rc)
        return rc;
    fputs(format == OFR_PRINT_CSV ? headers[rows] : "[", out);
    while (printer.rows < limit && !ferror(out) && (rc = next_event(reader, &event, partial, err)) == 1)
        print_event(&printer, &event, rows);
    if (format == OFR_PRINT_JSON)
        fputs(printer.rows ? "\n]\n" : "]\n", out);
    ofr_runlog_close(reader);
    if (rc < 0)
        return rc;
    return fflush(out) || ferror(out) ? ofr_fail_errno(err, "cannot write", "the output") : OFR_OK;
}
