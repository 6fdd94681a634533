/* Fitting an exit model to a recording. */
#include "workloads/exit_model.h"
#include "workloads/exit_model_internal.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_multimin.h>
#include <gsl/gsl_sort_double.h>
#include <gsl/gsl_sort_float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* Samples that share a regime. A run should hold many scenes (15 to 90 frames in videos), so that few are cut, and
     * a regime several runs to draw from; of one regime's difficulty the law is to be the same all through. */
    RUN_MOST = 1000,
    RUN_LEAST = 250,
    RUNS_WANTED = 16, /* of a short recording */
    DIFFICULTY_BLOCK = 250,
    RUN_REGIMES = 8, /* enough for classes and episodes */
    DIFFICULTY_REGIMES = 24,
    DIFFICULTY_ROWS = 8192,
    LEAST_RUNS = 8, /* per regime, in the mean */
    LAGS = 64,      /* of the autocorrelation that is fitted; below the block */
    LLOYD = 50,     /* rounds of k-means */
    SIMPLEX = 500,  /* steps of the minimiser */
    KURTOSIS_SUDDEN = 6
};

struct fit {
    const struct ofr_recording *recording; /* borrowed */
    const struct ofr_exit_fit *how;        /* borrowed */
    uint32_t samples, sites, block, blocks, regimes, rows;
    uint32_t stride;    /* of each regime's blocks one in so many is kept as a run */
    uint8_t *agrees;    /* owned; [samples][sites] */
    double *difficulty; /* owned; [samples] */
    double *feature;    /* owned; [blocks][2 * sites] */
    uint32_t *regime;   /* owned; [blocks] */
    double *normal;     /* owned; [samples] difficulty as a normal score within its regime */
    float *key;         /* owned; [samples][2 * sites] normal scores and disagreements; runs only */
};

/* Standard deviations of a score that a wrong answer is worth, in telling samples apart. */
static const float wrong_weight = 4;

double *ofr_exit_difficulty(const float *top1, const uint8_t *agrees, uint32_t samples, uint32_t sites,
                            float *normal)
{
    double *difficulty = calloc(samples, sizeof *difficulty);
    float *score = malloc(samples * sizeof *score);
    size_t *order = malloc(samples * sizeof *order);
    bool ready = difficulty && score && order;
    for (uint32_t k = 0; ready && k < sites; k++) {
        for (uint32_t i = 0; i < samples; i++)
            score[i] = 1 - top1[(size_t)i * sites + k];
        gsl_sort_float_index(order, score, 1, samples);
        /* equal scores share the middle of their ranks */
        for (uint32_t i = 0, j; i < samples; i = j) {
            for (j = i; j < samples && score[order[j]] == score[order[i]];)
                j++;
            double z = gsl_cdf_ugaussian_Pinv(0.5 * (i + j) / samples);
            for (uint32_t m = i; m < j; m++) {
                difficulty[order[m]] += z / sites;
                if (normal)
                    normal[order[m] * 2 * sites + k] = (float)z;
            }
        }
        for (uint32_t i = 0; i < samples; i++)
            difficulty[i] += agrees[(size_t)i * sites + k] ? 0 : 1.0 / sites;
    }
    free(score);
    free(order);
    if (!ready) {
        free(difficulty);
        return NULL;
    }
    return difficulty;
}

/* ---- regimes ---- */

static uint32_t block_end(const struct fit *fit, uint32_t block)
{
    return block + 1 == fit->blocks ? fit->samples : (block + 1) * fit->block;
}

/* Of every site the mean logit-like score and the disagreement: enough to tell episodes and classes apart. */
static void set_features(struct fit *fit)
{
    uint32_t sites = fit->sites;
    for (uint32_t b = 0; b < fit->blocks; b++) {
        double *feature = fit->feature + (size_t)b * 2 * sites;
        uint32_t start = b * fit->block;
        double n = block_end(fit, b) - start;
        for (uint32_t i = start; i < block_end(fit, b); i++)
            for (uint32_t k = 0; k < sites; k++) {
                size_t at = (size_t)i * sites + k;
                feature[k] += (1 - (double)fit->recording->top1[at]) / n;
                feature[sites + k] += (fit->agrees[at] ? 0 : 1) / n;
            }
    }
}

