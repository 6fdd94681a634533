/* `offramp sweep` through the real program: same bytes on any number of threads, after any number of kills, and from
 * a journal cut anywhere; bad configurations are rows. */
#include "tests/support/sweep.h"
#include "tests/support/tool.h"

#include <time.h>

TestSuite(sweep, .init = tool_setup, .fini = tool_teardown, .timeout = 120);

#define SWEEP                                                                                                \
    "name: small\nscenario: s.yaml\naxes:\n  exits: [vanilla, {policy: static, thresholds: 0.2}, "           \
    "apparate]\n"                                                                                            \
    "  arrivals.rate: {from: 500/s, to: 2k/s, count: 4, scale: log}\nreplications: 2\n"                      \
    "constraints: [latency.p99 <= slo]\nobjective: minimize latency.p99\n"

static void run_ok(const char *line)
{
    struct tool_result result = tool_run(line);
    cr_assert_eq(result.status, 0, "`%s`: status %d: %s", line, result.status, result.err);
    tool_release(&result);
}

static int lines_of(const char *path)
{
    size_t size;
    int lines = 0;
    unsigned char *bytes = files_read(files_path(path), &size);
    for (size_t i = 0; i < size; ++i)
        lines += bytes[i] == '\n';
    free(bytes);
    return lines;
}

Test(sweep, same_bytes_on_any_number_of_threads)
{
    tool_write("w.yaml", SWEEP);
    run_ok("sweep w.yaml -o one -j 1");
    run_ok("sweep w.yaml -o two -j 2");
    run_ok("sweep w.yaml -o many -j 7");
    sweep_expect_same("one", "two");
    sweep_expect_same("one", "many");
    cr_expect_eq(lines_of("one/results.csv"), 1 + 3 * 4);
    cr_expect_eq(lines_of("one/runs.csv"), 1 + 3 * 4 * 2);
    run_ok("sweep w.yaml -o one --resume");
    sweep_expect_same("one", "two");
}

/* Fails when inputs of one profile of times serve another. */
Test(sweep, times_of_other_profiles_are_other_inputs)
{
    tool_make_slow("slow.oprof", "small");
    tool_write("w.yaml", "name: small\nscenario: s.yaml\naxes:\n  model.times: [model.oprof, slow.oprof]\n"
                         "objective: minimize latency.p99\n");
    run_ok("sweep w.yaml -o one -j 1");
    size_t size;
    char *csv = (char *)files_read(files_path("one/results.csv"), &size);
    const char *first = strstr(csv, "model.oprof,"), *second = strstr(csv, "slow.oprof,");
    cr_assert(first && second, "%s", csv);
    cr_expect_neq(strncmp(strchr(first, ','), strchr(second, ','), 24), 0, "%s", csv);
    free(csv);
}

/* The resolved file is a sweep file, and says the same. */
Test(sweep, resolved_file_reads_back)
{
    tool_write("w.yaml", SWEEP);
    run_ok("sweep w.yaml -o one");
    run_ok("sweep one/sweep.yaml -o two");
    sweep_expect_same("one", "two");
}

/* Whatever byte the journal ends at, and whatever bit of its end has flipped. */
Test(sweep, resumes_from_a_journal_cut_anywhere)
{
    size_t size;
    tool_write("w.yaml", SWEEP);
    run_ok("sweep w.yaml -o whole");
    run_ok("sweep w.yaml -o cut");
    unsigned char *journal = files_read(files_path("whole/journal"), &size);
    for (size_t i = 0; i < 12; ++i) {
        size_t keep = size * i / 12 + i % 5;
        journal[keep / 2] ^= i % 3 == 0 && keep > 200 ? 0x10 : 0;
        files_write(files_path("cut/journal"), journal, keep);
        run_ok("sweep w.yaml -o cut --resume");
        sweep_expect_same("whole", "cut");
    }
    free(journal);
}

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
}

