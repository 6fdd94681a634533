/* The tuner against slow references on generated windows. */
#include "sim/policy/tuner_report.h"
#include "tests/support/tuner_cases.h"
#include "tests/support/tuner_reference.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <unistd.h>

static const double budgets[] = {0.0001, 0.01, 0.02, 0.05, 0.2};

static struct ofr_tuner *tuner_for(const struct ofr_tuner_case *kase)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_tuner *tuner = NULL;
    cr_assert_eq(ofr_tuner_create(&tuner, kase->samples, kase->ramps, &err), 0, "%s", err.text);
    ofr_tuner_case_put(kase, tuner);
    return tuner;
}

/* The result is feasible, and its thresholds give what it reports, by the reference. */
static void check_result(const struct ofr_tuner_case *kase, double budget,
                         const struct ofr_tuner_result *result, const char *what)
{
    struct reference again = reference_evaluate(kase, result->threshold);
    cr_assert(result->feasible && reference_feasible(again.acc, budget), "%s", what);
    cr_assert_eq(result->acc, again.acc, "%s", what);
    cr_assert_float_eq(result->improvement_pct, again.improvement_pct, 1e-9, "%s", what);
    for (uint32_t k = 0; k <= kase->ramps; ++k)
        cr_assert_eq(result->exits[k], again.exits[k], "%s", what);
    for (uint32_t k = 0; k < kase->ramps; ++k)
        cr_assert((result->threshold[k] >= 0.0 && result->threshold[k] <= 1.0) || !isnan(kase->fixed[k]),
                  "%s", what);
}

/* ---- rules ---- */

Test(tuner_rules, acc_is_rounded_as_exact_decimal)
{
    for (uint32_t n = 1; n <= 4096; n += n < 300 ? 1 : 61)
        for (uint32_t wrong = 0; wrong <= n; ++wrong)
            cr_assert_eq(ofr_tuner_acc(wrong, n), reference_round((double)(n - wrong) / n, 7), "%u of %u",
                         wrong, n);
}

Test(tuner_rules, max_wrong_is_the_last_feasible)
{
    for (uint32_t n = 1; n <= 3000; n += 7)
        for (size_t b = 0; b < sizeof budgets / sizeof *budgets; ++b) {
            int64_t most = ofr_tuner_max_wrong(budgets[b], n);
            cr_assert(most >= 0 && most <= n);
            cr_assert(reference_feasible(reference_round((double)(n - most) / n, 7), budgets[b]));
            cr_assert(most == n ||
                      !reference_feasible(reference_round((double)(n - most - 1) / n, 7), budgets[b]));
        }
    cr_assert_eq(ofr_tuner_max_wrong(0.01, 100), 0); /* |1 - 0.99| < 0.01 is false */
    cr_assert_eq(ofr_tuner_max_wrong(0.01, 101), 1);
    cr_assert_eq(ofr_tuner_max_wrong(0.5, 2), 0); /* 0.5 < 0.5 is false, with nothing rounded */
    cr_assert_eq(ofr_tuner_max_wrong(0.0, 100), -1);
    cr_assert_eq(ofr_tuner_max_wrong(-1.0, 100), -1);
    cr_assert_eq(ofr_tuner_max_wrong((double)NAN, 100), -1);
    cr_assert_eq(ofr_tuner_max_wrong(5.0, 100), 100);
}

Test(tuner_rules, costs_of_ramps_beside_the_backbone)
{
    const double until[] = {1, 2, 4}, add[] = {0.25, 0.5}, delay[] = {0.75, 1};
    struct ofr_tuner_costs costs;
    ofr_tuner_costs_from(&costs, 2, until, add, delay);
    cr_assert_eq(costs.leave[0], 1.75);
    cr_assert_eq(costs.leave[1], 3.25);
    cr_assert_eq(costs.leave[2], 4.75);
    cr_assert_eq(costs.vanilla, 4.0);
}

/* ---- searches on generated windows ---- */

struct tally {
    int runs, below, far_below;
};

