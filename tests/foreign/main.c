/* foreign SCENARIO.yaml [KEY=VALUE ...]: what `offramp sim --json` prints, by the installed library. */
#include <offramp/offramp.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    struct offramp_scenario *scenario = NULL;
    struct offramp_run *run = NULL;
    char why[OFFRAMP_TEXT_SIZE];
    if (argc < 2) {
        fprintf(stderr, "usage: foreign SCENARIO.yaml [KEY=VALUE ...]\n");
        return 2;
    }
    const char *const *set = (const char *const *)argv + 2; /* ends with NULL, as argv does */
    int rc = offramp_scenario_load(&scenario, argv[1], set, why, sizeof why);
    if (!rc)
        rc = offramp_simulate(&run, scenario, why, sizeof why);
    if (!rc)
        fputs(offramp_run_json(run), stdout);
    else
        fprintf(stderr, "foreign: %s\n", why);
    offramp_run_free(run);
    offramp_scenario_free(scenario);
    return offramp_exit_status(rc);
}
