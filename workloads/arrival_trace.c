/* Arrivals of a recorded trace, or of a window of it, as they were or faster.
 *
 * Formula: the window holds the trace's arrivals a with from <= a < to. Arrival a of repetition k = 0, 1, 2,
 * ... comes at
 *
 *     (k * length + a - from) * factor,        rounded to the nearest nanosecond,
 *
 * so that the window's start is time 0, whether or not something arrives there. In it
 *
 *   - length = to - from. Without `to` the window ends one mean gap after its last arrival: length = last -
 *     from + gap, gap = (last - first) / (arrivals - 1) rounded to the nearest nanosecond; the gap keeps the
 *     last arrival of one repetition and the first of the next apart.
 *   - factor = 1 / speed; or, with `rate`, (arrivals / length) / rate, which makes `rate` the mean rate of
 *     the window.
 *   - k = 0 only, unless `loop` is on.
 *
 * Source: replay of a trace by time scaling (Feitelson, "Workload Modeling for Computer Systems Performance
 * Evaluation", Cambridge University Press 2015): the order and the shape of bursts are kept, and so are daily
 * cycles, which are shortened along with everything else.
 *
 * The trace's own stream column says which client or camera a request came from where it was recorded; it is
 * not the number of an arrival stream of this run and is ignored.
 *
 * Memory is constant: one chunk of the file. `rate`, and `loop` without `to`, need one more pass over the
 * window before the run.
 */
#include "traces/trace.h"
#include "workloads/arrival_internal.h"
#include "workloads/time_scale.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct trace_options {
    char trace[OFFRAMP_TEXT_SIZE];
    double speed;
    double rate;            /* -1 = not given */
    int64_t from_ns, to_ns; /* to_ns -1 = to the end */
    uint8_t loop;
};

struct trace {
    struct ofr_trace_reader *reader; /* owned */
    struct ofr_trace_chunk chunk;    /* borrowed from the reader */
    uint32_t row;                    /* next row of the chunk */
    uint32_t stream;
    int64_t from_ns, to_ns; /* to_ns INT64_MAX = to the end */
    int64_t length_ns;      /* of the window; used when looping */
    int64_t start_ns;       /* unscaled start of this repetition */
    int64_t last_ns;        /* arrival before this one in this repetition, trace time */
    bool loop, ended;
    bool repetition_empty; /* nothing of this repetition has been handed out yet */
    struct ofr_time_scale scale;
    struct ofr_error error; /* held back until what came before it is handed out */
    char path[OFFRAMP_TEXT_SIZE];
};

/* What the first pass finds in the window. */
struct window {
    uint64_t arrivals;
    int64_t first_ns, last_ns;
    int64_t seen_ns; /* last arrival met, in the window or before it; -1 = none */
};

/* Passes over one chunk. 1 = go on, 0 = enough seen. */
static int scan_chunk(const struct trace *trace, const struct ofr_trace_chunk *chunk, bool all,
                      struct window *window)
{
    for (uint32_t row = 0; row < chunk->rows; row++) {
        int64_t arrival_ns = chunk->arrival_ns[row];
        if (arrival_ns >= trace->to_ns)
            return 0;
        window->seen_ns = arrival_ns;
        if (arrival_ns < trace->from_ns)
            continue;
        if (window->arrivals++ == 0)
            window->first_ns = arrival_ns;
        window->last_ns = arrival_ns;
        if (!all)
            return 0;
    }
    return 1;
}

static int fail_empty(const struct trace *trace, const struct window *window, struct ofr_error *err)
{
    if (window->seen_ns < 0 && trace->from_ns == 0 && trace->to_ns == INT64_MAX)
        return ofr_fail(err, OFR_E_INPUT, "%s: found no arrival, expected at least one", trace->path);
    char to[48] = "the end", seen[64] = "";
    if (trace->to_ns != INT64_MAX)
        snprintf(to, sizeof to, "%.9g s", 1e-9 * (double)trace->to_ns);
    if (window->seen_ns >= 0)
        snprintf(seen, sizeof seen, "; the last one before it is at %.9g s", 1e-9 * (double)window->seen_ns);
    return ofr_fail(err, OFR_E_INPUT, "%s: found no arrival from %.9g s to %s, expected at least one%s",
                    trace->path, 1e-9 * (double)trace->from_ns, to, seen);
}

/* The whole window when `all`, else until its first arrival; leaves the reader at the start. */
static int scan(struct trace *trace, bool all, struct window *window, struct ofr_error *err)
{
    struct ofr_trace_chunk chunk;
    int more;
    *window = (struct window){.seen_ns = -1};
    while ((more = ofr_trace_next(trace->reader, &chunk, err)) > 0)
        if (!scan_chunk(trace, &chunk, all, window))
            break;
    if (more < 0)
        return more;
    if (window->arrivals == 0)
        return fail_empty(trace, window, err);
    return ofr_trace_rewind(trace->reader, err);
}

