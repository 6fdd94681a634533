/* The parts of a sweep: ranges and points, metrics and constraints, intervals, the Pareto front, the board. */
#include "sim/engine/random.h"
#include "sim/sweep/axes.h"
#include "sim/sweep/board.h"
#include "sim/sweep/results.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- ranges ---- */

/* Reads an axis from YAML. */
static void read_axis(struct ofr_axis *axis, struct ofr_config **config, const char *text, bool points)
{
    struct ofr_error err = OFR_ERROR_INIT;
    cr_assert_eq(ofr_config_parse(config, "text", text, strlen(text), &err), 0, "%s", err.text);
    struct ofr_node *node = ofr_config_root(*config)->child[0];
    int rc = points ? ofr_axis_read_points(axis, node, &err) : ofr_axis_read(axis, node, &err);
    cr_assert_eq(rc, 0, "%s", err.text);
}

static void expect_values(const char *text, const char *values)
{
    struct ofr_axis axis;
    struct ofr_config *config;
    char found[512] = "";
    read_axis(&axis, &config, text, false);
    for (uint32_t i = 0; i < axis.points; ++i) {
        char *value = ofr_axis_value_text(&axis, i, 0);
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%s", i ? " " : "", value);
        free(value);
    }
    cr_expect_str_eq(found, values, "%s: %s", text, found);
    ofr_axis_release(&axis);
    ofr_config_free(config);
}

Test(sweep_parts, ranges)
{
    expect_values("slo: {from: 5ms, to: 20ms, step: 5ms}", "5ms 10ms 15ms 20ms");
    expect_values("slo: {from: 5ms, to: 19.9ms, step: 5ms}", "5ms 10ms 15ms");
    expect_values("p: {from: 0, to: 0.3, step: 0.1}", "0 0.1 0.2 0.3");
    expect_values("rate: {from: 1k/s, to: 8k/s, count: 4, scale: log}", "1000/s 2000/s 4000/s 8000/s");
    expect_values("rate: {from: 60/min, to: 3/s, count: 3}", "1/s 2/s 3/s");
    expect_values("loss: {from: 1%, to: 7%, step: 2%}", "1% 3% 5% 7%");
    expect_values("speed: {from: 1x, to: 2x, count: 3}", "1x 1.5x 2x");
    expect_values("servers: {from: 1, to: 8, count: 4, scale: log, round: 1}", "1 2 4 8");
    expect_values("seed: {from: 3, to: 3, count: 1}", "3");
    expect_values("exits: [vanilla, {policy: static, thresholds: [0.1, 0.2]}, 'a b']",
                  "vanilla {policy: static, thresholds: [0.1, 0.2]} a b");
}

/* ---- points ---- */

static double number_at(const struct ofr_axis *axis, uint32_t point, uint32_t key)
{
    return strtod(axis->value[(size_t)point * axis->keys + key]->text, NULL);
}

/* Each of `count` equal cells of every key has exactly one point. */
Test(sweep_parts, latin_hypercube_fills_every_cell)
{
    enum {
        COUNT = 50
    };
    struct ofr_axis axis;
    struct ofr_config *config;
    read_axis(&axis, &config,
              "points: {method: latin-hypercube, count: 50, seed: 7, keys: {a: {from: 0, to: 50}, b: {from: "
              "0, to: 50}}}",
              true);
    bool moved = false;
    for (uint32_t key = 0; key < 2; ++key) {
        int seen[COUNT] = {0};
        for (uint32_t i = 0; i < COUNT; ++i)
            seen[(int)number_at(&axis, i, key)]++;
        for (int cell = 0; cell < COUNT; ++cell)
            cr_expect_eq(seen[cell], 1, "key %u, cell %d: %d points", key, cell, seen[cell]);
    }
    for (uint32_t i = 0; i < COUNT; ++i)
        moved |= (int)number_at(&axis, i, 0) != (int)number_at(&axis, i, 1);
    cr_expect(moved, "the keys go together");
    ofr_axis_release(&axis);
    ofr_config_free(config);
}

/* The end of the last cell is not in the unit square, and a list has no value there. */
Test(sweep_parts, no_point_is_at_one)
{
    static const uint64_t counts[] = {1, 3, 1000000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; ++i) {
        double last = ofr_points_in_cell(counts[i] - 1, counts[i], nextafter(1.0, 0.0));
        cr_expect(last < 1.0 && last > 1.0 - 1e-9, "%lu cells: %.17g", (unsigned long)counts[i], last);
    }
    cr_expect_float_eq(ofr_points_in_cell(2, 8, 0.5), 0.3125, 0.0);
}

/* The integral of x*y over the unit square from 256 points: within 0.2 % for a sequence of low discrepancy, where as
 * many random points are 3 % off. */
