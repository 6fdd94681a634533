/* offramp profile probe: a profile taken to the device at hand. */
#include "replay/probing.h"
#include "replay/replay.h"
#include "sim/base/json.h"
#include "sim/cli/device_options.h"
#include "sim/cli/file_verbs.h"
#include "sim/cli/verbs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct options {
    char device[OFFRAMP_TEXT_SIZE], out[OFFRAMP_TEXT_SIZE], net[OFFRAMP_TEXT_SIZE];
    struct ofr_device_options on;
    uint64_t path_samples, seed;
    uint8_t json;
};

#define ROW(member) .offset = offsetof(struct options, member)

static const struct offramp_option table[] = {
    {.name = "device", .type = OFFRAMP_OPT_TEXT, ROW(device), .help = "what is probed: cpu, cuda:0, ..."},
    {.name = "out", .type = OFFRAMP_OPT_TEXT, ROW(out), .help = "profile to write (.oprof)"},
    {.name = "path_samples",
     .type = OFFRAMP_OPT_COUNT,
     ROW(path_samples),
     .fallback = "90",
     .min = 1,
     .max = 100000,
     .help = "of whole passes along the path of a replay, rounded up to twelves"},
    {.name = "net",
     .type = OFFRAMP_OPT_TEXT,
     ROW(net),
     .fallback = "",
     .help = "network the device runs; the profile's model when left out"},
    OFR_DEVICE_ROWS(struct options, on, "answers there are; 0 = as in the profile, or the network's own"),
    {.name = "seed",
     .type = OFFRAMP_OPT_COUNT,
     ROW(seed),
     .fallback = "1",
     .help = "of random weights and inputs"},
    {.name = "json",
     .type = OFFRAMP_OPT_BOOL,
     ROW(json),
     .fallback = "false",
     .help = "the paces as one JSON object"},
};

static void print_text(FILE *out, const struct ofr_profile *was, const struct ofr_profile *is,
                       const double *pace)
{
    fprintf(out, "%8s %16s %14s %8s\n", "batch", "in the profile", "here", "pace");
    for (uint32_t b = 0; b < was->batches; ++b)
        fprintf(out, "%8" PRIu32 " %13.3f us %11.3f us %8.4f\n", was->batch[b],
                1e-3 * (double)was->path.pass_ns[(size_t)b * was->path.rungs],
                1e-3 * (double)is->path.pass_ns[(size_t)b * is->path.rungs], pace[b]);
}

static json_t *print_rows(const struct ofr_profile *was, const struct ofr_profile *is, const double *pace)
{
    json_t *sizes = json_array();
    for (uint32_t b = 0; b < was->batches; ++b) {
        json_t *size = json_object();
        json_object_set_new(size, "batch", ofr_json_count(was->batch[b]));
        json_object_set_new(size, "profile_us",
                            ofr_json_real(1e-3 * (double)was->path.pass_ns[(size_t)b * was->path.rungs]));
        json_object_set_new(size, "here_us",
                            ofr_json_real(1e-3 * (double)is->path.pass_ns[(size_t)b * is->path.rungs]));
        json_object_set_new(size, "pace", ofr_json_real(pace[b]));
        json_array_append_new(sizes, size);
    }
    json_t *object = json_object();
    json_object_set_new(object, "model", json_string(was->model));
    json_object_set_new(object, "sizes", sizes);
    return object;
}

static int print(const struct ofr_cli_call *call, const struct ofr_profile *was, const double *pace,
                 struct ofr_error *err)
{
    const struct options *options = call->values;
    struct ofr_profile *is;
    int rc = ofr_profile_load(&is, options->out, err);
    if (rc)
        return rc;
    if (options->json)
        rc = ofr_print_json(call->out, print_rows(was, is, pace), err);
    else
        print_text(call->out, was, is, pace);
    ofr_profile_free(is);
    return rc;
}

/* The profile's own, unless the caller says another; 0 where it does not tell. */
static uint64_t classes_of(const struct options *options, const char *input)
{
    uint32_t classes = 0;
    if (!options->on.classes && input && sscanf(input, "%*u x %*u x %*u, %" SCNu32, &classes) != 1)
        classes = 0;
    return options->on.classes ? options->on.classes : classes;
}

/* Another network, or the same at another size, has paces that mean nothing. */
static int check_same(const struct ofr_replay_model *model, const char *input, const char *path,
                      struct ofr_error *err)
{
    char text[OFR_NET_INPUT_SIZE];
    ofr_net_input_text(text, model->net);
    if (!input || strcmp(input, text) == 0)
        return OFR_OK;
    return ofr_fail(
        err, OFR_E_INPUT,
        "%s: was measured with inputs of %s, found %s, expected the same (--image-size, --tokens, "
        "--classes, --images)",
        path, input, text);
}

