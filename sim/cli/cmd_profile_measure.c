/* offramp profile MODEL: measure a network on a device. */
#include "replay/model.h"
#include "replay/profiling.h"
#include "replay/replay.h"
#include "sim/cli/device_options.h"
#include "sim/cli/file_verbs.h"
#include "sim/cli/verbs.h"
#include "traces/info_print.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

struct options {
    char device[OFFRAMP_TEXT_SIZE], batch[OFFRAMP_TEXT_SIZE], out[OFFRAMP_TEXT_SIZE];
    struct ofr_device_options on;
    uint64_t samples, path_samples, seed;
    uint8_t in_line, json;
};

#define ROW(member) .offset = offsetof(struct options, member)

static const struct offramp_option table[] = {
    {.name = "device", .type = OFFRAMP_OPT_TEXT, ROW(device), .help = "what is measured: cpu, cuda:0, ..."},
    {.name = "out", .type = OFFRAMP_OPT_TEXT, ROW(out), .help = "profile to write (.oprof)"},
    {.name = "batch",
     .type = OFFRAMP_OPT_TEXT,
     ROW(batch),
     .fallback = "1,2,4,8",
     .help = "batch sizes, ascending, with commas between"},
    {.name = "samples",
     .type = OFFRAMP_OPT_COUNT,
     ROW(samples),
     .fallback = "100",
     .min = 1,
     .max = 100000,
     .help = "of each quantity; rounded up to tens"},
    {.name = "path_samples",
     .type = OFFRAMP_OPT_COUNT,
     ROW(path_samples),
     .fallback = "90",
     .max = 100000,
     .help = "of whole passes along the path of a replay, rounded up to sixes; 0 = leave them out"},
    OFR_DEVICE_ROWS(struct options, on, "answers there are; 0 = the network's own"),
    {.name = "seed",
     .type = OFFRAMP_OPT_COUNT,
     ROW(seed),
     .fallback = "1",
     .help = "of random weights and inputs"},
    {.name = "in_line",
     .type = OFFRAMP_OPT_BOOL,
     ROW(in_line),
     .fallback = "false",
     .help = "ramps on the backbone instead of a forked branch"},
    {.name = "json",
     .type = OFFRAMP_OPT_BOOL,
     ROW(json),
     .fallback = "false",
     .help = "the profile's facts as one JSON object"},
};

enum {
    MOST_SIZES = 64,
    LARGEST = 1024,
};

/* Reads "1,2,4" into `size`; the count, or 0 when it is anything else. */
static uint32_t read_sizes(const char *text, uint32_t size[MOST_SIZES])
{
    uint32_t count = 0;
    for (char *end;; text = end + 1) {
        if (!isdigit((unsigned char)*text) || count == MOST_SIZES)
            return 0;
        unsigned long value = strtoul(text, &end, 10);
        if (value < 1 || value > LARGEST || (count && value <= size[count - 1]))
            return 0;
        size[count++] = (uint32_t)value;
        if (!*end)
            return count;
        if (*end != ',')
            return 0;
    }
}

static int print(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct options *options = call->values;
    struct ofr_profile *profile;
    int rc = ofr_profile_load(&profile, options->out, err);
    if (rc)
        return rc;
    if (options->json)
        rc = ofr_print_json(call->out, ofr_profile_info_json(profile), err);
    else
        ofr_profile_info_text(call->out, profile);
    ofr_profile_free(profile);
    return rc;
}

static int measure(const struct ofr_cli_call *call, struct ofr_profiling *profiling,
                   struct ofr_replay_model *model, struct ofr_error *err)
{
    const struct options *options = call->values;
    struct ofr_notes notes = OFR_NOTES_INIT;
    struct ofr_device_chatter chatter = {.out = call->chatter};
    profiling->samples = (uint32_t)options->samples;
    profiling->path_samples = (uint32_t)options->path_samples;
    profiling->spin = ofr_replay_may_spin((enum ofr_replay_spin)options->on.spin);
    profiling->out = options->out;
    profiling->provenance = &notes;
    profiling->say = ofr_device_say;
    profiling->progress = ofr_device_progress;
    profiling->state = &chatter;
    int rc = ofr_device_describe(&notes, call->command, &options->on, model, err);
    if (!rc) {
        ofr_progress_begin(&chatter.progress, call->chatter, model->net->name, "rounds",
                           OFR_PROFILING_ROUNDS);
        rc = ofr_profiling_run(profiling, err);
        ofr_progress_end(&chatter.progress);
    }
    ofr_notes_release(&notes);
    return rc ? rc : print(call, err);
}

static int run(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct options *options = call->values;
    uint32_t size[MOST_SIZES];
    struct ofr_device_setup setup = {.batch = size, .threads = (uint32_t)options->on.threads};
    struct ofr_profiling profiling = {.setup = &setup};
    setup.ramps_in_line = options->in_line;
    setup.batches = read_sizes(options->batch, size);
    if (setup.batches == 0)
        return ofr_fail(err, OFR_E_USAGE,
                        "batch: found '%.60s', expected ascending sizes of 1 to %d such as 1,2,4,8",
                        options->batch, LARGEST);
    if (!options->out[0])
        return ofr_fail(err, OFR_E_USAGE, "out: expected the profile to write, such as -o p.oprof");
    profiling.ops = ofr_device_find(options->device, &setup.index, err);
    if (!profiling.ops)
        return OFR_E_USAGE;
    struct ofr_replay_model model;
    const struct ofr_replay_model_options wanted =
        ofr_device_model_options(&options->on, call->positional[0], options->seed);
    int rc = ofr_replay_model_load(&model, &wanted, NULL, NULL, err);
    setup.net = model.net;
    setup.weights = model.weights;
    setup.inputs = model.inputs;
    if (!rc)
        rc = measure(call, &profiling, &model, err);
    ofr_replay_model_release(&model);
    return rc;
}

static const struct ofr_cli_verb *const sub[] = {
    &ofr_verb_profile_import,
    &ofr_verb_profile_info,
    &ofr_verb_profile_probe,
    NULL,
};

const struct ofr_cli_verb ofr_verb_profile = {
    .name = "profile",
    .help = "measure a network on a device; latency profiles",
    .usage = "MODEL",
    .least = 1,
    .most = 1,
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .options_size = sizeof(struct options),
    .sub = sub,
    .run = run,
};
