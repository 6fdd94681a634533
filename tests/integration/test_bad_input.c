/* Bad input through the real program: every case must end with status 2 or 3, one clear line, and nothing half
 * written. */
#include "tests/support/tool.h"

#include "traces/container_format.h"

TestSuite(bad_input, .init = tool_setup, .fini = tool_teardown, .timeout = 120);

struct bad {
    const char *line;
    int status;
    const char *words; /* must be in the message */
    const char *text;  /* content of the file `bad`; NULL = not needed */
};

static void expect_all(const struct bad *bad, size_t count)
{
    for (size_t i = 0; i < count; ++i) {
        if (bad[i].text)
            tool_write("bad", bad[i].text);
        tool_expect_refused(&(struct tool_limits){0}, bad[i].line, bad[i].status, bad[i].words);
    }
}

#define EXPECT_ALL(cases) expect_all(cases, sizeof cases / sizeof *cases)

Test(bad_input, usage)
{
    static const struct bad cases[] = {
        {"", 2, "no verb", NULL},
        {"simulate s.yaml", 2, "'simulate'", NULL},
        {"smi s.yaml", 2, "did you mean 'sim'", NULL},
        {"trace", 2, "sub-verb", NULL},
        {"sim", 2, "SCENARIO.yaml", NULL},
        {"sim s.yaml t.otrace", 2, "SCENARIO.yaml", NULL},
        {"sim s.yaml --jsno", 2, "did you mean --json", NULL},
        {"sim s.yaml --log", 2, "--log needs a value", NULL},
        {"sim s.yaml --json --json", 2, "twice", NULL},
        {"sim s.yaml --json=maybe", 2, "true or false", NULL},
        {"sim s.yaml --set", 2, "--set needs a value", NULL},
        {"sim s.yaml --set seed", 2, "KEY=VALUE", NULL},
        {"sim s.yaml --set model.pace=[7=2]", 2, "pace: found the size 7", NULL},
        {"sim s.yaml --set model.pace=[1]", 2, "pace: found '1', expected SIZE=FACTOR", NULL},
        {"sim s.yaml --set model.pace=[1=0]", 2, "pace: found '1=0', expected SIZE=FACTOR", NULL},
        {"sim s.yaml --set model.pace=[1=1.5,1=2]", 2, "pace: found the size 1 twice", NULL},
        {"sim s.yaml --set model.times=none.oprof", 2, "none.oprof", NULL},
        {"sim s.yaml --set model.times=rec.orec", 2, "rec.orec", NULL},
        {"sim s.yaml --set model.times=other.oprof", 2,
         "times: other.oprof has other sites or batch sizes than model.oprof", NULL},
        {"sim s.yaml --set model.without=[idle,magic]", 2,
         "without: found the term 'magic', expected of dispatch", NULL},
        {"log compact s.yaml -o small.olog", 2, "s.yaml", NULL},
        {"log compact s.yaml", 2, "out", NULL},
        {"log compact s.yaml -o small.olog --grain 0ns", 2, "grain", NULL},
        {"sim s.yaml --set =1", 2, "KEY=VALUE", NULL},
        {"sim s.yaml --set seed=1,2,,{", 2, "--set seed", NULL},
        {"sim s.yaml --set seed=[1", 2, "--set seed=[1", NULL},
        {"sim s.yaml --set seed=-1", 2, "--set seed=-1", NULL},
        {"sim s.yaml --set sede=1", 2, "did you mean 'seed'", NULL},
        {"sim s.yaml --seed none", 2, "seed", NULL},
        {"sim s.yaml --beside nobody", 2, "nobody", NULL},
        {"trace import csv bad", 2, "--", "t\n1\n"},
        {"trace import cvs bad -o out.otrace", 2, "cvs", "t\n1\n"},
        {"trace scale t.otrace -o out.otrace", 2, "speed", NULL},
        {"trace scale t.otrace --speed 0x -o out.otrace", 2, "speed", NULL},
        {"trace cut t.otrace --from 1 -o out.otrace", 2, "unit", NULL},
        {"trace cut t.otrace", 2, "--out", NULL},
        {"list polices", 2, "policies", NULL},
        {"help policy:vanila", 2, "vanila", NULL},
        {"help smi", 2, "smi", NULL},
    };
    EXPECT_ALL(cases);
}

#define MODEL    "model: {profile: model.oprof, recording: rec.orec}\n"
#define ARRIVALS "arrivals: {process: poisson, rate: 2k/s}\n"
#define REST     "requests: 100\n"

