/* The command line: flags, verbs, help, lists, and JSON as results are written. */
#include "sim/base/config.h"
#include "sim/base/json.h"
#include "sim/cli/cli.h"
#include "sim/cli/registry.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct result {
    int rc;
    char *out; /* owned */
    struct ofr_error err;
};

/* Runs `offramp` with space-separated arguments. */
static struct result offramp(const char *arguments)
{
    struct result result = {.err = OFR_ERROR_INIT};
    char copy[512], *argv[34] = {"offramp"}, *rest = NULL;
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", arguments);
    for (char *word = strtok_r(copy, " ", &rest); word && argc < 33; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    size_t size;
    FILE *out = open_memstream(&result.out, &size), *chatter = fopen("/dev/null", "w");
    result.rc = ofr_cli_main(argc, argv, out, chatter, &result.err);
    fclose(out);
    fclose(chatter);
    return result;
}

Test(cli, bad_usage_is_one_line_and_status_2)
{
    static const struct {
        const char *arguments, *message;
    } bad[] = {
        {"", "found no verb, expected e.g. `offramp sim SCENARIO.yaml`"},
        {"simm", "there is no 'simm', did you mean 'sim'?"},
        {"trace imprt", "there is no 'trace imprt', did you mean 'trace import'?"},
        {"trace", "trace: found no sub-verb, see `offramp trace --help`"},
        {"sim", "sim: found 0 arguments, expected SCENARIO.yaml"},
        {"sim a b", "sim: found 2 arguments, expected SCENARIO.yaml"},
        {"sim a --jsn", "unknown flag --jsn, did you mean --json?"},
        {"sim a --frobnicate", "unknown flag --frobnicate, see --help"},
        {"sim a -json", "unknown flag -json, did you mean two dashes?"},
        {"sim a -x", "unknown flag -x, see --help"},
        {"sim a -5", "unknown flag -5, see --help"},
        {"sim a --json --json", "--json is given twice"},
        {"sim a --json --no-json", "--json is given twice"},
        {"sim a --json=maybe", "command line: json: found 'maybe', expected true or false"},
        {"sim a --no-json=yes", "--no-json takes no value"},
        {"sim a --no-log", "unknown flag --no-log, see --help"},
        {"sim a --log", "--log needs a value: write a run log (.olog)"},
        {"tune c --method fast", "command line: method: found 'fast', expected one of: greedy exact grid"},
        {"tune c --method exat",
         "command line: method: found 'exat', expected one of: greedy exact grid; did you mean 'exact'?"},
        {"tune c --budget 120%", "command line: budget: found '120%', expected 0% to 100%"},
        {"list polices",
         "list: found 'polices', expected one of: policies batchers arrivals formats modes terms"},
        {"help nothing", "help: there is no 'nothing', see `offramp --help`"},
        {"help policy:nothing", "there is no policy 'nothing', see `offramp list policies`"},
        {"trace import nothing x -o y", NULL},
        {"trace import azure-llm x", NULL},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        struct result result = offramp(bad[i].arguments);
        cr_expect_eq(ofr_exit_status(result.rc), 2, "%s: %d", bad[i].arguments, result.rc);
        if (bad[i].message)
            cr_expect_str_eq(result.err.text, bad[i].message);
        cr_expect_str_eq(result.out, "", "%s wrote results", bad[i].arguments);
        cr_expect_null(strchr(result.err.text, '\n'));
        free(result.out);
    }
}

struct flags {
    uint8_t dry_run;
    uint64_t jobs;
    struct offramp_args set;
};

static const struct offramp_option rows[] = {
    {.name = "dry_run",
     .type = OFFRAMP_OPT_BOOL,
     .offset = offsetof(struct flags, dry_run),
     .fallback = "true",
     .help = "h"},
    {.name = "jobs",
     .type = OFFRAMP_OPT_COUNT,
     .offset = offsetof(struct flags, jobs),
     .fallback = "1",
     .min = 1,
     .max = 64,
     .help = "h"},
    {.name = "set",
     .type = OFFRAMP_OPT_ARGS,
     .offset = offsetof(struct flags, set),
     .fallback = "[]",
     .help = "h"},
};

Test(cli, every_way_to_write_a_flag)
{
    static const struct {
        const char *word[8];
        uint8_t dry_run;
        uint64_t jobs;
        uint32_t positionals, sets;
    } good[] = {
        {{NULL}, 1, 1, 0, 0},
        {{"--no-dry-run", "--jobs", "4"}, 0, 4, 0, 0},
        {{"--jobs=5", "--dry-run"}, 1, 5, 0, 0},
        {{"-j", "6", "a"}, 1, 6, 1, 0},
        {{"-j7", "a", "b"}, 1, 7, 2, 0},
        {{"--dry-run=off"}, 0, 1, 0, 0},
        {{"--", "--jobs", "-x"}, 1, 1, 2, 0},
        {{"-", "a"}, 1, 1, 2, 0},
        {{"--set", "a=1", "x", "--set=b=--2", "--set", "--"}, 1, 1, 1, 3},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; ++i) {
        struct flags flags;
        struct ofr_cli_parse parse = {
            .options = rows, .option_count = 3, .values = &flags, .options_size = sizeof flags};
        struct ofr_error err = OFR_ERROR_INIT;
        int argc = 0;
        while (argc < 8 && good[i].word[argc])
            ++argc;
        cr_expect_eq(ofr_cli_parse(&parse, argc, (char **)(uintptr_t)good[i].word, &err), 0, "%s", err.text);
        cr_expect_eq(flags.dry_run, good[i].dry_run, "case %zu", i);
        cr_expect_eq(flags.jobs, good[i].jobs, "case %zu", i);
        cr_expect_eq(parse.positionals, good[i].positionals, "case %zu", i);
        cr_expect_eq(flags.set.count, good[i].sets, "case %zu", i);
        if (flags.set.count == 3)
            cr_expect_str_eq(flags.set.item[1], "b=--2");
    }
}

Test(cli, help_reaches_everything)
{
    static const struct {
        const char *arguments, *contains;
    } pages[] = {
        {"--help", "offramp sim"},
        {"help", "offramp sim"},
        {"sim --help", "--vanilla"},
        {"help sim", "--vanilla"},
        {"sim -h", "--vanilla"},
        {"trace --help", "offramp trace import"},
        {"help trace import", "--out"},
        {"help scenario", "servers"},
        {"help policy:static", "thresholds"},
        {"help policies:static", "thresholds"},
        {"help arrivals:gamma", "cv"},
        {"help batcher:fifo", "max_batch"},
        {"help arrival:gamma", "cv"},
        {"help format:csv", "delimiter"},
        {"--version", "offramp 0."},
        {"--version", "revision   "},
        {"--version", "libraries  oneDNN "},
        {"--version", "reports    pages: "},
        {"help --spec", "\"verbs\""},
    };
    for (size_t i = 0; i < sizeof pages / sizeof *pages; ++i) {
        struct result result = offramp(pages[i].arguments);
        cr_expect_eq(result.rc, 0, "%s: %s", pages[i].arguments, result.err.text);
        cr_expect_not_null(strstr(result.out, pages[i].contains), "%s does not show %s", pages[i].arguments,
                           pages[i].contains);
        free(result.out);
    }
}

/* A name finds the first of its kind: a second would be in vain. */
Test(cli, no_part_is_listed_twice)
{
    struct ofr_component part, other;
    for (const struct ofr_registry *registry = ofr_registries; registry->kind; ++registry)
        for (uint32_t i = 0; registry->at(i, &part); ++i)
            for (uint32_t j = 0; j < i && registry->at(j, &other); ++j)
                cr_expect_str_neq(part.name, other.name, "%s", registry->kind);
}

/* Every part of every kind is listed first on its line, has a page, and defaults that its own rows accept. */
Test(cli, parts_are_listed_and_their_defaults_are_good)
{
    for (const struct ofr_registry *registry = ofr_registries; registry->kind; ++registry) {
        char arguments[128];
        snprintf(arguments, sizeof arguments, "list %s", registry->plural);
        struct result list = offramp(arguments);
        const char *line = list.out;
        struct ofr_component part;
        for (uint32_t i = 0; registry->at(i, &part); ++i) {
            size_t size = strlen(part.name);
            cr_expect(strncmp(line, part.name, size) == 0 && line[size] == ' ', "%s: %s", part.name, line);
            line = strchr(line, '\n') + 1;
            for (uint32_t k = 0; k < part.option_count; ++k) {
                const struct offramp_option *option = &part.options[k];
                struct ofr_error err = OFR_ERROR_INIT;
                void *values = calloc(1, part.options_size);
                cr_expect_not_null(option->help);
                cr_expect(!option->fallback || strcmp(option->fallback, "[]") == 0 ||
                              ofr_options_bind(option, 1, values, part.options_size, NULL, &err) == 0,
                          "%s:%s %s", registry->kind, part.name, err.text);
                free(values);
            }
        }
        cr_expect_eq(*line, '\0');
        free(list.out);
    }
}

Test(cli, spec_is_json)
{
    struct result result = offramp("help --spec");
    json_t *spec = json_loads(result.out, 0, NULL);
    cr_assert_not_null(spec);
    cr_expect_gt(json_array_size(json_object_get(spec, "verbs")), 3);
    cr_expect_gt(json_array_size(json_object_get(spec, "policies")), 2);
    json_decref(spec);
    free(result.out);
}

static void expect_json(json_t *value, const char *expected)
{
    char *text = NULL;
    size_t size;
    struct ofr_error err = OFR_ERROR_INIT;
    FILE *out = open_memstream(&text, &size);
    cr_expect_eq(ofr_json_write(out, value, &err), 0, "%s", err.text);
    fclose(out);
    cr_expect_str_eq(text, expected);
    free(text);
    json_decref(value);
}

Test(cli, json_is_exact)
{
    expect_json(ofr_json_real(0.1), "0.1\n");
    expect_json(ofr_json_real(1), "1.0\n");
    expect_json(ofr_json_real(1e22), "1e+22\n");
    expect_json(ofr_json_real(0.30000000000000004), "0.30000000000000004\n");
    expect_json(ofr_json_real(NAN), "null\n");
    expect_json(ofr_json_real(-INFINITY), "null\n");
    expect_json(ofr_json_count(9007199254740993), "9007199254740993\n");
    expect_json(ofr_json_count(UINT64_MAX), "\"18446744073709551615\"\n");
    expect_json(json_string("a\"\n\u00e4"), "\"a\\\"\\n\u00e4\"\n");
    expect_json(json_object(), "{}\n");
    expect_json(json_array(), "[]\n");
    expect_json(json_pack("{s:i, s:[i,f], s:[{s:b}], s:{}}", "z", 1, "a", 2, 0.5, "m", "k", 1, "e"),
                "{\n  \"z\": 1,\n  \"a\": [2, 0.5],\n  \"m\": [\n    {\n      \"k\": true\n    }\n  ],\n"
                "  \"e\": {}\n}\n");
}

Test(cli, json_reports_a_full_disk)
{
    FILE *out = fopen("/dev/full", "w");
    struct ofr_error err = OFR_ERROR_INIT;
    setvbuf(out, NULL, _IONBF, 0);
    json_t *value = json_integer(1);
    cr_expect_eq(ofr_json_write(out, value, &err), OFR_E_IO);
    cr_expect_eq(ofr_json_write(stdout, NULL, NULL), OFR_E_NOMEM);
    json_decref(value);
    fclose(out);
}

static void expect_sound(const char *kind, const char *name, const struct offramp_option *options,
                         uint32_t count, size_t size)
{
    struct ofr_error err = OFR_ERROR_INIT;
    cr_expect_eq(ofr_options_check(options, count, size, &err), 0, "%s %s: %s", kind, name, err.text);
}

static void expect_sound_verbs(const struct ofr_cli_verb *const *verb)
{
    for (; verb && *verb; ++verb) {
        expect_sound("verb", (*verb)->name, (*verb)->options, (*verb)->option_count, (*verb)->options_size);
        expect_sound_verbs((*verb)->sub);
    }
}

/* What a plug-in's table has to be, ours are. A row at another row's offset, or a default out of range, fails. */
Test(cli, every_option_table_is_sound)
{
    struct ofr_component part;
    for (const struct ofr_registry *registry = ofr_registries; registry->kind; ++registry)
        for (uint32_t i = 0; registry->at(i, &part); ++i)
            expect_sound(registry->kind, part.name, part.options, part.option_count, part.options_size);
    expect_sound_verbs(ofr_cli_verbs);
}
