#include "traces/trace_ops.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t second_ns = 1000000000;

/* Gaps are counted by Welford's rule: one pass, no cancellation. */
struct gaps {
    uint64_t count;
    double mean, squares;
};

struct peak {
    int64_t second;
    uint64_t here, most;
};

struct scan {
    struct ofr_trace_info *info;
    struct gaps gaps;
    struct peak peak;
};

static void count_gap(struct gaps *gaps, double gap)
{
    double off = gap - gaps->mean;
    gaps->mean += off / (double)++gaps->count;
    gaps->squares += off * (gap - gaps->mean);
}

static void count_second(struct peak *peak, int64_t arrival_ns)
{
    int64_t second = arrival_ns / second_ns;
    peak->here = second == peak->second ? peak->here + 1 : 1;
    peak->second = second;
    peak->most = peak->here > peak->most ? peak->here : peak->most;
}

static void add(uint64_t *sum, uint64_t value)
{
    *sum = value > UINT64_MAX - *sum ? UINT64_MAX : *sum + value;
}

static void scan_row(struct scan *scan, const struct ofr_trace_row *row)
{
    struct ofr_trace_info *info = scan->info;
    if (info->requests) {
        count_gap(&scan->gaps, (double)(row->arrival_ns - info->last_ns));
        info->equal_stamps += row->arrival_ns == info->last_ns;
    } else {
        info->first_ns = row->arrival_ns;
    }
    count_second(&scan->peak, row->arrival_ns);
    info->last_ns = row->arrival_ns;
    info->requests++;
    add(&info->duration_ns_sum, (uint64_t)row->duration_ns);
    add(&info->prompt_tokens_sum, row->prompt_tokens);
    add(&info->output_tokens_sum, row->output_tokens);
    if (info->columns & OFR_TRACE_STREAM && row->stream >= info->streams)
        info->streams = row->stream == UINT32_MAX ? UINT32_MAX : row->stream + 1;
}

/* Row of a chunk; columns it lacks are 0. */
static struct ofr_trace_row row_at(const struct ofr_trace_chunk *chunk, uint32_t i)
{
    return (struct ofr_trace_row){
        .arrival_ns = chunk->arrival_ns[i],
        .duration_ns = chunk->duration_ns ? chunk->duration_ns[i] : 0,
        .prompt_tokens = chunk->prompt_tokens ? chunk->prompt_tokens[i] : 0,
        .output_tokens = chunk->output_tokens ? chunk->output_tokens[i] : 0,
        .stream = chunk->stream ? chunk->stream[i] : 0,
    };
}

/* As ofr_trace_next; with `partial`, a truncated end is an end like any other and noted there. */
static int next_chunk(struct ofr_trace_reader *reader, struct ofr_trace_chunk *chunk, bool *partial,
                      struct ofr_error *err)
{
    struct ofr_error own = OFR_ERROR_INIT;
    int rc = ofr_trace_next(reader, chunk, &own);
    if (rc >= 0)
        return rc;
    if (partial && ofr_trace_partial(reader)) {
        *partial = true;
        return 0;
    }
    return ofr_fail(err, rc, "%s", own.text);
}

static void summarise(struct scan *scan)
{
    struct ofr_trace_info *info = scan->info;
    const struct gaps *gaps = &scan->gaps;
    info->span_s = (double)(info->last_ns - info->first_ns) / 1e9;
    info->rate_mean = info->span_s > 0.0 ? (double)info->requests / info->span_s : 0.0;
    info->rate_peak = (double)scan->peak.most;
    bool defined = gaps->count >= 2 && gaps->mean > 0.0;
    info->interarrival_cv = defined ? sqrt(gaps->squares / (double)(gaps->count - 1)) / gaps->mean : NAN;
}