Test(bad_input, scenarios)
{
    static const struct bad cases[] = {
        {"sim bad", 2, "model", ""},
        {"sim bad", 2, "'arrivals'", MODEL REST},
        {"sim bad", 2, "'model'", ARRIVALS REST},
        {"sim bad", 2, "bad:1:", "- a\n- b\n"},
        {"sim bad", 2, "bad:2:", MODEL "\tslo: 1ms\n"},
        {"sim bad", 2, "UTF-8", MODEL ARRIVALS REST "name: \xff\n"},
        {"sim bad", 2, "bad:4:", MODEL ARRIVALS REST MODEL},
        {"sim bad", 2, "bad:4:1: unknown key 'sol', did you mean 'slo'?", MODEL ARRIVALS REST "sol: 1ms\n"},
        {"sim bad", 2, "bad:4:6: slo: found '20', expected its unit", MODEL ARRIVALS REST "slo: 20\n"},
        {"sim bad", 2, "bad:4:6: slo: found '20/s'", MODEL ARRIVALS REST "slo: 20/s\n"},
        {"sim bad", 2, "bad:4:6: slo: found '-1ms'", MODEL ARRIVALS REST "slo: -1ms\n"},
        {"sim bad", 2, "bad:4:10: servers: found '0'", MODEL ARRIVALS REST "servers: 0\n"},
        {"sim bad", 2, "bad:4:10: servers: found '1.5'", MODEL ARRIVALS REST "servers: 1.5\n"},
        {"sim bad", 2, "bad:4:10: servers: found '.nan'", MODEL ARRIVALS REST "servers: .nan\n"},
        {"sim bad", 2, "duration", MODEL ARRIVALS REST "end: cut\n"},
        {"sim bad", 2, "nothing ends the run", MODEL ARRIVALS},
        {"sim bad", 2, "nothing ends the run", MODEL "arrivals: {trace: t.otrace, loop: true}\n"},
        {"sim bad", 2, "rate: found '-1/s'", MODEL "arrivals: {trace: t.otrace, rate: -1/s}\n"},
        {"sim bad", 2, "`rate` 0/s", MODEL "arrivals: {trace: t.otrace, rate: 0/s}\n"},
        {"sim bad", 2, "slo: found 1 us, expected at least 90 us", MODEL ARRIVALS REST "slo: 1us\n"},
        {"sim bad", 2, "slo: found 0 us", MODEL ARRIVALS REST "slo: 0s\n"},
        {"sim bad", 2, "slo: found 89.999 us",
         MODEL REST "arrivals: {streams: [{process: fixed, rate: 1/s, slo: 89999ns}]}\n"},
        {"sim bad", 2, "rate: found '0/s'", MODEL REST "arrivals: {process: poisson, rate: 0/s}\n"},
        {"sim bad", 2, "rate: found '-5/s'", MODEL REST "arrivals: {process: poisson, rate: -5/s}\n"},
        {"sim bad", 2, "rate: found 'nan/s'", MODEL REST "arrivals: {process: poisson, rate: nan/s}\n"},
        {"sim bad", 2, "rate: found '900'", MODEL REST "arrivals: {process: poisson, rate: 900}\n"},
        {"sim bad", 2, "rate: found '5ms'", MODEL REST "arrivals: {process: poisson, rate: 5ms}\n"},
        {"sim bad", 2, "'rate' is missing", MODEL REST "arrivals: {process: poisson}\n"},
        {"sim bad", 2, "'poison'", MODEL REST "arrivals: {process: poison, rate: 1/s}\n"},
        {"sim bad", 2, "process", MODEL REST "arrivals: {rate: 1/s}\n"},
        {"sim bad", 2, "speed", MODEL REST "arrivals: {process: poisson, rate: 1/s, speed: 2x}\n"},
        {"sim bad", 2, "streams", MODEL REST "arrivals: {streams: []}\n"},
        {"sim bad", 2, "batching policy fifo does not know",
         MODEL REST "arrivals: {streams: [{process: fixed, rate: 1/s, priority: 1}]}\n"},
        {"sim bad", 2, "found priority 3, expected at most triton's priority_levels, which is 2",
         MODEL REST "arrivals: {streams: [{process: fixed, rate: 1/s, priority: 3}]}\n"
                    "batching: {policy: triton, priority_levels: 2, default_priority_level: 1}\n"},
        {"sim bad", 2, "'lifo'", MODEL ARRIVALS REST "batching: lifo\n"},
        {"sim bad", 2, "'never'", MODEL ARRIVALS REST "exits: {policy: never}\n"},
        {"sim bad", 2, "which policy", MODEL ARRIVALS REST "exits: {thresholds: 0.1}\n"},
        {"sim bad", 2, "thresholds", MODEL ARRIVALS REST "exits: {policy: vanilla, thresholds: 0.1}\n"},
        {"sim bad", 2, "mode", MODEL ARRIVALS REST "exits: {policy: vanilla, mode: drop}\n"},
        {"sim bad", 2, "thresholds: found '-0.1'",
         MODEL ARRIVALS REST "exits: {policy: static, thresholds: -0.1}\n"},
        {"sim bad", 2, "expected at most 8", MODEL ARRIVALS REST "batching: {policy: fifo, max_batch: 64}\n"},
        {"sim bad", 2, "ramp sites",
         "model: {profile: other.oprof, recording: rec.orec}\n" ARRIVALS REST "exits: {policy: oracle}\n"},
        {"sim bad", 2, "needs model.recording",
         "model: {profile: model.oprof}\n" ARRIVALS REST "exits: {policy: static, thresholds: 0.1}\n"},
        {"sim bad", 2, "policy branchynet is tuned with hindsight, which needs model.recording",
         "model: {profile: model.oprof}\n" ARRIVALS REST "exits: branchynet\n"},
        {"sim bad", 2, "tune_share: found '0%'",
         MODEL ARRIVALS REST "exits: {policy: deebert, tune_share: 0%}\n"},
        {"sim bad", 2, "tune_share: found '2'",
         MODEL ARRIVALS REST "exits: {policy: deebert, tune_share: 2}\n"},
        {"sim bad", 2, "accuracy_loss: found '60%'",
         MODEL ARRIVALS REST "exits: {policy: deebert+, accuracy_loss: 60%}\n"},
        {"sim bad", 2, "step: found '0%'", MODEL ARRIVALS REST "exits: {policy: branchynet, step: 0%}\n"},
        {"sim bad", 2, "'agrees'", MODEL ARRIVALS REST "exits: {policy: branchynet+, criterion: agrees}\n"},
        {"sim bad", 2, "unknown key 'search'",
         MODEL ARRIVALS REST "exits: {policy: branchynet, search: grid}\n"},
        {"sim bad", 2, "policy static-hindsight is tuned with hindsight, which needs model.recording",
         "model: {profile: model.oprof}\n" ARRIVALS REST "exits: static-hindsight\n"},
        {"sim bad", 2, "ramp_budget: found '0%'",
         MODEL ARRIVALS REST "exits: {policy: static-hindsight, ramp_budget: 0%}\n"},
        {"sim bad", 2, "max_ramps: found '0'",
         MODEL ARRIVALS REST "exits: {policy: static-hindsight, max_ramps: 0}\n"},
        {"sim bad", 2, "policy deebert: tune_batch: found 9, the profile ends at 8",
         MODEL ARRIVALS REST "exits: {policy: deebert, tune_batch: 9}\n"},
        {"sim bad", 2, "policy static-hindsight: tune_batch: found 9, the profile ends at 8",
         MODEL ARRIVALS REST "exits: {policy: static-hindsight, tune_batch: 9}\n"},
        {"sim bad", 2, "patience: found '-1'",
         MODEL ARRIVALS REST "exits: {policy: patience, patience: -1}\n"},
        {"sim bad", 2, "patience: found '1.5'",
         MODEL ARRIVALS REST "exits: {policy: patience, patience: 1.5}\n"},
        {"sim bad", 2, "policy patience has active ramps, which needs model.recording",
         "model: {profile: model.oprof}\n" ARRIVALS REST "exits: {policy: patience, patience: 1}\n"},
        {"sim bad", 2, "no site 'x'", MODEL ARRIVALS REST "exits: {policy: deebert+, ramps: [x]}\n"},
        {"sim bad", 2, "none.oprof", "model: {profile: none.oprof}\n" ARRIVALS REST},
        {"sim bad", 2, "none.orec", "model: {profile: model.oprof, recording: none.orec}\n" ARRIVALS REST},
        {"sim bad", 2, "a latency profile", "model: {profile: rec.orec}\n" ARRIVALS REST},
        {"sim bad", 2, "an exit recording",
         "model: {profile: model.oprof, recording: t.otrace}\n" ARRIVALS REST},
        {"sim bad", 2, "none.otrace", MODEL "arrivals: {trace: none.otrace}\n"},
        {"sim bad", 2, "a request trace", MODEL "arrivals: {trace: rec.orec}\n"},
        {"sim bad", 2, "no arrival", MODEL "arrivals: {trace: t.otrace, from: 1h}\n"},
        {"sim bad", 2, "speed: found '0x'", MODEL "arrivals: {trace: t.otrace, speed: 0x}\n"},
        {"sim bad", 2, "speed", MODEL "arrivals: {trace: t.otrace, speed: 2x, rate: 5/s}\n"},
        {"sim none.yaml", 2, "there is no such file", NULL},
        {"sim .", 2, "", NULL},
        {"sim model.oprof", 2, "model.oprof", NULL},
    };
    EXPECT_ALL(cases);
}

