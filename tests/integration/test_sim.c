/* What `offramp sim` promises, through the real program: the keys of its summary, the same bytes twice, results
 * on stdout and nothing else there, overrides for every section. */
#include "tests/support/tool.h"

#include <jansson.h>

TestSuite(sim, .init = tool_setup, .fini = tool_teardown, .timeout = 120);

static json_t *run_json(const char *line)
{
    struct tool_result result = tool_run(line);
    json_error_t error;
    cr_assert_eq(result.status, 0, "`%s`: %s", line, result.err);
    cr_expect_eq(result.err_size, 0, "`%s`: a pipe got chatter: '%s'", line, result.err);
    json_t *json = json_loads(result.out, JSON_REJECT_DUPLICATES, &error);
    cr_assert_not_null(json, "`%s`: %s", line, error.text);
    tool_release(&result);
    return json;
}

/* `keys` are separated by spaces, in order. Fails when one is added, dropped, renamed or moved. */
static void expect_keys(const json_t *object, const char *name, const char *keys)
{
    char found[1024] = "";
    const char *key;
    json_t *value;
    cr_assert(json_is_object(object), "%s", name);
    json_object_foreach((json_t *)object, key, value)
    {
        (void)value;
        strcat(strcat(found, *found ? " " : ""), key);
    }
    cr_expect_str_eq(found, keys, "%s", name);
}

static void expect_summary(const json_t *run, const char *more)
{
    static const char spread[] = "mean p25 p50 p90 p95 p99 p999 max";
    char keys[512];
    snprintf(keys, sizeof keys,
             "scenario policy oracle knowledge seed requests latency_ms queueing_ms service_ms "
             "throughput_rps goodput_rps "
             "agreement agreement_worst_1000 accuracy exit_rate batch_size batch_reason busy controller "
             "duration_s%s",
             more);
    expect_keys(run, "summary", keys);
    expect_keys(json_object_get(run, "requests"), "requests",
                "offered ok late rejected dropped expired unfinished");
    expect_keys(json_object_get(run, "latency_ms"), "latency_ms", spread);
    expect_keys(json_object_get(run, "queueing_ms"), "queueing_ms", spread);
    expect_keys(json_object_get(run, "service_ms"), "service_ms", spread);
    expect_keys(json_object_get(run, "batch_size"), "batch_size", "mean histogram");
    const json_t *controller = json_object_get(run, "controller");
    expect_keys(controller, "controller", "tunings adjustments active_ramps tune_us");
    expect_keys(json_object_get(controller, "tune_us"), "tune_us", "p50 max");
    cr_expect_eq(json_array_size(json_object_get(run, "exit_rate")), 5, "4 sites and the full model");
}

static double sum_of(const json_t *values)
{
    double sum = 0.0;
    for (size_t i = 0; i < json_array_size(values); ++i)
        sum += json_number_value(json_array_get(values, i));
    return sum;
}

Test(sim, the_summary_has_the_keys_of_the_contract)
{
    json_t *plain = run_json("sim s.yaml --json");
    expect_summary(plain, "");
    double rates = sum_of(json_object_get(plain, "exit_rate"));
    cr_expect(rates > 1.0 - 1e-9 && rates < 1.0 + 1e-9);
    json_t *both = run_json("sim s.yaml --json --vanilla");
    expect_summary(both, " vanilla saving");
    expect_keys(json_object_get(both, "saving"), "saving", "p25 p50 p95 mean");
    const json_t *vanilla = json_object_get(both, "vanilla");
    expect_summary(vanilla, "");
    cr_expect_str_eq(json_string_value(json_object_get(vanilla, "policy")), "vanilla");
    json_t *alone = run_json("sim s.yaml --json --set exits=vanilla");
    cr_expect(json_equal(vanilla, alone), "the vanilla run beside another differs from one by itself");
    json_decref(plain);
    json_decref(both);
    json_decref(alone);
}

/* saving = 1 - latency / vanilla latency, from the printed figures alone. */
Test(sim, savings_are_what_the_two_summaries_say)
{
    static const char *const key[] = {"p25", "p50", "p95", "mean"};
    json_t *both = run_json("sim s.yaml --json --vanilla");
    for (size_t i = 0; i < 4; ++i) {
        double with = json_number_value(json_object_get(json_object_get(both, "latency_ms"), key[i]));
        double without = json_number_value(
            json_object_get(json_object_get(json_object_get(both, "vanilla"), "latency_ms"), key[i]));
        double saving = json_number_value(json_object_get(json_object_get(both, "saving"), key[i]));
        double expected = 100.0 * (1.0 - with / without);
        cr_expect(saving > expected - 1e-9 && saving < expected + 1e-9, "%s", key[i]);
    }
    json_decref(both);
}

