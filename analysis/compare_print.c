/* A comparison for people: one table after the other, everything that was found. */
#include "analysis/compare.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum {
    CELL = 24
};

static const char *cell(char *out, double value, const char *format)
{
    if (isnan(value))
        snprintf(out, CELL, "-");
    else
        snprintf(out, CELL, format, value);
    return out;
}

/* ---- provenance ---- */

static void note_line(FILE *out, const char *name, const char *a, const char *b)
{
    bool same = strcmp(a, b) == 0;
    if (same)
        fprintf(out, "  %-18s %.100s\n", name, a);
    else
        fprintf(out, "  %-18s %.46s | %.46s   <- differs\n", name, a, b);
}

static void provenance(FILE *out, const struct ofr_run_data *a, const struct ofr_run_data *b)
{
    char seed_a[32], seed_b[32];
    fputs("provenance (A | B)\n", out);
    snprintf(seed_a, sizeof seed_a, "%" PRIu64, a->seed);
    snprintf(seed_b, sizeof seed_b, "%" PRIu64, b->seed);
    note_line(out, "seed", seed_a, seed_b);
    for (uint32_t i = 0; i < a->notes.count; ++i) {
        const char *other = ofr_notes_get(&b->notes, a->notes.item[i].name);
        note_line(out, a->notes.item[i].name, a->notes.item[i].text, other ? other : "(not noted)");
    }
    for (uint32_t i = 0; i < b->notes.count; ++i)
        if (!ofr_notes_get(&a->notes, b->notes.item[i].name))
            note_line(out, b->notes.item[i].name, "(not noted)", b->notes.item[i].text);
}

static const char *next_line(const char *text, char *line, size_t size)
{
    size_t length = strcspn(text, "\n");
    snprintf(line, size, "%.*s", (int)(length < size ? length : size - 1), text);
    return text[length] ? text + length + 1 : text + length;
}

/* Lines of the resolved scenarios that are not in the other one. */
static void scenario_lines(FILE *out, const char *of, const char *in, char mark)
{
    char line[OFFRAMP_TEXT_SIZE], other[OFFRAMP_TEXT_SIZE];
    while (*of) {
        of = next_line(of, line, sizeof line);
        bool found = false;
        for (const char *rest = in; *rest && !found;) {
            rest = next_line(rest, other, sizeof other);
            found = strcmp(line, other) == 0;
        }
        if (!found)
            fprintf(out, "  %c %s\n", mark, line);
    }
}

static void scenarios(FILE *out, const struct ofr_run_data *a, const struct ofr_run_data *b)
{
    if (strcmp(a->scenario, b->scenario) == 0) {
        fputs("  scenario           the same\n", out);
        return;
    }
    fputs("  scenario           differs: - only in A, + only in B\n", out);
    scenario_lines(out, a->scenario, b->scenario, '-');
    scenario_lines(out, b->scenario, a->scenario, '+');
}

/* ---- requests ---- */

static void requests(FILE *out, const struct ofr_comparison *c)
{
    fprintf(out, "\nrequests: %" PRIu64 " in A, %" PRIu64 " in B\n", c->offered_a, c->offered_b);
    if (c->complaint[0])
        fprintf(out, "  NOT CONSERVED: %s\n", c->complaint);
    if (c->different_work)
        fprintf(out,
                "  not the same work: %" PRIu64 " requests arrive at another time or carry another sample; "
                "they are not paired\n",
                c->different_work);
    for (int i = 0; i < OFR_OUTCOMES; ++i)
        if (c->outcome_a[i] > 0.0 || c->outcome_b[i] > 0.0)
            fprintf(out, "  %-18s %8.3f %% %8.3f %%\n", ofr_outcome_name(i), 100.0 * c->outcome_a[i],
                    100.0 * c->outcome_b[i]);
}

/* ---- times and rates ---- */

static void difference(FILE *out, const char *name, const struct ofr_difference *d, const char *format)
{
    char a[CELL], b[CELL], spread[CELL], error[CELL], low[CELL], high[CELL];
    fprintf(out, "  %-18s %12s %12s %9s %10s   %9s .. %-9s %s\n", name, cell(a, d->a, format),
            cell(b, d->b, format), cell(spread, d->spread_pct, "%.2f %%"),
            cell(error, d->error_pct, "%+.2f %%"), cell(low, d->low_pct, "%+.2f"),
            cell(high, d->high_pct, "%+.2f"), d->significant ? "*" : "");
}

static void times(FILE *out, const struct ofr_comparison *c)
{
    fprintf(out, "\n  %-18s %12s %12s %9s %10s   %s\n", "", "A", "B", "A spread", "error",
            "95 % interval of the error (* excludes 0)");
    for (int i = 0; i < OFR_COMPARED; ++i)
        for (int j = 0; j < OFR_STATISTICS; ++j) {
            char name[40];
            snprintf(name, sizeof name, "%s %s", ofr_compared_names[i], ofr_statistic_names[j]);
            difference(out, name, &c->time[i][j], "%.4f ms");
        }
    difference(out, "throughput", &c->throughput, "%.2f/s");
    difference(out, "goodput", &c->goodput, "%.2f/s");
    difference(out, "agreement", &c->agreement, "%.5f");
    for (uint32_t i = 0; i < c->size_passes; ++i) {
        const struct ofr_pass_size *pass = &c->size_pass[i];
        int last = pass->size == c->pass_size ? OFR_PASSES : OFR_PASS_MEAN + 1;
        for (int k = OFR_PASS_MEAN; k < last; ++k) {
            char name[40];
            snprintf(name, sizeof name, "pass of %" PRIu32 " %s", pass->size, ofr_pass_names[k]);
            difference(out, name, k == OFR_PASS_MEAN ? &pass->mean : &c->pass[k], "%.4f ms");
        }
    }
    static const char *const lateness[] = {"sender late p50", "sender late p99", "sender late max"};
    for (int i = 0; i < 3; ++i)
        difference(out, lateness[i], &c->lateness[i], "%.1f us");
}

