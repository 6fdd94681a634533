/* apparate: ramps and thresholds managed at run time (Dai et al., SOSP 2024).
 *
 *   accuracy loop  thresholds of the active ramps, by the guard (guard.h); `guard: none` is the paper's rule
 *   latency loop   every 128 inputs, which ramps are active, by utility (ramp_set.h)
 *
 * Where this departs from the published description, and why:
 *   - a changed ramp set is a trial: it is kept only when its new ramp adds more to what the ramps it shares with the old
 *     set would have saved on its first 1,024 inputs than the ramp it replaced did on the 1,024 before, both at their best
 *     thresholds; a trial that fails is taken back and the next one waits twice as long. Without this the loop moves a
 *     ramp every 128 inputs for ever, and every moved ramp has to be learnt anew;
 *   - ramps of negative utility are only taken out when the others alone would have saved as much on the same inputs:
 *     thresholds that wait for credit make good ramps look bad;
 *   - after a trial that failed, the next one moves a ramp the other way (earlier, later), since a good first site may
 *     lie on either side;
 *   - when every ramp has a negative utility and no replacement has a positive bound, the first even placement comes
 *     back instead of an empty set: it costs no more than the budget and is what notices that inputs have turned easy;
 *   - batches dispatched with closed exits do not count in utilities: they say nothing about the ramps.
 */
#include "sim/policy/guard.h"
#include "sim/policy/ladder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    double accuracy_loss, ramp_budget;
    uint64_t max_ramps, window, period, adjust_every;
    uint8_t adjust;
    int32_t guard, criterion;
    int64_t tune_base_ns, tune_cell_ns;
};

static const char *const criteria[] = {"top1", "entropy", NULL};

#define ROW(member) .offset = offsetof(struct options, member)

static const struct offramp_option table[] = {
    {.name = "accuracy_loss",
     .type = OFFRAMP_OPT_SHARE,
     ROW(accuracy_loss),
     .fallback = "1%",
     .min = 0.0001,
     .max = 0.5,
     .help = "share of released answers that may differ from the full model's"},
    {.name = "ramp_budget",
     .type = OFFRAMP_OPT_SHARE,
     ROW(ramp_budget),
     .fallback = "2%",
     .min = 0.0001,
     .max = 1,
     .help = "what active ramps may add to an input that never exits, at every batch size"},
    {.name = "max_ramps",
     .type = OFFRAMP_OPT_COUNT,
     ROW(max_ramps),
     .fallback = "64",
     .min = 1,
     .max = 64,
     .help = "most ramps active at once, whatever the budget allows"},
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
         "inputs remembered for tuning; 0 = the guard's own choice (none 512, conformal 2048, bank 4096)"},
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
    {.name = "criterion",
     .type = OFFRAMP_OPT_CHOICE,
     ROW(criterion),
     .fallback = "top1",
     .choices = criteria,
     .help = "error score: 1 - top softmax probability, or entropy in nats"},
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

enum {
    FIRST_WAIT = 32, /* looks at the utilities between trials of other ramps */
    LONGEST_WAIT = 512,
    TRIAL = 1024,    /* inputs a ramp set is judged by */
    MOST_SIZES = 256 /* profiled batch sizes */
};

static const double trial_margin = 1.25; /* how much more the new ramp has to save than the old one */
static const double trial_floor = 0.002; /* and by how much of a whole pass at least */

struct apparate {
    struct options options;
    struct offramp_latency_view latency;
    uint32_t max_batch;
    const struct ofr_guard_ops *guard;
    void *guard_state; /* owned */
    struct ofr_ramp_costs costs;
    double weight[MOST_SIZES];         /* inputs per profiled batch size, fading */
    struct ofr_ramp_set set, home;     /* active; the first even placement */
    struct offramp_exit_config config; /* as last decided */

    /* latency loop */
    uint32_t exits[OFFRAMP_MAX_SITES + 1]; /* since the last look */
    uint32_t rows;                         /* since the last look, exits open */
    bool tuned_first;                      /* the tuning round before a removal has been asked for */
    struct ofr_exit_memory recent;         /* the last TRIAL inputs under the present set */
    struct ofr_ladder *ladder;             /* owned; judges `recent` */
    struct ofr_ramp_set before;            /* the set a trial replaced */
    struct ofr_ramp_set shared;            /* ramps of both sets */
    double before_gain;    /* what `before` would have saved over `shared`, share of the whole pass */
    bool on_trial, later;  /* `later`: the next trial moves a ramp to a later site */
    uint32_t wait, waited; /* looks */
};