/* Policies in modes they are not made for, and what a cascade needs. */
Test(bad_input, modes)
{
    static const struct bad cases[] = {
        {"sim bad", 2, "bad:4:33: policy apparate does not run in mode cascade, expected mode: release",
         MODEL ARRIVALS REST "exits: {policy: apparate, mode: cascade}\n"},
        {"sim bad", 2, "bad:4:17: policy twolayer does not run in mode release, expected mode: cascade",
         MODEL ARRIVALS REST "exits: {policy: twolayer, ramp: 0, threshold: 0.1}\n"},
        {"sim bad", 2, "bad:4:8: policy twolayer does not run in mode release",
         MODEL ARRIVALS REST "exits: twolayer\n"},
        {"sim bad", 2, "ramp: the model has no site 'x', expected one of a b c d",
         MODEL ARRIVALS REST "exits: {policy: twolayer, mode: cascade, ramp: x, threshold: 0.1}\n"},
        {"sim bad", 2, "threshold: found 1 values and no ramp, expected one, and with it a ramp",
         MODEL ARRIVALS REST "exits: {policy: twolayer, mode: cascade, threshold: 0.1}\n"},
        {"sim bad", 2, "threshold: found 2 values, expected one",
         MODEL ARRIVALS REST "exits: {policy: twolayer, mode: cascade, ramp: a, threshold: [0.1, 0.2]}\n"},
        {"sim bad", 2, "threshold: found '-1'",
         MODEL ARRIVALS REST "exits: {policy: twolayer, mode: cascade, ramp: a, threshold: -1}\n"},
        {"sim bad", 2, "accuracy_loss: found '0%'",
         MODEL ARRIVALS REST "exits: {policy: twolayer, mode: cascade, accuracy_loss: 0%}\n"},
        {"sim bad", 2, "needs model.recording",
         "model: {profile: model.oprof}\n" ARRIVALS REST
         "exits: {policy: twolayer, mode: cascade, ramp: 0, threshold: 0.1}\n"},
        {"sim bad", 2, "bad:1:82: first_profile: mode release has no first model",
         "model: {profile: model.oprof, recording: rec.orec,                first_profile: "
         "other.oprof}\n" ARRIVALS REST},
        {"sim bad", 2, "none.oprof",
         "model: {profile: model.oprof, recording: rec.orec, first_profile: none.oprof}\n" ARRIVALS REST
         "exits: {policy: twolayer, mode: cascade, ramp: 0, threshold: 0.1}\n"},
        {"sim bad", 2, "bad:1:66: times: mode cascade runs two models",
         "model: {profile: model.oprof, recording: rec.orec,        times: model.oprof}\n" ARRIVALS REST
         "exits: {policy: twolayer, mode: cascade, ramp: 0, threshold: 0.1}\n"},
        {"replay bad --device null --log out.olog", 2,
         "exits: offramp replay does not run mode cascade, expected mode: release",
         MODEL ARRIVALS REST "exits: {policy: twolayer, mode: cascade, ramp: 0, threshold: 0.1}\n"},
    };
    EXPECT_ALL(cases);
    cr_expect_neq(access(files_path("out.olog"), F_OK), 0, "a refused replay left a log");
}

