/* Configuration trees: places in messages, what YAML may not bring, overrides, binding. */
#include "sim/base/config.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct values {
    uint64_t servers;
    int64_t slo_ns;
    char path[OFFRAMP_TEXT_SIZE];
    struct offramp_reals thresholds;
};

static const struct offramp_option table[] = {
    {.name = "servers",
     .type = OFFRAMP_OPT_COUNT,
     .offset = offsetof(struct values, servers),
     .fallback = "1",
     .min = 1,
     .max = 256,
     .help = "how many"},
    {.name = "slo",
     .type = OFFRAMP_OPT_TIME,
     .offset = offsetof(struct values, slo_ns),
     .fallback = "none",
     .min = -1,
     .max = 9e18,
     .help = "objective"},
    {.name = "path",
     .type = OFFRAMP_OPT_PATH,
     .offset = offsetof(struct values, path),
     .fallback = "",
     .help = "a file"},
    {.name = "thresholds",
     .type = OFFRAMP_OPT_REALS,
     .offset = offsetof(struct values, thresholds),
     .fallback = "[]",
     .max = 1,
     .help = "numbers"},
};
static const char *const known[] = {"servers", "slo", "path", "thresholds", NULL};

enum {
    ROWS = sizeof table / sizeof *table
};

/* Reads, overrides, binds and checks for unknown keys as a scenario does. `set` may be NULL. */
static int bind_all(const char *name, const char *text, size_t size, const char *set, struct values *values,
                    struct ofr_error *err)
{
    struct ofr_config *config = NULL;
    int rc = ofr_config_parse(&config, name, text, size, err);
    if (!rc && set)
        rc = ofr_config_set(config, set, err);
    if (!rc)
        rc = ofr_options_bind(table, ROWS, values, sizeof *values, ofr_config_root(config), err);
    if (!rc)
        rc = ofr_node_reject_unused(ofr_config_root(config), known, err);
    ofr_config_free(config);
    return rc;
}

Test(config, bad_files_name_the_place)
{
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"slo: 20\n", "s.yaml:1:6: slo: found '20', expected its unit with it (ns us ms s min h), e.g. 20ms"},
        {"servers: 2\n\n  \nslo:   20\n",
         "s.yaml:4:8: slo: found '20', expected its unit with it (ns us ms s min h), e.g. 20ms"},
        {"servers: 0\r\n", "s.yaml:1:10: servers: found '0', expected 1 to 256"},
        {"servers: 2\r\nslo: 1ms\r\nserver: 3\r\n",
         "s.yaml:3:1: unknown key 'server', did you mean 'servers'?"},
        {"{servers: 2, colour: red}",
         "s.yaml:1:14: unknown key 'colour', expected one of: servers slo path thresholds"},
        {"colour:\n  a: 1\n",
         "s.yaml:1:1: unknown key 'colour', expected one of: servers slo path thresholds"},
        {"slo: 1ms\nservers: 1\nslo: 2ms\n", "s.yaml:3:1: key 'slo' stands twice, first in line 1"},
        {"slo: {a: 1}\n", "s.yaml:1:6: slo: found a map, expected a single value"},
        {"slo: [1ms]\n", "s.yaml:1:6: slo: found a list, expected a single value"},
        {"thresholds: {a: 1}\n",
         "s.yaml:1:13: thresholds: found a map, expected a value or a list of values"},
        {"thresholds: [0.1, 7, 0.2]\n", "s.yaml:1:19: thresholds: found '7', expected 0 to 1"},
        {"thresholds:\n  - 0.1\n  - [0.2]\n",
         "s.yaml:3:5: thresholds: found a list or map, expected a single value"},
        {"slo: &a 1ms\n", "s.yaml:1:6: found an anchor (&name), which scenarios do not use"},
        {"slo: *a\n", "s.yaml:1:6: found an alias (*name), which scenarios do not use"},
        {"slo: !!str 1ms\n", "s.yaml:1:6: found a tag (!name), which scenarios do not use"},
        {"a: &x [1]\n", "s.yaml:1:4: found an anchor (&name), which scenarios do not use"},
        {"a: !m {}\n", "s.yaml:1:4: found a tag (!name), which scenarios do not use"},
        {"slo: 1ms\n---\nslo: 2ms\n", "s.yaml:2:1: found a second document, expected one"},
        {"[a, b]: 1\n", "s.yaml:1:1: found a list or map as a key, expected a name"},
        {"a: \"x\\0y\"\n", "s.yaml:1:4: found a NUL character inside a value"},
        {"[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]", "s.yaml:1:17: lists and maps nest deeper than 16"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        struct values values;
        struct ofr_error err = OFR_ERROR_INIT;
        cr_expect_eq(bind_all("s.yaml", bad[i].text, strlen(bad[i].text), NULL, &values, &err), OFR_E_INPUT,
                     "taken: %s", bad[i].text);
        cr_expect_str_eq(err.text, bad[i].message);
    }
}