static uint32_t size_index(const struct offramp_latency_view *latency, uint32_t padded_rows)
{
    uint32_t index = 0;
    while (index + 1 < latency->batch_count && latency->batch[index] < padded_rows)
        ++index;
    return index;
}

static double threshold_limit(const struct options *options)
{
    return options->criterion == OFFRAMP_CRITERION_TOP1 ? 1.0 : 16.0;
}

static int create_guard(struct apparate *apparate)
{
    const struct options *options = &apparate->options;
    struct ofr_guard_setup setup = {
        .accuracy_loss = options->accuracy_loss,
        .window = (uint32_t)options->window,
        .period = (uint32_t)options->period,
        .max_threshold = threshold_limit(options),
        .max_batch = apparate->max_batch,
        .sites = apparate->latency.sites,
    };
    apparate->guard = ofr_guards[options->guard];
    apparate->guard_state = apparate->guard->create(&setup);
    apparate->ladder = ofr_ladder_create(TRIAL);
    bool made = apparate->guard_state && apparate->ladder;
    return made ? ofr_exit_memory_init(&apparate->recent, TRIAL, 1, apparate->latency.sites) : -1;
}

static void destroy(void *state)
{
    struct apparate *apparate = state;
    if (!apparate)
        return;
    if (apparate->guard_state)
        apparate->guard->destroy(apparate->guard_state);
    ofr_exit_memory_release(&apparate->recent);
    ofr_ladder_free(apparate->ladder);
    free(apparate);
}

static void write_ramps(struct apparate *apparate)
{
    apparate->config.ramps = apparate->set.ramps;
    memcpy(apparate->config.site, apparate->set.site, sizeof apparate->config.site);
}

static int create(void **state, const struct offramp_policy_setup *setup, const void *values,
                  struct offramp_exit_config *first, char *why, size_t why_size)
{
    struct apparate *apparate = calloc(1, sizeof *apparate);
    if (apparate) {
        apparate->options = *(const struct options *)values;
        apparate->latency = setup->latency;
        apparate->max_batch = setup->max_batch;
    }
    if (setup->latency.batch_count > MOST_SIZES) {
        snprintf(why, why_size, "the profile has more than %d batch sizes", MOST_SIZES);
        free(apparate);
        return -1;
    }
    if (!apparate || create_guard(apparate)) {
        snprintf(why, why_size, "out of memory");
        destroy(apparate);
        return -1;
    }
    const struct options *options = &apparate->options;
    ofr_ramp_set_even(&apparate->home, &setup->latency, setup->max_batch, options->ramp_budget,
                      (uint32_t)options->max_ramps);
    if (apparate->home.ramps == 0 && setup->say)
        setup->say(setup->host,
                   "apparate: the ramp budget pays for no ramp at every batch size; nothing will exit");
    apparate->set = apparate->home;
    apparate->wait = FIRST_WAIT;
    apparate->config.criterion = options->criterion;
    write_ramps(apparate);
    ofr_ramp_costs_mix(&apparate->costs, &setup->latency, apparate->weight);
    apparate->guard->ramps(apparate->guard_state, &apparate->set, &apparate->costs);
    *first = apparate->config;
    *state = apparate;
    return 0;
}

/* ---- latency loop ---- */

static void use_ramps(struct apparate *apparate, const struct ofr_ramp_set *next)
{
    struct offramp_exit_config old = apparate->config;
    apparate->set = *next;
    write_ramps(apparate);
    for (uint32_t k = 0; k < next->ramps; ++k) {
        apparate->config.threshold[k] = 0.0;
        for (uint32_t j = 0; j < old.ramps; ++j)
            if (old.site[j] == next->site[k])
                apparate->config.threshold[k] = old.threshold[j];
    }
    apparate->guard->ramps(apparate->guard_state, &apparate->set, &apparate->costs);
    apparate->tuned_first = false;
    ofr_exit_memory_clear(&apparate->recent);
}