static double distance(const double *a, const double *b, uint32_t count)
{
    double sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

/* First guess: blocks in order of their features' sum, cut into equal parts. */
static int guess_regimes(struct fit *fit, struct ofr_error *err)
{
    double *sum = calloc(fit->blocks, sizeof *sum);
    size_t *order = malloc(fit->blocks * sizeof *order);
    if (!sum || !order) {
        free(sum);
        free(order);
        return ofr_fail_nomem(err, "regimes");
    }
    for (uint32_t b = 0; b < fit->blocks; b++)
        for (uint32_t i = 0; i < 2 * fit->sites; i++)
            sum[b] += fit->feature[(size_t)b * 2 * fit->sites + i];
    gsl_sort_index(order, sum, 1, fit->blocks);
    for (uint32_t i = 0; i < fit->blocks; i++)
        fit->regime[order[i]] = (uint32_t)((uint64_t)i * fit->regimes / fit->blocks);
    free(sum);
    free(order);
    return OFR_OK;
}

static void set_centres(const struct fit *fit, double *centre, uint32_t *members)
{
    uint32_t width = 2 * fit->sites;
    memset(centre, 0, (size_t)fit->regimes * width * sizeof *centre);
    memset(members, 0, fit->regimes * sizeof *members);
    for (uint32_t b = 0; b < fit->blocks; b++) {
        members[fit->regime[b]]++;
        for (uint32_t i = 0; i < width; i++)
            centre[fit->regime[b] * width + i] += fit->feature[(size_t)b * width + i];
    }
    for (uint32_t r = 0; r < fit->regimes; r++)
        for (uint32_t i = 0; i < width && members[r]; i++)
            centre[r * width + i] /= members[r];
}

/* Moves every block to the nearest centre; whether any moved. A regime's last block stays. */
static bool move_blocks(struct fit *fit, const double *centre, uint32_t *members)
{
    uint32_t width = 2 * fit->sites;
    bool moved = false;
    for (uint32_t b = 0; b < fit->blocks; b++) {
        uint32_t best = fit->regime[b];
        for (uint32_t r = 0; r < fit->regimes; r++)
            if (distance(fit->feature + (size_t)b * width, centre + r * width, width) <
                distance(fit->feature + (size_t)b * width, centre + best * width, width))
                best = r;
        if (best == fit->regime[b] || members[fit->regime[b]] == 1)
            continue;
        members[fit->regime[b]]--;
        members[best]++;
        fit->regime[b] = best;
        moved = true;
    }
    return moved;
}

static int find_regimes(struct fit *fit, struct ofr_error *err)
{
    uint32_t members[OFR_REGIMES_MAX] = {0};
    set_features(fit);
    int code = guess_regimes(fit, err);
    if (code)
        return code;
    double *centre = calloc((size_t)fit->regimes * 2 * fit->sites, sizeof *centre);
    if (!centre)
        return ofr_fail_nomem(err, "regimes");
    bool moved = true;
    for (int round = 0; round < LLOYD && moved; round++) {
        set_centres(fit, centre, members);
        moved = move_blocks(fit, centre, members);
    }
    free(centre);
    return OFR_OK;
}

static int set_schedule(struct ofr_exit_model *model, const struct fit *fit, struct ofr_error *err)
{
    model->schedule = calloc(fit->blocks, sizeof *model->schedule);
    if (!model->schedule)
        return ofr_fail_nomem(err, "a schedule");
    for (uint32_t b = 0; b < fit->blocks; b++) {
        uint32_t last = model->stretches;
        if (last == 0 || model->schedule[last - 1].regime != fit->regime[b])
            model->schedule[model->stretches++].regime = fit->regime[b];
        model->schedule[model->stretches - 1].samples += block_end(fit, b) - b * fit->block;
    }
    return OFR_OK;
}

/* ---- rows ---- */

static void copy_row(struct ofr_exit_model *model, struct ofr_exit_regime *regime, uint32_t row,
                     const struct ofr_recording *from, size_t sample)
{
    uint32_t sites = from->sites;
    uint16_t *value = regime->value + (size_t)row * (sites + 2);
    value[0] = from->final_answer[sample];
    value[1] = from->label ? from->label[sample] : UINT16_MAX;
    memcpy(value + 2, from->answer + sample * sites, sites * sizeof *value);
    memcpy(regime->top1 + (size_t)row * sites, from->top1 + sample * sites, sites * sizeof *from->top1);
    if (regime->entropy)
        memcpy(regime->entropy + (size_t)row * sites, from->entropy + sample * sites,
               sites * sizeof *from->entropy);
    model->labels = model->labels && value[1] != UINT16_MAX;
}

/* Samples of one regime in order of difficulty; ties in order of time. */
static uint32_t members_of(const struct fit *fit, uint32_t regime, double *value, size_t *member)
{
    uint32_t count = 0;
    for (uint32_t b = 0; b < fit->blocks; b++)
        for (uint32_t i = b * fit->block; fit->regime[b] == regime && i < block_end(fit, b); i++) {
            value[count] = fit->difficulty[i];
            member[count++] = i;
        }
    return count;
}

/* Rows of a regime: its share of all. */
static uint32_t share_of_rows(const struct fit *fit, uint32_t count)
{
    uint32_t kept = (uint32_t)((uint64_t)fit->rows * count / (fit->samples / fit->stride));
    return kept < 1 ? 1 : kept > count ? count : kept;
}

static int set_rows(struct ofr_exit_model *model, struct fit *fit, uint32_t which, struct ofr_error *err)
{
    double *value = calloc(fit->samples, sizeof *value);
    size_t *member = malloc(2 * (size_t)fit->samples * sizeof *member);
    size_t *order = member + fit->samples;
    int code = value && member ? OFR_OK : ofr_fail_nomem(err, "rows");
    if (!code) {
        uint32_t count = members_of(fit, which, value, member);
        gsl_sort_index(order, value, 1, count);
        for (uint32_t i = 0; i < count; i++)
            fit->normal[member[order[i]]] = gsl_cdf_ugaussian_Pinv((i + 0.5) / count);
        uint32_t kept = share_of_rows(fit, count);
        struct ofr_exit_regime *regime = &model->regime[which];
        code = ofr_exit_regime_alloc(regime, kept, fit->sites, model->head.entropy, err);
        for (uint32_t i = 0; i < kept && !code; i++)
            copy_row(model, regime, i, fit->recording,
                     member[order[(uint64_t)(2 * i + 1) * count / (2 * kept)]]);
    }
    free(value);
    free(member);
    return code;
}

/* ---- runs ---- */

/* The samples of a regime that are kept, in order of time, and the ends of the runs among them: its blocks; of long
 * recordings every n-th. */
struct kept {
    uint32_t *sample; /* owned; [samples] */
    uint32_t *end;    /* owned; [blocks] */
    uint32_t samples, runs;
};

static int keep_runs(struct kept *kept, const struct fit *fit, uint32_t which, struct ofr_error *err)
{
    uint32_t seen = 0;
    kept->sample = malloc(fit->samples * sizeof *kept->sample);
    kept->end = malloc(fit->blocks * sizeof *kept->end);
    if (!kept->sample || !kept->end)
        return ofr_fail_nomem(err, "runs");
    for (uint32_t b = 0; b < fit->blocks; b++) {
        if (fit->regime[b] != which || seen++ % fit->stride != 0)
            continue;
        if (kept->samples + block_end(fit, b) - b * fit->block > OFR_STEPS_MAX)
            continue; /* the last block is up to twice as long as the others */
        for (uint32_t i = b * fit->block; i < block_end(fit, b); i++)
            kept->sample[kept->samples++] = i;
        kept->end[kept->runs++] = kept->samples;
    }
    return OFR_OK;
}

/* Rows that stand for the kept samples: those themselves if there is room for them. */
static int choose_rows(struct ofr_exit_codebook *book, const struct fit *fit, const struct kept *kept,
                       struct ofr_error *err)
{
    uint32_t rows = share_of_rows(fit, kept->samples), *member = malloc(kept->samples * sizeof *member);
    if (!member)
        return ofr_fail_nomem(err, "rows");
    memcpy(member, kept->sample, kept->samples * sizeof *member);
    if (rows < kept->samples)
        ofr_exit_codebook_split(book, member, kept->samples, rows);
    for (uint32_t i = 0; i < kept->samples && rows == kept->samples; i++) {
        book->code[member[i]] = i;
        book->kept[book->rows++] = member[i];
    }
    free(member);
    return OFR_OK;
}

static int fill_regime(struct ofr_exit_model *model, const struct fit *fit, uint32_t which,
                       const struct ofr_exit_codebook *book, const struct kept *kept, struct ofr_error *err)
{
    struct ofr_exit_regime *regime = &model->regime[which];
    int code = ofr_exit_regime_alloc(regime, book->rows, fit->sites, model->head.entropy, err);
    if (!code)
        code = ofr_exit_regime_alloc_runs(regime, kept->runs, kept->samples, err);
    if (code)
        return code;
    for (uint32_t i = 0; i < book->rows; i++)
        copy_row(model, regime, i, fit->recording, book->kept[i]);
    for (uint32_t i = 0; i < kept->samples; i++)
        regime->step[i] = book->code[kept->sample[i]];
    memcpy(regime->start + 1, kept->end, kept->runs * sizeof *kept->end);
    return OFR_OK;
}

static int set_rows_and_runs(struct ofr_exit_model *model, const struct fit *fit, uint32_t which,
                             struct ofr_error *err)
{
    struct ofr_exit_codebook book = {.key = fit->key, .keys = 2 * fit->sites};
    struct kept kept = {0};
    book.sum = malloc(2 * (size_t)book.keys * sizeof *book.sum);
    book.code = malloc(2 * (size_t)fit->samples * sizeof *book.code);
    book.kept = book.code + (book.code ? fit->samples : 0);
    int code = book.sum && book.code ? keep_runs(&kept, fit, which, err) : ofr_fail_nomem(err, "rows");
    if (!code)
        code = choose_rows(&book, fit, &kept, err);
    if (!code)
        code = fill_regime(model, fit, which, &book, &kept, err);
    free(book.sum);
    free(book.code);
    free(kept.sample);
    free(kept.end);
    return code;
}

/* ---- memory ---- */

/* Autocorrelation of the normal scores, pairs of one stretch only. */
static void autocorrelate(const struct ofr_exit_model *model, const struct fit *fit, double *rho)
{
    for (uint32_t lag = 1; lag <= LAGS; lag++) {
        double sum = 0, pairs = 0;
        uint64_t start = 0;
        for (uint32_t s = 0; s < model->stretches; s++) {
            uint64_t end = start + model->schedule[s].samples;
            for (uint64_t i = start; i + lag < end; i++)
                sum += fit->normal[i] * fit->normal[i + lag];
            pairs += end - start > lag ? (double)(end - start - lag) : 0;
            start = end;
        }
        rho[lag] = pairs > 0 ? sum / pairs : 0;
    }
}

/* Steps between neighbours, those over the end of a block left out. */
static bool jumps(const struct fit *fit)
{
    double square = 0, fourth = 0, count = 0;
    for (uint32_t i = 1; i < fit->samples; i++) {
        if (i % fit->block == 0)
            continue;
        double step = fit->normal[i] - fit->normal[i - 1];
        square += step * step;
        fourth += step * step * step * step;
        count++;
    }
    return square > 0 && fourth * count / (square * square) > KURTOSIS_SUDDEN;
}

static double share_of(double x)
{
    return 1 / (1 + exp(-x));
}

/* Sum of squares of w phi^h - rho(h); w and phi through the logistic, so that they stay in (0, 1). */
static double misfit(const gsl_vector *at, void *rho)
{
    double w = share_of(gsl_vector_get(at, 0)), phi = share_of(gsl_vector_get(at, 1)), sum = 0, value = w;
    for (int lag = 1; lag <= LAGS; lag++) {
        value *= phi;
        double error = value - ((const double *)rho)[lag];
        sum += error * error;
    }
    return sum;
}

static int fit_memory(struct ofr_exit_model *model, double *rho, struct ofr_error *err)
{
    gsl_multimin_function function = {.f = misfit, .n = 2, .params = rho};
    gsl_vector *at = gsl_vector_alloc(2), *step = gsl_vector_alloc(2);
    gsl_multimin_fminimizer *minimiser = gsl_multimin_fminimizer_alloc(gsl_multimin_fminimizer_nmsimplex2, 2);
    int code = at && step && minimiser ? OFR_OK : ofr_fail_nomem(err, "a minimiser");
    if (!code) {
        gsl_vector_set_all(at, 0);
        gsl_vector_set(at, 1, 2);
        gsl_vector_set_all(step, 1);
        gsl_multimin_fminimizer_set(minimiser, &function, at, step);
        for (int i = 0; i < SIMPLEX && gsl_multimin_fminimizer_iterate(minimiser) == 0; i++)
            if (gsl_multimin_test_size(gsl_multimin_fminimizer_size(minimiser), 1e-6) == GSL_SUCCESS)
                break;
        model->head.persistence = share_of(gsl_vector_get(minimiser->x, 0));
        model->head.memory = fmin(share_of(gsl_vector_get(minimiser->x, 1)), 0.99999);
    }
    gsl_vector_free(at);
    gsl_vector_free(step);
    gsl_multimin_fminimizer_free(minimiser);
    return code;
}

/* ---- all ---- */

static void set_head(struct ofr_exit_model *model, const struct ofr_recording *from)
{
    struct ofr_exit_model_head *head = &model->head;
    snprintf(head->name, sizeof head->name, "%s", from->name);
    head->sites.count = from->sites;
    for (uint32_t k = 0; k < from->sites; k++)
        snprintf(head->sites.item[k], sizeof head->sites.item[k], "%s", from->site_name[k]);
    head->classes = from->classes;
    head->answers = from->agreement;
    head->entropy = from->entropy != NULL;
    head->threshold = 0.1;
    head->spread = 2;
    head->loading = 0.8;
}

static int alloc(struct fit *fit, struct ofr_error *err)
{
    bool runs = fit->how->form == OFR_EXIT_RUNS;
    fit->agrees = calloc(fit->samples, fit->sites);
    fit->feature = calloc((size_t)fit->blocks * 2 * fit->sites, sizeof *fit->feature);
    fit->regime = calloc(fit->blocks, sizeof *fit->regime);
    fit->normal = runs ? NULL : calloc(fit->samples, sizeof *fit->normal);
    fit->key = runs ? calloc((size_t)fit->samples * 2 * fit->sites, sizeof *fit->key) : NULL;
    bool ready =
        fit->agrees && fit->feature && fit->regime && (runs ? fit->key != NULL : fit->normal != NULL);
    return ready ? OFR_OK : ofr_fail_nomem(err, "a fit");
}

static void release(struct fit *fit)
{
    free(fit->agrees);
    free(fit->difficulty);
    free(fit->feature);
    free(fit->regime);
    free(fit->normal);
    free(fit->key);
}

static int prepare(struct fit *fit, struct ofr_error *err)
{
    const struct ofr_recording *from = fit->recording;
    int code = alloc(fit, err);
    if (code)
        return code;
    for (uint32_t i = 0; i < fit->samples; i++)
        for (uint32_t k = 0; k < fit->sites; k++) {
            size_t at = (size_t)i * fit->sites + k;
            fit->agrees[at] = from->answer[at] == from->final_answer[i];
            if (fit->key)
                fit->key[(size_t)i * 2 * fit->sites + fit->sites + k] = fit->agrees[at] ? 0 : wrong_weight;
        }
    fit->difficulty = ofr_exit_difficulty(from->top1, fit->agrees, fit->samples, fit->sites, fit->key);
    return fit->difficulty ? OFR_OK : ofr_fail_nomem(err, "a fit");
}

static int fit_parts(struct ofr_exit_model *model, struct fit *fit, struct ofr_error *err)
{
    double rho[LAGS + 1] = {1};
    bool runs = fit->how->form == OFR_EXIT_RUNS;
    int code = prepare(fit, err);
    if (!code)
        code = find_regimes(fit, err);
    if (!code)
        code = set_schedule(model, fit, err);
    for (uint32_t r = 0; r < fit->regimes && !code; r++)
        code = runs ? set_rows_and_runs(model, fit, r, err) : set_rows(model, fit, r, err);
    if (code || runs)
        return code;
    autocorrelate(model, fit, rho);
    model->head.changes = jumps(fit);
    return fit_memory(model, rho, err);
}

/* How many regimes and how long the blocks. */
static int size_fit(struct fit *fit, struct ofr_error *err)
{
    const struct ofr_exit_fit *how = fit->how;
    bool runs = how->form == OFR_EXIT_RUNS;
    fit->block = DIFFICULTY_BLOCK;
    if (runs) {
        fit->block = fit->samples / RUNS_WANTED;
        fit->block = fit->block < RUN_LEAST ? RUN_LEAST : fit->block > RUN_MOST ? RUN_MOST : fit->block;
    }
    fit->blocks = fit->samples / fit->block;
    if (fit->blocks < 2)
        return ofr_fail(err, OFR_E_INPUT, "%s: found %u samples, expected at least %u to fit a model to",
                        fit->recording->name, fit->samples, 2 * fit->block);
    fit->stride = runs ? (fit->samples + OFR_STEPS_MAX - 1) / OFR_STEPS_MAX : 1;
    fit->rows = how->rows ? how->rows : runs ? OFR_STEPS_MAX : DIFFICULTY_ROWS;
    uint32_t wanted = how->regimes ? how->regimes : runs ? RUN_REGIMES : DIFFICULTY_REGIMES;
    uint32_t most = runs ? fit->blocks / LEAST_RUNS : fit->blocks;
    most = most < 1 ? 1 : most;
    fit->regimes = wanted < most ? wanted : most;
    return OFR_OK;
}

int ofr_exit_model_fit(struct ofr_exit_model *model, const struct ofr_recording *recording,
                       const struct ofr_exit_fit *how, struct ofr_error *err)
{
    struct fit fit = {
        .recording = recording, .how = how, .samples = recording->samples, .sites = recording->sites};
    *model = (struct ofr_exit_model){.labels = true};
    set_head(model, recording);
    int code = size_fit(&fit, err);
    if (code)
        return code;
    model->regime = calloc(fit.regimes, sizeof *model->regime);
    model->regimes = model->regime ? fit.regimes : 0;
    code = model->regime ? fit_parts(model, &fit, err) : ofr_fail_nomem(err, "an exit model");
    release(&fit);
    if (code)
        ofr_exit_model_release(model);
    return code;
}