#define CSV "trace import csv bad --time t --unit s -o out.otrace"

/* A target that exists stays as it was. */
Test(bad_input, imports_keep_the_target)
{
    static const struct bad cases[] = {
        {CSV, 2, "bad:2:1: found 'nan'", "t\nnan\n"},
        {CSV, 2, "bad:2:1: found '-1'", "t\n-1\n"},
        {CSV, 2, "bad:2:1: found 'x'", "t\nx\n"},
        {CSV, 2, "bad:3:1", "t\n2\n1\n"},
        {CSV, 2, "no column 't'", "a,b\n1,2\n"},
        {CSV, 2, "no row", "t\n"},
        {CSV, 2, "bad", ""},
        {CSV, 2, "fields", "t,u\n1\n"},
        {"trace import csv t.otrace --time t --unit s -o out.otrace", 2, "t.otrace", NULL},
        {"trace import csv none.csv --time t --unit s -o out.otrace", 3, "none.csv", NULL},
        {"trace import csv . --time t --unit s -o out.otrace", 3, "", NULL},
        {"recording import . -o out.otrace", 2, "conf.npy", NULL},
        {"recording import bad -o out.otrace", 3, "bad", NULL},
        {"profile import bad --model m -o out.otrace", 2, "bad", "model\tbatch\n"},
        {"profile import t.otrace --model m -o out.otrace", 2, "t.otrace", NULL},
        {"trace cut t.otrace --from 2s --to 1s -o out.otrace", 2, "", NULL},
        {"trace scale rec.orec --speed 2x -o out.otrace", 2, "a request trace", NULL},
        {"recording cut t.otrace -o out.otrace", 2, "an exit recording", NULL},
        {"sim s.yaml --set slo=0x --log out.otrace", 2, "slo", NULL},
        {"sim s.yaml --set batching.max_batch=64 --log out.otrace", 2, "expected at most 8", NULL},
    };
    tool_write("out.otrace", "what stood here before");
    EXPECT_ALL(cases);
    size_t size;
    char *kept = (char *)files_read(files_path("out.otrace"), &size);
    cr_expect_str_eq(kept, "what stood here before");
    free(kept);
}

/* ---- binary files, cut and forged ---- */

