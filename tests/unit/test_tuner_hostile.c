/* Tuner cases nobody measured: random files with ties, ramps that always or never agree, scores at both ends, ramps that
 * cost nothing or answer later than the model, one sample or many. Every search is held against brute force over all
 * thresholds that make a difference. */
#include "sim/engine/random.h"
#include "tests/support/files.h"
#include "tests/support/tuner_reference.h"

#include <criterion/criterion.h>

TestSuite(tuner_hostile, .fini = files_remove, .timeout = 120);

enum kind {
    PLAIN,     /* a few samples, any score */
    TIES,      /* many samples, few scores */
    ALL_AGREE, /* as TIES */
    NONE_AGREE,
    EQUAL, /* one score */
    ENDS,  /* confidences 0, 0.5 and 1 */
    KINDS
};

static uint32_t draw(struct ofr_random *random, uint32_t n)
{
    return (uint32_t)ofr_random_below(random, n);
}

static double confidence(struct ofr_random *random, enum kind kind, uint32_t levels)
{
    if (kind == PLAIN)
        return 0.01 * (50 + draw(random, 51));
    if (kind == ENDS)
        return 0.5 * draw(random, 3);
    return 0.5 + 0.5 * draw(random, kind == EQUAL ? 1 : levels) / levels;
}

static void write_columns(FILE *file, struct ofr_random *random, enum kind kind, uint32_t ramps, uint32_t n)
{
    uint32_t levels = ramps > 4 ? 3 : 5;
    uint32_t often = draw(random, 3); /* how often ramps agree */
    fputs("\"conf\": [", file);
    for (uint32_t k = 0; k < ramps; ++k)
        for (uint32_t i = 0; i < n; ++i)
            fprintf(file, "%s%.17g%s",
                    i   ? ", "
                    : k ? ", ["
                        : "[",
                    confidence(random, kind, levels), i + 1 == n ? "]" : "");
    fputs("], \"acc\": [", file);
    for (uint32_t k = 0; k < ramps; ++k)
        for (uint32_t i = 0; i < n; ++i) {
            bool agrees = kind == ALL_AGREE || (kind != NONE_AGREE && draw(random, 100) < 50 + often * 24);
            fprintf(file, "%s%d%s", i ? ", " : k ? ", [" : "[", agrees, i + 1 == n ? "]" : "");
        }
    fputs("], ", file);
}

static void write_costs(FILE *file, struct ofr_random *random, uint32_t possible)
{
    static const double whole[] = {10.0, 16.4, 1e-6, 1e9};
    double model = whole[draw(random, 4)];
    bool free_ramps = draw(random, 5) < 2;
    fputs("\"latency_list\": [", file);
    for (uint32_t k = 0; k < possible; ++k) {
        double until = model * (k + 1) / (possible + 1);
        uint32_t odd = draw(random, 8);
        until = odd == 0 ? 0.0 : odd == 1 ? 1.5 * model * ofr_random_uniform(random) : until;
        fprintf(file, "[%.17g, %.17g], ", until, free_ramps ? 0.0 : 0.2 * model * ofr_random_uniform(random));
    }
    fprintf(file, "[%.17g, null]]", model);
}

/* One case file; returns its kind. */
static enum kind write_case(const char *path, uint64_t seed)
{
    struct ofr_random random;
    ofr_random_init(&random, seed, OFR_RANDOM_TEST, 0);
    enum kind kind = (enum kind)draw(&random, KINDS);
    uint32_t ramps = 1 + draw(&random, kind == PLAIN ? 3 : 6);
    uint32_t n = 1 + draw(&random, kind == PLAIN ? 12 : 200);
    uint32_t skip = draw(&random, 3); /* possible ramps before the first active one */
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fprintf(file, "{\"name\": \"hostile\", \"n\": %u, \"ramp_ids\": [", n);
    for (uint32_t k = 0; k < ramps; ++k)
        fprintf(file, "%s%u", k ? ", " : "", k + skip);
    fputs("], ", file);
    write_columns(file, &random, kind, ramps, n);
    if (draw(&random, 6) == 0)
        fprintf(file, "\"fixed_ramps\": {\"%u\": %g}, ", skip + draw(&random, ramps),
                0.25 * draw(&random, 5));
    write_costs(file, &random, ramps + skip + draw(&random, 2));
    fputs("}", file);
    fclose(file);
    return kind;
}