static void pairs(FILE *out, const struct ofr_comparison *c)
{
    fprintf(out, "\nper request, B less A (%" PRIu64 " pairs)\n", c->paired[OFR_COMPARED_LATENCY].pairs);
    fprintf(out, "  %-10s %12s %12s %12s %12s %12s %10s\n", "", "bias us", "|.| mean us", "|.| p50 us",
            "|.| p95 us", "|.| p99 us", "within 1 %");
    for (int i = 0; i < OFR_COMPARED; ++i) {
        const struct ofr_paired *p = &c->paired[i];
        char bias[CELL], mean[CELL], p50[CELL], p95[CELL], p99[CELL], within[CELL];
        fprintf(out, "  %-10s %12s %12s %12s %12s %12s %10s\n", ofr_compared_names[i],
                cell(bias, p->bias_ns / 1e3, "%+.2f"), cell(mean, p->mean_abs_ns / 1e3, "%.2f"),
                cell(p50, p->p50_abs_ns / 1e3, "%.2f"), cell(p95, p->p95_abs_ns / 1e3, "%.2f"),
                cell(p99, p->p99_abs_ns / 1e3, "%.2f"), cell(within, 100.0 * p->within_1pct, "%.1f %%"));
    }
}

/* ---- histograms ---- */

static void histograms(FILE *out, const struct ofr_comparison *c, const struct ofr_run_data *a)
{
    fprintf(out, "\nexits (distance %.4f, worst site %.3f points)\n", c->exit_distance, c->exit_worst_points);
    for (uint32_t i = 0; i <= c->sites; ++i)
        fprintf(out, "  %-18s %8.3f %% %8.3f %%\n", i < c->sites ? a->site_name[i] : "full model",
                100.0 * c->exit_a[i], 100.0 * c->exit_b[i]);
    fprintf(out, "\nbatch sizes (distance %.4f)\n", c->size_distance);
    for (uint32_t i = 1; i < c->sizes; ++i)
        if (c->size_a[i] > 0.0 || c->size_b[i] > 0.0)
            fprintf(out, "  %-18u %8.3f %% %8.3f %%\n", i, 100.0 * c->size_a[i], 100.0 * c->size_b[i]);
    fprintf(out, "\nwhy batches were sent (distance %.4f)\n", c->reason_distance);
    for (int i = 0; i < OFR_REASONS; ++i)
        if (c->reason_a[i] > 0.0 || c->reason_b[i] > 0.0)
            fprintf(out, "  %-18s %8.3f %% %8.3f %%\n", ofr_reason_name(i), 100.0 * c->reason_a[i],
                    100.0 * c->reason_b[i]);
}

static void decisions(FILE *out, const struct ofr_comparison *c)
{
    char same[CELL], apart[CELL];
    fprintf(out,
            "\ndecisions: %" PRIu32 " in A, %" PRIu32
            " in B; the same ramps %s of the time, thresholds apart by %s",
            c->decisions_a, c->decisions_b, cell(same, 100.0 * c->same_ramps, "%.2f %%"),
            cell(apart, c->threshold_distance, "%.5f"));
    if (c->first_apart_ns >= 0)
        fprintf(out, ", first at %.6f s", (double)c->first_apart_ns / 1e9);
    fputc('\n', out);
}

static void print_gates(FILE *out, const struct ofr_gates *gates)
{
    if (gates->gates)
        fputs("\ngates\n", out);
    for (uint32_t i = 0; i < gates->gates; ++i) {
        const struct ofr_gate *gate = &gates->gate[i];
        char value[CELL];
        fprintf(out, "  %-18s %10s %s, bound %.4g: %s\n", gate->name, cell(value, gate->value, "%.4g"),
                gate->unit, gate->bound, gate->failed ? "FAILED" : "passed");
    }
}

void ofr_comparison_text(FILE *out, const struct ofr_comparison *comparison, const struct ofr_run_set *a,
                         const struct ofr_run_set *b, const struct ofr_gates *gates)
{
    fprintf(out, "A: %s%s (%u run%s)\nB: %s%s (%u run%s)\n", a->run[0]->path, a->runs > 1 ? ", ..." : "",
            a->runs, a->runs > 1 ? "s" : "", b->run[0]->path, b->runs > 1 ? ", ..." : "", b->runs,
            b->runs > 1 ? "s" : "");
    provenance(out, a->run[0], b->run[0]);
    scenarios(out, a->run[0], b->run[0]);
    requests(out, comparison);
    times(out, comparison);
    pairs(out, comparison);
    histograms(out, comparison, a->run[0]);
    decisions(out, comparison);
    print_gates(out, gates);
}