/* Where the records of a file begin: header, its checksum, chunks, end mark. */
struct layout {
    unsigned char *bytes; /* owned */
    size_t size, header, chunk, end;
};

static struct layout layout_of(const char *name)
{
    struct layout layout = {0};
    layout.bytes = files_read(files_path(name), &layout.size);
    size_t at = 0, extent = 0;
    for (int record = 0; at < layout.size; ++record, at += extent) {
        cr_assert_eq(ofr_object_extent(layout.bytes + at, layout.size - at, &extent), 1);
        if (record == 0)
            layout.header = extent;
        if (record == 2)
            layout.chunk = at;
        layout.end = at;
    }
    cr_assert(layout.end > layout.chunk && layout.chunk > layout.header);
    return layout;
}

/* In the header, before and inside its checksum, in a chunk's frame, inside a column, before and inside the end
 * mark. */
static void cut_everywhere(const char *name, const char *line)
{
    struct layout layout = layout_of(name);
    size_t middle = layout.chunk + (layout.end - layout.chunk) / 2;
    const size_t cuts[] = {
        0,      1,          layout.header / 2, layout.header,  layout.header + 3, layout.chunk + 2,
        middle, layout.end, layout.end + 1,    layout.size - 1};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; ++i) {
        files_write(files_path("cut"), layout.bytes, cuts[i]);
        tool_expect_refused(&(struct tool_limits){0}, line, 2, "cut");
    }
    free(layout.bytes);
}

Test(bad_input, files_cut_short)
{
    tool_write("trace.yaml", "model: {profile: model.oprof}\narrivals: {trace: cut}\n");
    cut_everywhere("model.oprof", "sim s.yaml --set model.profile=cut --log out.olog");
    cut_everywhere("rec.orec", "sim s.yaml --set model.recording=cut --log out.olog");
    cut_everywhere("t.otrace", "sim trace.yaml --log out.olog");
}

/* A log cut short gives what it has, and says so; without a whole header there is nothing to give. */
Test(bad_input, logs_cut_short)
{
    tool_make_log();
    struct layout layout = layout_of("run.olog");
    files_write(files_path("cut"), layout.bytes, layout.header + 3);
    tool_expect_refused(&(struct tool_limits){0}, "log info cut", 2, "cut");
    files_write(files_path("cut"), layout.bytes, layout.header / 2);
    tool_expect_refused(&(struct tool_limits){0}, "log print cut", 2, "cut");
    files_write(files_path("cut"), layout.bytes, layout.end);
    struct tool_result result = tool_run("log info cut --json");
    cr_expect_eq(result.status, 0, "%s", result.err);
    cr_expect_not_null(strstr(result.err, "cut short"), "%s", result.err);
    cr_expect_gt(result.out_size, 0);
    tool_release(&result);
    free(layout.bytes);
}

/* Replaces `old` bytes at `at` by `size` others, as file `forged`. */
static void forge(const struct layout *layout, size_t at, size_t old, const void *bytes, size_t size)
{
    unsigned char *forged = malloc(layout->size + size);
    memcpy(forged, layout->bytes, at);
    memcpy(forged + at, bytes, size);
    memcpy(forged + at + size, layout->bytes + at + old, layout->size - at - old);
    files_write(files_path("forged"), forged, layout->size - old + size);
    free(forged);
}

static size_t offset_of(const struct layout *layout, const char *words)
{
    unsigned char *found = memmem(layout->bytes, layout->size, words, strlen(words));
    cr_assert_not_null(found, "%s", words);
    return (size_t)(found - layout->bytes);
}

Test(bad_input, files_forged)
{
    static const unsigned char trillion[] = {0xcf, 0, 0, 0, 0xe8, 0xd4, 0xa5, 0x10, 0};
    static const char line[] = "sim s.yaml --set model.recording=forged --log out.olog";
    struct layout layout = layout_of("rec.orec");
    struct tool_limits none = {0};
    cr_assert_eq(layout.bytes[layout.chunk], 0x94); /* [table, rows, checksum, frames] */
    cr_assert_eq(layout.bytes[layout.chunk + 2], 0xcc);
    forge(&layout, layout.chunk + 2, 2, trillion, sizeof trillion);
    tool_expect_refused(&none, line, 2, "1000000000000");
    forge(&layout, 0, 4, "\x89PNG", 4);
    tool_expect_refused(&none, line, 2, "forged");
    forge(&layout, offset_of(&layout, "version") + 7, 1, "\x09", 1);
    tool_expect_refused(&none, line, 2, "version");
    forge(&layout, offset_of(&layout, "offramp.recording"), 17, "offramp.something", 17);
    tool_expect_refused(&none, line, 2, "unknown to this version");
    size_t middle = layout.chunk + (layout.end - layout.chunk) / 2;
    unsigned char flipped = layout.bytes[middle] ^ 0x10;
    forge(&layout, middle, 1, &flipped, 1);
    tool_expect_refused(&none, line, 2, "offset");
    forge(&layout, layout.size, 0, "more", 4);
    tool_expect_refused(&none, line, 2, "offset");
    free(layout.bytes);
}

