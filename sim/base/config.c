#include "sim/base/config_internal.h"

#include "sim/base/units.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum {
    LARGEST_FILE = 4 << 20,
    MOST_KEYS = 4096, /* of one map: keys are looked up one by one */
};

/* ---- nodes ---- */

void ofr_node_free(struct ofr_node *node)
{
    if (!node)
        return;
    for (uint32_t i = 0; i < node->children; ++i)
        ofr_node_free(node->child[i]);
    free(node->child);
    free(node->key);
    free(node->text);
    free(node);
}

struct ofr_node *ofr_node__new(enum ofr_node_kind kind, const char *source, int line, int column)
{
    struct ofr_node *node = calloc(1, sizeof *node);
    if (node)
        *node = (struct ofr_node){.kind = kind, .source = source, .line = line, .column = column};
    return node;
}

static struct ofr_node *new_node(enum ofr_node_kind kind, const char *source, yaml_mark_t mark)
{
    return ofr_node__new(kind, source, (int)mark.line + 1, (int)mark.column + 1);
}

bool ofr_node__append(struct ofr_node *parent, struct ofr_node *child)
{
    struct ofr_node **grown = realloc(parent->child, (parent->children + 1) * sizeof(struct ofr_node *));
    if (!grown) {
        ofr_node_free(child);
        return false;
    }
    parent->child = grown;
    parent->child[parent->children++] = child;
    return true;
}

struct ofr_node *ofr_node__find(const struct ofr_node *map, const char *key)
{
    for (uint32_t i = 0; map && map->kind == OFR_NODE_MAP && i < map->children; ++i)
        if (strcmp(map->child[i]->key, key) == 0)
            return map->child[i];
    return NULL;
}

struct ofr_node *ofr_node_get(struct ofr_node *map, const char *key)
{
    struct ofr_node *node = ofr_node__find(map, key);
    if (node)
        node->used = true;
    return node;
}

int ofr_node_fail(const struct ofr_node *node, struct ofr_error *err, const char *format, ...)
{
    char text[OFR_ERROR_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!node->source)
        return ofr_fail(err, OFR_E_INPUT, "%s", text);
    return ofr_fail_at(err, OFR_E_INPUT, node->source, node->line, node->column, "%s", text);
}

static int reject(const struct ofr_node *node, const char *const *known, struct ofr_error *err)
{
    struct ofr_node key = *node; /* the complaint is about the key, not about its value */
    key.line = node->key_line;
    key.column = node->key_column;
    const char *near = ofr_nearest(node->key, known);
    if (near)
        return ofr_node_fail(&key, err, "unknown key '%.200s', did you mean '%s'?", node->key, near);
    char list[OFR_ERROR_TEXT / 2] = "";
    size_t used = 0;
    for (; known && *known && used + strlen(*known) + 2 < sizeof list; ++known)
        used += (size_t)snprintf(list + used, sizeof list - used, " %s", *known);
    return ofr_node_fail(&key, err, "unknown key '%.200s', expected one of:%s", node->key, list);
}

int ofr_node_reject_unused(const struct ofr_node *map, const char *const *known, struct ofr_error *err)
{
    for (uint32_t i = 0; i < map->children; ++i)
        if (!map->child[i]->used)
            return reject(map->child[i], known, err);
    return 0;
}

/* ---- YAML ---- */

struct reader {
    yaml_parser_t parser;
    const char *source;
    bool placed; /* the source has lines: it is a file, not an override */
    struct ofr_error *err;
};

static int fail_at(const struct reader *reader, yaml_mark_t mark, const char *text)
{
    int line = reader->placed ? (int)mark.line + 1 : 0;
    return ofr_fail_at(reader->err, OFR_E_INPUT, reader->source, line, (int)mark.column + 1, "%s", text);
}

static int next_event(struct reader *reader, yaml_event_t *event)
{
    if (yaml_parser_parse(&reader->parser, event))
        return 0;
    const yaml_parser_t *parser = &reader->parser;
    if (parser->error == YAML_MEMORY_ERROR)
        return ofr_fail_nomem(reader->err, "a scenario");
    if (parser->error == YAML_READER_ERROR)
        return ofr_fail(reader->err, OFR_E_INPUT, "%s: offset %zu: %s, expected UTF-8 text", reader->source,
                        parser->problem_offset, parser->problem);
    return fail_at(reader, parser->problem_mark, parser->problem ? parser->problem : "not YAML");
}

static int read_node(struct reader *reader, yaml_event_t *event, int depth, struct ofr_node **out);

