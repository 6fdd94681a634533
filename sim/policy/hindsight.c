#include "sim/policy/hindsight.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- window ---- */

static double largest_value(const struct ofr_hindsight_window *window)
{
    float largest = 0.0F;
    for (size_t i = 0; i < (size_t)window->samples * window->sites; ++i)
        largest = window->value[i] > largest ? window->value[i] : largest;
    return (double)largest;
}

int ofr_hindsight_window(struct ofr_hindsight_window *window, const struct offramp_hindsight *hindsight,
                         int32_t criterion, double share, char *why, size_t why_size)
{
    bool entropy = criterion == OFFRAMP_CRITERION_ENTROPY;
    if (entropy && !hindsight->entropy) {
        snprintf(why, why_size,
                 "criterion entropy: the recording has no entropy column, expected criterion top1");
        return -1;
    }
    double samples = ceil(share * (double)hindsight->reach);
    *window = (struct ofr_hindsight_window){
        .value = entropy ? hindsight->entropy : hindsight->top1,
        .answer = hindsight->answer,
        .final_answer = hindsight->final_answer,
        .samples = samples < 1.0 ? 1 : (uint32_t)samples,
        .sites = hindsight->sites,
        .inverted = !entropy,
        .scale = 1.0,
    };
    if (entropy)
        window->scale = hindsight->classes > 1 ? log(hindsight->classes) : largest_value(window);
    return 0;
}

int64_t ofr_hindsight_allowance(const struct ofr_hindsight_window *window, double loss)
{
    int64_t wrong = (int64_t)(loss * (double)window->samples);
    /* The product may fall just short of a whole number that it stands for: 0.07 * 100. */
    return (double)(wrong + 1) / (double)window->samples <= loss ? wrong + 1 : wrong;
}

int ofr_hindsight_check_batch(const struct offramp_latency_view *latency, uint64_t batch, char *why,
                              size_t why_size)
{
    uint32_t last = latency->batch[latency->batch_count - 1];
    if (batch <= last)
        return 0;
    snprintf(why, why_size, "tune_batch: found %llu, the profile ends at %u", (unsigned long long)batch,
             last);
    return -1;
}

void ofr_hindsight_costs(struct ofr_tuner_costs *costs, const struct offramp_latency_view *latency,
                         uint32_t batch, const struct ofr_ramp_set *set)
{
    uint32_t index = ofr_latency_row(latency, batch);
    const int64_t *until_ns = latency->until_ns + (size_t)index * (latency->sites + 1);
    const int64_t *add_ns = latency->ramp_add_ns + (size_t)index * latency->sites;
    const int64_t *delay_ns = latency->ramp_delay_ns + (size_t)index * latency->sites;
    double until[OFFRAMP_MAX_SITES + 1], add[OFFRAMP_MAX_SITES], delay[OFFRAMP_MAX_SITES];
    for (uint32_t k = 0; k < set->ramps; ++k) {
        until[k] = (double)until_ns[set->site[k]];
        add[k] = (double)add_ns[set->site[k]];
        delay[k] = (double)delay_ns[set->site[k]];
    }
    until[set->ramps] = (double)until_ns[latency->sites];
    ofr_tuner_costs_from(costs, set->ramps, until, add, delay);
}

void ofr_hindsight_evaluate(struct ofr_tuner_result *result, const struct ofr_hindsight_window *window,
                            const struct ofr_tuner_costs *costs, const struct ofr_ramp_set *set,
                            const double *threshold)
{
    *result = (struct ofr_tuner_result){.feasible = true, .complete = true, .ramps = set->ramps};
    for (uint32_t i = 0; i < window->samples; ++i) {
        uint32_t k = 0;
        while (k < set->ramps && !((double)ofr_hindsight_score(window, i, set->site[k]) < threshold[k]))
            ++k;
        result->exits[k]++;
        result->wrong += k < set->ramps && !ofr_hindsight_agrees(window, i, set->site[k]);
    }
    double latency = 0.0;
    for (uint32_t k = 0; k <= set->ramps; ++k)
        latency += (double)result->exits[k] / (double)window->samples * costs->leave[k];
    memcpy(result->threshold, threshold, set->ramps * sizeof *threshold);
    result->evaluations = 1;
    result->acc = ofr_tuner_acc(result->wrong, window->samples);
    result->improvement_pct = (costs->vanilla - latency) / costs->vanilla * 100.0;
}