/* Starts a sweep, kills it after a while; returns whether it had ended by itself. */
static bool run_and_kill(long after_ms)
{
    char *argv[] = {(char[]){"offramp"}, (char[]){"sweep"}, (char[]){"w.yaml"},   (char[]){"-o"},
                    (char[]){"killed"},  (char[]){"-j2"},   (char[]){"--resume"}, NULL};
    int status = 0;
    pid_t pid = tool__spawn(argv, &(struct tool_limits){0}, "/dev/null", "/dev/null");
    sleep_ms(after_ms);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return WIFEXITED(status);
}

Test(sweep, killed_and_resumed)
{
    tool_write("w.yaml", SWEEP "metrics: [latency.mean]\n");
    run_ok("sweep w.yaml -o whole");
    for (unsigned round = 0; round < 8; ++round) {
        unsigned kills = 0;
        while (kills < 40 && !run_and_kill(4 + (long)(round * 7 + kills * 11) % 23))
            ++kills;
        run_ok("sweep w.yaml -o killed --resume");
        sweep_expect_same("whole", "killed");
        files__remove_folder(AT_FDCWD, files_path("killed"));
    }
}

Test(sweep, a_bad_configuration_is_a_row)
{
    tool_write("w.yaml",
               "scenario: s.yaml\naxes: {exits: [vanilla, nobody], batching.max_batch: [8, 4096]}\n");
    struct tool_result result = tool_run("sweep w.yaml -o d");
    size_t size;
    char *csv = (char *)files_read(files_path("d/results.csv"), &size);
    cr_expect_eq(result.status, 1);
    cr_expect_not_null(strstr(result.err, "3 of 4 configurations failed, 1 first: "), "%s", result.err);
    cr_expect_not_null(strstr(csv, "\n0,vanilla,8,1,0,"), "%s", csv);
    cr_expect_not_null(strstr(csv, "the largest batch size of the profile"), "%s", csv);
    cr_expect_not_null(strstr(csv, "no exit policy is called 'nobody'"), "%s", csv);
    free(csv);
    tool_release(&result);
}

/* Replication r has the same arrivals in every configuration: with thresholds of 0 and no ramp cost all are one. */
Test(sweep, replications_share_their_random_numbers)
{
    tool_write("w.yaml", "scenario: s.yaml\nreplications: 3\nmetrics: [latency.mean, duration]\n"
                         "pareto: latency.mean\naxes: {name: [a, b]}\n");
    run_ok("sweep w.yaml -o d");
    size_t size;
    char *csv = (char *)files_read(files_path("d/runs.csv"), &size), *line[7] = {0};
    int lines = 0;
    for (char *at = strtok(csv, "\n"); at && lines < 7; at = strtok(NULL, "\n"))
        line[lines++] = at;
    cr_assert_eq(lines, 7);
    for (int r = 0; r < 3; ++r)
        cr_expect_str_eq(strstr(line[1 + r], ",a,") + 3, strstr(line[4 + r], ",b,") + 3);
    cr_expect_str_neq(strstr(line[1], ",a,"), strstr(line[2], ",a,"));
    free(csv);
}

/* Field number `column` (from 0) of line number `line` of a CSV file without quoted fields. */
static double csv_number(const char *path, int line, int column)
{
    size_t size;
    char *text = (char *)files_read(files_path(path), &size), *at = text;
    for (; line > 0; --line)
        at = strchr(at, '\n') + 1;
    for (; column > 0; --column)
        at = strchr(at, ',') + 1;
    double value = strtod(at, NULL);
    free(text);
    return value;
}

