/* `mpirun offramp sweep`: four ranks on this machine, oversubscribed. Same bytes as one thread, after any kill too.
 *
 * Skipped, loudly, where MPI or mpirun is missing. OFFRAMP_KILL_ROUNDS=20 kills more often than the usual 2 rounds. */
#include "tests/support/sweep.h"
#include "tests/support/tool.h"

#include "sim/engine/random.h"

#include <time.h>

#ifdef OFR_TEST_MPIRUN

TestSuite(sweep_ranks, .init = tool_setup, .fini = tool_teardown, .timeout = 600);

/* Starts a command line in the test's folder, in a process group of its own; words are separated by spaces. */
static pid_t start(const char *line, const char *err)
{
    char words[2048], *argv[64];
    int argc = 0;
    snprintf(words, sizeof words, "%s", line);
    for (char *word = strtok(words, " "); word && argc < 63; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid)
        return pid;
    setpgid(0, 0);
    setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1); /* containers */
    setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* Open MPI keeps memory for plug-ins it has unloaded */
    if (chdir(files_path(".")) || !freopen("/dev/null", "w", stdout) || !freopen(err, "w", stderr))
        _exit(127);
    execvp(argv[0], argv);
    _exit(127);
}

static int finish(pid_t pid)
{
    int status = 0;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The command, its status, and its messages, which the caller frees. */
static int run_line(const char *line, char **messages)
{
    size_t size;
    char err[128];
    snprintf(err, sizeof err, "%s", files_path("messages"));
    int status = finish(start(line, err));
    *messages = (char *)files_read(err, &size);
    return status;
}

static void run_ok(const char *line)
{
    char *messages;
    int status = run_line(line, &messages);
    cr_assert_eq(status, 0, "`%s`: status %d: %s", line, status, messages);
    free(messages);
}

#define RANKS(n) OFR_TEST_MPIRUN " --oversubscribe -n " #n " "
#define SWEEP    OFR_TEST_TOOL " sweep w.yaml "

static void write_sweep(void)
{
    tool_write("w.yaml", "name: ranks\nscenario: s.yaml\nreplications: 2\naxes:\n"
                         "  exits: [vanilla, {policy: static, thresholds: 0.2}, apparate]\n"
                         "  arrivals.rate: {from: 500/s, to: 2k/s, count: 6, scale: log}\n");
}

Test(sweep_ranks, four_ranks_write_the_bytes_of_one_thread)
{
    write_sweep();
    run_ok(SWEEP "-o one -j 1");
    run_ok(RANKS(4) SWEEP "-o four");
    sweep_expect_same("one", "four");
    run_ok(RANKS(2) SWEEP "-o two -j 3");
    sweep_expect_same("one", "two");
    run_ok(RANKS(1) SWEEP "-o alone");
    sweep_expect_same("one", "alone");
    run_ok(RANKS(3) SWEEP "-o one --resume");
    sweep_expect_same("one", "four");
}

/* A configuration that fails on whichever rank is the same row. */
Test(sweep_ranks, a_bad_configuration_is_a_row)
{
    char *messages;
    tool_write("w.yaml",
               "scenario: s.yaml\naxes: {exits: [vanilla, nobody], seed: {from: 1, to: 9, count: 9}}\n");
    cr_expect_eq(run_line(SWEEP "-o one -j 1", &messages), 1);
    free(messages);
    cr_expect_eq(run_line(RANKS(3) SWEEP "-o three", &messages), 1);
    cr_expect_not_null(strstr(messages, "offramp: 9 of 18 configurations failed, 9 first: "), "%s", messages);
    free(messages);
    sweep_expect_same("one", "three");
}

Test(sweep_ranks, ranks_that_read_different_things_are_refused)
{
    char *messages;
    write_sweep();
    tool_write("other.yaml", "scenario: s.yaml\nreplications: 3\n");
    int before = files_count();
    cr_expect_eq(run_line(RANKS(1) SWEEP "-o d : -n 1 " OFR_TEST_TOOL " sweep other.yaml -o d", &messages),
                 2);
    cr_expect_not_null(strstr(messages, "offramp: rank 1: has read another sweep than rank 0"), "%s",
                       messages);
    free(messages);
    cr_expect_eq(run_line(RANKS(1) SWEEP "-o d : -n 2 " OFR_TEST_TOOL " sweep none.yaml -o d", &messages), 2);
    cr_expect_not_null(strstr(messages, "offramp: rank 1: none.yaml: there is no such file"), "%s", messages);
    free(messages);
    cr_expect_eq(run_line(RANKS(2) SWEEP "-o none/d", &messages), 2);
    cr_expect_not_null(strstr(messages, "offramp: none/d: the folder it is to be in does not exist"), "%s",
                       messages);
    free(messages);
    cr_expect_eq(files_count(), before + 1, "more than the messages was written");
}

/* ---- kills ---- */

static void sleep_ms(uint64_t ms)
{
    nanosleep(&(struct timespec){(time_t)(ms / 1000), (long)(ms % 1000) * 1000000L}, NULL);
}

/* The children of a process, at most `room`. */
static uint32_t children_of(pid_t parent, pid_t *child, uint32_t room)
{
    uint32_t count = 0;
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; proc && count < room && (entry = readdir(proc));) {
        char path[64], text[512] = "";
        snprintf(path, sizeof path, "/proc/%.20s/stat", entry->d_name);
        FILE *file = entry->d_name[0] >= '0' && entry->d_name[0] <= '9' ? fopen(path, "r") : NULL;
        if (!file)
            continue;
        char *end = fgets(text, sizeof text, file) ? strrchr(text, ')') : NULL;
        int found = 0;
        if (end && sscanf(end + 1, " %*c %d", &found) == 1 && found == parent)
            child[count++] = (pid_t)strtol(entry->d_name, NULL, 10);
        fclose(file);
    }
    if (proc)
        closedir(proc);
    return count;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Kills one rank, or mpirun and all ranks, at a random moment of `ms`; true when the sweep had ended before. */
static bool run_and_kill(const char *line, struct ofr_random *random, uint64_t ms, bool whole)
{
    pid_t child[16], pid = start(line, "/dev/null");
    sleep_ms(ofr_random_below(random, ms));
    uint32_t children = children_of(pid, child, 16);
    if (whole)
        kill(pid, SIGKILL);
    for (uint32_t i = 0; i < children; ++i)
        if (whole || i == 0)
            kill(child[whole ? i : ofr_random_below(random, children)], SIGKILL);
    return finish(pid) == 0;
}

Test(sweep_ranks, killed_at_any_moment_and_resumed)
{
    const char *wanted = getenv("OFFRAMP_KILL_ROUNDS");
    long rounds = wanted ? strtol(wanted, NULL, 10) : 2;
    struct ofr_random random;
    unsigned kills = 0;
    write_sweep();
    ofr_random_init(&random, 11, OFR_RANDOM_TEST, 0);
    run_ok(SWEEP "-o whole -j 2 --set requests=100000");
    uint64_t began_ms = now_ms();
    run_ok(RANKS(4) SWEEP "-o timed --set requests=100000");
    uint64_t ms = now_ms() - began_ms;
    sweep_expect_same("whole", "timed");
    for (long round = 0; round < rounds; ++round) {
        bool ended = false;
        for (int i = 0; i < 3 && !ended; ++i, kills += !ended)
            ended = run_and_kill(RANKS(4) SWEEP "-o killed --set requests=100000 --resume", &random, ms,
                                 round % 2);
        run_ok(RANKS(4) SWEEP "-o killed --set requests=100000 --resume");
        sweep_expect_same("whole", "killed");
        files__remove_folder(AT_FDCWD, files_path("killed"));
    }
    fprintf(stderr, "ranks: %ld sweeps, %u kills, the same bytes\n", rounds, kills);
}

#else

Test(sweep_ranks, skipped)
{
    cr_skip_test(
        "SKIPPED: the program was built without MPI, or there is no mpirun: nothing here was tested");
}

#endif