static int set_length(struct trace *trace, const struct window *window, struct ofr_error *err)
{
    if (trace->to_ns != INT64_MAX) {
        trace->length_ns = trace->to_ns - trace->from_ns;
        return OFR_OK;
    }
    uint64_t span_ns = (uint64_t)window->last_ns - (uint64_t)window->first_ns;
    if (window->last_ns >= OFR_ARRIVAL_LIMIT_NS)
        return ofr_arrival_beyond_limit(0, err);
    if (window->last_ns <= window->first_ns)
        return ofr_fail(
            err, OFR_E_INPUT,
            "%s: found all arrivals of the window at one time, expected two times or `to`, because "
            "without them its length is unknown",
            trace->path);
    uint64_t gaps = window->arrivals - 1;
    trace->length_ns = window->last_ns - trace->from_ns + (int64_t)((span_ns + gaps / 2) / gaps);
    return OFR_OK;
}

static int set_scale(struct trace *trace, const struct trace_options *chosen, const struct window *window,
                     struct ofr_error *err)
{
    int power;
    ofr_u128 mantissa = ofr_time_scale_split(chosen->rate > 0 ? chosen->rate : chosen->speed, &power);
    bool fits = chosen->rate > 0 ? ofr_time_scale_init(&trace->scale, (ofr_u128)window->arrivals * 1000000000,
                                                       (ofr_u128)trace->length_ns * mantissa, -power)
                                 : ofr_time_scale_init(&trace->scale, 1, mantissa, -power);
    if (!fits)
        return ofr_fail(err, OFR_E_INPUT,
                        "%s: found a window of %" PRId64 " ns, which cannot be stretched to %g/s",
                        trace->path, trace->length_ns, chosen->rate);
    return OFR_OK;
}

static int check(const struct trace_options *chosen, struct ofr_error *err)
{
    if (chosen->rate > 0 && chosen->speed != 1)
        return ofr_fail(err, OFR_E_INPUT, "%s: found both `speed` %gx and `rate` %g/s, expected one of them",
                        chosen->trace, chosen->speed, chosen->rate);
    if (chosen->rate >= 0 && chosen->rate < OFR_ARRIVAL_RATE_MIN)
        return ofr_fail(err, OFR_E_INPUT, "%s: found `rate` %g/s, expected none or at least %g/s",
                        chosen->trace, chosen->rate, OFR_ARRIVAL_RATE_MIN);
    if (chosen->to_ns >= 0 && chosen->from_ns >= chosen->to_ns)
        return ofr_fail(err, OFR_E_INPUT,
                        "%s: found `from` %.9g s and `to` %.9g s, expected `from` before `to`", chosen->trace,
                        1e-9 * (double)chosen->from_ns, 1e-9 * (double)chosen->to_ns);
    return OFR_OK;
}

static void trace_destroy(void *state)
{
    struct trace *trace = state;
    if (!trace)
        return;
    ofr_trace_close(trace->reader);
    free(trace);
}

static int open_window(struct trace *trace, const struct trace_options *chosen, struct ofr_error *err)
{
    struct window window;
    bool length_matters = chosen->rate > 0 || chosen->loop;
    int code = ofr_trace_open(&trace->reader, chosen->trace, err);
    if (code)
        return code;
    ofr_trace_want(trace->reader, 0);
    code = scan(trace, chosen->rate > 0 || (chosen->loop && chosen->to_ns < 0), &window, err);
    if (!code && length_matters)
        code = set_length(trace, &window, err);
    return code ? code : set_scale(trace, chosen, &window, err);
}

static int trace_create(void **state, const struct ofr_arrival_setup *setup, const void *options,
                        struct ofr_error *err)
{
    const struct trace_options *chosen = options;
    int code = check(chosen, err);
    if (code)
        return code;
    struct trace *trace = calloc(1, sizeof *trace);
    if (!trace)
        return ofr_fail_nomem(err, "trace arrivals");
    trace->stream = setup->stream;
    trace->from_ns = chosen->from_ns;
    trace->to_ns = chosen->to_ns < 0 ? INT64_MAX : chosen->to_ns;
    trace->last_ns = chosen->from_ns;
    trace->loop = chosen->loop;
    memcpy(trace->path, chosen->trace, sizeof trace->path);
    code = open_window(trace, chosen, err);
    if (code)
        trace_destroy(trace);
    else
        *state = trace;
    return code;
}

/* The window has been handed out: starts the next repetition, or ends. */
static int repeat(struct trace *trace, struct ofr_error *err)
{
    trace->chunk.rows = trace->row = 0;
    if (!trace->loop) {
        trace->ended = true;
        return OFR_OK;
    }
    if (trace->repetition_empty)
        return ofr_fail(
            err, OFR_E_INPUT,
            "%s: found no arrival in the window any more, expected the file not to change during the "
            "run",
            trace->path);
    if (trace->length_ns > OFR_ARRIVAL_LIMIT_NS - trace->start_ns)
        return ofr_arrival_beyond_limit(0, err);
    trace->start_ns += trace->length_ns;
    trace->last_ns = trace->from_ns;
    trace->repetition_empty = true;
    return ofr_trace_rewind(trace->reader, err);
}