Test(sweep_parts, sequences_have_low_discrepancy)
{
    static const char *const method[] = {"sobol", "halton", "niederreiter"};
    for (int m = 0; m < 3; ++m) {
        char text[160];
        struct ofr_axis axis;
        struct ofr_config *config;
        double sum = 0.0;
        snprintf(text, sizeof text,
                 "points: {method: %s, count: 1023, keys: {a: {from: 0, to: 1}, b: {from: 0, to: 1}}}",
                 method[m]);
        read_axis(&axis, &config, text, true);
        for (uint32_t i = 0; i < axis.points; ++i)
            sum += number_at(&axis, i, 0) * number_at(&axis, i, 1);
        cr_expect_float_eq(sum / axis.points, 0.25, 0.002, "%s: %g", method[m], sum / axis.points);
        ofr_axis_release(&axis);
        ofr_config_free(config);
    }
}

Test(sweep_parts, points_pick_from_lists_and_round)
{
    struct ofr_axis axis;
    struct ofr_config *config;
    uint32_t picked[3] = {0};
    read_axis(&axis, &config, "points: {count: 63, keys: {n: [a, b, c], s: {from: 1, to: 4, round: 1}}}",
              true);
    for (uint32_t i = 0; i < axis.points; ++i) {
        picked[axis.value[(size_t)i * 2]->text[0] - 'a']++;
        double servers = number_at(&axis, i, 1);
        cr_expect(servers >= 1 && servers <= 4 && servers == floor(servers), "%g", servers);
    }
    for (int k = 0; k < 3; ++k)
        cr_expect(picked[k] >= 20 && picked[k] <= 22, "value %d: %u times of 63", k, picked[k]);
    ofr_axis_release(&axis);
    ofr_config_free(config);
}

/* ---- metrics ---- */

Test(sweep_parts, metrics_and_constraints)
{
    struct ofr_metric metric[OFFRAMP_MAX_SITES];
    uint32_t count = 0;
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_constraint constraint;
    struct ofr_goal goal;
    cr_expect_eq(ofr_metric_add(metric, &count, "latency.p99", &err), 0);
    cr_expect_eq(ofr_metric_add(metric, &count, "latency_ms.p99", &err), 0, "one metric under two names");
    cr_expect_eq(ofr_metric_add(metric, &count, "exit_rate.3", &err), 1);
    cr_expect_eq(ofr_metric_add(metric, &count, "requests.dropped", &err), 2);
    cr_expect_eq(ofr_constraint_read(&constraint, "latency.p99 <= 1500us", metric, &count, &err), 0);
    cr_expect(ofr_constraint_met(&constraint, (double[]){1.5}));
    cr_expect_not(ofr_constraint_met(&constraint, (double[]){1.5000001}));
    cr_expect_not(ofr_constraint_met(&constraint, (double[]){NAN}));
    cr_expect_eq(ofr_constraint_read(&constraint, "latency.p99 < slo", metric, &count, &err), 0);
    cr_expect_eq(count, 4);
    cr_expect(ofr_constraint_met(&constraint, (double[]){1.5, 0, 0, 2}));
    cr_expect_not(ofr_constraint_met(&constraint, (double[]){2, 0, 0, 2}));
    cr_expect_not(ofr_constraint_met(&constraint, (double[]){2, 0, 0, NAN}),
                  "no SLO is no bound that is met");
    cr_expect_eq(ofr_goal_read(&goal, "latency.p99", metric, &count, &err), 0);
    cr_expect(goal.minimize && goal.metric == 0);
    cr_expect_eq(ofr_goal_read(&goal, "min requests.dropped", metric, &count, &err), 0);
    cr_expect(goal.minimize && goal.metric == 2);
    cr_expect_eq(ofr_goal_read(&goal, "agreement", metric, &count, &err), 0);
    cr_expect_not(goal.minimize);
    cr_expect_eq(err.code, 0, "%s", err.text);
}

/* ---- results ---- */

static struct ofr_sweep *make_sweep(uint64_t configurations, uint64_t replications, uint32_t metrics)
{
    struct ofr_sweep *sweep = calloc(1, sizeof *sweep);
    sweep->top.replications = replications;
    sweep->top.confidence = 0.95;
    sweep->configurations = configurations;
    sweep->runs = configurations * replications;
    sweep->metrics = metrics;
    sweep->objective.metric = -1;
    return sweep;
}

Test(sweep_parts, intervals)
{
    struct ofr_sweep *sweep = make_sweep(2, 4, 1);
    struct ofr_sweep_runs runs;
    struct ofr_sweep_results results;
    struct ofr_error err = OFR_ERROR_INIT;
    static const double value[] = {9.0, 10.0, 11.0, 14.0};
    cr_assert_eq(ofr_sweep_runs_init(&runs, sweep, &err), 0);
    memset(runs.code, 0, 8);
    memcpy(runs.value, value, sizeof value);
    memcpy(runs.value + 4, value, sizeof value);
    runs.code[7] = OFR_E_INPUT;
    runs.error[7] = strdup("no");
    cr_assert_eq(ofr_sweep_results_make(&results, sweep, &runs, &err), 0, "%s", err.text);
    /* s^2 = (4 + 1 + 0 + 9) / 3; t(0.975, 3) = 3.182446 */
    cr_expect_float_eq(results.mean[0], 11.0, 1e-12);
    cr_expect_float_eq(results.high[0] - 11.0, 3.182446305284263 * sqrt(14.0 / 3.0 / 4.0), 1e-9);
    cr_expect_float_eq(results.low[0] + results.high[0], 22.0, 1e-9);
    /* the other one without its failed run: t(0.975, 2) = 4.302653 */
    cr_expect_float_eq(results.mean[1], 10.0, 1e-12);
    cr_expect_float_eq(results.high[1] - 10.0, 4.302652729911275 / sqrt(3.0), 1e-9);
    cr_expect(results.feasible[0] && !results.feasible[1]);
    cr_expect_eq(results.broken, 1);
    cr_expect_str_eq(ofr_sweep_failure(&results, 1), "no");
    ofr_sweep_results_release(&results);
    ofr_sweep_runs_release(&runs, sweep);
    free(sweep);
}