int ofr_trace_info(struct ofr_trace_info *info, const char *path, struct ofr_error *err)
{
    struct ofr_trace_reader *reader;
    struct ofr_trace_chunk chunk;
    struct scan scan = {.info = info, .peak.second = -1};
    *info = (struct ofr_trace_info){0};
    int rc = ofr_trace_open(&reader, path, err);
    if (rc)
        return rc;
    info->columns = ofr_trace_columns(reader);
    while ((rc = next_chunk(reader, &chunk, &info->partial, err)) == 1)
        for (uint32_t i = 0; i < chunk.rows; i++) {
            struct ofr_trace_row row = row_at(&chunk, i);
            scan_row(&scan, &row);
        }
    summarise(&scan);
    if (!rc)
        rc = ofr_notes_add_all(&info->provenance, ofr_trace_provenance(reader), err);
    ofr_trace_close(reader);
    if (rc)
        ofr_trace_info_release(info);
    return rc;
}

void ofr_trace_info_release(struct ofr_trace_info *info)
{
    ofr_notes_release(&info->provenance);
}

/* A trace made from another, row by row. */
struct edit {
    struct ofr_trace_reader *reader; /* owned */
    struct ofr_trace_writer *writer; /* owned */
    struct ofr_notes notes;          /* owned */
    uint64_t rows;                   /* written */
};

/* The new trace's provenance: the old one's, and what is being done. A second edit of the same sort gets a
 * number, so that the history stays whole. */
static int add_history(struct ofr_notes *notes, const char *what, const char *how, struct ofr_error *err)
{
    char name[64];
    snprintf(name, sizeof name, "%s", what);
    for (int i = 2; ofr_notes_get(notes, name); i++)
        snprintf(name, sizeof name, "%s_%d", what, i);
    return ofr_notes_set(notes, name, how, err);
}

static int begin_edit(struct edit *edit, const char *input, const char *output, const char *what,
                      const char *how, struct ofr_error *err)
{
    *edit = (struct edit){0};
    int rc = ofr_trace_open(&edit->reader, input, err);
    if (!rc)
        rc = ofr_notes_add_all(&edit->notes, ofr_trace_provenance(edit->reader), err);
    if (!rc)
        rc = add_history(&edit->notes, what, how, err);
    if (!rc)
        rc = ofr_trace_create(&edit->writer, output, ofr_trace_columns(edit->reader), &edit->notes, err);
    return rc;
}

/* Notes the source learned at its own end are only known now. */
static int end_edit(struct edit *edit, int rc, struct ofr_error *err)
{
    const struct ofr_notes *late = edit->reader ? ofr_trace_provenance(edit->reader) : NULL;
    for (uint32_t i = 0; !rc && i < late->count; i++)
        if (!ofr_notes_get(&edit->notes, late->item[i].name))
            rc = ofr_trace_note(edit->writer, late->item[i].name, late->item[i].text, err);
    if (!rc) {
        rc = ofr_trace_finish(edit->writer, err);
        edit->writer = NULL;
    }
    ofr_trace_abort(edit->writer);
    ofr_trace_close(edit->reader);
    ofr_notes_release(&edit->notes);
    return rc;
}

/* 1 = the chunk reaches the end of the window. */
static int cut_chunk(struct edit *edit, const struct ofr_trace_chunk *chunk, const struct ofr_trace_cut *cut,
                     struct ofr_error *err)
{
    for (uint32_t i = 0; i < chunk->rows; i++) {
        struct ofr_trace_row row = row_at(chunk, i);
        if (row.arrival_ns >= cut->to_ns && cut->to_ns != INT64_MAX)
            return 1;
        if (row.arrival_ns < cut->from_ns)
            continue;
        row.arrival_ns -= cut->keep_time ? 0 : cut->from_ns;
        int rc = ofr_trace_append(edit->writer, &row, err);
        if (rc)
            return rc;
        edit->rows++;
    }
    return 0;
}

/* Reads on behind the window too: damage there is still damage, and the late notes stand at the end. */
static int cut_rows(struct edit *edit, const struct ofr_trace_cut *cut, bool *partial, struct ofr_error *err)
{
    struct ofr_trace_chunk chunk;
    bool past = false;
    int rc;
    while ((rc = next_chunk(edit->reader, &chunk, partial, err)) == 1) {
        rc = past ? 1 : cut_chunk(edit, &chunk, cut, err);
        if (rc < 0)
            return rc;
        past = rc == 1;
    }
    return rc;
}