static int probe(const struct ofr_cli_call *call, struct ofr_probing *probing,
                 const struct ofr_replay_model *model, struct ofr_error *err)
{
    const struct options *options = call->values;
    struct ofr_notes notes = OFR_NOTES_INIT;
    struct ofr_device_chatter chatter = {.out = call->chatter};
    double *pace = calloc(probing->profile->batches, sizeof *pace);
    probing->samples = (uint32_t)options->path_samples;
    probing->spin = ofr_replay_may_spin((enum ofr_replay_spin)options->on.spin);
    probing->out = options->out;
    probing->provenance = &notes;
    probing->say = ofr_device_say;
    probing->progress = ofr_device_progress;
    probing->state = &chatter;
    int rc = pace ? ofr_device_describe(&notes, call->command, &options->on, model, err)
                  : ofr_fail_nomem(err, "a probe");
    if (!rc) {
        ofr_progress_begin(&chatter.progress, call->chatter, model->net->name, "rounds", OFR_PROBING_ROUNDS);
        rc = ofr_probing_run(probing, pace, err);
        ofr_progress_end(&chatter.progress);
    }
    if (!rc)
        rc = print(call, probing->profile, pace, err);
    ofr_notes_release(&notes);
    free(pace);
    return rc;
}

static int run_with(const struct ofr_cli_call *call, const struct ofr_profile *profile,
                    const struct ofr_profile_samples *rows, struct ofr_error *err)
{
    const struct options *options = call->values;
    const char *input = ofr_notes_get(&rows->provenance, OFR_NOTE_INPUT);
    const char *ramps = ofr_notes_get(&rows->provenance, "ramps");
    struct ofr_device_setup setup = {.batch = profile->batch,
                                     .batches = profile->batches,
                                     .kernels = profile->kernels,
                                     .ramps_in_line = ramps && strcmp(ramps, "in line") == 0,
                                     .threads = (uint32_t)options->on.threads};
    struct ofr_probing probing = {
        .setup = &setup, .profile = profile, .rows = rows, .path = call->positional[0]};
    struct ofr_replay_model_options wanted =
        ofr_device_model_options(&options->on, options->net, options->seed);
    struct ofr_replay_model model;
    wanted.classes = (uint32_t)classes_of(options, input);
    probing.ops = ofr_device_find(options->device, &setup.index, err);
    if (!probing.ops)
        return OFR_E_USAGE;
    int rc = ofr_replay_model_load(&model, &wanted, profile, NULL, err);
    if (!rc)
        rc = check_same(&model, input, call->positional[0], err);
    setup.net = model.net;
    setup.weights = model.weights;
    setup.inputs = model.inputs;
    if (!rc)
        rc = probe(call, &probing, &model, err);
    ofr_replay_model_release(&model);
    return rc;
}

static int run(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct options *options = call->values;
    const char *path = call->positional[0];
    struct ofr_profile *profile = NULL;
    struct ofr_profile_samples rows = {.row = NULL};
    if (!options->out[0])
        return ofr_fail(err, OFR_E_USAGE, "out: expected the profile to write, such as -o here.oprof");
    int rc = ofr_profile_load(&profile, path, err);
    for (uint32_t b = 0; !rc && profile->path.rungs > 0 && b < profile->batches; ++b)
        if (profile->path.pass_ns[(size_t)b * profile->path.rungs] <= 0)
            rc = ofr_fail(err, OFR_E_INPUT,
                          "%s: batch size %" PRIu32 ": found whole passes of 0 ns, expected a time", path,
                          profile->batch[b]);
    if (!rc && profile->path.rungs == 0)
        rc = ofr_fail(err, OFR_E_INPUT,
                      "%s: found no whole passes, expected a profile that was measured along the path of a "
                      "replay (`offramp profile %s`)",
                      path, profile->model);
    if (!rc)
        rc = ofr_profile_samples_load(&rows, path, err);
    if (!rc)
        rc = run_with(call, profile, &rows, err);
    ofr_profile_samples_release(&rows);
    ofr_profile_free(profile);
    return rc;
}

const struct ofr_cli_verb ofr_verb_profile_probe = {
    .name = "probe",
    .help = "take a profile to the device at hand: its speed and what idling costs there, in seconds",
    .usage = "PROFILE.oprof",
    .least = 1,
    .most = 1,
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .options_size = sizeof(struct options),
    .run = run,
};