/* The highest rate of a fine grid that holds the SLO at p99 is the capacity, within 1 %. */
Test(sweep, capacity_agrees_with_a_fine_grid)
{
    static const char base[] = "scenario: s.yaml\nmetrics: [latency.p99]\n";
    char text[512];
    snprintf(text, sizeof text, "%scapacity: {low: 200/s, high: 20k/s, meets: latency.p99 <= slo}\n", base);
    tool_write("c.yaml", text);
    run_ok("sweep c.yaml -o found --set requests=20000 --set slo=3ms");
    double capacity = csv_number("found/runs.csv", 1, 3);
    cr_expect_eq(csv_number("found/runs.csv", 1, 4), 1.0, "not inside the range");
    snprintf(text, sizeof text,
             "%spareto: latency.p99\naxes: {arrivals.rate: {from: %.6f/s, to: %.6f/s, step: %.6f/s}}\n", base,
             0.9 * capacity, 1.1 * capacity, 0.0025 * capacity);
    tool_write("g.yaml", text);
    run_ok("sweep g.yaml -o grid --set requests=20000 --set slo=3ms");
    double highest = 0.0;
    int points = lines_of("grid/runs.csv") - 1;
    cr_expect_eq(points, 81);
    for (int i = 1; i <= points; ++i)
        if (csv_number("grid/runs.csv", i, 4) <= 3.0)
            highest = csv_number("grid/runs.csv", i, 3);
    cr_expect_lt(highest, 1.09 * capacity, "the grid ends before the SLO breaks");
    cr_expect_float_eq(highest / capacity, 1.0, 0.01, "grid %g/s, search %g/s", highest, capacity);
}

/* A key that takes whole numbers is searched among them: the answer is the last that holds of all there are. */
Test(sweep, capacity_of_a_whole_number_key)
{
    static const char base[] = "scenario: s.yaml\nmetrics: [latency.p99]\npareto: latency.p99\n";
    char text[512];
    int holds = 0;
    snprintf(text, sizeof text, "%saxes: {requests: {from: 1, to: 40, step: 1}}\n", base);
    tool_write("g.yaml", text);
    run_ok("sweep g.yaml -o grid --set arrivals.rate=50k/s");
    double bound =
        0.999 * csv_number("grid/runs.csv", 30, 4); /* a burst: each request waits for those before it */
    while (holds < 40 && csv_number("grid/runs.csv", holds + 1, 4) <= bound)
        ++holds;
    cr_assert(holds > 1 && holds < 30, "%d", holds);
    snprintf(text, sizeof text,
             "%scapacity: {key: requests, from: 1, to: 40, round: 1, meets: latency.p99 <= %.6fms}\n", base,
             bound);
    tool_write("c.yaml", text);
    run_ok("sweep c.yaml -o found --set arrivals.rate=50k/s");
    cr_expect_eq(csv_number("found/runs.csv", 1, 3), holds, "%g", csv_number("found/runs.csv", 1, 3));
    cr_expect_eq(csv_number("found/runs.csv", 1, 4), 1.0, "not inside the range");
    snprintf(text, sizeof text,
             "%scapacity: {key: requests, from: 1, to: 40, round: 7, meets: latency.p99 <= %.6fms}\n", base,
             bound);
    tool_write("c.yaml", text);
    run_ok("sweep c.yaml -o sevens --set arrivals.rate=50k/s");
    cr_expect_eq(csv_number("sevens/runs.csv", 1, 3), holds < 7 ? 1 : holds / 7 * 7, "%g",
                 csv_number("sevens/runs.csv", 1, 3));
}

/* Where the condition holds everywhere or nowhere the end of the range is the answer, and is marked. */
Test(sweep, capacity_at_an_end_of_its_range)
{
    tool_write("c.yaml", "scenario: s.yaml\naxes: {slo: [100us, 10s]}\nmetrics: [latency.p99]\n"
                         "capacity: {from: 500/s, to: 600/s}\n");
    run_ok("sweep c.yaml -o d --set model.noise=exponential --set requests=500");
    cr_expect_eq(csv_number("d/runs.csv", 1, 4), 0.0);
    cr_expect_eq(csv_number("d/runs.csv", 1, 5), 0.0);
    cr_expect_eq(csv_number("d/runs.csv", 2, 4), 600.0);
    cr_expect_eq(csv_number("d/runs.csv", 2, 5), 0.0);
}

/* What never ends is not read to tell it apart. */
Test(sweep, a_device_as_an_input_is_a_row)
{
    tool_write("w.yaml", "scenario: s.yaml\naxes: {model.recording: [rec.orec, /dev/zero]}\n");
    struct tool_result result = tool_run("sweep w.yaml -o d");
    cr_expect_eq(result.status, 1);
    cr_expect_not_null(strstr(result.err, "1 of 2 configurations failed, 1 first: /dev/zero"), "%s",
                       result.err);
    tool_release(&result);
}