int ofr_trace_cut(const char *input, const char *output, const struct ofr_trace_cut *cut, bool *partial,
                  struct ofr_error *err)
{
    struct edit edit;
    char how[128], to[32] = "end";
    *partial = false;
    if (cut->from_ns < 0 || cut->to_ns <= cut->from_ns)
        return ofr_fail(err, OFR_E_USAGE,
                        "found a window from %" PRId64 " ns to %" PRId64 " ns, expected 0 <= from < to",
                        cut->from_ns, cut->to_ns);
    if (cut->to_ns != INT64_MAX)
        snprintf(to, sizeof to, "%" PRId64 " ns", cut->to_ns);
    snprintf(how, sizeof how, "from %" PRId64 " ns to %s%s", cut->from_ns, to,
             cut->keep_time ? ", times kept" : "");
    int rc = begin_edit(&edit, input, output, "cut", how, err);
    if (!rc)
        rc = cut_rows(&edit, cut, partial, err);
    if (!rc && !edit.rows)
        rc = ofr_fail(err, OFR_E_USAGE, "%s: has no arrival %s", input, how);
    return end_edit(&edit, rc, err);
}

/* Correct to the nanosecond for any trace: beyond 2^53 ns (104 days) a double would not be, a long double is.
 */
static int scale_row(struct ofr_trace_row *row, double speed, const char *path, struct ofr_error *err)
{
    long double scaled = (long double)row->arrival_ns / (long double)speed;
    if (!(scaled < 9.2e18L))
        return ofr_fail(err, OFR_E_INPUT,
                        "%s: arrival %" PRId64 " ns at speed %.17gx does not fit in 292 years", path,
                        row->arrival_ns, speed);
    row->arrival_ns = llroundl(scaled);
    return OFR_OK;
}

static int scale_chunk(struct edit *edit, const struct ofr_trace_chunk *chunk, double speed, const char *path,
                       struct ofr_error *err)
{
    for (uint32_t i = 0; i < chunk->rows; i++) {
        struct ofr_trace_row row = row_at(chunk, i);
        int rc = scale_row(&row, speed, path, err);
        if (!rc)
            rc = ofr_trace_append(edit->writer, &row, err);
        if (rc)
            return rc;
    }
    return OFR_OK;
}

int ofr_trace_scale(const char *input, const char *output, double speed, struct ofr_error *err)
{
    struct edit edit;
    struct ofr_trace_chunk chunk;
    char how[64];
    if (!(speed > 0.0) || !isfinite(speed))
        return ofr_fail(err, OFR_E_USAGE, "found a speed of %g, expected more than 0", speed);
    snprintf(how, sizeof how, "%.17gx", speed);
    int rc = begin_edit(&edit, input, output, "speed", how, err);
    while (!rc) {
        rc = next_chunk(edit.reader, &chunk, NULL, err);
        if (rc != 1)
            break;
        rc = scale_chunk(&edit, &chunk, speed, input, err);
    }
    return end_edit(&edit, rc, err);
}

int ofr_trace_speed_for(const char *input, double rate, double *speed, struct ofr_error *err)
{
    struct ofr_trace_info info;
    if (!(rate > 0.0) || !isfinite(rate))
        return ofr_fail(err, OFR_E_USAGE, "found a rate of %g/s, expected more than 0", rate);
    int rc = ofr_trace_info(&info, input, err);
    if (rc)
        return rc;
    if (info.partial)
        rc = ofr_fail(err, OFR_E_INPUT, "%s: the file is cut short: its mean rate is not known", input);
    else if (!(info.rate_mean > 0.0))
        rc = ofr_fail(err, OFR_E_INPUT, "%s: all arrivals are at one time: it has no mean rate", input);
    else
        *speed = rate / info.rate_mean;
    ofr_trace_info_release(&info);
    return rc;
}