static void check_window(uint32_t n, uint32_t ramps, unsigned kind, uint64_t seed, struct tally *tally)
{
    struct ofr_tuner_case kase;
    tuner_case_make(&kase, n, ramps, kind, seed);
    struct ofr_tuner *tuner = tuner_for(&kase);
    char what[96];
    for (size_t b = 0; b < 4; ++b) {
        double budget = budgets[b];
        int64_t allowed = ofr_tuner_max_wrong(budget, n);
        struct ofr_tuner_result greedy, exact, grid;
        snprintf(what, sizeof what, "%u x %u kind %u seed %llu budget %g", n, ramps, kind,
                 (unsigned long long)seed, budget);
        ofr_tuner_greedy(tuner, allowed, &greedy);
        ofr_tuner_exact(tuner, allowed, 2000000, &exact);
        ofr_tuner_grid(tuner, allowed, 0.1, 200000, &grid);
        check_result(&kase, budget, &greedy, what);
        check_result(&kase, budget, &exact, what);
        check_result(&kase, budget, &grid, what);
        double theirs = reference_greedy(&kase, budget).improvement_pct;
        tally->runs++;
        tally->below += greedy.improvement_pct < theirs - 1e-9;
        tally->far_below += greedy.improvement_pct < theirs - 0.5;
        cr_assert_geq(exact.improvement_pct, fmax(greedy.improvement_pct, grid.improvement_pct) - 1e-9, "%s",
                      what);
        cr_assert_geq(exact.improvement_pct, theirs - 1e-9, "%s", what);
    }
    ofr_tuner_free(tuner);
    ofr_tuner_case_release(&kase);
}

static uint32_t draw(struct ofr_random *random, uint32_t n)
{
    uint32_t value = (uint32_t)(ofr_random_uniform(random) * n);
    return value < n ? value : n - 1;
}

/* Windows of the kinds the shared cases are of. Greedy may fall short of the other system's climb where the
 * ramps are many and hardly ever elsewhere. */
Test(tuner, generated_windows)
{
    static const unsigned kinds[] = {0, 1, 2, 3, 4, 8, 16, 17, 18, 19};
    struct tally few = {0}, many = {0};
    struct ofr_random random;
    ofr_random_init(&random, 7, OFR_RANDOM_TEST, 0);
    for (uint64_t seed = 1; seed <= 150; ++seed) {
        uint32_t n = (uint32_t)exp(ofr_random_uniform(&random) * log(2048.9));
        uint32_t ramps = 1 + draw(&random, 6);
        check_window(n, ramps, kinds[draw(&random, 10)], seed, ramps <= 4 && n <= 1024 ? &few : &many);
    }
    cr_assert_eq(few.below, 0, "%d of %d", few.below, few.runs);
    cr_assert_leq(many.below, many.runs / 25, "%d of %d", many.below, many.runs);
    cr_assert_leq(many.far_below, many.runs / 50, "%d of %d", many.far_below, many.runs);
}

/* Windows small enough to try every threshold there is; with savings that need not fall with depth too. */
Test(tuner, exact_is_brute_force)
{
    static const unsigned kinds[] = {0, 1, 2, 3, 4, 8, 16, 17, 19, 32, 33, 34, 35, 49};
    struct ofr_random random;
    ofr_random_init(&random, 9, OFR_RANDOM_TEST, 0);
    for (uint64_t seed = 1; seed <= 300; ++seed) {
        uint32_t ramps = 1 + draw(&random, 3);
        uint32_t n = 1 + draw(&random, ramps == 3 ? 16 : 40);
        struct ofr_tuner_case kase;
        tuner_case_make(&kase, n, ramps, kinds[draw(&random, 14)], seed);
        if (draw(&random, 4) == 0)
            kase.fixed[draw(&random, ramps)] = 0.3 * ofr_random_uniform(&random);
        double budget = budgets[draw(&random, 5)];
        struct reference best = reference_brute(&kase, budget);
        struct ofr_tuner *tuner = tuner_for(&kase);
        struct ofr_tuner_result exact, greedy;
        ofr_tuner_exact(tuner, ofr_tuner_max_wrong(budget, n), 0, &exact);
        ofr_tuner_greedy(tuner, ofr_tuner_max_wrong(budget, n), &greedy);
        cr_assert_eq(exact.feasible, best.feasible, "seed %llu", (unsigned long long)seed);
        if (best.feasible) {
            check_result(&kase, budget, &exact, "exact");
            cr_assert(exact.complete);
            cr_assert_float_eq(exact.improvement_pct, best.improvement_pct, 1e-9,
                               "seed %llu: %.9f, brute %.9f", (unsigned long long)seed, exact.improvement_pct,
                               best.improvement_pct);
        }
        if (greedy.feasible)
            check_result(&kase, budget, &greedy, "greedy");
        ofr_tuner_free(tuner);
        ofr_tuner_case_release(&kase);
    }
}