/* 0 = there are rows, or the next repetition begins, or the process has ended. */
static int read_chunk(struct trace *trace, struct ofr_error *err)
{
    trace->row = 0;
    int more = ofr_trace_next(trace->reader, &trace->chunk, err);
    if (more > 0)
        return OFR_OK;
    trace->chunk.rows = 0;
    return more == 0 ? repeat(trace, err) : more;
}

/* Turns an arrival of the window into one of the run. */
static int place(struct trace *trace, int64_t arrival_ns, struct ofr_arrival *out, struct ofr_error *err)
{
    if (arrival_ns < trace->last_ns)
        return ofr_fail(err, OFR_E_INPUT,
                        "%s: found an arrival at %" PRId64 " ns after one at %" PRId64
                        " ns, expected times that do not decrease",
                        trace->path, arrival_ns, trace->last_ns);
    trace->last_ns = arrival_ns;
    trace->repetition_empty = false;
    int64_t offset_ns = arrival_ns - trace->from_ns;
    if (offset_ns > OFR_ARRIVAL_LIMIT_NS - trace->start_ns)
        return ofr_arrival_beyond_limit(0, err);
    out->time_ns = ofr_time_scale_apply(&trace->scale, trace->start_ns + offset_ns);
    out->stream = trace->stream;
    return out->time_ns > OFR_ARRIVAL_LIMIT_NS ? ofr_arrival_beyond_limit(0, err) : OFR_OK;
}

/* Handles one row. 1 = `out` is filled, 0 = the row is outside of the window, negative = error. */
static inline int take_row(struct trace *trace, struct ofr_arrival *out, struct ofr_error *err)
{
    int64_t arrival_ns = trace->chunk.arrival_ns[trace->row++];
    if (arrival_ns >= trace->to_ns)
        return repeat(trace, err);
    if (arrival_ns < trace->from_ns)
        return 0;
    int code = place(trace, arrival_ns, out, err);
    return code ? code : 1;
}

static bool trace_ends(const void *options)
{
    return !((const struct trace_options *)options)->loop;
}

static int trace_next(void *state, struct ofr_arrival *out, uint32_t max, struct ofr_error *err)
{
    struct trace *trace = state;
    uint32_t done = 0;
    while (done < max && !trace->ended && !trace->error.code) {
        int code = trace->row < trace->chunk.rows ? take_row(trace, &out[done], &trace->error)
                                                  : read_chunk(trace, &trace->error);
        if (code < 0)
            trace->error.code = code;
        else
            done += (uint32_t)code;
    }
    if (done == 0 && trace->error.code)
        return ofr_fail(err, trace->error.code, "%s", trace->error.text);
    return (int)done;
}

static const struct offramp_option trace_option_table[] = {
    {.name = "trace",
     .type = OFFRAMP_OPT_PATH,
     .offset = offsetof(struct trace_options, trace),
     .help = "request trace (.otrace)"},
    {.name = "speed",
     .type = OFFRAMP_OPT_FACTOR,
     .offset = offsetof(struct trace_options, speed),
     .fallback = "1x",
     .min = 0.001,
     .max = 1e6,
     .help = "how much faster than recorded; not together with `rate`"},
    {.name = "rate",
     .type = OFFRAMP_OPT_RATE,
     .offset = offsetof(struct trace_options, rate),
     .fallback = "none",
     .min = -1,
     .max = OFR_ARRIVAL_RATE_MAX,
     .help = "scales time so that the window has this mean rate; none = as recorded"},
    {.name = "from",
     .type = OFFRAMP_OPT_TIME,
     .offset = offsetof(struct trace_options, from_ns),
     .fallback = "0s",
     .min = 0,
     .max = (double)OFR_ARRIVAL_LIMIT_NS,
     .help = "start of the window, in the trace's own time; becomes time 0"},
    {.name = "to",
     .type = OFFRAMP_OPT_TIME,
     .offset = offsetof(struct trace_options, to_ns),
     .fallback = "none",
     .min = -1,
     .max = (double)OFR_ARRIVAL_LIMIT_NS,
     .help = "end of the window, itself outside; none = one mean gap after the last arrival"},
    {.name = "loop",
     .type = OFFRAMP_OPT_BOOL,
     .offset = offsetof(struct trace_options, loop),
     .fallback = "false",
     .help = "repeats the window for as long as requests are wanted"},
};

const struct ofr_arrival_ops ofr_arrival_trace = {
    .component = {.name = "trace",
                  .help = "the arrivals of a request trace, at its own or another speed",
                  .options = trace_option_table,
                  .option_count = sizeof trace_option_table / sizeof *trace_option_table,
                  .options_size = sizeof(struct trace_options)},
    .create = trace_create,
    .destroy = trace_destroy,
    .next = trace_next,
    .ends = trace_ends,
};
