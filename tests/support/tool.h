/* The real `offramp` program, run as a user runs it, in a small world of files made on the spot.
 *
 * Every test process gets a folder of its own with
 *
 *   model.oprof  4 sites, batches 1 2 4 8     other.oprof  3 sites
 *   rec.orec     4 sites, 200 samples         t.otrace     500 arrivals, 1 ms apart
 *   s.yaml       a scenario that runs them    run.olog     (tool_make_log) the log of a run of it
 *
 * and every command runs in that folder, so that names in it need no path.
 */
#ifndef OFR_TESTS_SUPPORT_TOOL_H
#define OFR_TESTS_SUPPORT_TOOL_H

#include "tests/support/files.h"
#include "traces/profile_file.h"
#include "traces/recording.h"
#include "traces/trace.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#ifndef OFR_TEST_TOOL
#define OFR_TEST_TOOL "offramp" /* the build names the program it has just made */
#endif

extern char **environ;

/* What a command did. Texts are owned, NUL-terminated; release with tool_release. */
struct tool_result {
    int status; /* exit status; -1 = killed by a signal */
    char *out, *err;
    size_t out_size, err_size;
};

/* Limits of the machine a command meets. */
struct tool_limits {
    const char *stdout_path; /* NULL = a file that is read back */
    rlim_t file_size;        /* 0 = none */
};

static inline void tool_release(struct tool_result *result)
{
    free(result->out);
    free(result->err);
}

static inline pid_t tool__spawn(char **argv, const struct tool_limits *limits, const char *out,
                                const char *err)
{
    posix_spawn_file_actions_t actions;
    pid_t pid = -1;
    struct rlimit before, during;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, limits->stdout_path ? limits->stdout_path : out,
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addchdir_np(&actions, files_path("."));
    getrlimit(RLIMIT_FSIZE, &before);
    during = before;
    if (limits->file_size)
        during.rlim_cur = limits->file_size;
    setrlimit(RLIMIT_FSIZE, &during);
    int rc = posix_spawn(&pid, OFR_TEST_TOOL, &actions, NULL, argv, environ);
    setrlimit(RLIMIT_FSIZE, &before);
    posix_spawn_file_actions_destroy(&actions);
    cr_assert_eq(rc, 0, "cannot start %s", OFR_TEST_TOOL);
    return pid;
}

/* Runs a command line: words are separated by spaces, `~` stands for a space inside a word. */
static inline struct tool_result tool_run_with(const struct tool_limits *limits, const char *line)
{
    char words[4096], *argv[64] = {(char[]){"offramp"}};
    char out[] = "/tmp/offramp-stdout-XXXXXX", err[] = "/tmp/offramp-stderr-XXXXXX";
    int argc = 1, status = 0;
    struct tool_result result = {0};
    snprintf(words, sizeof words, "%s", line);
    for (char *word = strtok(words, " "); word && argc < 63; word = strtok(NULL, " ")) {
        argv[argc++] = word;
        for (char *at = word; (at = strchr(at, '~'));)
            *at = ' ';
    }
    close(mkstemp(out));
    close(mkstemp(err));
    pid_t pid = tool__spawn(argv, limits, out, err);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    result.out = (char *)files_read(out, &result.out_size);
    result.err = (char *)files_read(err, &result.err_size);
    unlink(out);
    unlink(err);
    return result;
}

static inline struct tool_result tool_run(const char *line)
{
    return tool_run_with(&(struct tool_limits){0}, line);
}

static inline void tool__make_profile(const char *path, uint32_t sites)
{
    static const char *const name[] = {"a", "b", "c", "d"};
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_profile_writer *writer;
    cr_assert_eq(ofr_profile_create(&writer, path, "small", sites, name, NULL, &err), 0, "%s", err.text);
    for (uint32_t batch = 1; batch <= 8; batch *= 2)
        for (uint32_t site = 0; site <= sites; ++site) {
            struct ofr_profile_row row = {.batch = batch,
                                          .site = site,
                                          .quantity = OFR_QUANTITY_UNTIL,
                                          .value_ns = (400000 + 50000 * (int64_t)batch) * (site + 1) / 5};
            ofr_profile_append(writer, &row, &err);
            row.quantity = OFR_QUANTITY_RAMP_ADD;
            row.value_ns = 4000;
            if (site < sites)
                ofr_profile_append(writer, &row, &err);
            row.quantity = OFR_QUANTITY_RAMP_DELAY;
            if (site < sites)
                ofr_profile_append(writer, &row, &err);
        }
    cr_assert_eq(ofr_profile_finish(writer, &err), 0, "%s", err.text);
}

