#include "sim/sweep/keys.h"

#include "sim/base/revision.h"
#include "sim/base/units.h"
#include "sim/base/version.h"
#include "sim/policy/plugin.h"
#include "sim/policy/policies.h"
#include "sim/run/scenario_tables.h"
#include "sim/serve/batcher.h"
#include "workloads/arrivals.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

/* ---- what tables there are ---- */

struct table {
    const struct offramp_option *options;
    uint32_t count;
};

enum {
    MOST_TABLES = 256,
    MOST_NAMES = 1024
};

struct tables {
    struct table item[MOST_TABLES];
    uint32_t count;
};

static void add(struct tables *tables, const struct offramp_option *options, uint32_t count)
{
    if (count && tables->count < MOST_TABLES)
        tables->item[tables->count++] = (struct table){options, count};
}

static void add_section(struct tables *tables, const struct ofr_section *section)
{
    add(tables, section->options, section->option_count);
}

static void add_arrivals(struct tables *tables)
{
    for (const struct ofr_arrival_ops *const *each = ofr_arrival_processes; *each; ++each)
        add(tables, (*each)->component.options, (*each)->component.option_count);
}

static void add_batchers(struct tables *tables)
{
    add_section(tables, &ofr_section_batching);
    for (const struct ofr_batcher_ops *const *each = ofr_batchers; *each; ++each)
        add(tables, (*each)->component.options, (*each)->component.option_count);
}

static void add_policies(struct tables *tables)
{
    add_section(tables, &ofr_section_exits);
    for (const struct offramp_policy_ops *const *each = ofr_policies; *each; ++each)
        add(tables, (*each)->options, (*each)->option_count);
}

/* ---- keys ---- */

struct names {
    const char *item[MOST_NAMES + 1]; /* NULL-terminated */
    uint32_t count;
};

static void name(struct names *names, const char *text)
{
    if (text && names->count < MOST_NAMES)
        names->item[names->count++] = text;
}

static void name_all(struct names *names, const struct tables *tables)
{
    for (uint32_t i = 0; i < tables->count; ++i)
        for (uint32_t k = 0; k < tables->item[i].count; ++k) {
            name(names, tables->item[i].options[k].name);
            name(names, tables->item[i].options[k].alias);
        }
}

static void add_top(struct tables *tables)
{
    add_section(tables, &ofr_section_top);
}

static void add_model(struct tables *tables)
{
    add_section(tables, &ofr_section_model);
}

static void add_streams(struct tables *tables)
{
    add_section(tables, &ofr_section_stream);
    add_arrivals(tables);
}

/* What may stand below the keys `parent`: `own` names, and the rows of tables. */
struct below {
    const char *parent;
    void (*add)(struct tables *tables);
    const char *own[5];
};

static const struct below belows[] = {
    {"", add_top, {"model", "arrivals", "batching", "exits", NULL}},
    {"model", add_model, {NULL}},
    {"arrivals", add_arrivals, {"process", "trace", "streams", NULL}},
    {"arrivals.streams", add_streams, {"process", "trace", NULL}},
    {"batching", add_batchers, {"policy", NULL}},
    {"exits", add_policies, {"policy", NULL}},
};

/* Length of the parent of a key; of a stream's key without its position. */
static size_t parent_length(const char *key)
{
    static const char streams[] = "arrivals.streams.";
    const char *dot = strrchr(key, '.');
    if (strncmp(key, streams, sizeof streams - 1) == 0 && strchr(key + sizeof streams - 1, '.') == dot)
        return sizeof streams - 2;
    return dot ? (size_t)(dot - key) : 0;
}

/* Names the last step of `key` may have; false when nothing may stand there. */
static bool names_for(struct names *names, struct tables *tables, const char *key)
{
    size_t length = parent_length(key);
    for (size_t i = 0; i < sizeof belows / sizeof *belows; ++i) {
        const struct below *below = &belows[i];
        if (strlen(below->parent) != length || strncmp(key, below->parent, length) != 0)
            continue;
        for (int k = 0; below->own[k]; ++k)
            name(names, below->own[k]);
        below->add(tables);
        name_all(names, tables);
        return true;
    }
    return false;
}

/* A position in arrivals.streams is followed by keys, or is the whole stream. */
static bool is_stream(const char *key)
{
    static const char prefix[] = "arrivals.streams.";
    size_t length = sizeof prefix - 1;
    return strncmp(key, prefix, length) == 0 && key[length] &&
           strspn(key + length, "0123456789") == strlen(key + length);
}

static bool is_known(const struct names *names, const char *text)
{
    for (uint32_t i = 0; i < names->count; ++i)
        if (strcmp(names->item[i], text) == 0)
            return true;
    return false;
}

int ofr_key_check(const char *key, const struct ofr_node *node, bool plugins, struct ofr_error *err)
{
    const char *dot = strrchr(key, '.');
    const char *last = dot ? dot + 1 : key;
    if (is_stream(key) || (plugins && strncmp(key, "exits.", 6) == 0))
        return 0;
    struct tables tables = {.count = 0};
    struct names names = {.count = 0};
    struct ofr_node place = *node;
    place.line = node->key_line;
    place.column = node->key_column;
    if (!names_for(&names, &tables, key))
        return ofr_node_fail(&place, err,
                             "unknown key '%.100s', expected a key of a scenario such as arrivals.rate", key);
    if (is_known(&names, last))
        return 0;
    const char *near = ofr_nearest(last, names.item);
    if (near)
        return ofr_node_fail(&place, err, "unknown key '%.100s', did you mean '%.*s%s'?", key,
                             (int)(last - key), key, near);
    return ofr_node_fail(&place, err, "unknown key '%.100s', see `offramp help scenario`", key);
}