/* The front of random points against the definition, two and three goals, with equal values among them. */
Test(sweep_parts, pareto_front_is_the_definition)
{
    enum {
        COUNT = 300
    };
    for (uint32_t goals = 1; goals <= 3; ++goals) {
        struct ofr_sweep *sweep = make_sweep(COUNT, 1, 3);
        struct ofr_sweep_runs runs;
        struct ofr_sweep_results results;
        struct ofr_error err = OFR_ERROR_INIT;
        struct ofr_random random;
        sweep->paretos = goals;
        for (uint32_t g = 0; g < goals; ++g)
            sweep->pareto[g] = (struct ofr_goal){.metric = (int32_t)g, .minimize = g != 1};
        ofr_random_init(&random, 3, OFR_RANDOM_TEST, goals);
        cr_assert_eq(ofr_sweep_runs_init(&runs, sweep, &err), 0);
        memset(runs.code, 0, COUNT);
        for (size_t i = 0; i < COUNT * 3; ++i)
            runs.value[i] = (double)ofr_random_below(&random, 20);
        cr_assert_eq(ofr_sweep_results_make(&results, sweep, &runs, &err), 0, "%s", err.text);
        for (size_t b = 0; b < COUNT; ++b) {
            bool dominated = false;
            for (size_t a = 0; a < COUNT; ++a) {
                bool worse = false, better = false;
                for (uint32_t g = 0; g < goals; ++g) {
                    double gain = (runs.value[3 * b + g] - runs.value[3 * a + g]) * (g != 1 ? 1.0 : -1.0);
                    worse |= gain < 0.0;
                    better |= gain > 0.0;
                }
                dominated |= better && !worse;
            }
            cr_expect_eq(results.pareto[b], !dominated, "%u goals, point %zu", goals, b);
        }
        ofr_sweep_results_release(&results);
        ofr_sweep_runs_release(&runs, sweep);
        free(sweep);
    }
}

/* ---- the board ---- */

Test(sweep_parts, what_the_machine_failed_is_tried_again)
{
    struct ofr_sweep *sweep = make_sweep(3, 1, 1);
    struct ofr_sweep_runs runs;
    struct ofr_board board;
    struct ofr_error err = OFR_ERROR_INIT;
    uint64_t run, tries[3] = {0};
    cr_assert_eq(ofr_sweep_runs_init(&runs, sweep, &err), 0);
    ofr_board_init(&board, sweep, NULL, &runs, NULL);
    while (ofr_board_take(&board, &run)) {
        struct ofr_sweep_record record = {.run = run, .count = 1, .value = {5.0}};
        bool fails = run == 0 || (run == 1 && tries[1] == 0);
        cr_expect_not(ofr_board_is_done(&board));
        if (fails)
            record = (struct ofr_sweep_record){.run = run, .code = OFR_E_IO, .count = 2, .text = "no"};
        tries[run]++;
        ofr_board_put(&board, &record);
    }
    cr_expect(ofr_board_is_done(&board));
    cr_expect_eq(tries[0], OFR_SWEEP_TRIES, "%lu", (unsigned long)tries[0]);
    cr_expect_eq(tries[1], 2);
    cr_expect_eq(tries[2], 1);
    cr_expect_eq(runs.code[0], OFR_E_IO);
    cr_expect_eq(runs.code[1], 0);
    cr_expect_float_eq(runs.value[1], 5.0, 0.0);
    ofr_board_release(&board);
    ofr_sweep_runs_release(&runs, sweep);
    free(sweep);
}

/* A bad scenario is the user's: trying it again would not make it better. */
Test(sweep_parts, what_the_user_got_wrong_is_not)
{
    struct ofr_sweep *sweep = make_sweep(1, 1, 1);
    struct ofr_sweep_runs runs;
    struct ofr_board board;
    struct ofr_error err = OFR_ERROR_INIT;
    uint64_t run;
    cr_assert_eq(ofr_sweep_runs_init(&runs, sweep, &err), 0);
    ofr_board_init(&board, sweep, NULL, &runs, NULL);
    cr_assert(ofr_board_take(&board, &run));
    ofr_board_put(&board, &(struct ofr_sweep_record){.code = OFR_E_INPUT, .count = 2, .text = "no"});
    cr_expect_not(ofr_board_take(&board, &run));
    cr_expect(ofr_board_is_done(&board));
    ofr_board_release(&board);
    ofr_sweep_runs_release(&runs, sweep);
    free(sweep);
}
