/* The tuner on the shared cases: files made by the system the format comes from. Their own results are first
 * reproduced by the slow reference, so that what the tuner is held against is known to be read correctly. */
#include "tests/support/tuner_reference.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <jansson.h>

static const double budgets[] = {0.0001, 0.01, 0.02};

static double number_at(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static const json_t *per_budget(const json_t *object, double budget)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        if (strtod(key, NULL) == budget)
            return value;
    }
    return NULL;
}

/* The reference climbs to the thresholds the file has. */
static void check_reference(const struct ofr_tuner_case *kase, const char *path, double budget,
                            const json_t *results)
{
    struct reference ours = reference_greedy(kase, budget);
    const json_t *theirs = json_object_get(results, "thresholds");
    double threshold[OFR_TUNER_MAX_RAMPS + 1];
    struct ofr_tuner_result as_result = {.ramps = kase->ramps};
    memcpy(as_result.threshold, ours.threshold, sizeof ours.threshold);
    uint32_t count = ofr_tuner_case_thresholds(kase, &as_result, threshold);
    cr_assert_eq(json_array_size(theirs), count, "%s", path);
    for (uint32_t k = 0; k < count; ++k)
        cr_assert_float_eq(threshold[k], json_number_value(json_array_get(theirs, k)), 1e-12, "%s at %g",
                           path, budget);
    cr_assert_float_eq(ours.improvement_pct, number_at(results, "latency_improvement_pct"), 1e-9, "%s", path);
    cr_assert_eq(ours.acc, number_at(results, "acc"), "%s", path);
}

/* What the tuner reports is what its thresholds give by the reference, within the budget. */
static void check_result(const struct ofr_tuner_case *kase, const char *path, double budget,
                         const struct ofr_tuner_result *result)
{
    struct reference again = reference_evaluate(kase, result->threshold);
    cr_assert(result->feasible && reference_feasible(again.acc, budget), "%s at %g", path, budget);
    cr_assert_eq(result->acc, again.acc, "%s", path);
    cr_assert_float_eq(result->improvement_pct, again.improvement_pct, 1e-9, "%s at %g", path, budget);
    for (uint32_t k = 0; k <= kase->ramps; ++k)
        cr_assert_eq(result->exits[k], again.exits[k], "%s", path);
    for (uint32_t k = 0; k < kase->ramps; ++k)
        cr_assert(result->threshold[k] <= 1.0 || !isnan(kase->fixed[k]), "%s", path);
}

static double check_grids(const struct ofr_tuner_case *kase, struct ofr_tuner *tuner, const char *path,
                          double budget, const json_t *root)
{
    const char *step;
    json_t *grid;
    double best = -INFINITY;
    json_object_foreach(json_object_get(root, "grid"), step, grid)
    {
        const json_t *expected = per_budget(json_object_get(grid, "per_budget"), budget);
        if (!expected)
            continue;
        struct ofr_tuner_result result;
        ofr_tuner_grid(tuner, ofr_tuner_max_wrong(budget, kase->samples), strtod(step, NULL), 0, &result);
        check_result(kase, path, budget, &result);
        cr_assert_float_eq(result.improvement_pct, number_at(expected, "latency_improvement_pct"), 1e-9,
                           "%s step %s", path, step);
        const json_t *thresholds = json_object_get(expected, "thresholds");
        for (uint32_t k = 0; k < kase->ramps && json_array_size(thresholds) == kase->ramps; ++k)
            cr_assert_eq(result.threshold[k], json_number_value(json_array_get(thresholds, k)),
                         "%s at %g step %s ramp %u: %.17g", path, budget, step, k, result.threshold[k]);
        best = fmax(best, result.improvement_pct);
    }
    return best;
}

static void check_budget(const struct ofr_tuner_case *kase, struct ofr_tuner *tuner, const char *path,
                         double budget, const json_t *root)
{
    const json_t *results = per_budget(json_object_get(root, "results"), budget);
    const json_t *optimum = per_budget(json_object_get(root, "exact_optimum"), budget);
    int64_t allowed = ofr_tuner_max_wrong(budget, kase->samples);
    struct ofr_tuner_result greedy, exact;
    ofr_tuner_greedy(tuner, allowed, &greedy);
    ofr_tuner_exact(tuner, allowed, 0, &exact);
    check_result(kase, path, budget, &greedy);
    check_result(kase, path, budget, &exact);
    cr_assert(exact.complete);
    if (results) {
        check_reference(kase, path, budget, results);
        cr_assert_geq(greedy.improvement_pct, number_at(results, "latency_improvement_pct") - 1e-9,
                      "%s at %g", path, budget);
    }
    if (optimum)
        cr_assert_float_eq(exact.improvement_pct, number_at(optimum, "latency_improvement_pct"), 1e-6,
                           "%s at %g", path, budget);
    cr_assert_geq(exact.improvement_pct, greedy.improvement_pct - 1e-9, "%s at %g", path, budget);
    cr_assert_geq(exact.improvement_pct, check_grids(kase, tuner, path, budget, root) - 1e-9, "%s at %g",
                  path, budget);
}

static void check_file(const char *path)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_tuner_case kase;
    struct ofr_tuner *tuner = NULL;
    cr_assert_eq(ofr_tuner_case_load(&kase, path, &err), 0, "%s", err.text);
    cr_assert_eq(ofr_tuner_create(&tuner, kase.samples, kase.ramps, &err), 0, "%s", err.text);
    ofr_tuner_case_put(&kase, tuner);
    json_t *root = json_load_file(path, 0, NULL);
    cr_assert_not_null(root);
    for (size_t b = 0; b < sizeof budgets / sizeof *budgets; ++b)
        check_budget(&kase, tuner, path, budgets[b], root);
    json_decref(root);
    ofr_tuner_free(tuner);
    ofr_tuner_case_release(&kase);
}

Test(tuner_cases, shared_cases)
{
    glob_t found;
    if (glob(OFR_TEST_SOURCE_DIR "/../shared/tuner/*.json", 0, NULL, &found)) {
        fprintf(stderr, "SKIPPED: no shared tuner cases beside the checkout\n");
        cr_skip_test("no shared tuner cases");
    }
    for (size_t i = 0; i < found.gl_pathc; ++i)
        check_file(found.gl_pathv[i]);
    globfree(&found);
}