/* ---- one threshold for all ---- */

/* What changes from one grid value to the next, summed over samples. */
struct grid_change {
    double saved;
    int64_t wrong;
};

struct shared_grid {
    struct grid_change *change; /* [values] */
    uint32_t values;
    double step; /* between values, in the criterion's unit */
};

/* First grid value above a score; `values` or more when there is none. */
static uint32_t first_above(const struct shared_grid *grid, double score)
{
    if (!(score < grid->step * (double)(grid->values - 1)))
        return grid->values;
    uint32_t at = (uint32_t)(score / grid->step);
    while (at > 0 && grid->step * (double)(at - 1) > score)
        --at;
    while (!(grid->step * (double)at > score))
        ++at;
    return at;
}

/* As the threshold rises a sample leaves ever earlier: at ramp k from the first value above the smallest score of ramps
 * 0..k on. */
static void add_sample(struct shared_grid *grid, const struct ofr_hindsight_window *window,
                       const struct ofr_tuner_costs *costs, const struct ofr_ramp_set *set, uint32_t sample)
{
    double smallest[OFFRAMP_MAX_SITES];
    double so_far = INFINITY;
    for (uint32_t k = 0; k < set->ramps; ++k) {
        double score = (double)ofr_hindsight_score(window, sample, set->site[k]);
        so_far = score < so_far ? score : so_far;
        smallest[k] = so_far;
    }
    double leave = costs->leave[set->ramps];
    bool wrong = false;
    for (uint32_t k = set->ramps; k-- > 0;) {
        if (k > 0 && smallest[k] == smallest[k - 1])
            continue; /* an earlier ramp lets it go at the same value */
        uint32_t at = first_above(grid, smallest[k]);
        if (at >= grid->values)
            return;
        bool here = !ofr_hindsight_agrees(window, sample, set->site[k]);
        grid->change[at].saved += leave - costs->leave[k];
        grid->change[at].wrong += (int64_t)here - (int64_t)wrong;
        leave = costs->leave[k];
        wrong = here;
    }
}

static double best_of(const struct shared_grid *grid, int64_t allowance)
{
    double saved = 0.0, most = 0.0;
    int64_t wrong = 0;
    uint32_t best = 0;
    for (uint32_t at = 0; at < grid->values; ++at) {
        saved += grid->change[at].saved;
        wrong += grid->change[at].wrong;
        if (wrong <= allowance && saved > most) {
            best = at;
            most = saved;
        }
    }
    return grid->step * (double)best;
}

int ofr_hindsight_tune_shared(double *threshold, const struct ofr_hindsight_window *window,
                              const struct ofr_tuner_costs *costs, const struct ofr_ramp_set *set,
                              int64_t allowance, double step)
{
    struct shared_grid grid = {.values = (uint32_t)(1.0 / step + 1e-9) + 1, .step = step * window->scale};
    *threshold = 0.0;
    if (!(grid.step > 0.0))
        return 0; /* every score is 0: nothing to tell apart */
    grid.change = calloc(grid.values, sizeof *grid.change);
    if (!grid.change)
        return -1;
    for (uint32_t i = 0; i < window->samples; ++i)
        add_sample(&grid, window, costs, set, i);
    *threshold = best_of(&grid, allowance);
    free(grid.change);
    return 0;
}

/* ---- one for each ---- */

enum {
    MOST_GRID = 20 * 1000 * 1000,  /* configurations: some seconds */
    MOST_WORDS = 20 * 1000 * 1000, /* of bitsets that branch and bound looks at: nodes times words */
    MOST_ROUNDS = 12
};

struct task {
    const struct ofr_hindsight_window *window;
    const struct ofr_tuner_costs *costs;
    const struct ofr_ramp_set *set;
    int64_t allowance;
    enum ofr_hindsight_search search;
    double step;
    uint32_t stride, samples; /* every stride-th sample of the window is taken, so many */
    double unit;              /* of the tuner's scores; the scale for the tuner's grid, which ends at 1 */
};

static void load(struct ofr_tuner *tuner, const struct task *task)
{
    ofr_tuner_window(tuner, task->samples, task->set->ramps);
    for (uint32_t i = 0; i < task->samples; ++i)
        for (uint32_t k = 0; k < task->set->ramps; ++k) {
            uint32_t sample = i * task->stride, site = task->set->site[k];
            ofr_tuner_set(tuner, k, i, (double)ofr_hindsight_score(task->window, sample, site) / task->unit,
                          ofr_hindsight_agrees(task->window, sample, site));
        }
}

