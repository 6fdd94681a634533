#include "sim/base/config_internal.h"

#include "sim/base/units.h"

#include <stdlib.h>
#include <string.h>

/* ---- copies ---- */

struct ofr_node *ofr_node_copy(const struct ofr_node *node)
{
    struct ofr_node *copy = ofr_node__new(node->kind, node->source, node->line, node->column);
    if (!copy)
        return NULL;
    copy->key_line = node->key_line;
    copy->key_column = node->key_column;
    copy->quoted = node->quoted;
    copy->key = node->key ? strdup(node->key) : NULL;
    copy->text = node->text ? strdup(node->text) : NULL;
    bool whole = (copy->key || !node->key) && (copy->text || !node->text);
    for (uint32_t i = 0; i < node->children && whole; ++i) {
        struct ofr_node *child = ofr_node_copy(node->child[i]);
        whole = child && ofr_node__append(copy, child);
    }
    if (whole)
        return copy;
    ofr_node_free(copy);
    return NULL;
}

struct ofr_node *ofr_node_scalar(const struct ofr_node *place, const char *text)
{
    struct ofr_node *node = ofr_node__new(OFR_NODE_SCALAR, place->source, place->line, place->column);
    if (!node)
        return NULL;
    node->key_line = place->key_line;
    node->key_column = place->key_column;
    node->text = strdup(text);
    if (node->text)
        return node;
    ofr_node_free(node);
    return NULL;
}

int ofr_node_retext(struct ofr_node *node, const char *text, struct ofr_error *err)
{
    char *copy = strdup(text);
    if (!copy)
        return ofr_fail_nomem(err, "a configuration");
    free(node->text);
    node->text = copy;
    return 0;
}

int ofr_config_copy(struct ofr_config **out, const struct ofr_node *node, struct ofr_error *err)
{
    struct ofr_config *config = calloc(1, sizeof *config);
    if (config)
        config->root = ofr_node_copy(node);
    if (config && config->root) {
        *out = config;
        return 0;
    }
    ofr_config_free(config);
    return ofr_fail_nomem(err, "a scenario");
}

/* ---- overrides ---- */

static void strip_places(struct ofr_node *node)
{
    node->line = node->column = node->key_line = node->key_column = 0;
    for (uint32_t i = 0; i < node->children; ++i)
        strip_places(node->child[i]);
}

/* Child of a node on the way of an override; a missing key of a map is created as an empty map. */
static struct ofr_node *descend(struct ofr_node *node, const char *step, const char *source,
                                struct ofr_error *err)
{
    if (node->kind == OFR_NODE_LIST) {
        char *end;
        unsigned long at = strtoul(step, &end, 10);
        if (*step < '0' || *step > '9' || *end || at >= node->children) {
            ofr_fail(err, OFR_E_INPUT, "%s: found '%s', expected a list position 0 to %ld", source, step,
                     (long)node->children - 1);
            return NULL;
        }
        return node->child[at];
    }
    if (node->kind == OFR_NODE_SCALAR) { /* an override below a value: the value gives way */
        free(node->text);
        node->text = NULL;
        node->kind = OFR_NODE_MAP;
    }
    struct ofr_node *child = ofr_node__find(node, step);
    if (child)
        return child;
    child = ofr_node__new(OFR_NODE_MAP, source, 0, 0);
    char *key = strdup(step);
    if (!child || !key) {
        free(child);
        free(key);
        ofr_fail_nomem(err, "an override");
        return NULL;
    }
    child->key = key;
    if (ofr_node__append(node, child))
        return child;
    ofr_fail_nomem(err, "an override");
    return NULL;
}

static void replace(struct ofr_node *node, struct ofr_node *value)
{
    char *key = node->key;
    for (uint32_t i = 0; i < node->children; ++i)
        ofr_node_free(node->child[i]);
    free(node->child);
    free(node->text);
    *node = *value;
    node->key = key;
    free(value);
}

/* The node an override's path leads to; the path is cut up on the way. NULL with an error. */
static struct ofr_node *walk(struct ofr_node *node, char *path, const char *source, struct ofr_error *err)
{
    int depth = 0;
    for (char *step = path; step && node;) {
        char *dot = strchr(step, '.');
        if (dot)
            *dot = '\0';
        if (!*step || ++depth > OFR_CONFIG_DEEPEST) {
            ofr_fail(err, OFR_E_USAGE, "%s: %s", source,
                     *step ? "found more than 16 keys on the way" : "found an empty key between the dots");
            return NULL;
        }
        node = descend(node, step, source, err);
        step = dot ? dot + 1 : NULL;
    }
    return node;
}

int ofr_config_set(struct ofr_config *config, const char *assignment, struct ofr_error *err)
{
    const char *equals = strchr(assignment, '=');
    if (!equals || equals == assignment)
        return ofr_fail(err, OFR_E_USAGE,
                        "--set: found '%.200s', expected KEY=VALUE such as arrivals.rate=900/s", assignment);
    char source[OFR_ERROR_TEXT / 4];
    snprintf(source, sizeof source, "--set %s", assignment);
    char *path = strndup(assignment, (size_t)(equals - assignment));
    if (!path)
        return ofr_fail_nomem(err, "an override");
    struct ofr_node *value = NULL;
    struct ofr_node *node = NULL;
    const char *text = equals[1] ? equals + 1 : "\"\""; /* `key=` is the empty text, not an empty map */
    int rc = ofr_config__parse_text(config, source, text, strlen(text), false, &value, err);
    if (!rc) {
        strip_places(value);
        node = walk(config->root, path, value->source, err);
        rc = node ? 0 : err ? err->code : OFR_E_INPUT;
    }
    free(path);
    if (node)
        replace(node, value);
    else
        ofr_node_free(value);
    return rc;
}

int ofr_config_put(struct ofr_config *config, const char *key, const struct ofr_node *value,
                   struct ofr_error *err)
{
    char *path = strdup(key);
    struct ofr_node *copy = ofr_node_copy(value);
    int rc = path && copy ? 0 : ofr_fail_nomem(err, "a configuration");
    struct ofr_node *node = rc ? NULL : walk(config->root, path, key, err);
    free(path);
    if (node) {
        free(copy->key);
        replace(node, copy);
        return 0;
    }
    ofr_node_free(copy);
    return rc ? rc : err ? err->code : OFR_E_INPUT;
}