/* libyaml words these; the place is ours to keep. */
Test(config, what_is_no_yaml)
{
    static const struct {
        const char *text;
        size_t size; /* 0 = up to the NUL */
        const char *place;
    } bad[] = {
        {"slo: 1ms\n\tservers: 2\n", 0, "s.yaml:2:1: "},
        {"a: [1, 2\n", 0, "s.yaml:2:1: "},
        {"a: 'open\n", 0, "s.yaml:2:1: "},
        {"a: b: c\n", 0, "s.yaml:1:5: "},
        {"a: }\n", 0, "s.yaml:1:4: "},
        {"a: 1\n b: 2\n", 0, "s.yaml:2:3: "},
        {"%YAML 9.9\n---\na: 1\n", 0, "s.yaml:1:1: "},
        {"a: \xff\xfe\n", 0, "s.yaml: offset 3: "},
        {"a: \xc3(\n", 0, "s.yaml: offset 4: "},
        {"a: \0b\n", 7, "s.yaml: offset 3: "},
        {"a: \x01\n", 0, "s.yaml: offset 3: "},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        struct values values;
        struct ofr_error err = OFR_ERROR_INIT;
        size_t size = bad[i].size ? bad[i].size : strlen(bad[i].text);
        cr_expect_eq(bind_all("s.yaml", bad[i].text, size, NULL, &values, &err), OFR_E_INPUT, "taken: %s",
                     bad[i].text);
        cr_expect_eq(strncmp(err.text, bad[i].place, strlen(bad[i].place)), 0, "%s, expected %s", err.text,
                     bad[i].place);
        cr_expect_null(strchr(err.text, '\n'));
    }
}

Test(config, good_files)
{
    static const struct {
        const char *text;
        uint64_t servers;
        int64_t slo_ns;
        uint32_t thresholds;
    } good[] = {
        {"", 1, -1, 0},
        {"\n# only a comment\n", 1, -1, 0},
        {"{}", 1, -1, 0},
        {"servers: 3", 3, -1, 0}, /* no last newline */
        {"servers: 3\r\nslo: 5ms\r\n", 3, 5000000, 0},
        {"\xef\xbb\xbfservers: 3\n", 3, -1, 0}, /* byte order mark */
        {"---\nservers: '3'\n...\n", 3, -1, 0},
        {"{servers: 3, slo: none, thresholds: 0.5}", 3, -1, 1},
        {"thresholds: [0.1, 0.2,\n  1]", 1, -1, 3},
        {"thresholds: []", 1, -1, 0},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; ++i) {
        struct values values;
        struct ofr_error err = OFR_ERROR_INIT;
        cr_expect_eq(bind_all("s.yaml", good[i].text, strlen(good[i].text), NULL, &values, &err), 0, "%s",
                     err.text);
        cr_expect_eq(values.servers, good[i].servers, "%s", good[i].text);
        cr_expect_eq(values.slo_ns, good[i].slo_ns, "%s", good[i].text);
        cr_expect_eq(values.thresholds.count, good[i].thresholds, "%s", good[i].text);
    }
}

/* Every prefix of a document either reads or says why; nothing else (the sanitizers watch). */
Test(config, cut_anywhere)
{
    static const char text[] =
        "servers: 3\nslo: \"5ms\"\nthresholds: [0.1, {a: [b, 'c']}]\npath: |\n  x\n  y\n";
    for (size_t size = 0; size < sizeof text; ++size) {
        struct values values;
        struct ofr_error err = OFR_ERROR_INIT;
        int rc = bind_all("s.yaml", text, size, NULL, &values, &err);
        cr_expect(rc == 0 ? err.text[0] == '\0' : err.text[0] != '\0', "cut at %zu", size);
    }
}