static void forget_look(struct apparate *apparate)
{
    memset(apparate->exits, 0, sizeof apparate->exits);
    apparate->rows = 0;
}

/* What a set's best thresholds for the remembered inputs would have saved, as a share of the whole pass. */
static double promise(struct apparate *apparate, const struct ofr_ramp_set *set)
{
    double saving[OFFRAMP_MAX_SITES];
    double records = apparate->recent.count, added_ns = 0.0;
    if (records == 0.0)
        return 0.0;
    ofr_guard_savings(saving, set, &apparate->costs);
    double most_wrong = floor(apparate->options.accuracy_loss * records);
    ofr_ladder_build(apparate->ladder, &apparate->recent, set, saving, most_wrong);
    uint32_t step = ofr_ladder_steps(apparate->ladder) - 1;
    while (step > 0 && ofr_ladder_step(apparate->ladder, step)->wrong > most_wrong)
        --step;
    for (uint32_t k = 0; k < set->ramps; ++k)
        added_ns += apparate->costs.add_ns[set->site[k]];
    return ofr_ladder_step(apparate->ladder, step)->saved / records -
           added_ns / apparate->costs.until_ns[apparate->costs.sites];
}

static void intersect(struct ofr_ramp_set *shared, const struct ofr_ramp_set *a, const struct ofr_ramp_set *b)
{
    shared->ramps = 0;
    for (uint32_t i = 0; i < a->ramps; ++i)
        for (uint32_t j = 0; j < b->ramps; ++j)
            if (a->site[i] == b->site[j])
                shared->site[shared->ramps++] = a->site[i];
}

static bool same_set(const struct ofr_ramp_set *a, const struct ofr_ramp_set *b)
{
    return a->ramps == b->ramps && memcmp(a->site, b->site, a->ramps * sizeof *a->site) == 0;
}

/* Tries another set, unless it is too early or the set is the present one. */
static bool start_trial(struct apparate *apparate, const struct ofr_ramp_set *next)
{
    if (same_set(next, &apparate->set))
        return false;
    apparate->waited = 0;
    apparate->before = apparate->set;
    intersect(&apparate->shared, &apparate->set, next);
    apparate->before_gain = promise(apparate, &apparate->set) - promise(apparate, &apparate->shared);
    apparate->on_trial = true;
    use_ramps(apparate, next);
    return true;
}

/* Ends a trial once it has lasted long enough; returns whether the ramps changed back. */
static bool judge_trial(struct apparate *apparate)
{
    if (apparate->recent.count < TRIAL)
        return false;
    apparate->on_trial = false;
    apparate->waited = 0;
    double gain = promise(apparate, &apparate->set) - promise(apparate, &apparate->shared);
    if (gain > trial_margin * apparate->before_gain + trial_floor) {
        apparate->wait = FIRST_WAIT;
        return false;
    }
    apparate->wait = apparate->wait * 2 < LONGEST_WAIT ? apparate->wait * 2 : LONGEST_WAIT;
    apparate->later = !apparate->later;
    use_ramps(apparate, &apparate->before);
    return true;
}

/* The set the rules ask for next; false: none. *tune: a tuning round is wanted first. */
static bool choose_set(struct apparate *apparate, const double *utility, struct ofr_ramp_set *next,
                       bool *tune)
{
    struct ofr_ramp_adjust adjust = {
        .latency = &apparate->latency,
        .costs = &apparate->costs,
        .max_batch = apparate->max_batch,
        .budget = apparate->options.ramp_budget,
        .most = (uint32_t)apparate->options.max_ramps,
    };
    struct ofr_ramp_set paying = {0};
    for (uint32_t k = 0; k < apparate->set.ramps; ++k)
        if (utility[k] >= 0.0)
            paying.site[paying.ramps++] = apparate->set.site[k];
    bool negative = paying.ramps < apparate->set.ramps;
    if (negative && !apparate->tuned_first) {
        apparate->tuned_first = true;
        *tune = true;
        return false;
    }
    if (++apparate->waited < apparate->wait || apparate->recent.count < TRIAL)
        return false;
    if (negative && promise(apparate, &paying) < promise(apparate, &apparate->set))
        negative = false;
    if (!negative)
        return apparate->later ? ofr_ramp_probe_later(next, &adjust, &apparate->set, utility)
                               : ofr_ramp_probe(next, &adjust, &apparate->set, utility);
    if (!ofr_ramp_replace(next, &adjust, &apparate->set, utility, apparate->exits))
        *next = apparate->home;
    return true;
}

