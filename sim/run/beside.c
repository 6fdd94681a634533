#include "sim/run/beside.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum {
    LABEL_WIDTH = 28,
    COLUMN_WIDTH = 14,
    BAR_WIDTH = 18
};

static void cell(FILE *out, int width, const char *format, double value, const char *unit)
{
    char text[32];
    if (isnan(value)) {
        fprintf(out, "%*s", width, "-");
        return;
    }
    int used = snprintf(text, sizeof text, format, value);
    snprintf(text + used, sizeof text - (size_t)used, "%s", unit);
    fprintf(out, "%*s", width, text);
}

/* A long name is set off from its neighbour, with room for its mark. */
static int width_of(const struct ofr_beside_column *column)
{
    int width = (int)strlen(column->policy) + 3;
    return width > COLUMN_WIDTH ? width : COLUMN_WIDTH;
}

typedef double (*figure)(const struct ofr_summary *summary, const struct ofr_summary *vanilla, double p);

static void row(FILE *out, const char *label, figure value, double p, const char *format, const char *unit,
                const struct ofr_beside_column *column, uint32_t columns, const struct ofr_summary *vanilla)
{
    fprintf(out, "%-*s", LABEL_WIDTH, label);
    for (uint32_t i = 0; i < columns; ++i)
        cell(out, width_of(&column[i]), format, value(column[i].summary, vanilla, p), unit);
    fputc('\n', out);
}

static double latency(const struct ofr_summary *summary, const struct ofr_summary *vanilla, double p)
{
    (void)vanilla;
    double ns =
        p < 0.0 ? ofr_histogram_mean(&summary->latency) : ofr_histogram_percentile(&summary->latency, p);
    return ns / 1e6;
}

static double saving(const struct ofr_summary *summary, const struct ofr_summary *vanilla, double p)
{
    return summary == vanilla ? NAN : ofr_summary_saving(summary, vanilla, p);
}

static double throughput(const struct ofr_summary *summary, const struct ofr_summary *vanilla, double p)
{
    (void)vanilla, (void)p;
    return ofr_summary_throughput(summary);
}

static double agreement(const struct ofr_summary *summary, const struct ofr_summary *vanilla, double p)
{
    (void)vanilla, (void)p;
    return 100.0 * ofr_summary_agreement(summary);
}

static double accuracy(const struct ofr_summary *summary, const struct ofr_summary *vanilla, double p)
{
    (void)vanilla, (void)p;
    return 100.0 * ofr_summary_accuracy(summary);
}

static double early(const struct ofr_summary *summary, const struct ofr_summary *vanilla, double p)
{
    (void)vanilla, (void)p;
    return 100.0 * (1.0 - (double)summary->exits[summary->sites] / (double)summary->released);
}

static bool any_knows(const struct ofr_beside_column *column, uint32_t columns, const char *what)
{
    for (uint32_t i = 0; i < columns; ++i)
        if (strcmp(column[i].knowledge, what) == 0)
            return true;
    return false;
}

static const char *mark(const struct ofr_beside_column *column)
{
    if (any_knows(column, 1, "oracle"))
        return "*";
    return any_knows(column, 1, "hindsight") ? "^" : "";
}

static void header(FILE *out, const char *scenario, const struct ofr_beside_column *column, uint32_t columns)
{
    const struct ofr_summary *first = column[0].summary;
    fprintf(out, "%s: %" PRIu64 " requests, %.1f s, mean batch %.2f, the GPU busy %.0f %% of the time\n\n",
            scenario, first->offered, ofr_summary_duration_s(first),
            (double)first->batched / (double)first->batches, 100.0 * ofr_summary_busy(first));
    fprintf(out, "%-*s", LABEL_WIDTH, "");
    for (uint32_t i = 0; i < columns; ++i) {
        const char *sign = mark(&column[i]);
        int before = width_of(&column[i]) - (int)strlen(column[i].policy) - (int)strlen(sign);
        fprintf(out, "%*s%s%s", before, "", column[i].policy, sign);
    }
    fputc('\n', out);
}

/* Pads what ofr_print_bar leaves open; a started eighth counts as a cell. */
static void padded_bar(FILE *out, double share)
{
    ofr_print_bar(out, share, BAR_WIDTH);
    long eighths = lround(fmin(fmax(share, 0.0), 1.0) * BAR_WIDTH * 8);
    fprintf(out, "%*s", (int)(BAR_WIDTH + 1 - (eighths + 7) / 8), "");
}

static void exits(FILE *out, const struct ofr_beside_column *column, uint32_t columns,
                  const char *const *site_names)
{
    uint32_t sites = column[0].summary->sites;
    fputs("\nwhere requests leave, shallow to deep\n", out);
    for (uint32_t site = 0; site <= sites; ++site) {
        fprintf(out, "  %-14s", site < sites ? site_names[site] : "full model");
        for (uint32_t i = 0; i < columns; ++i) {
            double share = (double)column[i].summary->exits[site] / (double)column[i].summary->released;
            fprintf(out, " %5.1f %% ", 100.0 * share);
            padded_bar(out, share);
        }
        fputc('\n', out);
    }
}

static const struct ofr_summary *find_vanilla(const struct ofr_beside_column *column, uint32_t columns)
{
    for (uint32_t i = 0; i < columns; ++i)
        if (strcmp(column[i].policy, "vanilla") == 0)
            return column[i].summary;
    return NULL;
}

void ofr_beside_text(FILE *out, const char *scenario, const struct ofr_beside_column *column,
                     uint32_t columns, const char *const *site_names)
{
    const struct ofr_summary *vanilla = find_vanilla(column, columns);
    header(out, scenario, column, columns);
    row(out, "latency, mean", latency, -1.0, "%.3f", " ms", column, columns, vanilla);
    row(out, "  half are faster than", latency, 0.5, "%.3f", " ms", column, columns, vanilla);
    row(out, "  95 % are faster than", latency, 0.95, "%.3f", " ms", column, columns, vanilla);
    row(out, "  99 % are faster than", latency, 0.99, "%.3f", " ms", column, columns, vanilla);
    if (vanilla) {
        row(out, "saved against vanilla, mean", saving, -1.0, "%.1f", " %", column, columns, vanilla);
        row(out, "  of the median", saving, 0.5, "%.1f", " %", column, columns, vanilla);
        row(out, "  of the 95th percentile", saving, 0.95, "%.1f", " %", column, columns, vanilla);
    }
    row(out, "answered", throughput, 0.0, "%.0f", "/s", column, columns, vanilla);
    row(out, "left early", early, 0.0, "%.1f", " %", column, columns, vanilla);
    row(out, "agree with the full model", agreement, 0.0, "%.2f", " %", column, columns, vanilla);
    if (column[0].summary->labelled)
        row(out, "right answers", accuracy, 0.0, "%.2f", " %", column, columns, vanilla);
    exits(out, column, columns, site_names);
    if (any_knows(column, columns, "oracle"))
        fputs("\n* knows every answer beforehand: a bound, not a policy one could run\n", out);
    if (any_knows(column, columns, "hindsight"))
        fputs("\n^ tuned with hindsight, on the recording it is run on\n", out);
}
