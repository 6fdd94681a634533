/* How well an exit model keeps a recording: both as plain columns, compared figure by figure. */
#include "workloads/exit_model.h"

#include <gsl/gsl_sort_float.h>
#include <gsl/gsl_statistics.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    DECILES = 9
};

/* Of the inputs, what the accuracy constraint lets exit wrongly by default. */
static const double wrong_share = 0.01;

struct columns {
    uint32_t samples, sites;
    float *top1;     /* owned; [samples][sites] */
    uint8_t *agrees; /* owned; [samples][sites] */
};

static int alloc_columns(struct columns *columns, uint32_t samples, uint32_t sites, struct ofr_error *err)
{
    *columns = (struct columns){.samples = samples, .sites = sites};
    columns->top1 = malloc((size_t)samples * sites * sizeof *columns->top1);
    columns->agrees = malloc((size_t)samples * sites);
    return columns->top1 && columns->agrees ? OFR_OK : ofr_fail_nomem(err, "a report");
}

static void release_columns(struct columns *columns)
{
    free(columns->top1);
    free(columns->agrees);
}

static int recorded(struct columns *columns, const struct ofr_recording *from, struct ofr_error *err)
{
    int code = alloc_columns(columns, from->samples, from->sites, err);
    if (code)
        return code;
    memcpy(columns->top1, from->top1, (size_t)from->samples * from->sites * sizeof *from->top1);
    for (size_t i = 0; i < (size_t)from->samples * from->sites; i++)
        columns->agrees[i] = from->answer[i] == from->final_answer[i / from->sites];
    return OFR_OK;
}

static int modelled(struct columns *columns, const struct ofr_exit_model *model, uint32_t samples,
                    uint64_t seed, struct ofr_error *err)
{
    struct ofr_exit_sampler sampler;
    uint32_t sites = model->head.sites.count;
    int code = alloc_columns(columns, samples, sites, err);
    if (!code)
        code = ofr_exit_sampler_init(&sampler, model, seed, err);
    if (code)
        return code;
    for (uint32_t i = 0; i < samples; i++) {
        struct ofr_exit_sample sample;
        ofr_exit_sampler_next(&sampler, &sample);
        memcpy(columns->top1 + (size_t)i * sites, sample.top1, sites * sizeof *sample.top1);
        for (uint32_t k = 0; k < sites; k++)
            columns->agrees[(size_t)i * sites + k] = sample.answer[k] == sample.final_answer;
    }
    ofr_exit_sampler_release(&sampler);
    return OFR_OK;
}

static float score(const struct columns *columns, uint32_t i, uint32_t site)
{
    return 1.0F - columns->top1[(size_t)i * columns->sites + site];
}

/* Deciles of the recording's scores, [site][decile]. */
static int set_thresholds(const struct columns *columns, float *threshold, struct ofr_error *err)
{
    float *sorted = malloc(columns->samples * sizeof *sorted);
    if (!sorted)
        return ofr_fail_nomem(err, "a report");
    for (uint32_t k = 0; k < columns->sites; k++) {
        for (uint32_t i = 0; i < columns->samples; i++)
            sorted[i] = score(columns, i, k);
        gsl_sort_float(sorted, 1, columns->samples);
        for (uint32_t d = 0; d < DECILES; d++)
            threshold[k * DECILES + d] = sorted[(uint64_t)columns->samples * (d + 1) / (DECILES + 1)];
    }
    free(sorted);
    return OFR_OK;
}

/* Probabilities of one set of columns. */
struct shares {
    double exit[OFFRAMP_MAX_SITES][DECILES];
    double tenth[OFFRAMP_MAX_SITES][DECILES + 1]; /* samples in a tenth of the score, */
    double right[OFFRAMP_MAX_SITES][DECILES + 1]; /* and of those that agree */
    double any[DECILES];
    double joint[OFFRAMP_MAX_SITES][OFFRAMP_MAX_SITES][DECILES];
};

static void count_sample(struct shares *shares, const struct columns *columns, uint32_t i,
                         const float *threshold)
{
    double one = 1.0 / columns->samples;
    uint32_t tenth[OFFRAMP_MAX_SITES], lowest = DECILES; /* exits at decile d and above: score below it */
    for (uint32_t k = 0; k < columns->sites; k++) {
        uint32_t d = 0;
        while (d < DECILES && !(score(columns, i, k) < threshold[k * DECILES + d]))
            d++;
        tenth[k] = d;
        lowest = d < lowest ? d : lowest;
        shares->tenth[k][d] += one;
        shares->right[k][d] += columns->agrees[(size_t)i * columns->sites + k] ? one : 0;
        for (uint32_t e = d; e < DECILES; e++)
            shares->exit[k][e] += one;
        for (uint32_t j = 0; j < k; j++)
            for (uint32_t e = d > tenth[j] ? d : tenth[j]; e < DECILES; e++)
                shares->joint[j][k][e] += one;
    }
    for (uint32_t e = lowest; e < DECILES; e++)
        shares->any[e] += one;
}

static void count(struct shares *shares, const struct columns *columns, const float *threshold)
{
    memset(shares, 0, sizeof *shares);
    for (uint32_t i = 0; i < columns->samples; i++)
        count_sample(shares, columns, i, threshold);
}

