/* offramp sim: simulate a scenario, alone, beside its vanilla run, or beside other policies. */
#include "analysis/summary_print.h"
#include "sim/base/json.h"
#include "sim/base/version.h"
#include "sim/cli/cli.h"
#include "sim/cli/progress.h"
#include "sim/cli/verbs.h"
#include "sim/policy/policies.h"
#include "sim/run/beside.h"
#include "sim/run/run.h"

#include <stdlib.h>
#include <string.h>

enum {
    MOST_RUNS = 16
};

struct options {
    uint8_t json, vanilla, show_resolved;
    char log[OFFRAMP_TEXT_SIZE];
    char beside[OFFRAMP_TEXT_SIZE];
    struct offramp_args set;
    char seed[OFFRAMP_TEXT_SIZE];
};

#define ROW(member) .offset = offsetof(struct options, member)

static const struct offramp_option table[] = {
    {.name = "json",
     .type = OFFRAMP_OPT_BOOL,
     ROW(json),
     .fallback = "false",
     .help = "the summary as one JSON object"},
    {.name = "log", .type = OFFRAMP_OPT_TEXT, ROW(log), .fallback = "", .help = "write a run log (.olog)"},
    {.name = "vanilla",
     .type = OFFRAMP_OPT_BOOL,
     ROW(vanilla),
     .fallback = "false",
     .help = "also run without ramps and report the saving"},
    {.name = "beside",
     .type = OFFRAMP_OPT_TEXT,
     ROW(beside),
     .fallback = "",
     .help = "also run these policies (a,b,c) with their default options, and print all side by side"},
    {.name = "set",
     .type = OFFRAMP_OPT_ARGS,
     ROW(set),
     .fallback = "[]",
     .help = "override a key of the scenario, KEY=VALUE; may be repeated"},
    {.name = "seed",
     .type = OFFRAMP_OPT_TEXT,
     ROW(seed),
     .fallback = "",
     .help = "the same as --set seed=VALUE"},
    {.name = "show_resolved",
     .type = OFFRAMP_OPT_BOOL,
     ROW(show_resolved),
     .fallback = "false",
     .help = "print the scenario with every default filled in, and stop"},
};

/* One scenario, run once. */
struct column {
    struct ofr_scenario *scenario; /* owned */
    struct ofr_run run;
    bool ran;
};

struct session {
    const struct ofr_cli_call *call;
    const struct options *options;
    struct ofr_inputs inputs;
    const char **site_names;
    struct column column[MOST_RUNS]; /* the first is the scenario itself */
    uint32_t columns;
};

static void show_progress(void *state, uint64_t offered, int64_t now_ns)
{
    (void)now_ns;
    ofr_progress_update(state, offered);
}

static void say(void *state, const char *line)
{
    fprintf(state, "offramp: %s\n", line);
}

static int run_column(struct session *session, struct column *column, const char *log, struct ofr_error *err)
{
    struct ofr_progress progress;
    ofr_progress_begin(&progress, session->call->chatter, column->scenario->policy->name, "requests",
                       column->scenario->top.requests);
    struct ofr_notes notes = OFR_NOTES_INIT;
    struct ofr_run_options options = {.log_path = log,
                                      .provenance = &notes,
                                      .progress = show_progress,
                                      .progress_state = &progress,
                                      .say = say,
                                      .say_state = session->call->chatter};
    int rc = ofr_notes_set(&notes, "tool", "offramp " OFR_VERSION, err);
    if (!rc)
        rc = ofr_run_simulate(&column->run, column->scenario, &session->inputs, &options, err);
    ofr_progress_end(&progress);
    ofr_notes_release(&notes);
    column->ran = rc == 0;
    return rc;
}

static struct ofr_summary_title title_of(const struct session *session, uint32_t i,
                                         const struct ofr_summary *vanilla)
{
    const struct ofr_scenario *scenario = session->column[i].scenario;
    return (struct ofr_summary_title){
        .scenario = scenario->top.name,
        .policy = scenario->policy->name,
        .knowledge = ofr_policy_knowledge(scenario->policy->flags),
        .seed = scenario->top.seed,
        .site_names = session->site_names,
        .vanilla = vanilla,
    };
}

/* The scenario again under each policy of a comma-separated list. */
static int add_policies(struct session *session, const char *list, struct ofr_error *err)
{
    char names[OFFRAMP_TEXT_SIZE];
    snprintf(names, sizeof names, "%s", list);
    char *rest = NULL;
    for (char *name = strtok_r(names, ", ", &rest); name; name = strtok_r(NULL, ", ", &rest)) {
        if (session->columns == MOST_RUNS)
            return ofr_fail(err, OFR_E_USAGE, "--beside: more than %d policies", MOST_RUNS - 1);
        int rc = ofr_scenario_with_policy(&session->column[session->columns].scenario,
                                          session->column[0].scenario, name, err);
        if (rc)
            return rc;
        session->columns++;
    }
    return 0;
}