/* I5 through the program. Fails when anything of the clock, the process or an address enters stdout or log:
 * tried with getpid() as the seed's default, and with the time of day as a note of the log. */
Test(sim, I5_two_runs_give_the_same_bytes)
{
    static const char line[] = "sim s.yaml --json --set exits=apparate --log run.olog";
    struct tool_result first = tool_run(line);
    size_t size, again;
    unsigned char *log = files_read(files_path("run.olog"), &size);
    struct tool_result second = tool_run(line);
    unsigned char *other = files_read(files_path("run.olog"), &again);
    cr_expect_eq(first.status, 0, "%s", first.err);
    cr_expect_str_eq(first.out, second.out);
    cr_expect(size == again && memcmp(log, other, size) == 0, "the logs differ");
    free(log);
    free(other);
    tool_release(&first);
    tool_release(&second);
}

static double number(const json_t *run, const char *section, const char *key)
{
    const json_t *from = section ? json_object_get(run, section) : run;
    return json_number_value(json_object_get(from, key));
}

/* One override per section; each changes what it is about. */
Test(sim, overrides_reach_every_section)
{
    json_t *base = run_json("sim s.yaml --json");
    json_t *top = run_json("sim s.yaml --json --set requests=200");
    cr_expect(number(top, "requests", "offered") == 200.0);
    json_t *model = run_json("sim s.yaml --json --set model.copy_in=5ms");
    cr_expect(number(model, "latency_ms", "p50") > number(base, "latency_ms", "p50") + 4.9);
    json_t *arrivals = run_json("sim s.yaml --json --set arrivals.rate=1k/s");
    cr_expect(number(arrivals, NULL, "duration_s") > 1.5 * number(base, NULL, "duration_s"));
    json_t *batching = run_json("sim s.yaml --json --set batching.max_batch=1");
    cr_expect(number(batching, "batch_size", "mean") == 1.0);
    json_t *exits = run_json("sim s.yaml --json --set exits.thresholds=0");
    cr_expect(number(exits, NULL, "agreement") == 1.0);
    json_t *streams =
        run_json("sim s.yaml --json --set "
                 "arrivals={streams:~[{process:~fixed,~rate:~30/s,~count:~30,~spread:~33.3ms}]} "
                 "--set arrivals.streams.0.count=15");
    cr_expect(number(streams, NULL, "throughput_rps") > 440.0 &&
              number(streams, NULL, "throughput_rps") < 460.0);
    json_t *all[] = {base, top, model, arrivals, batching, exits, streams};
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i)
        json_decref(all[i]);
}

/* Profiles measured on a device, whose passes overlap their parts; before, the first was refused and the second broke
 * off with an answer before its dispatch. */
Test(sim, a_measured_profile_runs_with_any_slo_and_noise_it_can_meet)
{
#define MEASURED OFR_TEST_SOURCE_DIR "/analysis/evidence/nvidia-h200-scenarios/profiles/"
#define ONE      " --set requests=2000 --set batching.max_batch=1 --set arrivals.rate=1k/s --set exits=vanilla"
    json_t *kept = run_json("sim s.yaml --json --set model={profile:~" MEASURED "resnet18.oprof}" ONE
                            " --set slo=153us");
    cr_expect(number(kept, "requests", "ok") > 1000.0, "most are answered in time");
    json_t *noisy = run_json("sim s.yaml --json --set model={profile:~" MEASURED
                             "bert-base.oprof,~noise:~exponential,~without:~[dispatch,~copies]}" ONE);
    cr_expect(number(noisy, "requests", "offered") == 2000.0);
    json_decref(kept);
    json_decref(noisy);
#undef ONE
#undef MEASURED
}

static double number_at(const json_t *run, const char *object, const char *key)
{
    return json_number_value(json_object_get(json_object_get(run, object), key));
}

