#include "traces/import/import.h"

#include <inttypes.h>

static void print_refused(FILE *out, const struct ofr_quality *quality)
{
    uint64_t shown = quality->refused < OFR_REFUSED_SHOWN ? quality->refused : OFR_REFUSED_SHOWN;
    fprintf(out, ", %" PRIu64 " refused", quality->refused);
    if (quality->refused == 0)
        return;
    fputs(shown == 1 ? " (line" : " (lines", out);
    for (uint64_t i = 0; i < shown; ++i)
        fprintf(out, "%s %" PRIu64, i ? "," : "", quality->refused_line[i]);
    fprintf(out, "%s; the first: %s)", quality->refused > shown ? ", ..." : "", quality->refused_why);
}

void ofr_quality_print(FILE *out, const struct ofr_quality *quality)
{
    fprintf(out,
            "%" PRIu64 " rows, span %.3f s, rate mean %.4g/s peak %.4g/s, %" PRIu64 " unsorted, %" PRIu64
            " equal stamps, %" PRIu64 " zero values, %" PRIu64 " missing values",
            quality->rows, (double)quality->span_ns / 1e9, quality->rate_mean, quality->rate_peak,
            quality->unsorted, quality->equal, quality->zeros, quality->missing);
    print_refused(out, quality);
    if (quality->bins > 0)
        fprintf(out, ", %" PRIu64 " of %" PRIu64 " bins empty", quality->empty_bins, quality->bins);
    if (quality->left_out > 0)
        fprintf(out, ", %" PRIu64 " rows left out", quality->left_out);
    if (quality->blank_lines > 0)
        fprintf(out, ", %" PRIu64 " blank lines", quality->blank_lines);
    if (quality->note[0] != '\0')
        fprintf(out, "; %s", quality->note);
}

static json_t *refused_json(const struct ofr_quality *quality)
{
    json_t *lines = json_array();
    for (uint64_t i = 0; i < quality->refused && i < OFR_REFUSED_SHOWN; ++i)
        json_array_append_new(lines, json_integer((json_int_t)quality->refused_line[i]));
    return json_pack("{s:I, s:o, s:s}", "count", (json_int_t)quality->refused, "first_lines", lines,
                     "first_reason", quality->refused_why);
}

json_t *ofr_quality_json(const struct ofr_quality *quality)
{
    return json_pack("{s:I, s:f, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:s}",
                     "requests", (json_int_t)quality->rows, "span_s", (double)quality->span_ns / 1e9,
                     "rate_mean", quality->rate_mean, "rate_peak", quality->rate_peak, "origin_ns",
                     (json_int_t)quality->origin_ns, "unsorted", (json_int_t)quality->unsorted,
                     "equal_stamps", (json_int_t)quality->equal, "zero_values", (json_int_t)quality->zeros,
                     "missing_values", (json_int_t)quality->missing, "left_out",
                     (json_int_t)quality->left_out, "blank_lines", (json_int_t)quality->blank_lines, "bins",
                     (json_int_t)quality->bins, "empty_bins", (json_int_t)quality->empty_bins, "refused",
                     refused_json(quality), "note", quality->note);
}