Test(tuner, grid_is_the_full_grid)
{
    static const unsigned kinds[] = {0, 1, 2, 3, 8, 32};
    for (uint64_t seed = 1; seed <= 40; ++seed) {
        struct ofr_tuner_case kase;
        uint32_t ramps = 1 + (uint32_t)seed % 3;
        tuner_case_make(&kase, 40 + 3 * (uint32_t)seed, ramps, kinds[seed % 6], seed);
        if (seed % 5 == 0)
            kase.fixed[0] = 0.2;
        double budget = budgets[seed % 5], step = seed % 2 ? 0.1 : 0.25;
        struct reference best = reference_grid(&kase, budget, step);
        struct ofr_tuner *tuner = tuner_for(&kase);
        struct ofr_tuner_result grid;
        ofr_tuner_grid(tuner, ofr_tuner_max_wrong(budget, kase.samples), step, 0, &grid);
        cr_assert_eq(grid.feasible, best.feasible);
        for (uint32_t k = 0; best.feasible && k < ramps; ++k)
            cr_assert_eq(grid.threshold[k], best.threshold[k], "seed %llu ramp %u: %g, reference %g",
                         (unsigned long long)seed, k, grid.threshold[k], best.threshold[k]);
        ofr_tuner_free(tuner);
        ofr_tuner_case_release(&kase);
    }
}

/* ---- borders ---- */

static struct ofr_tuner *small_tuner(uint32_t n, uint32_t ramps, const double *score, const uint8_t *agrees)
{
    struct ofr_tuner *tuner = NULL;
    struct ofr_tuner_costs costs = {.vanilla = 10.0};
    cr_assert_eq(ofr_tuner_create(&tuner, 64, 3, NULL), 0);
    ofr_tuner_window(tuner, n, ramps);
    for (uint32_t k = 0; k < ramps; ++k) {
        ofr_tuner_column(tuner, k, score + k * n, agrees + k * n);
        costs.leave[k] = 2.0 * (k + 1);
    }
    costs.leave[ramps] = 10.0;
    ofr_tuner_set_costs(tuner, &costs);
    return tuner;
}

/* The other system takes best index 0 for none; here the first ramp alone is worth choosing. */
Test(tuner, first_ramp_can_be_the_best)
{
    const double score[] = {0.1, 0.2, 0.3, 0.4, 0.1, 0.2, 0.3, 0.4};
    const uint8_t agrees[] = {1, 1, 1, 0, 0, 0, 0, 0};
    struct ofr_tuner *tuner = small_tuner(4, 2, score, agrees);
    struct ofr_tuner_result result;
    ofr_tuner_greedy(tuner, 0, &result);
    cr_assert_eq(result.exits[0], 3);
    cr_assert_float_eq(result.threshold[0], 0.35, 1e-12);
    cr_assert_eq(result.threshold[1], 0.0);
    ofr_tuner_free(tuner);
}

