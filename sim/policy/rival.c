#include "sim/policy/rival.h"

#include "sim/policy/hindsight.h"
#include "sim/policy/options.h"
#include "sim/policy/ramp_list.h"

#include <stdio.h>

static const char *const searches[] = {"greedy", "exact", "grid", NULL}; /* as enum ofr_hindsight_search */

#define ROW(member) .offset = offsetof(struct ofr_rival_options, member)

#define COMMON_ROWS                                                                                          \
    OFR_ACCURACY_LOSS_ROW(                                                                                   \
        struct ofr_rival_options,                                                                            \
        "share of answers that may differ from the full model's, on the samples tuned on"),                  \
        OFR_CRITERION_ROW(struct ofr_rival_options, "entropy"),                                              \
        OFR_RAMPS_ROW(struct ofr_rival_options,                                                              \
                      "sites with a ramp, by name or number from 0; [] = every site"),                       \
        OFR_TUNE_SHARE_ROW(struct ofr_rival_options),                                                        \
        OFR_TUNE_BATCH_ROW(struct ofr_rival_options, "batch size whose times savings are weighed by")

const struct offramp_option ofr_rival_shared_table[OFR_RIVAL_SHARED_OPTIONS] = {
    COMMON_ROWS,
    {.name = "step",
     .type = OFFRAMP_OPT_SHARE,
     ROW(step),
     .fallback = "0.1%",
     .min = 0.00001,
     .max = 1,
     .help = "of the grid of thresholds, as a share of the largest score there can be"},
};

const struct offramp_option ofr_rival_each_table[OFR_RIVAL_EACH_OPTIONS] = {
    COMMON_ROWS,
    {.name = "search",
     .type = OFFRAMP_OPT_CHOICE,
     ROW(search),
     .fallback = "greedy",
     .choices = searches,
     .help =
         "over every score that occurs: greedy, or exact to a bound on its work; or the full grid of step"},
    {.name = "step",
     .type = OFFRAMP_OPT_SHARE,
     ROW(step),
     .fallback = "10%",
     .min = 0.001,
     .max = 1,
     .help = "of the full grid, as a share of the largest score there can be"},
};

/* Everything up to the search: criterion, ramps, the samples tuned on and what leaving costs. */
struct task {
    struct ofr_hindsight_window window;
    struct ofr_ramp_set set;
    struct ofr_tuner_costs costs;
    int64_t allowance;
};

static int prepare(struct task *task, const struct offramp_policy_setup *setup,
                   const struct ofr_rival_options *options, struct offramp_exit_config *first, char *why,
                   size_t why_size)
{
    first->criterion = options->criterion;
    first->free_ramps = false;
    if (ofr_ramp_list(&options->ramps, setup, first, why, why_size) ||
        ofr_hindsight_check_batch(&setup->latency, options->tune_batch, why, why_size) ||
        ofr_hindsight_window(&task->window, setup->hindsight, options->criterion, options->tune_share, why,
                             why_size))
        return -1;
    task->set.ramps = first->ramps;
    memcpy(task->set.site, first->site, sizeof task->set.site);
    task->allowance = ofr_hindsight_allowance(&task->window, options->accuracy_loss);
    ofr_hindsight_costs(&task->costs, &setup->latency, (uint32_t)options->tune_batch, &task->set);
    return 0;
}

int ofr_rival_create_shared(void **state, const struct offramp_policy_setup *setup, const void *values,
                            struct offramp_exit_config *first, char *why, size_t why_size)
{
    const struct ofr_rival_options *options = values;
    struct task task;
    double threshold;
    *state = NULL;
    if (prepare(&task, setup, options, first, why, why_size))
        return -1;
    if (ofr_hindsight_tune_shared(&threshold, &task.window, &task.costs, &task.set, task.allowance,
                                  options->step)) {
        snprintf(why, why_size, "out of memory");
        return -1;
    }
    for (uint32_t k = 0; k < first->ramps; ++k)
        first->threshold[k] = threshold;
    return 0;
}

int ofr_rival_create_each(void **state, const struct offramp_policy_setup *setup, const void *values,
                          struct offramp_exit_config *first, char *why, size_t why_size)
{
    const struct ofr_rival_options *options = values;
    struct task task;
    *state = NULL;
    if (prepare(&task, setup, options, first, why, why_size))
        return -1;
    return ofr_hindsight_tune_each(first->threshold, &task.window, &task.costs, &task.set, task.allowance,
                                   (enum ofr_hindsight_search)options->search, options->step, why, why_size);
}

void ofr_rival_destroy(void *state)
{
    (void)state;
}
