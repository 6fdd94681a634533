#include "sim/policy/tuner_report.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

enum {
    TIMED = 9 /* tunings timed, when quick */
};

static const double QUICK_US = 2e4;

static double cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return 1e6 * (double)now.tv_sec + 1e-3 * (double)now.tv_nsec;
}

static double tune_once(struct ofr_tuner *tuner, const struct ofr_tuner_job *job, int64_t allowed,
                        struct ofr_tuner_result *result)
{
    double start = cpu_us();
    if (job->method == OFR_TUNER_GREEDY)
        ofr_tuner_greedy(tuner, allowed, result);
    else if (job->method == OFR_TUNER_EXACT)
        ofr_tuner_exact(tuner, allowed, job->limit, result);
    else
        ofr_tuner_grid(tuner, allowed, job->step, job->limit, result);
    return cpu_us() - start;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The first tuning touches memory for the first time; where it was quick, more are timed and the middle told.
 */
static double tune_timed(struct ofr_tuner *tuner, const struct ofr_tuner_job *job, int64_t allowed,
                         struct ofr_tuner_result *result)
{
    double us[TIMED];
    double first = tune_once(tuner, job, allowed, result);
    if (first > QUICK_US)
        return first;
    for (int i = 0; i < TIMED; ++i)
        us[i] = tune_once(tuner, job, allowed, result);
    qsort(us, TIMED, sizeof *us, ascending);
    return us[TIMED / 2];
}

static int check_job(const struct ofr_tuner_job *job, struct ofr_error *err)
{
    if (!(job->budget >= 0.0 && job->budget <= 1.0))
        return ofr_fail(err, OFR_E_USAGE, "budget: found %g, expected a share 0..1", job->budget);
    if (job->method == OFR_TUNER_GRID && !(job->step >= 0.001 && job->step <= 1.0))
        return ofr_fail(err, OFR_E_USAGE, "step: found %g, expected 0.001..1", job->step);
    return 0;
}

int ofr_tuner_run(struct ofr_tuner_report *out, const struct ofr_tuner_case *kase,
                  const struct ofr_tuner_job *job, struct ofr_error *err)
{
    struct ofr_tuner *tuner;
    int code = check_job(job, err);
    if (code || (code = ofr_tuner_create(&tuner, kase->samples, kase->ramps, err)))
        return code;
    ofr_tuner_case_put(kase, tuner);
    out->us = tune_timed(tuner, job, ofr_tuner_max_wrong(job->budget, kase->samples), &out->result);
    ofr_tuner_free(tuner);
    return 0;
}

enum {
    REAL_TEXT = 32
};

/* The shortest text that reads back to the same double. */
static const char *real_text(double value, char text[REAL_TEXT])
{
    for (int digits = 15; digits <= 17; ++digits) {
        snprintf(text, REAL_TEXT, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    return text;
}

static void print_real(FILE *out, double value)
{
    char text[REAL_TEXT];
    fputs(real_text(value, text), out);
}

static void print_reals(FILE *out, const char *key, const double *value, uint32_t count)
{
    fprintf(out, "  \"%s\": [", key);
    for (uint32_t i = 0; i < count; ++i) {
        fputs(i ? ", " : "", out);
        print_real(out, value[i]);
    }
    fputs("],\n", out);
}

static void fill_rates(const struct ofr_tuner_case *kase, const struct ofr_tuner_result *result,
                       double rate[OFR_TUNER_MAX_RAMPS + 1])
{
    for (uint32_t k = 0; k <= kase->ramps; ++k)
        rate[k] = (double)result->exits[k] / (double)kase->samples;
}

void ofr_tuner_report_json(FILE *out, const struct ofr_tuner_case *kase,
                           const struct ofr_tuner_report *report)
{
    const struct ofr_tuner_result *result = &report->result;
    double threshold[OFR_TUNER_MAX_RAMPS + 1], rate[OFR_TUNER_MAX_RAMPS + 1];
    uint32_t thresholds = ofr_tuner_case_thresholds(kase, result, threshold);
    fill_rates(kase, result, rate);
    fputs("{\n", out);
    print_reals(out, "thresholds", threshold, thresholds);
    fputs("  \"latency_improvement_pct\": ", out);
    print_real(out, result->improvement_pct);
    fputs(",\n  \"acc\": ", out);
    print_real(out, result->acc);
    fputs(",\n", out);
    print_reals(out, "exit_rate", rate, kase->ramps + 1);
    fprintf(out, "  \"feasible\": %s,\n  \"optimal\": %s,\n  \"wrong_exits\": %" PRIu32 ",\n",
            result->feasible ? "true" : "false", result->complete ? "true" : "false", result->wrong);
    fprintf(out, "  \"evaluations\": %" PRIu64 ",\n  \"us\": %.3f\n}\n", result->evaluations, report->us);
}

void ofr_tuner_report_text(FILE *out, const struct ofr_tuner_case *kase,
                           const struct ofr_tuner_report *report)
{
    const struct ofr_tuner_result *result = &report->result;
    double rate[OFR_TUNER_MAX_RAMPS + 1];
    fill_rates(kase, result, rate);
    fprintf(out, "%s: %" PRIu32 " samples, %" PRIu32 " ramps\n", kase->name[0] ? kase->name : "case",
            kase->samples, kase->ramps);
    char text[REAL_TEXT];
    fprintf(out, "  %-6s %20s %8s\n", "ramp", "threshold", "exits");
    for (uint32_t k = 0; k < kase->ramps; ++k)
        fprintf(out, "  %-6" PRIu32 " %20s %7.2f%%%s\n", kase->ramp_id[k],
                real_text(result->threshold[k], text), 100.0 * rate[k],
                isnan(kase->fixed[k]) ? "" : "  fixed");
    fprintf(out, "  %-6s %20s %7.2f%%\n", "full", "", 100.0 * rate[kase->ramps]);
    fprintf(out, "latency saved %.4f %%   agreement %.7g   wrong exits %" PRIu32 "%s\n",
            result->improvement_pct, result->acc, result->wrong, result->feasible ? "" : "   NOT FEASIBLE");
    fprintf(out, "%" PRIu64 " configurations evaluated, %.1f us%s\n", result->evaluations, report->us,
            result->complete ? ", nothing left to try" : "");
}