/* Fails when batches do not take the times of `model.times`, or anything else does. */
Test(sim, times_of_another_profile_are_the_batches_alone)
{
    tool_make_slow("slow.oprof", "small");
    tool_make_slow("alien.oprof", "alien");
    json_t *plain = run_json("sim s.yaml --json"),
           *slow = run_json("sim s.yaml --json --set model.profile=slow.oprof");
    json_t *own = run_json("sim s.yaml --json --set model.times=model.oprof");
    json_t *times = run_json("sim s.yaml --json --set model.times=slow.oprof");
    cr_expect(json_equal(plain, own), "its own times change nothing");
    cr_expect(json_equal(slow, times), "a policy that asks for no times sees no difference");
    cr_expect_gt(number_at(times, "service_ms", "p50"), 1.9 * number_at(plain, "service_ms", "p50"));
    json_decref(plain);
    json_decref(slow);
    json_decref(own);
    json_decref(times);
    /* clockwork plans by the profile, until it has seen what batches take. */
    const char *plans =
        "sim s.yaml --json --set batching={policy:~clockwork,~max_batch:~8,~buffer:~0s} --set slo=3ms "
        "--set exits={policy:~vanilla}";
    char known_line[512], unknown_line[512];
    snprintf(known_line, sizeof known_line, "%s --set model.profile=slow.oprof", plans);
    snprintf(unknown_line, sizeof unknown_line, "%s --set model.times=slow.oprof", plans);
    json_t *known = run_json(known_line), *unknown = run_json(unknown_line);
    cr_expect_gt(number_at(known, "requests", "dropped"), 0);
    cr_expect_neq(json_equal(known, unknown), 1, "the batcher goes by the profile");
    static const char *const refused[][2] = {
        {"sim s.yaml --set model.times=alien.oprof",
         "times: alien.oprof is of alien, expected a profile of small"},
        {"sim s.yaml --set model.times=slow.oprof --set slo=150us",
         "shortest time in which slow.oprof can answer"},
        {"sim s.yaml --set model.times=slow.oprof --beside twolayer", "mode cascade runs two models"},
        {"replay s.yaml --device null --pace profile --set model.times=slow.oprof --set slo=150us",
         "shortest time in which slow.oprof can answer"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; ++i)
        tool_expect_refused(&(struct tool_limits){0}, refused[i][0], 2, refused[i][1]);
    struct tool_result result =
        tool_run("replay s.yaml --device null --set model.times=slow.oprof --set slo=150us --set requests=20 "
                 "--max-lateness 1h --log own.olog");
    cr_expect_eq(result.status, 0, "a device takes its own times: %s", result.err);
    tool_release(&result);
    result = tool_run("verify own.olog");
    cr_expect_eq(result.status, 0, "%s%s", result.out, result.err);
    tool_release(&result);
    result = tool_run("log compact own.olog -o small.olog");
    tool_release(&result);
    tool_expect_refused(&(struct tool_limits){0}, "verify small.olog", 2, "its times are rounded (compact)");
    /* What comes back late is verified by the same. */
    result =
        tool_run("sim s.yaml --set exits={policy:~apparate} --set model.times=slow.oprof --log late.olog");
    cr_expect_eq(result.status, 0, "%s", result.err);
    tool_release(&result);
    result = tool_run("verify late.olog");
    cr_expect_eq(result.status, 0, "%s%s", result.out, result.err);
    tool_release(&result);
    json_decref(known);
    json_decref(unknown);
}

/* However much longer than its bytes a text is when it is written. */
Test(sim, a_resolved_scenario_reads_back)
{
    enum {
        LENGTH = 1000
    };
    FILE *file = fopen(files_path("long.yaml"), "w");
    fputs("name: \"", file);
    for (int i = 0; i < LENGTH; ++i)
        fputs("\\u0001", file);
    fprintf(file, "\"\n%s", strchr(TOOL_SCENARIO, '\n') + 1);
    fclose(file);
    struct tool_result first = tool_run("sim long.yaml --show-resolved");
    cr_assert_eq(first.status, 0, "%s", first.err);
    cr_expect_gt(first.out_size, 6 * LENGTH);
    tool_write("back.yaml", first.out);
    struct tool_result second = tool_run("sim back.yaml --show-resolved");
    cr_expect_eq(second.status, 0, "%s", second.err);
    cr_expect(first.out_size == second.out_size && memcmp(first.out, second.out, first.out_size) == 0);
    tool_release(&first);
    tool_release(&second);
}

/* 500 samples, every row the same: no correlation is printed as "-", not as a number that is none. */
Test(sim, a_fit_reports_no_correlation_where_nothing_varies)
{
    tool_write("one.yaml",
               "kind: offramp.exit-model\nversion: 1\nsites: [a]\nregimes:\n  - rows: [\"0 0 0 0.5\"]\n");
    struct tool_result made = tool_run("workload generate one.yaml --samples 500 -o one.orec");
    cr_assert_eq(made.status, 0, "%s", made.err);
    tool_release(&made);
    struct tool_result fit = tool_run("workload fit one.orec -o fit.yaml");
    cr_assert_eq(fit.status, 0, "%s", fit.err);
    cr_expect(strstr(fit.out, "lag 1 - / -, lag 8 - / -, lag 64 - / -, lag 512 - / -\n"), "%s", fit.out);
    tool_release(&fit);
}