/* Where leaving at either ramp saves the same, the first point in lexicographic order wins. */
Test(tuner, grid_ties_go_to_the_first)
{
    const double score[] = {0.1, 0.2, 0.3, 0.4, 0.1, 0.2, 0.3, 0.4};
    const uint8_t agrees[] = {1, 1, 1, 1, 1, 1, 1, 1};
    const struct ofr_tuner_costs costs = {.vanilla = 8, .leave = {4, 4, 8}};
    struct ofr_tuner *tuner = small_tuner(4, 2, score, agrees);
    struct ofr_tuner_result result;
    ofr_tuner_set_costs(tuner, &costs);
    ofr_tuner_grid(tuner, 0, 0.25, 0, &result);
    cr_assert_eq(result.threshold[0], 0.0);
    cr_assert_eq(result.threshold[1], 0.5);
    ofr_tuner_free(tuner);
}

/* After a window in which all agree the threshold stops just above the scores seen. */
Test(tuner, all_agreeing_does_not_open_the_exit)
{
    const double score[] = {0.1, 0.2, 0.3, 0.4};
    const uint8_t agrees[] = {1, 1, 1, 1};
    struct ofr_tuner *tuner = small_tuner(4, 1, score, agrees);
    struct ofr_tuner_result result;
    ofr_tuner_greedy(tuner, 0, &result);
    cr_assert_eq(result.exits[0], 4);
    cr_assert_eq(result.threshold[0], nextafter(0.4, 1.0));
    ofr_tuner_free(tuner);
}

Test(tuner, neighbouring_doubles_are_told_apart)
{
    const double score[] = {0.25, nextafter(0.25, 1.0)};
    const uint8_t agrees[] = {1, 0};
    struct ofr_tuner *tuner = small_tuner(2, 1, score, agrees);
    struct ofr_tuner_result result;
    ofr_tuner_exact(tuner, 0, 0, &result);
    cr_assert_eq(result.exits[0], 1);
    cr_assert_eq(result.wrong, 0);
    cr_assert_eq(result.threshold[0], score[1]);
    ofr_tuner_free(tuner);
}

Test(tuner, scores_at_the_maximum_and_nan_never_leave)
{
    const double score[] = {1.0, (double)NAN, 0.5, 0.0};
    const uint8_t agrees[] = {1, 1, 1, 1};
    struct ofr_tuner *tuner = small_tuner(4, 1, score, agrees);
    struct ofr_tuner_result result;
    ofr_tuner_exact(tuner, 4, 0, &result);
    cr_assert_eq(result.exits[0], 2);
    cr_assert_eq(result.threshold[0], 0.75);
    ofr_tuner_set_max_threshold(tuner, 0.5);
    ofr_tuner_greedy(tuner, 4, &result);
    cr_assert_eq(result.exits[0], 1);
    cr_assert_leq(result.threshold[0], 0.5);
    ofr_tuner_free(tuner);
}

Test(tuner, nothing_feasible_is_said)
{
    const double score[] = {0.1, 0.2};
    const uint8_t agrees[] = {0, 0};
    struct ofr_tuner *tuner = small_tuner(2, 1, score, agrees);
    struct ofr_tuner_result result;
    ofr_tuner_greedy(tuner, -1, &result);
    cr_assert_not(result.feasible);
    cr_assert_eq(result.threshold[0], 0.0);
    ofr_tuner_fix(tuner, 0, 0.9);
    ofr_tuner_exact(tuner, 1, 0, &result);
    cr_assert_not(result.feasible);
    cr_assert_eq(result.threshold[0], 0.9);
    cr_assert_eq(result.wrong, 2);
    ofr_tuner_exact(tuner, 2, 0, &result);
    cr_assert(result.feasible);
    ofr_tuner_free(tuner);
}

