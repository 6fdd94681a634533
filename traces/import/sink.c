#include "traces/import/sink.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    SECOND_NS = 1000000000
};

struct held_row {
    struct ofr_trace_row row;
    uint64_t place; /* in the source */
};

struct ofr_sink {
    const char *source, *path;   /* borrowed */
    struct ofr_quality *quality; /* borrowed */
    struct ofr_trace_writer *writer;
    uint32_t columns;
    enum ofr_import_order order;
    bool rebase, have_previous;
    int64_t previous_ns; /* source time of the row ahead */
    struct held_row *held;
    size_t held_count, held_capacity;
    int64_t last_ns;    /* of the row written last, from arrival 0 */
    int64_t second;     /* whole second being counted */
    uint64_t in_second; /* its rows */
};

int ofr_sink_create(struct ofr_sink **out, const char *source, const char *path, struct ofr_quality *quality,
                    struct ofr_error *err)
{
    struct ofr_sink *sink = calloc(1, sizeof *sink);
    *out = sink;
    if (!sink)
        return ofr_fail_nomem(err, path);
    sink->source = source;
    sink->path = path;
    sink->quality = quality;
    return 0;
}

void ofr_sink_free(struct ofr_sink *sink)
{
    if (!sink)
        return;
    ofr_trace_abort(sink->writer);
    free(sink->held);
    free(sink);
}

int ofr_sink_begin(struct ofr_sink *sink, uint32_t columns, enum ofr_import_order order, bool rebase,
                   struct ofr_error *err)
{
    sink->columns = columns;
    sink->order = order;
    sink->rebase = rebase;
    return ofr_trace_create(&sink->writer, sink->path, columns, NULL, err);
}

static void tally_values(const struct ofr_sink *sink, const struct ofr_trace_row *row)
{
    uint64_t *zeros = &sink->quality->zeros;
    *zeros += (sink->columns & OFR_TRACE_DURATION) && row->duration_ns == 0;
    *zeros += (sink->columns & OFR_TRACE_PROMPT) && row->prompt_tokens == 0;
    *zeros += (sink->columns & OFR_TRACE_OUTPUT) && row->output_tokens == 0;
}

static void tally_time(struct ofr_sink *sink, int64_t arrival_ns)
{
    struct ofr_quality *quality = sink->quality;
    int64_t second = arrival_ns / SECOND_NS;
    if (quality->rows > 0)
        quality->equal += arrival_ns == sink->last_ns;
    if (second != sink->second) {
        sink->second = second;
        sink->in_second = 0;
    }
    ++sink->in_second;
    if ((double)sink->in_second > quality->rate_peak)
        quality->rate_peak = (double)sink->in_second;
    sink->last_ns = arrival_ns;
}

/* The one way into the file; rows come in time order. */
static int write_row(struct ofr_sink *sink, const struct ofr_trace_row *row, struct ofr_error *err)
{
    struct ofr_trace_row shifted = *row;
    struct ofr_quality *quality = sink->quality;
    if (quality->rows == 0 && sink->rebase)
        quality->origin_ns = row->arrival_ns;
    if (__builtin_sub_overflow(row->arrival_ns, quality->origin_ns, &shifted.arrival_ns))
        return ofr_fail(err, OFR_E_INPUT,
                        "%s: found more than 292 years between two arrivals, expected fewer", sink->source);
    tally_values(sink, row);
    tally_time(sink, shifted.arrival_ns);
    if (quality->rows++ == 0)
        quality->first_ns = shifted.arrival_ns;
    return ofr_trace_append(sink->writer, &shifted, err);
}

static int hold_row(struct ofr_sink *sink, const struct ofr_trace_row *row, struct ofr_error *err)
{
    if (sink->held_count == OFR_SORT_ROWS_MAX)
        return ofr_fail(err, OFR_E_INPUT,
                        "%s: found more than %d rows to be sorted, expected fewer: sort the source",
                        sink->source, OFR_SORT_ROWS_MAX);
    if (sink->held_count == sink->held_capacity) {
        size_t capacity = sink->held_capacity ? sink->held_capacity * 2 : 4096;
        struct held_row *held = realloc(sink->held, capacity * sizeof *held);
        if (!held)
            return ofr_fail_nomem(err, "rows to be sorted");
        sink->held = held;
        sink->held_capacity = capacity;
    }
    sink->held[sink->held_count] = (struct held_row){.row = *row, .place = sink->held_count};
    ++sink->held_count;
    return 0;
}

int ofr_sink_row(struct ofr_sink *sink, const struct ofr_trace_row *row, int64_t *early_ns,
                 struct ofr_error *err)
{
    bool early = sink->have_previous && row->arrival_ns < sink->previous_ns;
    if (early) {
        ++sink->quality->unsorted;
        if (sink->order == OFR_IMPORT_SORTED) {
            *early_ns = sink->previous_ns - row->arrival_ns;
            return 1;
        }
    }
    sink->have_previous = true;
    sink->previous_ns = row->arrival_ns;
    return sink->order == OFR_IMPORT_SORTED ? write_row(sink, row, err) : hold_row(sink, row, err);
}

static int by_time_then_place(const void *left, const void *right)
{
    const struct held_row *a = left, *b = right;
    if (a->row.arrival_ns != b->row.arrival_ns)
        return a->row.arrival_ns < b->row.arrival_ns ? -1 : 1;
    return (a->place > b->place) - (a->place < b->place);
}

int ofr_sink_flush(struct ofr_sink *sink, struct ofr_error *err)
{
    struct ofr_quality *quality = sink->quality;
    if (sink->held_count > 1)
        qsort(sink->held, sink->held_count, sizeof *sink->held, by_time_then_place);
    for (size_t i = 0; i < sink->held_count; ++i) {
        int rc = write_row(sink, &sink->held[i].row, err);
        if (rc)
            return rc;
    }
    if (quality->rows == 0)
        return ofr_fail(
            err, OFR_E_INPUT, "%s: found no row to import (%" PRIu64 " refused%s%s), expected at least one",
            sink->source, quality->refused, quality->refused ? ", the first: " : "", quality->refused_why);
    quality->span_ns = sink->last_ns - quality->first_ns;
    if (quality->span_ns > 0)
        quality->rate_mean = (double)quality->rows / ((double)quality->span_ns / SECOND_NS);
    return 0;
}

int ofr_sink_commit(struct ofr_sink *sink, const struct ofr_notes *provenance, struct ofr_error *err)
{
    for (uint32_t i = 0; i < provenance->count; ++i) {
        int rc = ofr_trace_note(sink->writer, provenance->item[i].name, provenance->item[i].text, err);
        if (rc)
            return rc;
    }
    struct ofr_trace_writer *writer = sink->writer;
    sink->writer = NULL; /* finish frees it, come what may */
    return ofr_trace_finish(writer, err);
}
