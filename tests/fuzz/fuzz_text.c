/* Fuzzes what people write: scenarios, traces and tables of other systems, tuner cases, sweeps. */
#include "sim/base/config.h"
#include "sim/policy/tuner_case.h"
#include "sim/run/scenario.h"
#include "sim/sweep/sweep.h"
#include "tests/fuzz/fuzz.h"
#include "traces/import/importers.h"
#include "traces/import/profile_import.h"
#include "traces/import/recording_import.h"
#include "traces/recording.h"

#include <zlib.h>

static struct fuzz_bytes input;

static const char *const words[] = {"nan",
                                    "-1",
                                    "inf",
                                    "1e308",
                                    "1e-320",
                                    "99999999999999999999",
                                    "9223372036854775807",
                                    "0",
                                    "0x10",
                                    "1e3",
                                    "none",
                                    "ms",
                                    "/s",
                                    "x",
                                    "%",
                                    "[",
                                    "]",
                                    "{",
                                    "}",
                                    ": ",
                                    "- ",
                                    "\n",
                                    "\r\n",
                                    ",,",
                                    "\"",
                                    "\\",
                                    "\t",
                                    "\xff",
                                    "\x1f\x8b",
                                    "&a",
                                    "*a",
                                    "!!int",
                                    "---",
                                    "null",
                                    "\u2028",
                                    "time",
                                    "conf",
                                    "policy: apparate",
                                    "streams: "};
enum {
    WORDS = sizeof words / sizeof *words
};

#define MUTATE(text) (fuzz_set(&input, text, strlen(text)), fuzz_mutate(&input, words, WORDS))

/* ---- scenarios: what is taken is written back to the same text ---- */

static const char *const scenarios[] = {
    "name: a\nmodel: {profile: p.oprof, recording: r.orec, ramp: 4us, noise: samples}\nslo: 20ms\nrequests: "
    "10k\n"
    "arrivals: {process: gamma, rate: 1.5k/s, cv: 2.5}\nbatching: {policy: clockwork, max_batch: 16}\n"
    "exits: {policy: apparate, accuracy_loss: 1%, ramp_budget: 2%}\nseed: 7\n",
    "model:\n  profile: p\narrivals:\n  streams:\n    - {process: fixed, rate: 30/s, count: 30, spread: "
    "33.3ms}\n"
    "    - {trace: t.otrace, speed: 2x, from: 1min, to: 2min, loop: true, slo: 5ms, priority: 1}\nduration: "
    "1h\n"
    "batching: {policy: triton, preferred_batch_size: [4, 8], max_queue_delay: 500us, priority_levels: 2}\n"
    "exits: {policy: static, ramps: [a, 2], thresholds: [0.01, 0.2], criterion: entropy}\n"};

static char *bind(const char *text, size_t size, const char *set, struct ofr_error *err)
{
    struct ofr_config *config = NULL;
    struct ofr_scenario *scenario = NULL;
    char *out = NULL;
    int rc = ofr_config_parse(&config, "f.yaml", text, size, err);
    if (!rc && set)
        rc = ofr_config_set(config, set, err);
    if (!rc)
        rc = ofr_scenario_bind(&scenario, config, err);
    if (!rc)
        out = ofr_scenario_text(scenario);
    ofr_scenario_free(scenario);
    ofr_config_free(config);
    fuzz_verdict(rc, err);
    return out;
}

static void run_scenario(uint64_t number)
{
    struct ofr_error err = OFR_ERROR_INIT;
    const char *text = scenarios[number % 2];
    char set[512] = "";
    if (number % 3 == 0) {
        MUTATE("arrivals.streams.0.rate=[1, {a: 5/s}]");
        snprintf(set, sizeof set, "%.*s", (int)input.size, (char *)input.at);
    }
    fuzz_set(&input, text, strlen(text));
    if (number % 3)
        fuzz_mutate(&input, words, WORDS);
    char *first = bind((char *)input.at, input.size, *set ? set : NULL, &err);
    if (first) {
        char *second = bind(first, strlen(first), NULL, &err);
        if (!second || strcmp(first, second) != 0)
            fuzz_fail("a resolved scenario does not read back", err.text);
        free(second);
    }
    free(first);
}

/* ---- importers: what they write is readable ---- */

struct source {
    const char *format;
    uint32_t choice; /* of within_bin, where the format has it */
    const char *text;
};

