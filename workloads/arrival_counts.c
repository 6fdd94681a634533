/* Arrivals from counts: how many came in each bin is read from a file, when within the bin has to be chosen.
 *
 * Formula: the n-th count of the file (n = 0, 1, ...) stands for the time from n * bin to (n + 1) * bin; its
 * arrivals lie there `even`, `uniform`, `poisson` or in a `burst` at the start, as traces/import/bins.h says.
 * With `loop` the file begins anew when it ends, for as long as requests are wanted.
 *
 * The file is text, plain or gzip: with `column` a table with a header, one bin a row (a MAF-like series per
 * minute); without, nothing but counts between blanks or line ends (the Twitter counts per second).
 *
 * Source: counts per minute of functions after Shahrad et al., "Serverless in the Wild", ATC 2020, spread
 * within the minute as users of that trace have to.
 *
 * Memory is constant: the arrivals of one bin.
 */
#include "traces/import/bins.h"
#include "traces/import/csv.h"
#include "traces/import/number.h"
#include "workloads/arrival_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct counts_options {
    char file[OFFRAMP_TEXT_SIZE];
    char column[OFFRAMP_TEXT_SIZE];
    int64_t bin_ns;
    int32_t within_bin;
    uint8_t loop;
};

struct counts {
    struct counts_options chosen;
    struct ofr_text *text; /* owned */
    struct ofr_csv csv;    /* in use with `column` */
    int column;
    struct ofr_random random;
    struct ofr_bins bins; /* arrivals of the bin at hand */
    size_t at;            /* next of them */
    int64_t start_ns;     /* of the bin after the one at hand */
    int64_t bin_start_ns; /* of the bin at hand */
    uint64_t arrivals;    /* of this repetition */
    uint32_t stream;
    bool ended;
    struct ofr_error error; /* held back until what came before it is handed out */
};

static void close_file(struct counts *counts)
{
    ofr_csv_release(&counts->csv);
    ofr_text_close(counts->text);
    counts->text = NULL;
}

static int open_file(struct counts *counts, struct ofr_error *err)
{
    counts->arrivals = 0;
    int code = ofr_text_open(&counts->text, counts->chosen.file, err);
    if (code)
        return code;
    ofr_csv_init(&counts->csv, counts->text, ',');
    if (!counts->chosen.column[0])
        return OFR_OK;
    code = ofr_csv_header(&counts->csv, counts->chosen.column, err);
    return code ? code : ofr_csv_require(&counts->csv, counts->chosen.column, &counts->column, err);
}

static void counts_destroy(void *state)
{
    struct counts *counts = state;
    if (!counts)
        return;
    close_file(counts);
    ofr_bins_release(&counts->bins);
    free(counts);
}

static int counts_create(void **state, const struct ofr_arrival_setup *setup, const void *options,
                         struct ofr_error *err)
{
    struct counts *counts = calloc(1, sizeof *counts);
    if (!counts)
        return ofr_fail_nomem(err, "arrivals from counts");
    counts->chosen = *(const struct counts_options *)options;
    counts->stream = setup->stream;
    counts->bins = (struct ofr_bins){.within = (enum ofr_within_bin)counts->chosen.within_bin,
                                     .width_ns = counts->chosen.bin_ns};
    ofr_random_init(&counts->random, setup->seed, OFR_RANDOM_ARRIVALS, setup->stream);
    int code = open_file(counts, err);
    if (code)
        counts_destroy(counts);
    else
        *state = counts;
    return code;
}

static int parse_count(const struct counts *counts, const char *text, size_t length, uint64_t line,
                       int column, uint64_t *count, struct ofr_error *err)
{
    enum ofr_number number = ofr_number_count(text, length, OFR_BIN_COUNT_MAX, count);
    char quoted[OFR_QUOTE_SIZE];
    if (number == OFR_NUMBER_OK)
        return 1;
    return ofr_fail_at(err, OFR_E_INPUT, counts->chosen.file, ofr_text_place(line), column,
                       "found %s (%s), expected a count of at most %d", ofr_quote(quoted, text, length),
                       ofr_number_text(number), OFR_BIN_COUNT_MAX);
}

