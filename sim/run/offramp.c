#include "sim/offramp.h"

#include "analysis/summary_print.h"
#include "sim/base/json.h"
#include "sim/base/version.h"
#include "sim/policy/policies.h"
#include "sim/run/run.h"

#include <stdlib.h>
#include <string.h>

struct offramp_scenario {
    struct ofr_scenario *scenario; /* owned */
    struct ofr_inputs inputs;
};

struct offramp_run {
    char *json; /* owned */
};

const char *offramp_version(void)
{
    return OFR_VERSION;
}

int offramp_exit_status(int code)
{
    return ofr_exit_status(code);
}

static int give(const struct ofr_error *err, int rc, char *why, size_t why_size)
{
    if (rc && why && why_size)
        snprintf(why, why_size, "%s", err->text);
    return rc;
}

int offramp_scenario_load(struct offramp_scenario **out, const char *path, const char *const *set, char *why,
                          size_t why_size)
{
    struct ofr_error err = OFR_ERROR_INIT;
    uint32_t sets = 0;
    while (set && set[sets])
        ++sets;
    struct offramp_scenario *scenario = calloc(1, sizeof *scenario);
    int rc = scenario ? 0 : ofr_fail_nomem(&err, "a scenario");
    if (!rc)
        rc = ofr_scenario_load(&scenario->scenario, path, set, sets, &err);
    if (!rc)
        rc = ofr_inputs_load(&scenario->inputs, scenario->scenario, &err);
    if (rc)
        offramp_scenario_free(scenario);
    else
        *out = scenario;
    return give(&err, rc, why, why_size);
}

void offramp_scenario_free(struct offramp_scenario *scenario)
{
    if (!scenario)
        return;
    ofr_scenario_free(scenario->scenario);
    ofr_inputs_release(&scenario->inputs);
    free(scenario);
}

/* The bytes `offramp sim --json` prints. Owned; NULL when out of memory. */
static char *summary_text(const struct offramp_scenario *scenario, const struct ofr_summary *summary)
{
    struct ofr_summary_title title = {
        .scenario = scenario->scenario->top.name,
        .policy = scenario->scenario->policy->name,
        .knowledge = ofr_policy_knowledge(scenario->scenario->policy->flags),
        .seed = scenario->scenario->top.seed,
    };
    json_t *object = ofr_summary_json(summary, &title);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    int rc = out ? ofr_json_write(out, object, NULL) : OFR_E_NOMEM;
    if (out && fclose(out))
        rc = OFR_E_NOMEM;
    json_decref(object);
    if (rc) {
        free(text);
        return NULL;
    }
    return text;
}

int offramp_simulate(struct offramp_run **out, const struct offramp_scenario *scenario, char *why,
                     size_t why_size)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_run_options options = {0};
    struct ofr_run run;
    int rc = ofr_run_simulate(&run, scenario->scenario, &scenario->inputs, &options, &err);
    if (rc)
        return give(&err, rc, why, why_size);
    struct offramp_run *result = calloc(1, sizeof *result);
    if (result)
        result->json = summary_text(scenario, &run.summary);
    ofr_run_release(&run);
    if (!result || !result->json) {
        offramp_run_free(result);
        return give(&err, ofr_fail_nomem(&err, "a summary"), why, why_size);
    }
    *out = result;
    return 0;
}

const char *offramp_run_json(const struct offramp_run *run)
{
    return run->json;
}

void offramp_run_free(struct offramp_run *run)
{
    if (!run)
        return;
    free(run->json);
    free(run);
}