/* Overwriting single cells is the same as loading the window they make. */
Test(tuner, ring_equals_load)
{
    struct ofr_tuner_case old, new;
    tuner_case_make(&old, 300, 3, 0, 1);
    tuner_case_make(&new, 300, 3, TUNER_HARD, 2);
    struct ofr_tuner *ring = tuner_for(&old), *loaded = tuner_for(&new);
    ofr_tuner_set_costs(ring, &new.costs);
    for (uint32_t k = 0; k < 3; ++k)
        for (uint32_t i = 0; i < 300; ++i)
            ofr_tuner_set(ring, k, i, new.score[k * 300 + i], new.agrees[k * 300 + i]);
    struct ofr_tuner_result a, b;
    ofr_tuner_greedy(ring, 3, &a);
    ofr_tuner_greedy(loaded, 3, &b);
    cr_assert_arr_eq(a.threshold, b.threshold, 3 * sizeof *a.threshold);
    cr_assert_eq(a.improvement_pct, b.improvement_pct);
    ofr_tuner_evaluate(ring, a.threshold, &b);
    cr_assert_eq(a.improvement_pct, b.improvement_pct);
    cr_assert_eq(a.wrong, b.wrong);
    ofr_tuner_free(ring);
    ofr_tuner_free(loaded);
    ofr_tuner_case_release(&old);
    ofr_tuner_case_release(&new);
}

/* A smaller window in a used tuner sees nothing of the larger one. */
Test(tuner, shrinking_leaves_nothing_behind)
{
    struct ofr_tuner_case large, small;
    tuner_case_make(&large, 2000, 4, TUNER_HARD, 1);
    tuner_case_make(&small, 77, 2, 0, 2);
    struct ofr_tuner *used = tuner_for(&large), *fresh = tuner_for(&small);
    struct ofr_tuner_result a, b;
    ofr_tuner_exact(used, 20, 0, &a);
    ofr_tuner_case_put(&small, used);
    ofr_tuner_exact(used, 1, 0, &a);
    ofr_tuner_exact(fresh, 1, 0, &b);
    cr_assert_arr_eq(a.threshold, b.threshold, 2 * sizeof *a.threshold);
    cr_assert_eq(a.evaluations, b.evaluations);
    ofr_tuner_free(used);
    ofr_tuner_free(fresh);
    ofr_tuner_case_release(&large);
    ofr_tuner_case_release(&small);
}

Test(tuner, limits_leave_a_feasible_result)
{
    struct ofr_tuner_case kase;
    tuner_case_make(&kase, 2048, 6, TUNER_HARD | TUNER_LOOSE, 3);
    struct ofr_tuner *tuner = tuner_for(&kase);
    struct ofr_tuner_result result;
    ofr_tuner_exact(tuner, 20, 10, &result);
    cr_assert_not(result.complete);
    check_result(&kase, 0.01, &result, "10 nodes");
    ofr_tuner_grid(tuner, 20, 0.05, 10, &result);
    cr_assert_not(result.complete);
    check_result(&kase, 0.01, &result, "10 points");
    ofr_tuner_free(tuner);
    ofr_tuner_case_release(&kase);
}

/* The largest window, where cuts are more than the room for them. */
Test(tuner, largest_window)
{
    struct ofr_tuner_case kase;
    tuner_case_make(&kase, OFR_TUNER_MAX_SAMPLES, 3, TUNER_HARD, 4);
    struct ofr_tuner *tuner = tuner_for(&kase);
    struct ofr_tuner_result result;
    int64_t allowed = ofr_tuner_max_wrong(0.05, kase.samples);
    ofr_tuner_greedy(tuner, allowed, &result);
    check_result(&kase, 0.05, &result, "greedy");
    ofr_tuner_exact(tuner, allowed, 1000, &result);
    check_result(&kase, 0.05, &result, "exact");
    cr_assert_not(result.complete);
    ofr_tuner_free(tuner);
    ofr_tuner_case_release(&kase);
}

Test(tuner, size_is_checked)
{
    struct ofr_tuner *tuner;
    struct ofr_error err = OFR_ERROR_INIT;
    cr_assert_eq(ofr_tuner_create(&tuner, 0, 1, &err), OFR_E_USAGE);
    cr_assert_null(tuner);
    cr_assert_eq(ofr_tuner_create(&tuner, OFR_TUNER_MAX_SAMPLES + 1, 1, NULL), OFR_E_USAGE);
    cr_assert_eq(ofr_tuner_create(&tuner, 1, OFR_TUNER_MAX_RAMPS + 1, NULL), OFR_E_USAGE);
    ofr_tuner_free(NULL);
}