static void check_found(const struct ofr_tuner_case *kase, double budget,
                        const struct ofr_tuner_result *result, const struct reference *best, const char *what,
                        uint64_t seed)
{
    struct reference again = reference_evaluate(kase, result->threshold);
    double slack = 1e-9 * fmax(1.0, fabs(again.improvement_pct));
    cr_expect(result->feasible && reference_feasible(again.acc, budget), "%s, seed %llu: not feasible", what,
              (unsigned long long)seed);
    cr_expect_eq(result->acc, again.acc, "%s, seed %llu", what, (unsigned long long)seed);
    cr_expect_float_eq(result->improvement_pct, again.improvement_pct, slack, "%s, seed %llu", what,
                       (unsigned long long)seed);
    cr_expect_leq(result->improvement_pct, best->improvement_pct + slack,
                  "%s, seed %llu: better than the best", what, (unsigned long long)seed);
}

static void check_case(const struct ofr_tuner_case *kase, double budget, uint64_t seed, uint32_t *feasible)
{
    struct reference best = reference_brute(kase, budget);
    int64_t allowed = ofr_tuner_max_wrong(budget, kase->samples);
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_tuner *tuner = NULL;
    struct ofr_tuner_result greedy, exact, grid;
    cr_assert_eq(ofr_tuner_create(&tuner, kase->samples, kase->ramps, &err), 0, "%s", err.text);
    ofr_tuner_case_put(kase, tuner);
    ofr_tuner_exact(tuner, allowed, 0, &exact);
    ofr_tuner_greedy(tuner, allowed, &greedy);
    ofr_tuner_grid(tuner, allowed, 0.25, 0, &grid);
    ofr_tuner_free(tuner);
    cr_expect_eq(exact.feasible, best.feasible, "seed %llu", (unsigned long long)seed);
    if (!best.feasible)
        return;
    ++*feasible;
    check_found(kase, budget, &exact, &best, "exact", seed);
    check_found(kase, budget, &greedy, &best, "greedy", seed);
    check_found(kase, budget, &grid, &best, "grid", seed);
    cr_expect(exact.complete);
    cr_expect_float_eq(exact.improvement_pct, best.improvement_pct,
                       1e-9 * fmax(1.0, fabs(best.improvement_pct)),
                       "seed %llu: exact %.12g, brute force %.12g", (unsigned long long)seed,
                       exact.improvement_pct, best.improvement_pct);
}

/* Prune by a bound that is too low in tuner_exact.c (0.9 of it, or that of ordered ramps for all), or leave out a stop in
 * tuner_cuts.c, and it fails. */
Test(tuner_hostile, exact_is_brute_force_on_any_file)
{
    static const double budgets[] = {0.0001, 0.01, 0.02, 0.05, 0.2, 0.5};
    uint32_t feasible = 0, of_kind[KINDS] = {0};
    char path[128];
    snprintf(path, sizeof path, "%s", files_path("case.json"));
    for (uint64_t seed = 1; seed <= 600; ++seed) {
        struct ofr_error err = OFR_ERROR_INIT;
        struct ofr_tuner_case kase;
        of_kind[write_case(path, seed)]++;
        cr_assert_eq(ofr_tuner_case_load(&kase, path, &err), 0, "seed %llu: %s", (unsigned long long)seed,
                     err.text);
        check_case(&kase, budgets[seed % 6], seed, &feasible);
        ofr_tuner_case_release(&kase);
    }
    cr_expect_gt(feasible, 400);
    for (int kind = 0; kind < KINDS; ++kind)
        cr_expect_gt(of_kind[kind], 50);
}
