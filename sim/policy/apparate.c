/* apparate: ramps and thresholds managed at run time (Dai et al., SOSP 2024).
 *
 *   accuracy loop  thresholds of the active ramps, by the guard (guard.h); `guard: none` is the paper's rule
 *   latency loop   every 128 inputs, which ramps are active, by utility (ramp_loop.h); `adjust_rule: published`
 *                  is the paper's rule
 *
 * The defaults depart from the published description, and why:
 *   - the published trigger bounds nothing (docs/accuracy-guard.md);
 *   - a changed ramp set is a trial that takes turns with the old one and has to beat it. Without this the loop
 *     moves a ramp every other look for ever, and every moved ramp has to be learnt anew;
 *   - ramps of negative utility are only taken out when the others alone would have saved as much on the same
 *     inputs, and batches dispatched with closed exits do not count in utilities: thresholds that wait for
 *     credit make good ramps look bad;
 *   - with one or two affordable ramps a good site is rarely next to the first one, so a ramp moves half the
 *     way to its neighbour first, in the direction that could gain more.
 */
#include "sim/policy/guard.h"
#include "sim/policy/options.h"
#include "sim/policy/ramp_loop.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    double accuracy_loss, ramp_budget;
    uint64_t max_ramps, window, period, adjust_every;
    uint8_t adjust;
    int32_t guard, criterion, adjust_rule;
    int64_t tune_base_ns, tune_cell_ns;
};

static const char *const rules[] = {"trial", "published", NULL}; /* as enum ofr_ramp_rule */

#define ROW(member) .offset = offsetof(struct options, member)

static const struct offramp_option table[] = {
    OFR_ACCURACY_LOSS_ROW(struct options, "share of released answers that may differ from the full model's"),
    OFR_RAMP_BUDGET_ROW(struct options),
    OFR_MAX_RAMPS_ROW(struct options),
    {.name = "guard",
     .type = OFFRAMP_OPT_CHOICE,
     ROW(guard),
     .fallback = "bank",
     .choices = ofr_guard_names,
     .help = "what holds the accuracy constraint; none = as published"},
    {.name = "window",
     .type = OFFRAMP_OPT_COUNT,
     ROW(window),
     .fallback = "0",
     .min = 0,
     .max = 65536,
     .help =
         "inputs remembered for tuning; 0 = the guard's own choice (none 512, conformal 2048, bank 8192)"},
    {.name = "period",
     .type = OFFRAMP_OPT_COUNT,
     ROW(period),
     .fallback = "0",
     .min = 0,
     .max = 1000000,
     .help = "inputs between tunings of guard conformal; 0 = 64"},
    {.name = "adjust",
     .type = OFFRAMP_OPT_BOOL,
     ROW(adjust),
     .fallback = "true",
     .help = "whether ramps are adjusted; false = thresholds only"},
    {.name = "adjust_every",
     .type = OFFRAMP_OPT_COUNT,
     ROW(adjust_every),
     .fallback = "128",
     .min = 1,
     .max = 1000000,
     .help = "inputs between looks at the utilities"},
    {.name = "adjust_rule",
     .type = OFFRAMP_OPT_CHOICE,
     ROW(adjust_rule),
     .fallback = "trial",
     .choices = rules,
     .help = "trial: a changed ramp set has to beat the old one to stay; published: as in the paper"},
    OFR_CRITERION_ROW(struct options, "top1"),
    {.name = "tune_base",
     .type = OFFRAMP_OPT_TIME,
     ROW(tune_base_ns),
     .fallback = "5us",
     .min = 0,
     .max = 1e9,
     .help = "modelled controller time of a decision (simulation)"},
    {.name = "tune_cell",
     .type = OFFRAMP_OPT_TIME,
     ROW(tune_cell_ns),
     .fallback = "8ns",
     .min = 0,
     .max = 1e6,
     .help = "modelled controller time of a tuning per remembered input and ramp (simulation)"},
};