Test(config, sizes_have_bounds)
{
    struct values values;
    struct ofr_error err = OFR_ERROR_INIT;
    size_t size = 1 << 20;
    char *text = malloc(size);
    memset(text, '[', size);
    cr_expect_eq(bind_all("s.yaml", text, size, NULL, &values, &err), OFR_E_INPUT);
    cr_expect_str_eq(err.text, "s.yaml:1:17: lists and maps nest deeper than 16");
    size_t used = 0;
    for (int i = 0; i < 5000; ++i)
        used += (size_t)snprintf(text + used, size - used, "k%d: 1\n", i);
    ofr_error_clear(&err);
    cr_expect_eq(bind_all("s.yaml", text, used, NULL, &values, &err), OFR_E_INPUT);
    cr_expect_str_eq(err.text, "s.yaml:4097:1: found a map of more than 4096 keys");
    used = (size_t)snprintf(text, size, "thresholds: [");
    for (int i = 0; i < 65; ++i)
        used += (size_t)snprintf(text + used, size - used, "0.5,");
    used += (size_t)snprintf(text + used, size - used, "]");
    ofr_error_clear(&err);
    cr_expect_eq(bind_all("s.yaml", text, used, NULL, &values, &err), OFR_E_INPUT);
    cr_expect_str_eq(err.text, "s.yaml:1:270: thresholds: found '0.5', expected at most 64 values");
    free(text);
}

Test(config, overrides_pass_the_same_checks)
{
    static const struct {
        const char *set, *message; /* message NULL = good */
        uint64_t servers;
    } cases[] = {
        {"servers=7", NULL, 7},
        {"servers= 7 ", NULL, 7},
        {"servers=\"7\"", NULL, 7},
        {"servers=0", "--set servers=0: servers: found '0', expected 1 to 256", 0},
        {"servers=", "--set servers=: servers: found '', expected a whole number such as 100000, 10k or 2M",
         0},
        {"server=7", "--set server=7: unknown key 'server', did you mean 'servers'?", 0},
        {"servers.count=7", "s.yaml:1:10: servers: found a map, expected a single value", 0},
        {"servers=[1", "--set servers=[1: did not find expected ',' or ']'", 0},
        {"servers", "--set: found 'servers', expected KEY=VALUE such as arrivals.rate=900/s", 0},
        {"=7", "--set: found '=7', expected KEY=VALUE such as arrivals.rate=900/s", 0},
        {".=7", "--set .=7: found an empty key between the dots", 0},
        {"a..b=7", "--set a..b=7: found an empty key between the dots", 0},
        {"a.=7", "--set a.=7: found an empty key between the dots", 0},
        {"a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a=7",
         "--set a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a=7: found more than 16 keys on the way", 0},
        {"thresholds.3=7", "--set thresholds.3=7: found '3', expected a list position 0 to 1", 0},
        {"thresholds.x=7", "--set thresholds.x=7: found 'x', expected a list position 0 to 1", 0},
        {"thresholds.1=7", "--set thresholds.1=7: thresholds: found '7', expected 0 to 1", 0},
        {"thresholds.1=0.7", NULL, 2},
        {"thresholds=[1, 0]", NULL, 2},
    };
    static const char text[] = "servers: 2\nthresholds: [0.1, 0.2]\n";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        struct values values;
        struct ofr_error err = OFR_ERROR_INIT;
        int rc = bind_all("s.yaml", text, sizeof text - 1, cases[i].set, &values, &err);
        cr_expect_eq(rc == 0, cases[i].message == NULL, "%s: %s", cases[i].set, err.text);
        cr_expect_str_eq(err.text, cases[i].message ? cases[i].message : "");
        if (!cases[i].message)
            cr_expect_eq(values.servers, cases[i].servers, "%s", cases[i].set);
    }
}