static int read_scalar(struct reader *reader, const yaml_event_t *event, struct ofr_node **out)
{
    if (strlen((const char *)event->data.scalar.value) != event->data.scalar.length)
        return fail_at(reader, event->start_mark, "found a NUL character inside a value");
    struct ofr_node *node = new_node(OFR_NODE_SCALAR, reader->source, event->start_mark);
    char *text = strdup((const char *)event->data.scalar.value);
    if (!node || !text) {
        free(node);
        free(text);
        return ofr_fail_nomem(reader->err, "a scenario");
    }
    node->text = text;
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    *out = node;
    return 0;
}

static int read_list(struct reader *reader, struct ofr_node *list, int depth)
{
    for (;;) {
        yaml_event_t event;
        int rc = next_event(reader, &event);
        if (rc)
            return rc;
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return 0;
        }
        struct ofr_node *child = NULL;
        rc = read_node(reader, &event, depth + 1, &child);
        if (rc)
            return rc;
        if (!ofr_node__append(list, child))
            return ofr_fail_nomem(reader->err, "a scenario");
    }
}

/* One `key: value` of a map; *more false at its end. */
static int read_pair(struct reader *reader, struct ofr_node *map, int depth, bool *more)
{
    yaml_event_t event;
    int rc = next_event(reader, &event);
    if (rc)
        return rc;
    if (event.type == YAML_MAPPING_END_EVENT) {
        yaml_event_delete(&event);
        *more = false;
        return 0;
    }
    struct ofr_node *key = NULL, *value = NULL;
    yaml_mark_t mark = event.start_mark;
    rc = read_node(reader, &event, depth + 1, &key);
    if (!rc && key->kind != OFR_NODE_SCALAR)
        rc = fail_at(reader, mark, "found a list or map as a key, expected a name");
    if (!rc && map->children == MOST_KEYS)
        rc = fail_at(reader, mark, "found a map of more than 4096 keys");
    if (!rc && ofr_node__find(map, key->text))
        rc = ofr_fail_at(reader->err, OFR_E_INPUT, reader->source, key->line, key->column,
                         "key '%.200s' stands twice, first in line %d", key->text,
                         ofr_node__find(map, key->text)->key_line);
    if (!rc)
        rc = next_event(reader, &event);
    if (!rc)
        rc = read_node(reader, &event, depth + 1, &value);
    if (!rc) {
        value->key = key->text;
        value->key_line = key->line;
        value->key_column = key->column;
        key->text = NULL;
        rc = ofr_node__append(map, value) ? 0 : ofr_fail_nomem(reader->err, "a scenario");
    }
    ofr_node_free(key);
    return rc;
}

static int read_map(struct reader *reader, struct ofr_node *map, int depth)
{
    bool more = true;
    int rc = 0;
    while (more && !rc)
        rc = read_pair(reader, map, depth, &more);
    return rc;
}

static const char *forbidden(const yaml_event_t *event)
{
    if (event->type == YAML_ALIAS_EVENT)
        return "found an alias (*name), which scenarios do not use";
    const yaml_char_t *anchor = event->type == YAML_SCALAR_EVENT           ? event->data.scalar.anchor
                                : event->type == YAML_SEQUENCE_START_EVENT ? event->data.sequence_start.anchor
                                                                           : event->data.mapping_start.anchor;
    const yaml_char_t *tag = event->type == YAML_SCALAR_EVENT           ? event->data.scalar.tag
                             : event->type == YAML_SEQUENCE_START_EVENT ? event->data.sequence_start.tag
                                                                        : event->data.mapping_start.tag;
    return anchor ? "found an anchor (&name), which scenarios do not use"
           : tag  ? "found a tag (!name), which scenarios do not use"
                  : NULL;
}

/* Reads the node that starts with `event`, which is deleted here. */
static int read_node(struct reader *reader, yaml_event_t *event, int depth, struct ofr_node **out)
{
    const char *bad = forbidden(event);
    int rc = bad ? fail_at(reader, event->start_mark, bad) : 0;
    if (!rc && depth > OFR_CONFIG_DEEPEST)
        rc = fail_at(reader, event->start_mark, "lists and maps nest deeper than 16");
    yaml_event_type_t type = event->type;
    if (!rc && type == YAML_SCALAR_EVENT)
        rc = read_scalar(reader, event, out);
    struct ofr_node *node = NULL;
    if (!rc && type != YAML_SCALAR_EVENT) {
        node = new_node(type == YAML_SEQUENCE_START_EVENT ? OFR_NODE_LIST : OFR_NODE_MAP, reader->source,
                        event->start_mark);
        rc = node ? 0 : ofr_fail_nomem(reader->err, "a scenario");
    }
    yaml_event_delete(event);
    if (rc || !node)
        return rc;
    rc = type == YAML_SEQUENCE_START_EVENT ? read_list(reader, node, depth) : read_map(reader, node, depth);
    if (rc)
        ofr_node_free(node);
    else
        *out = node;
    return rc;
}