static void compare_site(struct ofr_exit_report *report, const struct shares *a, const struct shares *b,
                         uint32_t k)
{
    double agree[2] = {0, 0};
    for (uint32_t d = 0; d <= DECILES; d++) {
        agree[0] += a->right[k][d];
        agree[1] += b->right[k][d];
        if (d < DECILES)
            report->marginal_gap[k] = fmax(report->marginal_gap[k], fabs(a->exit[k][d] - b->exit[k][d]));
        if (a->tenth[k][d] > 0 && b->tenth[k][d] > 0)
            report->given_score_gap[k] +=
                a->tenth[k][d] * fabs(a->right[k][d] / a->tenth[k][d] - b->right[k][d] / b->tenth[k][d]);
    }
    report->agreement[k] = agree[0];
    report->agreement_gap[k] = fabs(agree[1] - agree[0]);
}

static void compare(struct ofr_exit_report *report, const struct shares *a, const struct shares *b)
{
    for (uint32_t k = 0; k < report->sites; k++) {
        compare_site(report, a, b, k);
        for (uint32_t j = 0; j < k; j++)
            for (uint32_t d = 0; d < DECILES; d++) {
                double gap = fabs(a->joint[j][k][d] - b->joint[j][k][d]);
                if (gap <= report->joint_gap)
                    continue;
                report->joint_gap = gap;
                report->joint_site[0] = j;
                report->joint_site[1] = k;
            }
    }
    for (uint32_t d = 0; d < DECILES; d++)
        report->any_gap = fmax(report->any_gap, fabs(a->any[d] - b->any[d]));
}

static int autocorrelate(struct ofr_exit_report *report, int which, const struct columns *columns,
                         struct ofr_error *err)
{
    static const uint32_t lag[4] = {1, 8, 64, 512};
    double *value =
        ofr_exit_difficulty(columns->top1, columns->agrees, columns->samples, columns->sites, NULL);
    if (!value)
        return ofr_fail_nomem(err, "a report");
    for (int i = 0; i < 4; i++) {
        report->lag[i] = lag[i];
        report->autocorrelation[which][i] =
            columns->samples > lag[i] + 2
                ? gsl_stats_correlation(value, 1, value + lag[i], 1, columns->samples - lag[i])
                : NAN;
    }
    free(value);
    return OFR_OK;
}

/* The score below which a share of the samples has a wrong answer at a site; 1 when fewer have. */
static int wrong_threshold(const struct columns *columns, uint32_t site, float *threshold,
                           struct ofr_error *err)
{
    uint32_t count = 0;
    float *wrong = malloc(columns->samples * sizeof *wrong);
    if (!wrong)
        return ofr_fail_nomem(err, "a report");
    for (uint32_t i = 0; i < columns->samples; i++)
        if (!columns->agrees[(size_t)i * columns->sites + site])
            wrong[count++] = score(columns, i, site);
    gsl_sort_float(wrong, 1, count);
    uint32_t allowed = (uint32_t)(wrong_share * columns->samples);
    *threshold = allowed < count ? wrong[allowed] : 1.0F;
    free(wrong);
    return OFR_OK;
}

/* Mean number of samples in a row that exit wrongly. */
static double mean_burst(const struct columns *columns, uint32_t site, float threshold)
{
    uint32_t wrong = 0, bursts = 0;
    bool was = false;
    for (uint32_t i = 0; i < columns->samples; i++) {
        bool is = !columns->agrees[(size_t)i * columns->sites + site] && score(columns, i, site) < threshold;
        wrong += is;
        bursts += is && !was;
        was = is;
    }
    return bursts ? (double)wrong / bursts : 0;
}

static int compare_bursts(struct ofr_exit_report *report, const struct columns *columns,
                          struct ofr_error *err)
{
    for (uint32_t k = 0; k < report->sites; k++) {
        float threshold = 1;
        int code = wrong_threshold(&columns[0], k, &threshold, err);
        if (code)
            return code;
        for (int which = 0; which < 2; which++)
            report->burst[which][k] = mean_burst(&columns[which], k, threshold);
    }
    return OFR_OK;
}

static int fill(struct ofr_exit_report *report, const struct columns *columns, struct ofr_error *err)
{
    float threshold[OFFRAMP_MAX_SITES * DECILES];
    struct shares *shares = malloc(2 * sizeof *shares);
    int code = shares ? set_thresholds(&columns[0], threshold, err) : ofr_fail_nomem(err, "a report");
    if (!code) {
        count(&shares[0], &columns[0], threshold);
        count(&shares[1], &columns[1], threshold);
        compare(report, &shares[0], &shares[1]);
        code = compare_bursts(report, columns, err);
    }
    free(shares);
    if (!code)
        code = autocorrelate(report, 0, &columns[0], err);
    return code ? code : autocorrelate(report, 1, &columns[1], err);
}

int ofr_exit_model_report(struct ofr_exit_report *report, const struct ofr_exit_model *model,
                          const struct ofr_recording *recording, uint64_t seed, struct ofr_error *err)
{
    struct columns columns[2] = {{0}};
    *report = (struct ofr_exit_report){.sites = recording->sites};
    int code = recorded(&columns[0], recording, err);
    if (!code)
        code = modelled(&columns[1], model, recording->samples, seed, err);
    if (!code)
        code = fill(report, columns, err);
    release_columns(&columns[0]);
    release_columns(&columns[1]);
    return code;
}