Test(config, overrides_make_what_is_missing_and_edit_lists)
{
    static const char text[] = "list: [{a: 1}, {a: 2}]\n";
    struct ofr_config *config = NULL;
    struct ofr_error err = OFR_ERROR_INIT;
    cr_assert_eq(ofr_config_parse(&config, "s.yaml", text, sizeof text - 1, &err), 0);
    cr_assert_eq(ofr_config_set(config, "x.y.z=5", &err), 0, "%s", err.text);
    cr_assert_eq(ofr_config_set(config, "x.y.w={k: [v]}", &err), 0, "%s", err.text);
    cr_assert_eq(ofr_config_set(config, "list.1.a=3", &err), 0, "%s", err.text);
    cr_assert_eq(ofr_config_set(config, "list.0.b=4", &err), 0, "%s", err.text);
    char path[2048]; /* longer than any message */
    snprintf(path, sizeof path, "p=%1500d", 1);
    cr_assert_eq(ofr_config_set(config, path, &err), 0, "%s", err.text);
    struct ofr_node *root = ofr_config_root(config);
    struct ofr_node *y = ofr_node_get(ofr_node_get(root, "x"), "y");
    cr_expect_str_eq(ofr_node_get(y, "z")->text, "5");
    cr_expect_str_eq(ofr_node_get(ofr_node_get(y, "w"), "k")->child[0]->text, "v");
    struct ofr_node *list = ofr_node_get(root, "list");
    cr_expect_str_eq(ofr_node_get(list->child[1], "a")->text, "3");
    cr_expect_str_eq(ofr_node_get(list->child[0], "a")->text, "1");
    cr_expect_str_eq(ofr_node_get(list->child[0], "b")->text, "4");
    cr_expect_null(ofr_node_get(root, "nothing"));
    cr_expect_null(ofr_node_get(NULL, "x"));
    ofr_config_free(config);
}

Test(config, paths_are_relative_to_their_file)
{
    static const struct {
        const char *file, *text, *set, *path;
    } cases[] = {
        {"dir/s.yaml", "path: a.bin", NULL, "dir/a.bin"},
        {"/abs/s.yaml", "path: ../a.bin", NULL, "/abs/../a.bin"},
        {"s.yaml", "path: a.bin", NULL, "a.bin"},
        {"dir/s.yaml", "path: /a.bin", NULL, "/a.bin"},
        {"dir/s.yaml", "path: ''", NULL, ""},
        {"dir/s.yaml", "{}", NULL, ""},
        {"dir/s.yaml", "path: a.bin", "path=b/c", "b/c"}, /* the user's own folder */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        struct values values;
        struct ofr_error err = OFR_ERROR_INIT;
        cr_assert_eq(
            bind_all(cases[i].file, cases[i].text, strlen(cases[i].text), cases[i].set, &values, &err), 0);
        cr_expect_str_eq(values.path, cases[i].path);
    }
}

Test(config, a_required_option_is_asked_for)
{
    static const struct offramp_option needed = {
        .name = "profile", .type = OFFRAMP_OPT_PATH, .offset = 0, .help = "latency profile"};
    char value[OFFRAMP_TEXT_SIZE];
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_config *config = NULL;
    cr_assert_eq(ofr_config_parse(&config, "s.yaml", "a: 1\n", 5, &err), 0);
    cr_expect_eq(ofr_options_bind(&needed, 1, value, sizeof value, ofr_config_root(config), &err),
                 OFR_E_INPUT);
    cr_expect_str_eq(err.text, "s.yaml:1:1: 'profile' is missing: latency profile");
    ofr_error_clear(&err);
    cr_expect_eq(ofr_options_bind(&needed, 1, value, sizeof value, NULL, &err), OFR_E_INPUT);
    cr_expect_str_eq(err.text, "'profile' is missing: latency profile");
    ofr_config_free(config);
}

Test(config, files)
{
    char folder[] = "/tmp/ofr-config-XXXXXX", path[64];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/s.yaml", folder);
    struct ofr_config *config = NULL;
    struct ofr_error err = OFR_ERROR_INIT;
    cr_expect_eq(ofr_config_load(&config, path, &err), OFR_E_INPUT);
    cr_expect_not_null(strstr(err.text, "there is no such file"), "%s", err.text);
    ofr_error_clear(&err);
    cr_expect_eq(ofr_config_load(&config, folder, &err), OFR_E_INPUT);
    cr_expect_not_null(strstr(err.text, "is a directory"), "%s", err.text);
    ofr_error_clear(&err);
    FILE *file = fopen(path, "wb");
    fputs("a: 1\n", file);
    fclose(file);
    ofr_error_clear(&err);
    cr_assert_eq(ofr_config_load(&config, path, &err), 0, "%s", err.text);
    cr_expect_str_eq(ofr_node_get(ofr_config_root(config), "a")->text, "1");
    ofr_config_free(config);
    cr_assert_eq(truncate(path, (4 << 20) + 1), 0);
    cr_expect_eq(ofr_config_load(&config, path, &err), OFR_E_INPUT);
    cr_expect_not_null(strstr(err.text, "larger than 4 MiB"), "%s", err.text);
    unlink(path);
    rmdir(folder);
}
