#include "sim/run/scenario_tables.h"

#include "sim/run/scenario.h"
#include "sim/serve/mode.h"

#define ROW(section, member) .offset = offsetof(struct section, member)

static const char *const end_choices[] = {"drain", "cut", NULL};
static const char *const noise_choices[] = {"none", "samples", "exponential", NULL};
static const char *const sample_choices[] = {"sequential", "random", NULL};
static const char *const phase_choices[] = {"even", "random", NULL};

static const struct offramp_option top[] = {
    {.name = "name",
     .type = OFFRAMP_OPT_TEXT,
     ROW(ofr_scenario_top, name),
     .fallback = "unnamed",
     .help = "what reports call the run"},
    {.name = "requests",
     .type = OFFRAMP_OPT_COUNT,
     ROW(ofr_scenario_top, requests),
     .fallback = "0",
     .min = 0,
     .max = 1e15,
     .help = "offer so many requests; 0 = as many as arrive"},
    {.name = "duration",
     .type = OFFRAMP_OPT_TIME,
     ROW(ofr_scenario_top, duration_ns),
     .fallback = "none",
     .min = -1,
     .max = 9e18,
     .help = "offer no request at or after this time"},
    {.name = "end",
     .type = OFFRAMP_OPT_CHOICE,
     ROW(ofr_scenario_top, end),
     .fallback = "drain",
     .choices = end_choices,
     .help = "at the end serve what is in the system, or cut the run at `duration` (the rest is unfinished)"},
    {.name = "slo",
     .type = OFFRAMP_OPT_TIME,
     ROW(ofr_scenario_top, slo_ns),
     .fallback = "none",
     .min = -1,
     .max = 9e18,
     .help = "latency objective of every request, counted from its arrival"},
    {.name = "servers",
     .type = OFFRAMP_OPT_COUNT,
     ROW(ofr_scenario_top, servers),
     .fallback = "1",
     .min = 1,
     .max = 256,
     .help = "identical servers behind the one queue"},
    {.name = "seed",
     .type = OFFRAMP_OPT_COUNT,
     ROW(ofr_scenario_top, seed),
     .fallback = "1",
     .help = "of all random streams"},
};

#define TERM(key, member_name, text)                                                                         \
    {                                                                                                        \
        .name = key, .type = OFFRAMP_OPT_TIME, ROW(ofr_scenario_model, member_name), .fallback = "none",     \
        .min = -1, .max = 1e12, .help = text                                                                 \
    }

static const struct offramp_option model[] = {
    {.name = "profile",
     .type = OFFRAMP_OPT_PATH,
     ROW(ofr_scenario_model, profile),
     .help = "latency profile (.oprof)"},
    {.name = "recording",
     .type = OFFRAMP_OPT_PATH,
     ROW(ofr_scenario_model, recording),
     .fallback = "",
     .help = "exit recording (.orec); may be left out when no ramp is active"},
    {.name = "first_profile",
     .type = OFFRAMP_OPT_PATH,
     ROW(ofr_scenario_model, first_profile),
     .fallback = "",
     .help = "latency profile of a first model of its own, in mode cascade; its whole pass counts"},
    {.name = "times",
     .type = OFFRAMP_OPT_PATH,
     ROW(ofr_scenario_model, times),
     .fallback = "",
     .help = "latency profile that batches take their times from in a simulation, while the policy and the "
             "batcher go by `profile`: the same on another device (`offramp profile probe`)"},
    {.name = "noise",
     .type = OFFRAMP_OPT_CHOICE,
     ROW(ofr_scenario_model, noise),
     .fallback = "none",
     .choices = noise_choices,
     .help =
         "execution times: the profile's medians, drawn from its samples, or exponential (queueing theory)"},
    {.name = "noise_stream",
     .type = OFFRAMP_OPT_COUNT,
     ROW(ofr_scenario_model, noise_stream),
     .fallback = "0",
     .max = 1e9,
     .help = "number of the random stream execution times come from: another one is another run of the same "
             "work"},
    {.name = "without",
     .type = OFFRAMP_OPT_TEXTS,
     ROW(ofr_scenario_model, without),
     .fallback = "[]",
     .help = "terms of the latency model left out of a simulation, to see what each is worth (`offramp list "
             "terms`)"},
    {.name = "pace",
     .type = OFFRAMP_OPT_TEXTS,
     ROW(ofr_scenario_model, pace_text),
     .fallback = "[]",
     .help =
         "SIZE=FACTOR, ...: batches the device runs at this size take so many times as long in a simulation, "
         "to see what a slower device, or another boot of it, changes"},
    {.name = "samples",
     .type = OFFRAMP_OPT_CHOICE,
     ROW(ofr_scenario_model, samples),
     .fallback = "sequential",
     .choices = sample_choices,
     .help = "rows of the recording: in order (from the start again at the end), or drawn at random"},
    TERM("ramp", ramp_ns, "time of one ramp at every site and batch size, instead of the profile's"),
    TERM("dispatch", dispatch_ns,
         "from the decision to dispatch to the first kernel, instead of the profile's"),
    TERM("copy_in", copy_in_ns, "copy to the device per batch, instead of the profile's"),
    TERM("copy_out", copy_out_ns, "copy from the device per batch, instead of the profile's"),
    TERM("release", release_ns, "from a ramp's decision to the host seeing it, instead of the profile's"),
    TERM("feedback", feedback_ns,
         "from a batch's end to its results reaching the policy, instead of the profile's"),
};