/* The next count of the file: 1, 0 = end, negative = error. */
static int read_count(struct counts *counts, uint64_t *count, struct ofr_error *err)
{
    struct ofr_token token;
    struct ofr_csv *csv = &counts->csv;
    int more = counts->chosen.column[0] ? ofr_csv_next(csv, err) : ofr_text_token(counts->text, &token, err);
    if (more <= 0)
        return more;
    if (!counts->chosen.column[0])
        return parse_count(counts, token.text, token.length, token.line, ofr_text_place(token.column), count,
                           err);
    if (csv->count != csv->header_count)
        return ofr_fail_at(err, OFR_E_INPUT, counts->chosen.file, ofr_text_place(csv->line), 0,
                           "found %zu fields, expected %zu as in the header", csv->count, csv->header_count);
    if (csv->problem)
        return ofr_fail_at(err, OFR_E_INPUT, counts->chosen.file, ofr_text_place(csv->line),
                           csv->problem_column, "%s", csv->problem);
    const struct ofr_field *field = &csv->field[counts->column];
    return parse_count(counts, field->text, field->length, csv->line, field->column, count, err);
}

/* The file has been read to its end: starts the next repetition, or ends. */
static int repeat(struct counts *counts, struct ofr_error *err)
{
    if (counts->arrivals == 0 && (counts->chosen.loop || counts->start_ns == 0))
        return ofr_fail(err, OFR_E_INPUT, "%s: found no %s, expected at least one", counts->chosen.file,
                        counts->start_ns == 0 ? "count" : "arrival");
    if (!counts->chosen.loop) {
        counts->ended = true;
        return OFR_OK;
    }
    close_file(counts);
    return open_file(counts, err);
}

static int read_bin(struct counts *counts, struct ofr_error *err)
{
    uint64_t count = 0;
    counts->at = counts->bins.count = 0;
    int more = read_count(counts, &count, err);
    if (more <= 0)
        return more < 0 ? more : repeat(counts, err);
    if (counts->chosen.bin_ns > OFR_ARRIVAL_LIMIT_NS - counts->start_ns)
        return ofr_arrival_beyond_limit(0, err);
    counts->bin_start_ns = counts->start_ns;
    counts->start_ns += counts->chosen.bin_ns;
    counts->arrivals += count;
    return ofr_bins_expand(&counts->bins, count, &counts->random, err);
}

static int counts_next(void *state, struct ofr_arrival *out, uint32_t max, struct ofr_error *err)
{
    struct counts *counts = state;
    uint32_t done = 0;
    while (done < max && !counts->ended && !counts->error.code) {
        if (counts->at == counts->bins.count) {
            counts->error.code = read_bin(counts, &counts->error);
            continue;
        }
        out[done++] = (struct ofr_arrival){
            .time_ns = counts->bin_start_ns + counts->bins.time_ns[counts->at++], .stream = counts->stream};
    }
    if (done == 0 && counts->error.code)
        return ofr_fail(err, counts->error.code, "%s", counts->error.text);
    return (int)done;
}

static bool counts_end(const void *options)
{
    return !((const struct counts_options *)options)->loop;
}

static const struct offramp_option counts_option_table[] = {
    {.name = "file",
     .type = OFFRAMP_OPT_PATH,
     .offset = offsetof(struct counts_options, file),
     .help = "counts, one a bin: text, plain or gzip"},
    {.name = "column",
     .type = OFFRAMP_OPT_TEXT,
     .offset = offsetof(struct counts_options, column),
     .fallback = "",
     .help = "column of a CSV table with a header; empty = nothing but counts between blanks or line ends"},
    {.name = "bin",
     .type = OFFRAMP_OPT_TIME,
     .offset = offsetof(struct counts_options, bin_ns),
     .fallback = "1min",
     .min = 1,
     .max = 3.6e15,
     .help = "width of a bin; narrower than recorded = faster"},
    {.name = "within_bin",
     .type = OFFRAMP_OPT_CHOICE,
     .offset = offsetof(struct counts_options, within_bin),
     .choices = ofr_within_bin_choices,
     .help = "times inside a bin, which the source does not have: even (i+1/2)/n, uniform draws, poisson "
             "(count drawn too), burst (all at the start)"},
    {.name = "loop",
     .type = OFFRAMP_OPT_BOOL,
     .offset = offsetof(struct counts_options, loop),
     .fallback = "false",
     .help = "repeats the file for as long as requests are wanted"},
};

const struct ofr_arrival_ops ofr_arrival_counts = {
    .component = {.name = "counts",
                  .help = "as many arrivals in each bin as a file of counts says",
                  .options = counts_option_table,
                  .option_count = sizeof counts_option_table / sizeof *counts_option_table,
                  .options_size = sizeof(struct counts_options)},
    .ends = counts_end,
    .create = counts_create,
    .destroy = counts_destroy,
    .next = counts_next,
};