/* ---- a machine that fails ---- */

Test(bad_input, disk_full)
{
    tool_write("in.csv", "t\n1\n2\n");
    struct tool_limits full = {.stdout_path = "/dev/full"}, small = {.file_size = 300};
    tool_expect_refused(&full, "sim s.yaml", 3, "standard output");
    tool_expect_refused(&full, "sim s.yaml --json", 3, "cannot write");
    tool_expect_refused(&full, "trace print t.otrace", 3, "cannot write");
    tool_expect_refused(&full, "list policies", 3, "cannot write");
    tool_expect_refused(&full, "--help", 3, "cannot write");
    tool_expect_refused(&small, "sim s.yaml --log out.olog", 3, "out.olog");
    tool_expect_refused(&small, "trace scale t.otrace --speed 2x -o out.otrace", 3, "out.otrace");
    tool_expect_refused(&small, "recording cut rec.orec -o out.orec", 3, "out.orec");
    tool_expect_refused(&(struct tool_limits){0}, "trace scale t.otrace --speed 2x -o /dev/full", 3,
                        "/dev/full");
}

Test(bad_input, unwritable_targets)
{
    static const struct bad cases[] = {
        {"sim s.yaml --log nowhere/out.olog", 3, "nowhere/out.olog", NULL},
        {"sim s.yaml --log s.yaml/out.olog", 3, "s.yaml/out.olog", NULL},
        {"sim s.yaml --log .", 2, "", NULL},
        {"trace scale t.otrace --speed 2x -o nowhere/out.otrace", 3, "nowhere/out.otrace", NULL},
        {"recording cut rec.orec -o nowhere/out.orec", 3, "nowhere/out.orec", NULL},
        {"trace import csv bad --time t --unit s -o nowhere/out.otrace", 3, "nowhere/out.otrace", "t\n1\n"},
    };
    EXPECT_ALL(cases);
}

Test(bad_input, workload)
{
    static const struct bad cases[] = {
        {"workload arrivals --process poisson --set rate=1/s -o out.otrace", 2, "--requests or --duration",
         NULL},
        {"workload arrivals --process poison --requests 5 -o out.otrace", 2, "poison", NULL},
        {"workload arrivals --process poisson --requests 5 -o out.otrace", 2, "'rate' is missing", NULL},
        {"workload arrivals --process poisson --requests 5 --set rate=5 -o out.otrace", 2, "unit", NULL},
        {"workload arrivals --process poisson --requests 5 --set rate=5/s --set cv=1 -o out.otrace", 2,
         "'cv'", NULL},
        {"workload arrivals --process poisson --set rate=1/s --duration 0s -o out.otrace", 2,
         "nothing arrives", NULL},
        {"workload arrivals --process counts --set file=bad --set within_bin=even -o out.otrace", 2, "1:3",
         "5 x 6"},
        {"workload arrivals --process counts --set file=bad -o out.otrace", 2, "within_bin", "5 6"},
        {"workload arrivals --process servegen --set tables=bad -o out.otrace", 2, "columns", "0,1,1"},
        {"workload arrivals --process servegen --set tables=absent -o out.otrace", 3, "absent", NULL},
        {"workload fit rec.orec -o out.yaml", 2, "at least 500", NULL},
        {"workload fit t.otrace -o out.yaml", 2, "request trace", NULL},
        {"workload fit rec.orec --regimes 65 -o out.yaml", 2, "regimes", NULL},
        {"workload fit rec.orec --changes sudden -o out.yaml", 2, "--form difficulty", NULL},
        {"workload generate bad --samples 5 -o out.orec", 2, "exit-model", "a: 1"},
        {"workload generate bad --samples 0 -o out.orec", 2, "samples", "a: 1"},
        {"workload generate absent --samples 5 -o out.orec", 2, "absent", NULL},
        {"workload arrivals --process poisson --requests 5 --set rate=1/s -o no/out.otrace", 3, "no/out",
         NULL},
    };
    EXPECT_ALL(cases);
}

#define BASE "scenario: s.yaml\n"