/* ---- files ---- */

static int load_text(struct ofr_tuner_case *kase, const char *text, struct ofr_error *err)
{
    char path[] = "/tmp/test_tuner_XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    int code = ofr_tuner_case_load(kase, path, err);
    unlink(path);
    return code;
}

static const char good[] = "{\"n\": 2, \"ramp_ids\": [0, 2, 3], \"conf\": [[0.9, 0.8], [0.7, 0.6], [0.5, 1]],"
                           "\"acc\": [[1, 0], [1, 1], [true, false]],"
                           "\"latency_list\": [[1, 0.5], [9, 9], [3, 0.25], [4, 1], [8, null]],"
                           "\"shadow_ramp_idx\": 1, \"fixed_ramps\": {\"3\": 0.25}}";

Test(tuner_case, shadow_and_fixed_ramps)
{
    struct ofr_tuner_case kase;
    struct ofr_error err = OFR_ERROR_INIT;
    cr_assert_eq(load_text(&kase, good, &err), 0, "%s", err.text);
    cr_assert_eq(kase.ramps, 2);
    cr_assert_eq(kase.ramp_id[1], 3);
    cr_assert(isnan(kase.fixed[0]));
    cr_assert_eq(kase.fixed[1], 0.25);
    cr_assert_eq(kase.costs.leave[0], 1.5);
    cr_assert_eq(kase.costs.leave[1], 5.5);
    cr_assert_eq(kase.costs.leave[2], 9.5);
    cr_assert_eq(kase.score[1], 1 - 0.8);
    cr_assert_eq(kase.score[2], 0.5);
    cr_assert_eq(kase.agrees[3], 0);
    struct ofr_tuner_result result = {.threshold = {0.125, 0.25}};
    double threshold[OFR_TUNER_MAX_RAMPS + 1];
    cr_assert_eq(ofr_tuner_case_thresholds(&kase, &result, threshold), 3);
    cr_assert_eq(threshold[0], 0.125);
    cr_assert_eq(threshold[1], 0.0);
    cr_assert_eq(threshold[2], 0.25);
    ofr_tuner_case_release(&kase);
}

Test(tuner_case, complaints_say_where_what_and_expected)
{
    static const char *const bad[][3] = {
        {"\"n\": 2", "\"n\": 0", "n: found 0, expected"},
        {"\"n\": 2", "\"n\": 2.5", "n: found 2.5, expected"},
        {"\"n\": 2", "\"n\": 3", "conf[0]: found a list of 2, expected"},
        {"[0, 2, 3]", "[2, 0, 3]", "ramp_ids[1]: found 0, expected ramps in ascending"},
        {"[0, 2, 3]", "[0, 2, 4]", "latency_list: found a list of 5, expected"},
        {"[0.9, 0.8]", "[0.9, 1.8]", "conf[0][1]: found 1.8"},
        {"[0.9, 0.8]", "[0.9, \"x\"]", "conf[0][1]: found \"x\", expected a confidence"},
        {"[1, 0]", "[1, 2]", "acc[0][1]: found 2, expected 0 or 1"},
        {"[1, 0]", "[1, 0, 1]", "acc[0]: found a list of 3, expected"},
        {"[1, 0.5]", "[1, null]", "latency_list[0][1]: found null, expected"},
        {"[8, null]", "[0, null]", "latency_list[4][0]: found 0, expected"},
        {"\"acc\"", "\"ack\"", "acc: found nothing, expected"},
        {"_idx\": 1", "_idx\": 3", "shadow_ramp_idx: found 3, expected"},
        {"{\"3\"", "{\"7\"", "fixed_ramps.7: found 0.25, expected one of ramp_ids"},
        {"0.25}", "-1}", "fixed_ramps.3: found -1, expected a threshold"},
        {"\"n\": 2", "\"n\": 2, \"n\": 2", ":1:"},
        {"\"conf\"", "\n\n  conf", ":3:"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        char text[1024];
        const char *at = strstr(good, bad[i][0]);
        cr_assert_not_null(at, "%s", bad[i][0]);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, bad[i][1], at + strlen(bad[i][0]));
        struct ofr_tuner_case kase;
        struct ofr_error err = OFR_ERROR_INIT;
        cr_assert_eq(load_text(&kase, text, &err), OFR_E_INPUT, "%s", bad[i][1]);
        cr_assert_not_null(strstr(err.text, bad[i][2]), "%s: %s", bad[i][1], err.text);
        cr_assert_not_null(strstr(err.text, "expected"), "%s", err.text);
    }
}