static inline void tool__make_recording(const char *path)
{
    enum {
        SAMPLES = 200,
        SITES = 4
    };
    static const char *const name[] = {"a", "b", "c", "d"};
    float top1[SAMPLES][SITES];
    uint16_t answer[SAMPLES][SITES], final_answer[SAMPLES];
    for (unsigned i = 0; i < SAMPLES; ++i) {
        final_answer[i] = (uint16_t)(i * 7 % 5);
        for (unsigned k = 0; k < SITES; ++k) {
            top1[i][k] = 0.3F + 0.17F * (float)k + 0.19F * (float)(i % 11) / 11.0F;
            answer[i][k] = (i + k) % 6 ? final_answer[i] : (uint16_t)(final_answer[i] + 1);
        }
    }
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_recording_writer *writer;
    struct ofr_recording_layout layout = {.name = "small", .sites = SITES, .classes = 7, .site_name = name};
    struct ofr_recording_block block = {
        .rows = SAMPLES, .top1 = top1, .answer = answer[0], .final_answer = final_answer};
    cr_assert_eq(ofr_recording_create(&writer, path, &layout, NULL, &err), 0, "%s", err.text);
    cr_assert_eq(ofr_recording_append(writer, &block, &err), 0, "%s", err.text);
    cr_assert_eq(ofr_recording_finish(writer, &err), 0, "%s", err.text);
}

static inline void tool__make_trace(const char *path)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_trace_writer *writer;
    cr_assert_eq(ofr_trace_create(&writer, path, 0, NULL, &err), 0, "%s", err.text);
    for (int64_t i = 0; i < 500; ++i)
        ofr_trace_append(writer, &(struct ofr_trace_row){.arrival_ns = i * 1000000 + i * i % 1000}, &err);
    cr_assert_eq(ofr_trace_finish(writer, &err), 0, "%s", err.text);
}

static inline void tool_write(const char *name, const char *text)
{
    files_write(files_path(name), text, strlen(text));
}

#define TOOL_SCENARIO                                                                                        \
    "name: small\nmodel: {profile: model.oprof, recording: rec.orec}\n"                                      \
    "arrivals: {process: poisson, rate: 2k/s}\nrequests: 3000\nslo: 20ms\n"                                  \
    "batching: {policy: fifo, max_batch: 8}\nexits: {policy: static, thresholds: 0.2}\n"

/* For TestSuite(.init, .fini). */
static inline void tool_setup(void)
{
    tool__make_profile(files_path("model.oprof"), 4);
    tool__make_profile(files_path("other.oprof"), 3);
    tool__make_recording(files_path("rec.orec"));
    tool__make_trace(files_path("t.otrace"));
    tool_write("s.yaml", TOOL_SCENARIO);
}

static inline void tool_teardown(void)
{
    files_remove();
}

static inline void tool_make_log(void)
{
    struct tool_result result = tool_run("sim s.yaml --log run.olog");
    cr_assert_eq(result.status, 0, "%s", result.err);
    tool_release(&result);
}

/* model.oprof of a device on which everything takes twice as long, and results take 5 ms to the policy. */
static inline void tool_make_slow(const char *name, const char *model)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_profile_samples samples;
    struct ofr_profile_writer *writer;
    const struct ofr_profile_row feedback = {.quantity = OFR_QUANTITY_FEEDBACK, .value_ns = 5000000};
    const char *site[4];
    cr_assert_eq(ofr_profile_samples_load(&samples, files_path("model.oprof"), &err), 0, "%s", err.text);
    for (uint32_t i = 0; i < samples.sites; ++i)
        site[i] = samples.site_name[i];
    cr_assert_eq(ofr_profile_create(&writer, files_path(name), model, samples.sites, site, NULL, &err), 0);
    for (size_t i = 0; i < samples.count; ++i) {
        samples.row[i].value_ns *= 2;
        cr_assert_eq(ofr_profile_append(writer, &samples.row[i], &err), 0);
    }
    cr_assert_eq(ofr_profile_append(writer, &feedback, &err), 0);
    cr_assert_eq(ofr_profile_finish(writer, &err), 0);
    ofr_profile_samples_release(&samples);
}

/* A refusal: this status, one line on stderr that begins with `offramp: ` and has `words` in it, nothing on
 * stdout, no file more or less than before. */
static inline void tool_expect_refused(const struct tool_limits *limits, const char *line, int status,
                                       const char *words)
{
    int before = files_count();
    struct tool_result result = tool_run_with(limits, line);
    const char *end = strchr(result.err, '\n');
    cr_expect_eq(result.status, status, "`%s`: exit status %d, expected %d: %s", line, result.status, status,
                 result.err);
    cr_expect(strncmp(result.err, "offramp: ", 9) == 0, "`%s`: '%s'", line, result.err);
    cr_expect(end && end[1] == '\0', "`%s`: not one line: '%s'", line, result.err);
    cr_expect_not_null(strstr(result.err, words), "`%s`: '%s' not in '%s'", line, words, result.err);
    cr_expect_eq(result.out_size, 0, "`%s`: stdout has '%s'", line, result.out);
    cr_expect_eq(files_count(), before, "`%s`: files came or went", line);
    tool_release(&result);
}

#endif