static int open_session(struct session *session, struct ofr_error *err)
{
    const struct options *options = session->options;
    const char *set[OFFRAMP_MAX_SITES + 1];
    char seed[OFFRAMP_TEXT_SIZE + 8];
    uint32_t sets = 0;
    for (; sets < options->set.count; ++sets)
        set[sets] = options->set.item[sets];
    snprintf(seed, sizeof seed, "seed=%s", options->seed);
    if (options->seed[0])
        set[sets++] = seed;
    int rc = ofr_scenario_load(&session->column[0].scenario, session->call->positional[0], set, sets, err);
    if (rc)
        return rc;
    session->columns = 1;
    rc = ofr_inputs_load(&session->inputs, session->column[0].scenario, err);
    if (!rc && options->vanilla)
        rc = add_policies(session, "vanilla", err);
    if (!rc)
        rc = add_policies(session, options->beside, err);
    if (rc)
        return rc;
    const struct ofr_profile *profile = session->inputs.profile;
    session->site_names = calloc(profile->sites + 1, sizeof *session->site_names);
    if (!session->site_names)
        return ofr_fail_nomem(err, "site names");
    for (uint32_t site = 0; site < profile->sites; ++site)
        session->site_names[site] = profile->site_name[site];
    return 0;
}

static void close_session(struct session *session)
{
    for (uint32_t i = 0; i < session->columns; ++i) {
        if (session->column[i].ran)
            ofr_run_release(&session->column[i].run);
        ofr_scenario_free(session->column[i].scenario);
    }
    free(session->site_names);
    ofr_inputs_release(&session->inputs);
}

/* Reading order: vanilla, from which the others differ, comes first. */
static void reading_order(const struct session *session, uint32_t *order)
{
    uint32_t count = 0;
    for (int want_vanilla = 1; want_vanilla >= 0; --want_vanilla)
        for (uint32_t i = 0; i < session->columns; ++i)
            if ((strcmp(session->column[i].scenario->policy->name, "vanilla") == 0) == want_vanilla)
                order[count++] = i;
}

static int print_beside(const struct session *session, struct ofr_error *err)
{
    FILE *out = session->call->out;
    uint32_t order[MOST_RUNS];
    reading_order(session, order);
    if (!session->options->json) {
        struct ofr_beside_column column[MOST_RUNS];
        for (uint32_t i = 0; i < session->columns; ++i) {
            struct ofr_summary_title title = title_of(session, order[i], NULL);
            column[i] = (struct ofr_beside_column){.policy = title.policy,
                                                   .knowledge = title.knowledge,
                                                   .summary = &session->column[order[i]].run.summary};
        }
        ofr_beside_text(out, session->column[0].scenario->top.name, column, session->columns,
                        session->site_names);
        return 0;
    }
    json_t *array = json_array();
    for (uint32_t i = 0; i < session->columns; ++i) {
        struct ofr_summary_title title = title_of(session, order[i], NULL);
        json_array_append_new(array, ofr_summary_json(&session->column[order[i]].run.summary, &title));
    }
    int rc = ofr_json_write(out, array, err);
    json_decref(array);
    return rc;
}

static int print_one(const struct session *session, struct ofr_error *err)
{
    const struct ofr_summary *vanilla = session->columns > 1 ? &session->column[1].run.summary : NULL;
    struct ofr_summary_title title = title_of(session, 0, vanilla);
    if (!session->options->json) {
        ofr_summary_text(session->call->out, &session->column[0].run.summary, &title);
        return 0;
    }
    json_t *object = ofr_summary_json(&session->column[0].run.summary, &title);
    int rc = ofr_json_write(session->call->out, object, err);
    json_decref(object);
    return rc;
}

static int print_resolved(const struct session *session, struct ofr_error *err)
{
    char *text = ofr_scenario_text(session->column[0].scenario);
    if (!text)
        return ofr_fail_nomem(err, "the resolved scenario");
    fputs(text, session->call->out);
    free(text);
    return 0;
}

static int run(const struct ofr_cli_call *call, struct ofr_error *err)
{
    struct session session = {.call = call, .options = call->values};
    const struct options *options = call->values;
    int rc = open_session(&session, err);
    if (!rc && options->show_resolved)
        rc = print_resolved(&session, err);
    for (uint32_t i = 0; i < session.columns && !rc && !options->show_resolved; ++i)
        rc = run_column(&session, &session.column[i], i == 0 && options->log[0] ? options->log : NULL, err);
    if (!rc && !options->show_resolved)
        rc = options->beside[0] ? print_beside(&session, err) : print_one(&session, err);
    close_session(&session);
    return rc;
}

const struct ofr_cli_verb ofr_verb_sim = {
    .name = "sim",
    .help = "simulate a scenario",
    .usage = "SCENARIO.yaml",
    .least = 1,
    .most = 1,
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .options_size = sizeof(struct options),
    .run = run,
};
