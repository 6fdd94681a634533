/* nudge: one ramp, and a threshold that follows the agreement it observes. A skeleton to copy: a whole exit policy in
 * one file that needs nothing but the public header. docs/write-a-policy.md walks through it.
 *
 *     cc -std=c11 -O2 -fPIC -shared -I build/release/include workloads/plugins/skeleton.c -o nudge.so
 *     build/release/offramp sim workloads/scenarios/demo.yaml --set exits=./nudge.so --vanilla
 *
 * Every input moves the threshold by gain * (accuracy_loss - wrong), where wrong is 1 for an input that left with another
 * answer than the full model's. The threshold stays bounded, so the moves of a long run must cancel out: the share of
 * wrong exits goes to accuracy_loss whatever the inputs do (adaptive conformal inference, Gibbs and Candes, NeurIPS 2021).
 */
#include <offramp/offramp_policy.h>

#include <stdio.h>
#include <stdlib.h>

/* What a scenario may say under `exits:`, and the table that says so. Plain data, no pointers. */
struct options {
    double accuracy_loss, gain;
    uint64_t site;
};

static const struct offramp_option table[] = {
    {.name = "accuracy_loss",
     .type = OFFRAMP_OPT_SHARE,
     .offset = offsetof(struct options, accuracy_loss),
     .fallback = "1%",
     .min = 0.0001,
     .max = 0.5,
     .help = "share of answers that may differ from the full model's"},
    {.name = "gain",
     .type = OFFRAMP_OPT_REAL,
     .offset = offsetof(struct options, gain),
     .fallback = "0.05",
     .min = 0,
     .max = 1,
     .help = "how far one wrong answer moves the threshold"},
    {.name = "site",
     .type = OFFRAMP_OPT_COUNT,
     .offset = offsetof(struct options, site),
     .fallback = "1",
     .max = OFFRAMP_MAX_SITES,
     .help = "where the ramp stands, counted from 0"},
};

/* One run's state. Several runs may be under way in one process: nothing of a run is static. */
struct nudge {
    struct options options;
    double threshold; /* below 0: a debt that closed exits have to pay back first */
};

static void configure(const struct nudge *nudge, struct offramp_exit_config *config)
{
    config->ramps = 1;
    config->criterion = OFFRAMP_CRITERION_TOP1;
    config->free_ramps = false;
    config->site[0] = (uint16_t)nudge->options.site;
    config->threshold[0] = nudge->threshold > 0.0 ? nudge->threshold : 0.0;
}

static int create(void **state, const struct offramp_policy_setup *setup, const void *values,
                  struct offramp_exit_config *first, char *why, size_t why_size)
{
    const struct options *options = values;
    if (options->site >= setup->latency.sites) {
        snprintf(why, why_size, "site: found %llu, expected a number below %u",
                 (unsigned long long)options->site, setup->latency.sites);
        return -1;
    }
    struct nudge *nudge = calloc(1, sizeof *nudge);
    if (!nudge) {
        snprintf(why, why_size, "out of memory");
        return -1;
    }
    nudge->options = *options;
    configure(nudge, first);
    *state = nudge;
    return 0;
}

static void destroy(void *state)
{
    free(state);
}

static bool feedback(void *state, const struct offramp_feedback *feedback, struct offramp_decision *decision)
{
    struct nudge *nudge = state;
    for (uint32_t row = 0; row < feedback->rows; ++row) {
        bool left = feedback->exit_ramp[row] < feedback->config->ramps;
        bool wrong = left && feedback->answer[row] != feedback->final_answer[row]; /* one ramp: one column */
        nudge->threshold += nudge->options.gain * (nudge->options.accuracy_loss - wrong);
    }
    nudge->threshold = nudge->threshold < 1.0 ? nudge->threshold : 1.0;
    configure(nudge, &decision->config);
    snprintf(decision->trigger, sizeof decision->trigger, "nudge");
    decision->cost_ns = 200; /* what this takes, for the simulator; a replay measures it */
    decision->changed = true;
    return true;
}

const struct offramp_policy_ops offramp_policy = {
    .abi_version = OFFRAMP_POLICY_ABI_VERSION,
    .flags = OFFRAMP_POLICY_FEEDBACK,
    .name = "nudge",
    .help = "one ramp, its threshold moved by the agreement it observes",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .options_size = sizeof(struct options),
    .create = create,
    .destroy = destroy,
    .feedback = feedback,
};