Test(tuner_case, files_that_are_none)
{
    struct ofr_tuner_case kase;
    struct ofr_error err = OFR_ERROR_INIT;
    cr_assert_eq(ofr_tuner_case_load(&kase, "/nonexistent/case.json", &err), OFR_E_INPUT);
    ofr_error_clear(&err);
    cr_assert_eq(ofr_tuner_case_load(&kase, "/", &err), OFR_E_INPUT);
    ofr_error_clear(&err);
    cr_assert_eq(load_text(&kase, "", &err), OFR_E_INPUT);
    ofr_error_clear(&err);
    cr_assert_eq(load_text(&kase, "[1, 2]", &err), OFR_E_INPUT);
    cr_assert_not_null(strstr(err.text, "found a list of 2, expected an object"), "%s", err.text);
}

/* ---- the report ---- */

Test(tuner_report, json_reads_back_to_the_same_result)
{
    struct ofr_tuner_case kase;
    struct ofr_tuner_report report;
    struct ofr_error err = OFR_ERROR_INIT;
    tuner_case_make(&kase, 200, 3, 0, 5);
    const struct ofr_tuner_job job = {.method = OFR_TUNER_EXACT, .budget = 0.02};
    cr_assert_eq(ofr_tuner_run(&report, &kase, &job, &err), 0, "%s", err.text);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    ofr_tuner_report_json(out, &kase, &report);
    fclose(out);
    json_t *json = json_loads(text, 0, NULL);
    cr_assert_not_null(json, "%s", text);
    double threshold[3];
    for (size_t k = 0; k < 3; ++k)
        threshold[k] = json_number_value(json_array_get(json_object_get(json, "thresholds"), k));
    struct reference again = reference_evaluate(&kase, threshold);
    cr_assert_eq(json_number_value(json_object_get(json, "latency_improvement_pct")), again.improvement_pct);
    cr_assert_eq(json_number_value(json_object_get(json, "acc")), again.acc);
    cr_assert_eq(json_array_size(json_object_get(json, "exit_rate")), 4);
    cr_assert(json_is_true(json_object_get(json, "optimal")));
    cr_assert_gt(json_integer_value(json_object_get(json, "evaluations")), 0);
    cr_assert(json_is_number(json_object_get(json, "us")));
    json_decref(json);
    free(text);
    ofr_tuner_case_release(&kase);
}

Test(tuner_report, jobs_are_checked)
{
    struct ofr_tuner_case kase;
    struct ofr_tuner_report report;
    struct ofr_error err = OFR_ERROR_INIT;
    tuner_case_make(&kase, 20, 1, 0, 5);
    struct ofr_tuner_job job = {.method = OFR_TUNER_GRID, .budget = 0.02, .step = 0.0};
    cr_assert_eq(ofr_tuner_run(&report, &kase, &job, &err), OFR_E_USAGE);
    job.step = 0.001;
    cr_assert_eq(ofr_tuner_run(&report, &kase, &job, NULL), 0);
    job.budget = (double)NAN;
    cr_assert_eq(ofr_tuner_run(&report, &kase, &job, NULL), OFR_E_USAGE);
    ofr_tuner_case_release(&kase);
}