struct apparate {
    struct options options;
    const struct ofr_guard_ops *guard;
    void *guard_state; /* owned */
    struct ofr_ramp_loop ramps;
    struct offramp_exit_config config; /* as last decided */
};

static double threshold_limit(const struct options *options)
{
    return options->criterion == OFFRAMP_CRITERION_TOP1 ? 1.0 : 16.0;
}

static int create_parts(struct apparate *apparate, const struct offramp_policy_setup *setup)
{
    const struct options *options = &apparate->options;
    struct ofr_guard_setup guard = {
        .accuracy_loss = options->accuracy_loss,
        .window = (uint32_t)options->window,
        .period = (uint32_t)options->period,
        .max_threshold = threshold_limit(options),
        .max_batch = setup->max_batch,
        .sites = setup->latency.sites,
    };
    struct ofr_ramp_loop_setup ramps = {
        .latency = setup->latency,
        .max_batch = setup->max_batch,
        .budget = options->ramp_budget,
        .accuracy_loss = options->accuracy_loss,
        .most = (uint32_t)options->max_ramps,
        .look_every = (uint32_t)options->adjust_every,
        .rule = (enum ofr_ramp_rule)options->adjust_rule,
    };
    apparate->guard = ofr_guards[options->guard];
    apparate->guard_state = apparate->guard->create(&guard);
    return ofr_ramp_loop_init(&apparate->ramps, &ramps) || !apparate->guard_state ? -1 : 0;
}

static void destroy(void *state)
{
    struct apparate *apparate = state;
    if (!apparate)
        return;
    if (apparate->guard_state)
        apparate->guard->destroy(apparate->guard_state);
    ofr_ramp_loop_release(&apparate->ramps);
    free(apparate);
}

static void write_ramps(struct apparate *apparate)
{
    apparate->config.ramps = apparate->ramps.set.ramps;
    memcpy(apparate->config.site, apparate->ramps.set.site, sizeof apparate->config.site);
}

/* What one ramp costs, for the message that no ramp can be paid for. */
static void say_no_ramp(const struct offramp_policy_setup *setup, double budget)
{
    const struct offramp_latency_view *latency = &setup->latency;
    int64_t least_ns = INT64_MAX;
    char line[192];
    for (uint32_t k = 0; k < latency->sites; ++k)
        least_ns = latency->ramp_add_ns[k] < least_ns ? latency->ramp_add_ns[k] : least_ns;
    double full_ns = (double)latency->until_ns[latency->sites];
    snprintf(line, sizeof line,
             "apparate: the ramp budget pays for no ramp at every batch size; nothing will exit (%.3g %% of "
             "%.4g us is %.3g us, the cheapest ramp adds %.3g us)",
             100.0 * budget, full_ns / 1e3, budget * full_ns / 1e3, (double)least_ns / 1e3);
    setup->say(setup->host, line);
}

static int create(void **state, const struct offramp_policy_setup *setup, const void *values,
                  struct offramp_exit_config *first, char *why, size_t why_size)
{
    if (setup->latency.batch_count > OFR_RAMP_MOST_SIZES) {
        snprintf(why, why_size, "the profile has more than %d batch sizes", OFR_RAMP_MOST_SIZES);
        return -1;
    }
    struct apparate *apparate = calloc(1, sizeof *apparate);
    if (apparate)
        apparate->options = *(const struct options *)values;
    if (!apparate || create_parts(apparate, setup)) {
        snprintf(why, why_size, "out of memory");
        destroy(apparate);
        return -1;
    }
    if (apparate->ramps.home.ramps == 0)
        say_no_ramp(setup, apparate->options.ramp_budget);
    apparate->config.criterion = apparate->options.criterion;
    write_ramps(apparate);
    apparate->guard->ramps(apparate->guard_state, &apparate->ramps.set, &apparate->ramps.costs);
    *first = apparate->config;
    *state = apparate;
    return 0;
}