static const struct source sources[] = {
    {"azure-llm", 0,
     "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:17:03.9799600,374,44\r\n"
     "2023-11-16 18:17:04.0319600,396,109\r\n2023-11-16 18:17:04.0781490,879,55"},
    {"azure-functions-2019", 0,
     "HashOwner,HashApp,HashFunction,Trigger,1,2,3\na,b,c,http,1,0,2\nd,e,f,timer,0,3,1\n"},
    {"azure-functions-2019", 3, "HashFunction,HashOwner,HashApp,1_minute,2_minute\na,a,a,1,2\nb,b,b,0,4\n"},
    {"azure-functions-2021", 0, "app,func,end_timestamp,duration\na,f,2.5,1.25\na,g,1.0,0\nb,f,3,2\n"},
    {"mooncake", 0,
     "{\"timestamp\": 0, \"input_length\": 6758, \"output_length\": 500, \"hash_ids\": [0, 1]}\n"
     "{\"timestamp\": 3000, \"input_length\": 7, \"output_length\": 1, \"hash_ids\": []}\n"},
    {"twitter-counts", 1, "1 0 2 3 0 1 "},
    {"twitter-arrivals", 0, "timestamp_ms,kind\n1524641460666,create\n1524641460660,delete\n"},
    {"csv", 0, "t,p,\"o\"\n1,2,3\n2,\"4\",\n\"3\",,5\n"},
};

/* Defaults where a row has them; the few rows that must be given, by name. */
static void fill_options(const struct ofr_component *component, uint32_t choice, char *values)
{
    struct ofr_error err = OFR_ERROR_INIT;
    static const char *const bins[] = {"even", "uniform", "poisson", "burst"};
    memset(values, 0, OFR_OPTIONS_MAX);
    for (uint32_t i = 0; i < component->option_count; ++i) {
        const struct offramp_option *option = &component->options[i];
        const char *text = option->fallback;
        if (strcmp(option->name, "within_bin") == 0)
            text = bins[choice];
        else if (strcmp(option->name, "unit") == 0)
            text = "ms";
        else if (strcmp(option->name, "prompt") == 0)
            text = "p";
        else if (!text)
            text = "t";
        ofr_option_parse(option, text, values, NULL, &err);
    }
    if (err.code)
        fuzz_fail("the target's own options", err.text);
}

static void write_source(const char *path, bool gzip)
{
    if (!gzip) {
        files_write(path, input.at, input.size);
        return;
    }
    gzFile file = gzopen(path, "wb1");
    gzwrite(file, input.at, (unsigned)input.size);
    gzclose(file);
    if (fuzz_below(2)) {
        size_t size;
        unsigned char *packed = files_read(path, &size);
        fuzz_set(&input, packed, size);
        fuzz_mutate(&input, NULL, 0);
        files_write(path, input.at, input.size);
        free(packed);
    }
}

static int read_trace(const char *path, struct ofr_error *err)
{
    struct ofr_trace_reader *reader = NULL;
    struct ofr_trace_chunk chunk;
    int rc = ofr_trace_open(&reader, path, err);
    while (!rc && (rc = ofr_trace_next(reader, &chunk, err)) > 0)
        rc = 0;
    ofr_trace_close(reader);
    return rc;
}

static void run_import(uint64_t number)
{
    static _Alignas(16) char values[OFR_OPTIONS_MAX];
    struct ofr_error err = OFR_ERROR_INIT;
    const struct source *source = &sources[number % (sizeof sources / sizeof *sources)];
    MUTATE(source->text);
    write_source(files_path("in"), fuzz_below(4) == 0);
    struct ofr_import_request request = {.importer = ofr_importer_find(source->format, &err),
                                         .input = files_path("in"),
                                         .output = files_path("out.otrace"),
                                         .options = values,
                                         .skip_bad = fuzz_below(2)};
    fill_options(&request.importer->component, source->choice, values);
    struct ofr_quality quality;
    int rc = ofr_import_trace(&request, &quality, &err);
    fuzz_verdict(rc, &err);
    if (files_count() != (rc ? 1 : 2))
        fuzz_fail("files left behind", err.text);
    if (rc == 0 && read_trace(request.output, &err))
        fuzz_fail("what was imported is not readable", err.text);
    unlink(request.output);
}

/* ---- tables and folders ---- */

static void run_profile(uint64_t number)
{
    struct ofr_error err = OFR_ERROR_INIT;
    (void)number;
    MUTATE("model\tbatch\tindex\tsite\tuntil_ms\tramp_ms\nm\t1\t0\ta\t0.5\t0.1\nm\t1\t1\tend\t1\t-\n"
           "m\t4\t0\ta\t0.75\t0.1\nm\t4\t1\tend\t1.5\t-\n");
    files_write(files_path("in"), input.at, input.size);
    struct ofr_profile_request request = {.input = files_path("in"), .output = files_path("o"), .model = "m"};
    struct ofr_profile_summary summary;
    int rc = ofr_profile_import(&request, &summary, &err);
    fuzz_verdict(rc, &err);
    if (files_count() != (rc ? 1 : 2))
        fuzz_fail("files left behind", err.text);
    unlink(request.output);
}

/* An array of f16 or u8 as NumPy writes it, version 1.0. */
static void make_array(const char *descr, const char *shape, const void *data, size_t size)
{
    char header[128];
    int length = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }",
                          descr, shape);
    for (; (10 + length + 1) % 64 != 0; ++length)
        header[length] = ' ';
    header[length++] = '\n';
    fuzz_set(&input, "\x93NUMPY\x01\x00", 8);
    fuzz_splice(&input, 8, 0, (unsigned char[]){(unsigned char)length, 0}, 2);
    fuzz_splice(&input, 10, 0, header, (size_t)length);
    fuzz_splice(&input, input.size, 0, data, size);
}

