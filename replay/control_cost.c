#include "replay/control_cost.h"

#include "replay/bell.h"
#include "replay/controller_thread.h"
#include "replay/median.h"
#include "sim/base/config.h"
#include "sim/engine/random.h"
#include "sim/model/profile.h"
#include "sim/policy/policies.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCHES = 3000,
    ROWS = 4,
    PAUSE_NS = 200000, /* between two batches */
    LEAST_NS = 10000   /* modelled: shorter ones say little about tuning */
};

struct bench {
    const struct offramp_latency_view *latency;
    const struct offramp_policy_ops *policy;
    void *policy_state;                   /* owned */
    struct ofr_controller_thread *thread; /* owned */
    struct ofr_timing timing;
    struct offramp_exit_config config;
    struct ofr_random random;
    float score[ROWS * OFFRAMP_MAX_SITES];
    uint16_t answer[ROWS * OFFRAMP_MAX_SITES], final_answer[ROWS], exit_ramp[ROWS];
    double decide_ns[BATCHES], tune_ns[BATCHES];
    uint32_t decides, tunes;
};

/* Inputs of all difficulties: each is sure from some depth on, and mostly right there. */
static void make_up_results(struct bench *bench)
{
    const struct offramp_exit_config *config = &bench->config;
    for (uint32_t row = 0; row < ROWS; ++row) {
        double depth = ofr_random_uniform(&bench->random) * bench->latency->sites;
        bench->final_answer[row] = 0;
        bench->exit_ramp[row] = (uint16_t)config->ramps;
        for (uint32_t k = config->ramps; k-- > 0;) {
            bool sure = config->site[k] >= depth;
            size_t at = (size_t)row * config->ramps + k;
            bench->score[at] = (float)((sure ? 0.05 : 0.5) * ofr_random_uniform(&bench->random));
            bench->answer[at] = ofr_random_uniform(&bench->random) < (sure ? 0.002 : 0.2);
            if (bench->score[at] < config->threshold[k])
                bench->exit_ramp[row] = (uint16_t)k;
        }
    }
}

static int make_policy(struct bench *bench, struct ofr_error *err)
{
    const struct offramp_policy_ops *policy = bench->policy;
    const struct offramp_policy_setup setup = {.size = sizeof setup,
                                               .latency = *bench->latency,
                                               .max_batch =
                                                   bench->latency->batch[bench->latency->batch_count - 1],
                                               .seed = 1};
    char why[OFR_ERROR_TEXT] = "";
    void *options = calloc(1, policy->options_size);
    if (!options)
        return ofr_fail_nomem(err, "the controller's cost");
    int rc =
        ofr_options_bind(policy->options, policy->option_count, options, policy->options_size, NULL, err);
    /* Enough budget for ramps everywhere: what is measured is the thinking. */
    for (uint32_t i = 0; i < policy->option_count && !rc; ++i)
        if (strcmp(policy->options[i].name, "ramp_budget") == 0)
            rc = ofr_option_parse(&policy->options[i], "100%", options, NULL, err);
    if (!rc && policy->create(&bench->policy_state, &setup, options, &bench->config, why, sizeof why))
        rc = ofr_fail(err, OFR_E_BUG, "the controller's cost: %s", why);
    free(options);
    return rc;
}

/* One batch of results there and back. */
static int ask(struct bench *bench, struct ofr_error *err)
{
    struct offramp_feedback feedback = {.size = sizeof feedback,
                                        .rows = ROWS,
                                        .padded_rows = ROWS,
                                        .config = &bench->config,
                                        .score = bench->score,
                                        .answer = bench->answer,
                                        .final_answer = bench->final_answer,
                                        .exit_ramp = bench->exit_ramp};
    struct ofr_answer answer;
    const struct ofr_controller_ops *ops = &ofr_controller_thread_ops;
    int rc = ops->ask(bench->thread, &feedback, &answer, err);
    for (uint32_t looks = 1; rc == 0 && (rc = ops->poll(bench->thread, &answer, err)) == 0; ++looks)
        ofr_patience(true, looks);
    if (rc < 0 || !answer.decided)
        return rc < 0 ? rc : OFR_OK;
    double cost_ns = (double)answer.decision.cost_ns;
    if (answer.modelled_ns == 0)
        bench->decide_ns[bench->decides++] = cost_ns;
    else if (answer.modelled_ns >= LEAST_NS)
        bench->tune_ns[bench->tunes++] =
            cost_ns / (double)answer.modelled_ns * (double)OFR_PROFILE_TUNE_MODELLED_NS;
    if (answer.decision.changed)
        bench->config = answer.decision.config;
    return OFR_OK;
}

static int64_t median_or_none(double *value, uint32_t count)
{
    return count ? llround(ofr_median(value, count)) : -1;
}

static void pause_a_while(struct bench *bench, struct ofr_clock *clock)
{
    int64_t until_ns = ofr_timing_read(&bench->timing) + PAUSE_NS;
    while (ofr_clock_advance(clock, until_ns) < until_ns)
        ;
}

int ofr_control_cost_measure(struct ofr_control_cost *out, const struct offramp_latency_view *latency,
                             bool spin, struct ofr_error *err)
{
    struct bench *bench = calloc(1, sizeof *bench);
    struct ofr_clock clock;
    *out = (struct ofr_control_cost){.decide_ns = -1, .tune_ns = -1};
    if (!bench)
        return ofr_fail_nomem(err, "the controller's cost");
    bench->latency = latency;
    bench->policy = ofr_policy_find("apparate");
    ofr_random_init(&bench->random, 1, OFR_RANDOM_WORKLOAD, 0);
    ofr_timing_init(&bench->timing, &clock, spin);
    int rc = ofr_histogram_init(&bench->timing.handling, err);
    if (!rc)
        rc = make_policy(bench, err);
    struct ofr_policy_handle policy = {.ops = bench->policy, .state = bench->policy_state};
    if (!rc)
        rc = ofr_controller_thread_create(&bench->thread, &policy, ROWS, spin, &bench->timing, err);
    for (uint32_t i = 0; i < BATCHES && !rc; ++i) {
        make_up_results(bench);
        rc = ask(bench, err);
        pause_a_while(bench, &clock);
    }
    ofr_controller_thread_destroy(bench->thread);
    if (!rc) {
        out->decide_ns = median_or_none(bench->decide_ns, bench->decides);
        out->tune_ns = median_or_none(bench->tune_ns, bench->tunes);
    }
    bench->policy->destroy(bench->policy_state);
    ofr_histogram_release(&bench->timing.handling);
    free(bench);
    return rc;
}