Test(bad_input, sweeps)
{
    static const struct bad cases[] = {
        {"sweep bad", 2, "--out", BASE},
        {"sweep none.yaml -o d", 2, "none.yaml: there is no such file", NULL},
        {"sweep s.yaml -o d", 2, "expected scenario: BASE.yaml", NULL},
        {"sweep bad -o d -j 5000", 2, "jobs: found '5000'", BASE},
        {"sweep bad -o d -j -1", 2, "jobs", BASE},
        {"sweep bad -o d", 2, "none.yaml: there is no such file", "scenario: none.yaml\n"},
        {"sweep bad -o d", 2, "bad:1:11: expected scenario", "scenario: [s.yaml]\n"},
        {"sweep bad -o d", 2, "bad:1:1: a sweep file must be a map", "- s.yaml\n"},
        {"sweep bad -o d", 2, "bad:2:1: unknown key 'axis', did you mean 'axes'?",
         BASE "axis: {slo: [1ms]}\n"},
        {"sweep bad -o d", 2, "bad:2:7: axes must be a map", BASE "axes: [slo]\n"},
        {"sweep bad -o d", 2, "bad:2:8: unknown key 'sol', did you mean 'slo'?", BASE "axes: {sol: [1ms]}\n"},
        {"sweep bad -o d", 2, "unknown key 'arrivals.raet', did you mean 'arrivals.rate'?",
         BASE "axes: {arrivals.raet: [1/s]}\n"},
        {"sweep bad -o d", 2, "unknown key 'arrivals.rate.x'", BASE "axes: {arrivals.rate.x: [1/s]}\n"},
        {"sweep bad -o d", 2, "unknown key 'foo.bar'", BASE "axes: {foo.bar: [1]}\n"},
        {"sweep bad -o d", 2, "key 'slo' stands twice", BASE "axes: {slo: [1ms], slo: [2ms]}\n"},
        {"sweep bad -o d", 2, "key 'slo' is varied twice",
         BASE "axes: {slo: [1ms]}\npoints: {count: 2, keys: {slo: [2ms, 3ms]}}\n"},
        {"sweep bad -o d", 2, "key 'exits' would undo 'exits.policy', expected it before that",
         BASE "axes: {exits.policy: [vanilla], exits: [static]}\n"},
        {"sweep bad -o d", 2, "key 'batching' would undo 'batching.max_batch'",
         BASE "axes: {batching.max_batch: [8]}\ncapacity: {key: batching, from: 1, to: 9}\n"},
        {"sweep print s.yaml", 2, "is a text file, expected the results of a sweep", NULL},
        {"sweep print rec.orec", 2, "an exit recording", NULL},
        {"sweep print s.yaml --json --csv", 2, "found both --csv and --json", NULL},
        {"sweep bad -o d", 2, "axis slo: expected a list of values", BASE "axes: {slo: []}\n"},
        {"sweep bad -o d", 2, "axis slo: expected a list of values", BASE "axes: {slo: 20ms}\n"},
        {"sweep bad -o d", 2, "'to' is missing", BASE "axes: {slo: {from: 1ms, count: 3}}\n"},
        {"sweep bad -o d", 2, "neither step nor count", BASE "axes: {slo: {from: 1ms, to: 3ms}}\n"},
        {"sweep bad -o d", 2, "whose `to` is less than its `from`",
         BASE "axes: {slo: {from: 3ms, to: 1ms, count: 3}}\n"},
        {"sweep bad -o d", 2, "log scale from 0 or less",
         BASE "axes: {arrivals.rate: {from: 0/s, to: 10/s, count: 3, scale: log}}\n"},
        {"sweep bad -o d", 2, "another kind of quantity",
         BASE "axes: {slo: {from: 1ms, to: 10/s, count: 3}}\n"},
        {"sweep bad -o d", 2, "step beside a count",
         BASE "axes: {slo: {from: 1ms, to: 3ms, step: 1ms, count: 3}}\n"},
        {"sweep bad -o d", 2, "more than 1000000 values",
         BASE "axes: {slo: {from: 1ns, to: 1s, step: 1ns}}\n"},
        {"sweep bad -o d", 2, "count: found '2M'", BASE "axes: {slo: {from: 1ms, to: 1s, count: 2M}}\n"},
        {"sweep bad -o d", 2, "did you mean 'scale'",
         BASE "axes: {slo: {from: 1ms, to: 1s, count: 2, scle: log}}\n"},
        {"sweep bad -o d", 2, "found 90000000 runs, expected at most 10000000",
         BASE "axes: {seed: {from: 1, to: 900k, count: 900k}}\nreplications: 100\n"},
        {"sweep bad -o d", 2, "replications: found '0'", BASE "replications: 0\n"},
        {"sweep bad -o d", 2, "bad:2:10: metric: found 'latency.p98'", BASE "metrics: [latency.p98]\n"},
        {"sweep bad -o d", 2, "bad:2:14: constraint: found 'latency.p99 = 3ms'",
         BASE "constraints: [latency.p99 = 3ms]\n"},
        {"sweep bad -o d", 2, "found '3', expected", BASE "constraints: [latency.p99 <= 3]\n"},
        {"sweep bad -o d", 2, "found 'best latency.p99'", BASE "objective: best latency.p99\n"},
        {"sweep bad -o d", 2, "found 'least throughput now'", BASE "pareto: [least throughput now]\n"},
        {"sweep bad -o d", 2, "method: found 'random'",
         BASE "points: {method: random, count: 2, keys: {slo: [1ms]}}\n"},
        {"sweep bad -o d", 2, "points need keys", BASE "points: {count: 2}\n"},
        {"sweep bad -o d", 2, "niederreiter takes at most 12",
         BASE
         "points: {method: niederreiter, count: 2, keys: {slo: [1ms], name: [a], seed: [1], servers: [1], "
         "requests: [9], arrivals.rate: [1/s], batching.max_batch: [8], model.ramp: [1us], model.noise: "
         "[none], "
         "model.samples: [random], model.dispatch: [1us], model.release: [1us], model.feedback: [1us]}}\n"},
        {"sweep bad -o d", 2, "expected no step or count",
         BASE "points: {count: 2, keys: {slo: {from: 1ms, to: 2ms, count: 3}}}\n"},
        {"sweep bad -o d", 2, "`from` above 0 and `to` above", BASE "capacity: {from: 2k/s, to: 1k/s}\n"},
        {"sweep bad -o d", 2, "unknown key 'arrivals.speeed'",
         BASE "capacity: {key: arrivals.speeed, from: 1x, to: 9x}\n"},
        {"sweep bad -o d", 2, "tolerance: found '0%'",
         BASE "capacity: {from: 1/s, to: 2/s, tolerance: 0%}\n"},
        {"sweep bad -o d", 2, "round: found '1', expected one above 0, in the same kind of unit as `from`",
         BASE "capacity: {from: 1/s, to: 2/s, round: 1}\n"},
        {"sweep bad -o d", 2, "round: found '0', expected one above 0",
         BASE "capacity: {key: servers, from: 1, to: 2, round: 0}\n"},
        {"sweep bad -o d", 2, "round: found 'one', expected",
         BASE "capacity: {key: servers, from: 1, to: 2, round: one}\n"},
        {"sweep bad -o d", 2, "bad:2:25: no exit policy is called 'nobody'",
         BASE "axes: {exits: [{policy: nobody}]}\n"},
        {"sweep bad -o d --set slo=20", 2, "slo: found '20', expected its unit", BASE},
        {"sweep bad -o none/d", 2, "none/d: the folder it is to be in does not exist", BASE},
        {"sweep bad -o t.otrace", 2, "t.otrace: is a file, expected a folder", BASE},
        {"sweep bad -o .", 2, "holds files but no sweep", BASE},
        {"sweep bad -o . --resume", 2, "holds files but no sweep", BASE},
        {"sweep bad -o .", 2, "holds files but no sweep", BASE},
    };
    EXPECT_ALL(cases);
}