/* `exits: ./mine.so` or its `policy: ./mine.so`. */
static bool is_plugin(const char *key, const char *text)
{
    const char *dot = strrchr(key, '.');
    const char *last = dot ? dot + 1 : key;
    return (strcmp(last, "policy") == 0 || strcmp(last, "exits") == 0) && ofr_plugin_is_path(text);
}

static bool has_plugins(const struct ofr_node *node, const char *key)
{
    key = node->key ? node->key : key;
    if (node->kind == OFR_NODE_SCALAR)
        return key && is_plugin(key, node->text);
    bool any = false;
    for (uint32_t i = 0; i < node->children; ++i)
        any |= has_plugins(node->child[i], key);
    return any;
}

bool ofr_keys_have_plugins(const struct ofr_node *node)
{
    return has_plugins(node, NULL);
}

/* ---- paths ---- */

/* Whether `text` under `key` names a file: some table reads the key's last part (model.profile, profile) as a path, or
 * it is a policy's own file. */
static bool is_path(const char *key, const char *text)
{
    if (!*text || is_plugin(key, text))
        return *text;
    const char *dot = strrchr(key, '.');
    const char *last = dot ? dot + 1 : key;
    struct tables tables = {.count = 0};
    add_section(&tables, &ofr_section_model);
    add_section(&tables, &ofr_section_stream);
    add_arrivals(&tables);
    add_batchers(&tables);
    add_policies(&tables);
    for (uint32_t i = 0; i < tables.count; ++i)
        for (uint32_t k = 0; k < tables.item[i].count; ++k) {
            const struct offramp_option *option = &tables.item[i].options[k];
            if (option->type == OFFRAMP_OPT_PATH &&
                (strcmp(option->name, last) == 0 || (option->alias && strcmp(option->alias, last) == 0)))
                return true;
        }
    return false;
}

int ofr_path_of_node(char *out, size_t size, const struct ofr_node *node, struct ofr_error *err)
{
    const char *slash = node->line > 0 ? strrchr(node->source, '/') : NULL;
    char here[OFFRAMP_TEXT_SIZE] = "";
    int length;
    if (node->text[0] == '/') {
        length = snprintf(out, size, "%s", node->text);
    } else {
        bool absolute = slash && node->source[0] == '/';
        if (!absolute && !getcwd(here, sizeof here))
            return ofr_fail_errno(err, "cannot find", "the working folder");
        length = snprintf(out, size, "%s%s%.*s%s%s", here, absolute ? "" : "/",
                          slash ? (int)(slash - node->source) : 0, node->source ? node->source : "",
                          slash ? "/" : "", node->text);
    }
    return length < 0 || (size_t)length >= size ? ofr_node_fail(node, err, "found a path that is too long")
                                                : 0;
}

int ofr_paths_make_absolute(struct ofr_node *node, const char *key, struct ofr_error *err)
{
    key = node->key ? node->key : key;
    if (node->kind != OFR_NODE_SCALAR) {
        int rc = 0;
        for (uint32_t i = 0; i < node->children && !rc; ++i)
            rc = ofr_paths_make_absolute(node->child[i], key, err);
        return rc;
    }
    if (!key || !is_path(key, node->text))
        return 0;
    char path[OFFRAMP_TEXT_SIZE];
    int rc = ofr_path_of_node(path, sizeof path, node, err);
    return rc ? rc : ofr_node_retext(node, path, err);
}

static int hash_file(XXH64_state_t *hash, const char *path, struct ofr_error *err)
{
    enum {
        BLOCK = 1 << 20
    };
    struct stat st;
    XXH64_update(hash, path, strlen(path) + 1);
    FILE *file =
        stat(path, &st) == 0 && S_ISREG(st.st_mode) ? fopen(path, "rb") : NULL; /* a device may never end */
    if (!file)
        return 0;
    char *block = malloc(BLOCK);
    size_t size = 1;
    while (block && size) {
        size = fread(block, 1, BLOCK, file);
        XXH64_update(hash, block, size);
    }
    fclose(file);
    free(block);
    return block ? 0 : ofr_fail_nomem(err, "a file");
}

static int hash_tree(XXH64_state_t *hash, const struct ofr_node *node, const char *key, struct ofr_error *err)
{
    key = node->key ? node->key : key;
    if (node->kind == OFR_NODE_SCALAR)
        return key && is_path(key, node->text) ? hash_file(hash, node->text, err) : 0;
    int rc = 0;
    for (uint32_t i = 0; i < node->children && !rc; ++i)
        rc = hash_tree(hash, node->child[i], key, err);
    return rc;
}

int ofr_paths_fingerprint(uint64_t *out, const char *text, const struct ofr_node *sweep,
                          const struct ofr_node *scenario, struct ofr_error *err)
{
    XXH64_state_t *hash = XXH64_createState();
    if (!hash)
        return ofr_fail_nomem(err, "a hash");
    XXH64_reset(hash, 0);
    XXH64_update(hash, OFR_VERSION " " OFR_REVISION, strlen(OFR_VERSION " " OFR_REVISION));
    XXH64_update(hash, text, strlen(text));
    int rc = hash_tree(hash, scenario, NULL, err);
    for (uint32_t i = 0; i < sweep->children && !rc; ++i)
        if (strcmp(sweep->child[i]->key, "axes") == 0 || strcmp(sweep->child[i]->key, "points") == 0)
            rc = hash_tree(hash, sweep->child[i], NULL, err);
    *out = XXH64_digest(hash);
    XXH64_freeState(hash);
    return rc;
}