/* The one document of a stream; an empty stream is an empty map. */
static int read_document(struct reader *reader, struct ofr_node **root)
{
    yaml_event_t event;
    int documents = 0;
    for (;;) {
        int rc = next_event(reader, &event);
        if (rc)
            return rc;
        yaml_event_type_t type = event.type;
        if (type == YAML_DOCUMENT_START_EVENT && ++documents > 1) {
            rc = fail_at(reader, event.start_mark, "found a second document, expected one");
            yaml_event_delete(&event);
            return rc;
        }
        bool frame = type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_START_EVENT ||
                     type == YAML_DOCUMENT_END_EVENT || type == YAML_STREAM_END_EVENT;
        if (frame) {
            yaml_event_delete(&event);
            if (type == YAML_STREAM_END_EVENT)
                break;
            continue;
        }
        rc = read_node(reader, &event, 1, root);
        if (rc)
            return rc;
    }
    if (!*root)
        *root = new_node(OFR_NODE_MAP, reader->source, (yaml_mark_t){0});
    return *root ? 0 : ofr_fail_nomem(reader->err, "a scenario");
}

int ofr_config__parse_text(struct ofr_config *config, const char *name, const char *text, size_t size,
                           bool placed, struct ofr_node **root, struct ofr_error *err)
{
    char *source = config->sources < OFR_CONFIG_MOST_SOURCES ? strdup(name) : NULL;
    if (!source)
        return ofr_fail_nomem(err, "a scenario (or too many overrides)");
    config->source[config->sources++] = source;
    struct reader reader = {.source = source, .placed = placed, .err = err};
    if (!yaml_parser_initialize(&reader.parser))
        return ofr_fail_nomem(err, "a scenario");
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, size);
    int rc = read_document(&reader, root);
    if (rc) {
        ofr_node_free(*root);
        *root = NULL;
    }
    yaml_parser_delete(&reader.parser);
    return rc;
}

int ofr_config_parse(struct ofr_config **out, const char *name, const char *text, size_t size,
                     struct ofr_error *err)
{
    struct ofr_config *config = calloc(1, sizeof *config);
    if (!config)
        return ofr_fail_nomem(err, "a scenario");
    int rc = ofr_config__parse_text(config, name, text, size, true, &config->root, err);
    if (rc)
        ofr_config_free(config);
    else
        *out = config;
    return rc;
}

int ofr_config_load(struct ofr_config **out, const char *path, struct ofr_error *err)
{
    return ofr_config_load_most(out, path, LARGEST_FILE, "a scenario", err);
}

int ofr_config_load_most(struct ofr_config **out, const char *path, size_t most, const char *what,
                         struct ofr_error *err)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return errno == ENOENT ? ofr_fail(err, OFR_E_INPUT, "%s: there is no such file", path)
                               : ofr_fail_errno(err, "cannot open", path);
    char *text = malloc(most + 1);
    size_t size = text ? fread(text, 1, most + 1, file) : 0;
    int rc = text ? 0 : ofr_fail_nomem(err, what);
    if (!rc && ferror(file) && errno == EISDIR)
        rc = ofr_fail(err, OFR_E_INPUT, "%s: is a directory, expected %s", path, what);
    if (!rc && ferror(file))
        rc = ofr_fail_errno(err, "cannot read", path);
    if (!rc && size > most)
        rc = ofr_fail(err, OFR_E_INPUT, "%s: larger than %zu MiB, expected %s", path, most >> 20, what);
    if (!rc)
        rc = ofr_config_parse(out, path, text, size, err);
    free(text);
    fclose(file);
    return rc;
}

void ofr_config_free(struct ofr_config *config)
{
    if (!config)
        return;
    ofr_node_free(config->root);
    for (uint32_t i = 0; i < config->sources; ++i)
        free(config->source[i]);
    free(config);
}

struct ofr_node *ofr_config_root(struct ofr_config *config)
{
    return config->root;
}