/* Carries the thresholds of ramps that stay over to the new set; new ramps start at 0. */
static void use_ramps(struct apparate *apparate)
{
    struct offramp_exit_config old = apparate->config;
    write_ramps(apparate);
    for (uint32_t k = 0; k < apparate->config.ramps; ++k) {
        apparate->config.threshold[k] = 0.0;
        for (uint32_t j = 0; j < old.ramps; ++j)
            if (old.site[j] == apparate->config.site[k])
                apparate->config.threshold[k] = old.threshold[j];
    }
    apparate->guard->ramps(apparate->guard_state, &apparate->ramps.set, &apparate->ramps.costs);
}

static bool under_present_ramps(const struct apparate *apparate, const struct offramp_exit_config *config)
{
    const struct ofr_ramp_set *set = &apparate->ramps.set;
    return config->ramps == set->ramps &&
           memcmp(config->site, set->site, config->ramps * sizeof *config->site) == 0;
}

/* The latency loop's part of a feedback. */
static enum ofr_ramp_move adjust(struct apparate *apparate, const struct offramp_feedback *feedback,
                                 bool same_ramps)
{
    if (!apparate->options.adjust)
        return OFR_RAMPS_STAY;
    if (same_ramps)
        ofr_ramp_loop_feed(&apparate->ramps, feedback);
    enum ofr_ramp_move move = ofr_ramp_loop_look(&apparate->ramps);
    if (move == OFR_RAMPS_MOVED)
        use_ramps(apparate);
    return move;
}

static void fill_decision(struct apparate *apparate, const struct ofr_guard_verdict *verdict, bool moved,
                          struct offramp_decision *decision)
{
    const struct options *options = &apparate->options;
    if (verdict->changed)
        memcpy(apparate->config.threshold, verdict->threshold,
               apparate->config.ramps * sizeof *verdict->threshold);
    snprintf(decision->trigger, sizeof decision->trigger, "%s", moved ? "adjust" : verdict->trigger);
    decision->config = apparate->config;
    decision->predicted_gain_pct = verdict->predicted_gain_pct;
    decision->evaluations = verdict->evaluations;
    decision->cost_ns = verdict->evaluations || moved ? options->tune_base_ns : 0;
    decision->cost_ns += (int64_t)(verdict->tune_records * (double)options->tune_cell_ns);
    decision->changed = true;
}

static bool feedback(void *state, const struct offramp_feedback *feedback, struct offramp_decision *decision)
{
    struct apparate *apparate = state;
    if (apparate->ramps.home.ramps == 0)
        return false;
    bool same = under_present_ramps(apparate, feedback->config);
    apparate->guard->feed(apparate->guard_state, feedback, same);
    enum ofr_ramp_move move = adjust(apparate, feedback, same);
    struct ofr_guard_verdict verdict;
    verdict.changed = false;
    verdict.trigger = "";
    verdict.predicted_gain_pct = NAN;
    verdict.evaluations = 0;
    verdict.tune_records = 0.0;
    apparate->guard->decide(apparate->guard_state, feedback, move == OFR_RAMPS_TUNE, &verdict);
    if (!verdict.changed && move != OFR_RAMPS_MOVED)
        return false;
    fill_decision(apparate, &verdict, move == OFR_RAMPS_MOVED, decision);
    return true;
}

extern const struct offramp_policy_ops ofr_policy_apparate;
const struct offramp_policy_ops ofr_policy_apparate = {
    .abi_version = OFFRAMP_POLICY_ABI_VERSION,
    .flags = OFFRAMP_POLICY_FEEDBACK,
    .name = "apparate",
    .help = "ramps and thresholds managed at run time under an accuracy constraint and a ramp budget",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .options_size = sizeof(struct options),
    .create = create,
    .destroy = destroy,
    .feedback = feedback,
};