/* One input of a merge. */
struct feed {
    struct ofr_trace_reader *reader; /* owned */
    struct ofr_trace_chunk chunk;
    uint32_t next;
    bool ended;
};

struct merge {
    struct feed feed[OFR_MERGE_MAX];
    uint32_t feeds;
    struct ofr_trace_writer *writer; /* owned */
};

static int refill(struct feed *feed, struct ofr_error *err)
{
    while (!feed->ended && feed->next == feed->chunk.rows) {
        int rc = ofr_trace_next(feed->reader, &feed->chunk, err);
        if (rc < 0)
            return rc;
        feed->next = 0;
        feed->ended = rc == 0;
    }
    return OFR_OK;
}

/* The feed with the earliest arrival, the first of several; NULL at the end. A scan: inputs are few. */
static struct feed *earliest(struct merge *merge)
{
    struct feed *best = NULL;
    for (uint32_t i = 0; i < merge->feeds; i++) {
        struct feed *feed = &merge->feed[i];
        if (!feed->ended &&
            (!best || feed->chunk.arrival_ns[feed->next] < best->chunk.arrival_ns[best->next]))
            best = feed;
    }
    return best;
}

static int merge_rows(struct merge *merge, struct ofr_error *err)
{
    int rc = OFR_OK;
    for (uint32_t i = 0; !rc && i < merge->feeds; i++)
        rc = refill(&merge->feed[i], err);
    for (struct feed *feed; !rc && (feed = earliest(merge));) {
        struct ofr_trace_row row = row_at(&feed->chunk, feed->next++);
        row.stream = (uint32_t)(feed - merge->feed);
        rc = ofr_trace_append(merge->writer, &row, err);
        if (!rc)
            rc = refill(feed, err);
    }
    return rc;
}

static int open_merge(struct merge *merge, const char *const *input, uint32_t inputs, const char *output,
                      uint32_t *left_out, struct ofr_error *err)
{
    uint32_t common = UINT32_MAX, any = 0;
    struct ofr_notes notes = OFR_NOTES_INIT;
    int rc = OFR_OK;
    for (; !rc && merge->feeds < inputs; merge->feeds++) {
        struct feed *feed = &merge->feed[merge->feeds];
        char name[32];
        snprintf(name, sizeof name, "merged_%" PRIu32, merge->feeds);
        rc = ofr_trace_open(&feed->reader, input[merge->feeds], err);
        if (rc)
            break;
        rc = ofr_notes_set(&notes, name, input[merge->feeds], err);
        common &= ofr_trace_columns(feed->reader);
        any |= ofr_trace_columns(feed->reader);
    }
    if (left_out)
        *left_out = any & ~common & ~(uint32_t)OFR_TRACE_STREAM;
    if (!rc)
        rc = ofr_trace_create(&merge->writer, output, common | OFR_TRACE_STREAM, &notes, err);
    ofr_notes_release(&notes);
    return rc;
}

int ofr_trace_merge(const char *const *input, uint32_t inputs, const char *output, uint32_t *left_out,
                    struct ofr_error *err)
{
    if (inputs < 1 || inputs > OFR_MERGE_MAX)
        return ofr_fail(err, OFR_E_USAGE, "found %" PRIu32 " traces to merge, expected 1 to %d", inputs,
                        OFR_MERGE_MAX);
    struct merge *merge = calloc(1, sizeof *merge);
    if (!merge)
        return ofr_fail_nomem(err, "a merge");
    int rc = open_merge(merge, input, inputs, output, left_out, err);
    if (!rc)
        rc = merge_rows(merge, err);
    if (!rc) {
        rc = ofr_trace_finish(merge->writer, err);
        merge->writer = NULL;
    }
    ofr_trace_abort(merge->writer);
    for (uint32_t i = 0; i < merge->feeds; i++)
        ofr_trace_close(merge->feed[i].reader);
    free(merge);
    return rc;
}