/* Looks at the utilities. Returns whether the ramps changed; *tune: a tuning round is wanted. */
static bool look(struct apparate *apparate, bool *tune)
{
    double utility[OFFRAMP_MAX_SITES];
    struct ofr_ramp_set next;
    ofr_ramp_costs_mix(&apparate->costs, &apparate->latency, apparate->weight);
    ofr_ramp_utilities(utility, &apparate->set, &apparate->costs, apparate->exits);
    bool moved = false;
    if (apparate->on_trial)
        moved = judge_trial(apparate);
    else if (choose_set(apparate, utility, &next, tune))
        moved = start_trial(apparate, &next);
    for (uint32_t b = 0; b < apparate->latency.batch_count; ++b)
        apparate->weight[b] *= 0.5;
    forget_look(apparate);
    return moved;
}

/* ---- feedback ---- */

static bool under_present_ramps(const struct apparate *apparate, const struct offramp_exit_config *config)
{
    return config->ramps == apparate->set.ramps &&
           memcmp(config->site, apparate->set.site, config->ramps * sizeof *config->site) == 0;
}

static bool exits_open(const struct offramp_exit_config *config)
{
    for (uint32_t k = 0; k < config->ramps; ++k)
        if (config->threshold[k] > 0.0)
            return true;
    return false;
}

static void count_exits(struct apparate *apparate, const struct offramp_feedback *feedback)
{
    uint32_t ramps = apparate->set.ramps;
    apparate->weight[size_index(&apparate->latency, feedback->padded_rows)] += feedback->rows;
    for (uint32_t row = 0; row < feedback->rows && apparate->options.adjust; ++row)
        ofr_exit_memory_add(&apparate->recent, &apparate->set, feedback->score + (size_t)row * ramps,
                            feedback->answer + (size_t)row * ramps, feedback->final_answer[row]);
    if (!exits_open(feedback->config))
        return;
    for (uint32_t row = 0; row < feedback->rows; ++row)
        apparate->exits[feedback->exit_ramp[row]]++;
    apparate->rows += feedback->rows;
}

static void set_trigger(struct offramp_decision *decision, const char *trigger)
{
    snprintf(decision->trigger, sizeof decision->trigger, "%s", trigger);
}

static bool feedback(void *state, const struct offramp_feedback *feedback, struct offramp_decision *decision)
{
    struct apparate *apparate = state;
    const struct options *options = &apparate->options;
    if (apparate->home.ramps == 0)
        return false;
    bool same = under_present_ramps(apparate, feedback->config);
    apparate->guard->feed(apparate->guard_state, feedback, same);
    bool tune = false, moved = false;
    if (same)
        count_exits(apparate, feedback);
    bool judged = apparate->on_trial && apparate->recent.count == TRIAL;
    if (options->adjust && (apparate->rows >= options->adjust_every || judged))
        moved = look(apparate, &tune);
    struct ofr_guard_verdict verdict;
    verdict.changed = false;
    verdict.trigger = "";
    verdict.predicted_gain_pct = NAN;
    verdict.evaluations = 0;
    verdict.tune_records = 0.0;
    apparate->guard->decide(apparate->guard_state, feedback, tune, &verdict);
    if (!verdict.changed && !moved)
        return false;
    if (verdict.changed)
        memcpy(apparate->config.threshold, verdict.threshold,
               apparate->set.ramps * sizeof *verdict.threshold);
    set_trigger(decision, moved ? "adjust" : verdict.trigger);
    decision->config = apparate->config;
    decision->predicted_gain_pct = verdict.predicted_gain_pct;
    decision->evaluations = verdict.evaluations;
    decision->cost_ns = verdict.evaluations || moved ? options->tune_base_ns : 0;
    decision->cost_ns += (int64_t)(verdict.tune_records * (double)options->tune_cell_ns);
    decision->changed = true;
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