/* Longer than what results can hold: refused before anything runs, not when they are written. */
Test(bad_input, a_sweep_too_long_for_its_results)
{
    enum {
        NAMES = 1100
    };
    FILE *file = fopen(files_path("bad"), "w");
    fputs(BASE "axes:\n  name:\n", file);
    for (int i = 0; i < NAMES; ++i)
        fprintf(file, "    - n%0*d\n", 1000, i);
    fclose(file);
    tool_expect_refused(&(struct tool_limits){0}, "sweep bad -o d", 2,
                        "with its scenario, expected at most 1048576");
}

static void run_sweep(const char *line)
{
    struct tool_result result = tool_run(line);
    cr_assert_eq(result.status, 0, "%s", result.err);
    tool_release(&result);
}

Test(bad_input, sweep_folders)
{
    tool_write("w.yaml", BASE "axes: {slo: [10ms, 20ms]}\n");
    tool_write("other.yaml", BASE "axes: {slo: [10ms, 30ms]}\n");
    run_sweep("sweep w.yaml -o d");
    tool_expect_refused(&(struct tool_limits){0}, "sweep w.yaml -o d", 2, "expected --resume");
    tool_expect_refused(&(struct tool_limits){0}, "sweep other.yaml -o d --resume", 2, "another sweep");
    tool_expect_refused(&(struct tool_limits){0}, "sweep w.yaml -o d --resume --set requests=10", 2,
                        "another sweep");
    struct tool_result full = tool_run_with(&(struct tool_limits){.file_size = 100}, "sweep w.yaml -o e");
    cr_expect_eq(full.status, 3);
    cr_expect_str_eq(full.err, "offramp: cannot write e/journal: File too large\n");
    tool_release(&full);
    run_sweep("sweep w.yaml -o e --resume");
    tool__make_profile(files_path("model.oprof"), 3); /* an input is not what it was */
    tool_write("s.yaml",
               "name: small\nmodel: {profile: model.oprof}\narrivals: {process: poisson, rate: 2k/s}\n"
               "requests: 3000\n");
    tool_expect_refused(&(struct tool_limits){0}, "sweep w.yaml -o d --resume", 2, "another sweep");
    files_write(files_path("d/journal"), "journal of something else entirely, longer than a head", 54);
    tool_expect_refused(&(struct tool_limits){0}, "sweep w.yaml -o d --resume", 2,
                        "is not the journal of a sweep");
}