static bool search_once(struct ofr_tuner *tuner, const struct task *task, int64_t allowance,
                        struct ofr_tuner_result *result)
{
    if (task->search == OFR_HINDSIGHT_GREEDY)
        ofr_tuner_greedy(tuner, allowance, result);
    else if (task->search == OFR_HINDSIGHT_EXACT)
        ofr_tuner_exact(tuner, allowance, 1 + (uint64_t)MOST_WORDS * 64 / task->samples, result);
    else
        ofr_tuner_grid(tuner, allowance, task->step, MOST_GRID, result);
    return task->search != OFR_HINDSIGHT_GRID || result->complete;
}

/* How much of the allowance to ask of a thinned window: between what kept to it and what did not, in proportion to what
 * the last request came to. */
struct request {
    int64_t low, high, asked; /* kept, broke it, the next */
};

static bool ask_again(struct request *request, uint32_t wrong, int64_t allowance)
{
    bool kept = (int64_t)wrong <= allowance;
    if (kept)
        request->low = request->asked;
    else
        request->high = request->asked;
    bool near = kept && allowance - (int64_t)wrong <= allowance / 200;
    if (near || request->high - request->low <= 1)
        return false;
    int64_t guess = wrong ? request->asked * allowance / wrong : request->high - 1;
    guess = guess > request->low ? guess : request->low + 1;
    request->asked = guess < request->high ? guess : request->high - 1;
    return true;
}

/* Searches until the thresholds keep to the allowance on every sample of the window. False: the grid was too large. */
static bool search_until_kept(struct ofr_tuner *tuner, double *threshold, const struct task *task)
{
    struct request request = {.low = -1, .high = task->samples + 1, .asked = task->allowance / task->stride};
    struct ofr_tuner_result found, best, whole;
    memset(threshold, 0, task->set->ramps * sizeof *threshold);
    ofr_hindsight_evaluate(&best, task->window, task->costs, task->set, threshold);
    for (int round = 0; round < MOST_ROUNDS; ++round) {
        if (!search_once(tuner, task, request.asked, &found))
            return false;
        for (uint32_t k = 0; k < task->set->ramps; ++k)
            found.threshold[k] *= task->unit;
        ofr_hindsight_evaluate(&whole, task->window, task->costs, task->set, found.threshold);
        bool kept = (int64_t)whole.wrong <= task->allowance;
        if (kept && whole.improvement_pct > best.improvement_pct)
            best = whole;
        if ((kept && task->stride == 1) || !ask_again(&request, whole.wrong, task->allowance))
            break;
    }
    memcpy(threshold, best.threshold, task->set->ramps * sizeof *threshold);
    return true;
}

int ofr_hindsight_tune_each(double *threshold, const struct ofr_hindsight_window *window,
                            const struct ofr_tuner_costs *costs, const struct ofr_ramp_set *set,
                            int64_t allowance, enum ofr_hindsight_search search, double step, char *why,
                            size_t why_size)
{
    uint32_t stride = (window->samples + OFR_TUNER_MAX_SAMPLES - 1) / OFR_TUNER_MAX_SAMPLES;
    struct task task = {.window = window,
                        .costs = costs,
                        .set = set,
                        .allowance = allowance,
                        .search = search,
                        .step = step,
                        .stride = stride,
                        .samples = (window->samples + stride - 1) / stride,
                        .unit = search == OFR_HINDSIGHT_GRID ? window->scale : 1.0};
    struct ofr_tuner *tuner;
    if (ofr_tuner_create(&tuner, task.samples, set->ramps, NULL)) {
        snprintf(why, why_size, "out of memory");
        return -1;
    }
    load(tuner, &task);
    ofr_tuner_set_costs(tuner, costs);
    ofr_tuner_set_max_threshold(tuner, window->scale / task.unit);
    bool walked = search_until_kept(tuner, threshold, &task);
    ofr_tuner_free(tuner);
    if (!walked)
        snprintf(why, why_size,
                 "search: grid: a grid of step %g over %u ramps is more than %d configurations, "
                 "expected a larger step or search greedy",
                 step, set->ramps, MOST_GRID);
    return walked ? 0 : -1;
}
