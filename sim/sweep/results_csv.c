#include "sim/base/units.h"
#include "sim/sweep/results.h"
#include "traces/atomic_file.h"
#include "traces/table_print.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A text field: in quotes when it has to be. */
static void put_text(FILE *out, const char *text)
{
    if (!text)
        return;
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, out);
        return;
    }
    ofr_csv_text_print(out, text, strlen(text));
}

/* Empty where there is no number. */
static void put_real(FILE *out, double value)
{
    char text[OFR_UNIT_TEXT];
    fputc(',', out);
    if (!isfinite(value))
        return;
    ofr_write_real(text, value);
    fputs(text, out);
}

static int put_values(FILE *out, const struct ofr_sweep *sweep, uint64_t configuration, struct ofr_error *err)
{
    for (uint32_t k = 0; k < ofr_sweep_keys(sweep); ++k) {
        char *text = ofr_sweep_value_text(sweep, configuration, k);
        if (!text)
            return ofr_fail_nomem(err, "results");
        fputc(',', out);
        put_text(out, text);
        free(text);
    }
    return 0;
}

static void put_keys(FILE *out, const struct ofr_sweep *sweep)
{
    for (uint32_t k = 0; k < ofr_sweep_keys(sweep); ++k) {
        fputc(',', out);
        put_text(out, ofr_sweep_key(sweep, k));
    }
}

static int put_configurations(FILE *out, const void *state, struct ofr_error *err)
{
    const struct ofr_sweep_results *results = state;
    const struct ofr_sweep *sweep = results->sweep;
    int rc = 0;
    fputs("configuration", out);
    put_keys(out, sweep);
    fputs(",runs,failed", out);
    for (uint32_t m = 0; m < sweep->metrics; ++m)
        fprintf(out, ",%s,%s.low,%s.high", sweep->metric[m].name, sweep->metric[m].name,
                sweep->metric[m].name);
    fputs(",feasible,pareto,best,error\n", out);
    for (uint64_t i = 0; i < sweep->configurations && !rc; ++i) {
        fprintf(out, "%" PRIu64, i);
        rc = put_values(out, sweep, i, err);
        fprintf(out, ",%" PRIu64 ",%" PRIu32, sweep->top.replications, results->failed[i]);
        for (uint64_t at = i * sweep->metrics; at < (i + 1) * sweep->metrics; ++at) {
            put_real(out, results->mean[at]);
            put_real(out, results->low[at]);
            put_real(out, results->high[at]);
        }
        fprintf(out, ",%d,%d,%d,", results->feasible[i], results->pareto[i], ofr_sweep_is_best(results, i));
        put_text(out, ofr_sweep_failure(results, i));
        fputc('\n', out);
    }
    return rc;
}

static int put_runs(FILE *out, const void *state, struct ofr_error *err)
{
    const struct ofr_sweep_results *results = state;
    const struct ofr_sweep *sweep = results->sweep;
    int rc = 0;
    fputs("run,configuration,replication", out);
    put_keys(out, sweep);
    for (uint32_t m = 0; m < sweep->metrics; ++m)
        fprintf(out, ",%s", sweep->metric[m].name);
    fputs(",error\n", out);
    for (uint64_t run = 0; run < sweep->runs && !rc; ++run) {
        fprintf(out, "%" PRIu64 ",%" PRIu64 ",%" PRIu64, run, run / sweep->top.replications,
                run % sweep->top.replications);
        rc = put_values(out, sweep, run / sweep->top.replications, err);
        for (uint32_t m = 0; m < sweep->metrics; ++m)
            put_real(out, results->runs->value[run * sweep->metrics + m]);
        fputc(',', out);
        put_text(out, results->runs->error[run]);
        fputc('\n', out);
    }
    return rc;
}

static int put_sweep(FILE *out, const void *state, struct ofr_error *err)
{
    (void)err;
    const struct ofr_sweep_results *results = state;
    fputs(results->sweep->text, out);
    return 0;
}

static int write_one(const struct ofr_sweep_results *results, const char *folder, const char *name,
                     ofr_atomic_printer *put, struct ofr_error *err)
{
    char path[2 * OFFRAMP_TEXT_SIZE];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return ofr_atomic_print(path, put, results, err);
}

int ofr_sweep_write_csv(const struct ofr_sweep_results *results, const char *folder, struct ofr_error *err)
{
    int rc = write_one(results, folder, "sweep.yaml", put_sweep, err);
    if (!rc)
        rc = write_one(results, folder, "runs.csv", put_runs, err);
    return rc ? rc : write_one(results, folder, "results.csv", put_configurations, err);
}
