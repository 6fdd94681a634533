/* Messages per second, as integers between blanks (usually all on one line): the n-th number is the count of
 * second n. Read number by number, so the length of the line does not matter.
 */
#include "traces/import/bins.h"
#include "traces/import/importers.h"

#include <inttypes.h>

enum {
    SECOND_NS = 1000000000
};

struct options {
    int32_t within_bin;
    uint64_t seed;
    int64_t from_ns, to_ns; /* to_ns < 0: to the end */
};

static const struct offramp_option option_rows[] = {
    OFR_BINS_OPTIONS(struct options),
    {.name = "from",
     .type = OFFRAMP_OPT_TIME,
     .offset = offsetof(struct options, from_ns),
     .fallback = "0s",
     .min = 0,
     .max = 9.2e18,
     .help = "first second to take (whole seconds); it becomes time 0"},
    {.name = "to",
     .type = OFFRAMP_OPT_TIME,
     .offset = offsetof(struct options, to_ns),
     .fallback = "none",
     .min = -1,
     .max = 9.2e18,
     .help = "first second not to take (whole seconds)"},
};

struct reader {
    struct ofr_import *import;
    struct ofr_bins bins;
    struct ofr_random random;
    uint64_t first, stop; /* seconds first .. stop - 1 */
    uint64_t second;      /* of the token at hand */
};

static int take_count(struct reader *reader, uint64_t count, const struct ofr_token *token,
                      struct ofr_error *err)
{
    struct ofr_import *import = reader->import;
    ++import->quality.bins;
    import->quality.empty_bins += count == 0;
    if (count > OFR_BIN_COUNT_MAX)
        return ofr_import_refuse(import, token->line, ofr_text_place(token->column), err,
                                 "found a count of %" PRIu64 ", expected at most %d", count,
                                 OFR_BIN_COUNT_MAX);
    int rc = ofr_bins_expand(&reader->bins, count, &reader->random, err);
    struct ofr_trace_row row = {0};
    int64_t start_ns = (int64_t)(reader->second - reader->first) * SECOND_NS;
    for (size_t i = 0; rc == 0 && i < reader->bins.count; ++i) {
        row.arrival_ns = start_ns + reader->bins.time_ns[i];
        rc = ofr_import_row(import, &row, token->line, ofr_text_place(token->column), err);
    }
    return rc;
}

static int take_token(struct reader *reader, const struct ofr_token *token, struct ofr_error *err)
{
    uint64_t count = 0;
    char quoted[OFR_QUOTE_SIZE];
    if (reader->second - reader->first > INT64_MAX / SECOND_NS - 1)
        return ofr_fail_at(err, OFR_E_INPUT, reader->import->path, ofr_text_place(token->line),
                           ofr_text_place(token->column), "found more than 292 years of seconds");
    enum ofr_number number = ofr_number_count(token->text, token->length, UINT64_MAX, &count);
    if (number == OFR_NUMBER_OK)
        return take_count(reader, count, token, err);
    return ofr_import_refuse(reader->import, token->line, ofr_text_place(token->column), err,
                             "found %s (%s), expected a count", ofr_quote(quoted, token->text, token->length),
                             ofr_number_text(number));
}

/* A token that is refused still stands for its second, which is left empty. */
static int read_tokens(struct reader *reader, struct ofr_error *err)
{
    struct ofr_token token;
    int rc = 1;
    for (; reader->second < reader->stop; ++reader->second) {
        if ((rc = ofr_text_token(reader->import->text, &token, err)) <= 0)
            break;
        if (reader->second >= reader->first && (rc = take_token(reader, &token, err)) < 0)
            break;
    }
    if (rc == 0 && reader->second == 0)
        return ofr_fail_at(err, OFR_E_INPUT, reader->import->path, 1, 0,
                           "found an empty file, expected counts between blanks");
    if (rc == 0 && reader->second <= reader->first)
        return ofr_fail(err, OFR_E_INPUT,
                        "%s: found %" PRIu64 " seconds, expected more than `from`, %" PRIu64,
                        reader->import->path, reader->second, reader->first);
    return rc < 0 ? rc : 0;
}

static int set_window(struct reader *reader, const struct options *options, struct ofr_error *err)
{
    if (options->from_ns % SECOND_NS != 0 || (options->to_ns >= 0 && options->to_ns % SECOND_NS != 0))
        return ofr_fail(err, OFR_E_USAGE, "from and to: found a part of a second, expected whole seconds");
    if (options->to_ns >= 0 && options->to_ns <= options->from_ns)
        return ofr_fail(err, OFR_E_USAGE, "to: found a time not after `from`, expected a later one");
    reader->first = (uint64_t)options->from_ns / SECOND_NS;
    reader->stop = options->to_ns < 0 ? UINT64_MAX : (uint64_t)options->to_ns / SECOND_NS;
    return 0;
}

static int run(struct ofr_import *import, struct ofr_error *err)
{
    const struct options *options = import->options;
    struct reader reader = {
        .import = import,
        .bins = {.within = (enum ofr_within_bin)options->within_bin, .width_ns = SECOND_NS}};
    ofr_random_init(&reader.random, options->seed, OFR_RANDOM_WORKLOAD, 0);
    ofr_import_note(import, "times inside a second made up: %s, seed %" PRIu64,
                    ofr_within_bin_choices[options->within_bin], options->seed);
    int rc = set_window(&reader, options, err);
    if (rc == 0)
        rc = ofr_bins_describe(&reader.bins, options->seed, &import->provenance, err);
    if (rc == 0)
        rc = ofr_import_begin(import, 0, OFR_IMPORT_SORTED, false, err);
    if (rc == 0)
        rc = read_tokens(&reader, err);
    ofr_bins_release(&reader.bins);
    return rc;
}

const struct ofr_importer ofr_importer_twitter_counts = {
    .component = {.name = "twitter-counts",
                  .help = "counts per second between blanks, as in the Twitter stream of 2018",
                  .options = option_rows,
                  .option_count = sizeof option_rows / sizeof option_rows[0],
                  .options_size = sizeof(struct options)},
    .run = run,
};
