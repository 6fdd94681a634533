/* Offramp as a library: simulate a scenario file, get its summary.
 *
 *     #include <offramp/offramp.h>
 *
 *     struct offramp_scenario *scenario;
 *     struct offramp_run *run;
 *     char why[OFFRAMP_TEXT_SIZE];
 *     const char *set[] = {"arrivals.rate=900/s", NULL};
 *     if (offramp_scenario_load(&scenario, "demo.yaml", set, why, sizeof why) == 0 &&
 *         offramp_simulate(&run, scenario, why, sizeof why) == 0)
 *         fputs(offramp_run_json(run), stdout);
 *
 * Functions return 0, or a negative code with one line for the user in `why`; offramp_exit_status() turns a
 * code into the status the command-line tool would end with. Handles are owned by the caller and freed by the
 * matching _free, which allows NULL. Different handles may be used from different threads at once.
 */
#ifndef OFFRAMP_H
#define OFFRAMP_H

#include "offramp_option.h"
#include "offramp_policy.h"

#include <stddef.h>

#if defined(__GNUC__)
#define OFFRAMP_API __attribute__((visibility("default")))
#else
#define OFFRAMP_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct offramp_scenario; /* a checked scenario with its input files loaded */
struct offramp_run;      /* a finished run */

/* The version of the library, "0.1.0". */
OFFRAMP_API const char *offramp_version(void);
/* 0 for 0, else the status the tool ends with: 2 usage or bad input, 3 the machine failed, 70 an internal error. */
OFFRAMP_API int offramp_exit_status(int code);

/* Reads a scenario file and the profile and recording it names. `set` is a NULL-terminated list of
 * `key=value` overrides, or NULL. */
OFFRAMP_API int offramp_scenario_load(struct offramp_scenario **out, const char *path, const char *const *set,
                                      char *why, size_t why_size);
/* NULL is allowed. */
OFFRAMP_API void offramp_scenario_free(struct offramp_scenario *scenario);

/* Runs it in the simulator. The scenario may be run any number of times; equal scenarios give equal
 * summaries. */
OFFRAMP_API int offramp_simulate(struct offramp_run **out, const struct offramp_scenario *scenario, char *why,
                                 size_t why_size);
/* The summary as a JSON object with a line end, byte for byte what `offramp sim --json` prints. Borrowed from the run. */
OFFRAMP_API const char *offramp_run_json(const struct offramp_run *run);
/* NULL is allowed. What offramp_run_json gave goes with it. */
OFFRAMP_API void offramp_run_free(struct offramp_run *run);

#ifdef __cplusplus
}
#endif

#endif