static const struct offramp_option stream[] = {
    {.name = "count",
     .type = OFFRAMP_OPT_COUNT,
     ROW(ofr_scenario_stream, count),
     .fallback = "1",
     .min = 1,
     .max = 4096,
     .help = "so many streams like this, each with its own random numbers and part of the recording"},
    {.name = "spread",
     .type = OFFRAMP_OPT_TIME,
     ROW(ofr_scenario_stream, spread_ns),
     .fallback = "0s",
     .min = 0,
     .max = 3.6e12,
     .help = "the streams start within this time of each other"},
    {.name = "phases",
     .type = OFFRAMP_OPT_CHOICE,
     ROW(ofr_scenario_stream, phases),
     .fallback = "even",
     .choices = phase_choices,
     .help = "starts within `spread`: evenly spaced, or random"},
    {.name = "slo",
     .type = OFFRAMP_OPT_TIME,
     ROW(ofr_scenario_stream, slo_ns),
     .fallback = "none",
     .min = -1,
     .max = 9e18,
     .help = "latency objective of these requests; left out: the scenario's"},
    {.name = "priority",
     .type = OFFRAMP_OPT_COUNT,
     ROW(ofr_scenario_stream, priority),
     .fallback = "0",
     .min = 0,
     .max = OFFRAMP_MAX_SITES,
     .help = "1 is the highest; 0 = the batcher's default; for batchers that have priorities"},
    {.name = "timeout",
     .type = OFFRAMP_OPT_TIME,
     ROW(ofr_scenario_stream, timeout_ns),
     .fallback = "none",
     .min = -1,
     .max = 3.6e12,
     .help = "longest time of these requests in the queue; for batchers that let requests choose"},
};

static const struct offramp_option exits[] = {
    {.name = "mode",
     .type = OFFRAMP_OPT_CHOICE,
     ROW(ofr_scenario_exits, mode),
     .fallback = "release",
     .choices = ofr_mode_names,
     .help = "what an exit does to its batch; `offramp list modes`"},
};

#define SECTION(key, rows)                                                                                   \
    {                                                                                                        \
        .name = key, .options = rows, .option_count = sizeof rows / sizeof *rows                             \
    }

const struct ofr_section ofr_section_top = SECTION("", top);
const struct ofr_section ofr_section_model = SECTION("model", model);
const struct ofr_section ofr_section_stream = SECTION("streams", stream);
const struct ofr_section ofr_section_batching = {.name = "batching"};
const struct ofr_section ofr_section_exits = SECTION("exits", exits);
