/* twolayer: a small model answers who it is sure of, a large one all others (two-layer inference, Tabi). The small one
 * is the model up to `ramp`; the mode (sim/serve/mode_cascade.c) queues and runs both.
 *
 * What is not given is tuned once, on the leading samples of the run: at each site the largest threshold whose wrong
 * answers keep to the constraint, and of the sites the one at which the mean input is run for the shortest time,
 *
 *   first model + share that goes on * second model
 */
#include "sim/policy/hindsight.h"
#include "sim/policy/options.h"
#include "sim/policy/ramp_list.h"
#include "sim/policy/stateless.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct options {
    double accuracy_loss, tune_share;
    int32_t criterion;
    char ramp[OFFRAMP_TEXT_SIZE];
    struct offramp_reals threshold;
    uint64_t tune_batch;
};

#define ROW(member) .offset = offsetof(struct options, member)

static const struct offramp_option table[] = {
    OFR_ACCURACY_LOSS_ROW(struct options,
                          "share of answers that may differ from the full model's, on the samples tuned on"),
    OFR_CRITERION_ROW(struct options, "top1"),
    {.name = "ramp",
     .type = OFFRAMP_OPT_TEXT,
     ROW(ramp),
     .fallback = "",
     .help = "site at which the first model ends, by name or number from 0; left out: the best one"},
    {.name = "threshold",
     .type = OFFRAMP_OPT_REALS,
     ROW(threshold),
     .fallback = "[]",
     .min = 0,
     .max = 1e6,
     .help = "the first model's answer counts when its error score is below it; 0 = never; [] = tuned"},
    OFR_TUNE_SHARE_ROW(struct options),
    OFR_TUNE_BATCH_ROW(struct options, "batch size whose times sites are weighed by"),
};

/* ---- tuning ---- */

struct judged {
    float score;
    bool wrong;
};

static int by_score(const void *a, const void *b)
{
    float x = ((const struct judged *)a)->score, y = ((const struct judged *)b)->score;
    return (x > y) - (x < y);
}

/* A first model: where it ends, its threshold, and the mean time a request is run for, ns. */
struct choice {
    uint16_t site;
    double threshold, mean_ns;
};

/* The largest threshold at `site` with at most `allowance` wrong answers. Returns how many stay; `sample` is room for
 * the window. */
static uint32_t tune_site(double *threshold, const struct ofr_hindsight_window *window, uint32_t site,
                          int64_t allowance, struct judged *sample)
{
    for (uint32_t i = 0; i < window->samples; ++i)
        sample[i] = (struct judged){.score = ofr_hindsight_score(window, i, site),
                                    .wrong = !ofr_hindsight_agrees(window, i, site)};
    qsort(sample, window->samples, sizeof *sample, by_score);
    uint32_t stay = 0;
    int64_t wrong = 0;
    for (uint32_t end = 0; end < window->samples;) {
        float score = sample[end].score; /* those of one score stay or go together */
        for (; end < window->samples && sample[end].score == score; ++end)
            wrong += sample[end].wrong;
        if (wrong > allowance)
            break;
        stay = end;
    }
    *threshold = stay < window->samples ? (double)sample[stay].score
                                        : nextafter((double)sample[stay - 1].score, (double)INFINITY);
    return stay;
}

static double second_ns(const struct offramp_latency_view *latency, uint64_t batch)
{
    size_t row = ofr_latency_row(latency, batch);
    return (double)latency->until_ns[row * (latency->sites + 1) + latency->sites];
}

static double first_ns(const struct offramp_latency_view *latency, uint64_t batch, uint32_t site)
{
    size_t b = ofr_latency_row(latency, batch);
    return (double)(latency->until_ns[b * (latency->sites + 1) + site] +
                    latency->ramp_delay_ns[b * latency->sites + site]);
}

/* Tries sites from `from` to before `to` for a better choice. Returns 0 or -1: out of memory. */
static int tune(struct choice *best, const struct offramp_policy_setup *setup, const struct options *options,
                const struct ofr_hindsight_window *window, uint32_t from, uint32_t to)
{
    struct judged *sample = calloc(window->samples, sizeof *sample);
    if (!sample)
        return -1;
    int64_t allowance = ofr_hindsight_allowance(window, options->accuracy_loss);
    for (uint32_t site = from; site < to; ++site) {
        struct choice choice = {.site = (uint16_t)site};
        uint32_t stay = tune_site(&choice.threshold, window, site, allowance, sample);
        double goes_on = 1.0 - (double)stay / (double)window->samples;
        choice.mean_ns = first_ns(&setup->latency, options->tune_batch, site) +
                         goes_on * second_ns(&setup->latency, options->tune_batch);
        if (choice.mean_ns < best->mean_ns)
            *best = choice;
    }
    free(sample);
    return 0;
}

/* ---- the policy ---- */

static int choose(struct choice *choice, const struct offramp_policy_setup *setup,
                  const struct options *options, char *why, size_t why_size)
{
    uint32_t from = 0, to = setup->latency.sites;
    struct ofr_hindsight_window window;
    if (options->ramp[0]) {
        int site = ofr_ramp_find("ramp", options->ramp, setup, why, why_size);
        if (site < 0)
            return -1;
        from = (uint32_t)site;
        to = from + 1;
    }
    if (options->threshold.count == 1 && to - from == 1) {
        *choice = (struct choice){.site = (uint16_t)from, .threshold = options->threshold.item[0]};
        return 0;
    }
    if (options->threshold.count > 0) {
        snprintf(why, why_size, "threshold: found %u values%s, expected one, and with it a ramp",
                 options->threshold.count, options->ramp[0] ? "" : " and no ramp");
        return -1;
    }
    if (to == 0) {
        snprintf(why, why_size, "the model has no ramp site, expected one at which a first model ends");
        return -1;
    }
    if (ofr_hindsight_window(&window, setup->hindsight, options->criterion, options->tune_share, why,
                             why_size))
        return -1;
    if (tune(choice, setup, options, &window, from, to)) {
        snprintf(why, why_size, "out of memory");
        return -1;
    }
    if (choice->mean_ns >= second_ns(&setup->latency, options->tune_batch))
        setup->say(setup->host, "twolayer: no first model saves more than it costs");
    return 0;
}

static int create(void **state, const struct offramp_policy_setup *setup, const void *values,
                  struct offramp_exit_config *first, char *why, size_t why_size)
{
    const struct options *options = values;
    struct choice choice = {.mean_ns = INFINITY};
    *state = NULL;
    if (choose(&choice, setup, options, why, why_size))
        return -1;
    first->criterion = options->criterion;
    first->free_ramps = false;
    first->ramps = 1;
    first->site[0] = choice.site;
    first->threshold[0] = choice.threshold;
    return 0;
}

extern const struct offramp_policy_ops ofr_policy_twolayer;
const struct offramp_policy_ops ofr_policy_twolayer = {
    .abi_version = OFFRAMP_POLICY_ABI_VERSION,
    .flags = OFFRAMP_POLICY_CASCADE | OFFRAMP_POLICY_HINDSIGHT,
    .name = "twolayer",
    .help = "two models: the first answers who it is sure of, the second all others; mode cascade",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .options_size = sizeof(struct options),
    .create = create,
    .destroy = ofr_policy_destroy_nothing,
};