static void put_array(const char *name, bool mutate)
{
    if (mutate)
        fuzz_mutate(&input, words, WORDS);
    files_write(files_path(name), input.at, input.size);
}

static void run_folder(uint64_t number)
{
    static const uint16_t conf[] = {0x3c00, 0x3800, 0x3400, 0x0001, 0x3800, 0x3c00};
    static const uint8_t answer[] = {0, 1, 2, 2, 1, 0};
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_folder folder;
    make_array("<f2", "(3, 2)", conf, sizeof conf);
    put_array("conf.npy", number % 4 == 0);
    make_array("|u1", "(3, 2)", answer, sizeof answer);
    put_array("pred.npy", number % 4 == 1);
    make_array("|u1", "(3,)", answer, 3);
    put_array("final_pred.npy", number % 4 == 2);
    fuzz_set(&input, "{\"model\": \"m\", \"classes\": 3, \"sites\": [\"stem\", \"body\"]}", 55);
    put_array("meta.json", number % 4 == 3);
    int rc = ofr_folder_load(&folder, files_path("."), &err);
    fuzz_verdict(rc, &err);
    if (rc)
        return;
    struct ofr_recording *recording = NULL;
    rc = ofr_folder_write(&folder, files_path("out.orec"), "in", NULL, &err);
    if (rc || ofr_recording_load(&recording, files_path("out.orec"), &err))
        fuzz_fail("what was imported is not readable", err.text);
    ofr_recording_free(recording);
    ofr_folder_release(&folder);
    unlink(files_path("out.orec"));
}

static void run_case(uint64_t number)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_tuner_case kase;
    (void)number;
    MUTATE("{\"n\": 2, \"ramp_ids\": [3, 5], \"conf\": [[0.5, 0.25], [1, 0]], \"acc\": [[1, 0], [1, 1]],\n"
           " \"latency_list\": [[1, 0.1], [2, 0.1], [4]], \"shadow_ramp_idx\": 1, \"fixed_ramps\": {\"3\": "
           "0.5}}");
    files_write(files_path("in.json"), input.at, input.size);
    int rc = ofr_tuner_case_load(&kase, files_path("in.json"), &err);
    fuzz_verdict(rc, &err);
    if (!rc)
        ofr_tuner_case_release(&kase);
}

/* ---- sweeps: the resolved one is a sweep file, and says the same ---- */

static const char *const sweeps[] = {
    "name: a\nscenario: {model: {profile: p.oprof}, arrivals: {process: poisson, rate: 1/s}}\naxes:\n"
    "  exits: [vanilla, {policy: static, thresholds: [0.1, 0.2]}]\n  arrivals.rate: {from: 1/s, to: 8k/s, "
    "count: 4, "
    "scale: log, round: 1/s}\n  slo: {from: 5ms, to: 20ms, step: 5ms}\nreplications: 3\nconfidence: 90%\n"
    "constraints: [latency.p99 <= slo, agreement >= 99%]\nobjective: maximize throughput\npareto: "
    "[latency.p99]\n",
    "scenario: {model: {profile: p.oprof}}\npoints: {method: sobol, count: 5, seed: 2, keys: {arrivals.rate: "
    "{from: 1/s, "
    "to: 2/s}, servers: [1, 2]}}\nmetrics: [exit_rate.0, batch_size.mean]\n"
    "capacity: {key: slo, from: 1ms, to: 9ms, meets: ok_share >= 99%, tolerance: 1%}\n"};

static char *load_sweep(const char *text, size_t size, struct ofr_error *err)
{
    struct ofr_sweep *sweep = NULL;
    files_write(files_path("in.yaml"), text, size);
    int rc = ofr_sweep_load(&sweep, files_path("in.yaml"), NULL, 0, err);
    char *resolved = rc ? NULL : strdup(sweep->text);
    ofr_sweep_free(sweep);
    fuzz_verdict(rc, err);
    return resolved;
}

static void run_sweep(uint64_t number)
{
    struct ofr_error err = OFR_ERROR_INIT;
    MUTATE(sweeps[number % 2]);
    char *first = load_sweep((char *)input.at, input.size, &err);
    if (!first)
        return;
    char *second = load_sweep(first, strlen(first), &err);
    if (!second || strcmp(first, second) != 0)
        fuzz_fail("a resolved sweep does not read back", err.text);
    free(first);
    free(second);
}

int main(int argc, char **argv)
{
    static const struct fuzz_target targets[] = {
        {"scenario", 6000, run_scenario}, {"import", 4000, run_import}, {"profile", 1000, run_profile},
        {"folder", 1500, run_folder},     {"case", 3000, run_case},     {"sweep", 2000, run_sweep}};
    return fuzz_main(argc, argv, targets, sizeof targets / sizeof *targets);
}
