/* Configuration trees: a YAML file (or a `key=value` override) as nodes that remember where they came from,
 * and the binding of such nodes to option tables.
 *
 * The tree is read once by libyaml; everything after that - types, units, ranges, unknown keys, duplicates -
 * is checked against the option tables, with file:line:column in every complaint. Overrides (`--set a.b=c`)
 * edit the tree before it is bound, so that they pass the same checks; their source reads `--set a.b=c`.
 */
#ifndef OFR_BASE_CONFIG_H
#define OFR_BASE_CONFIG_H

#include "sim/base/error.h"
#include "sim/offramp_option.h"

#include <stdio.h>

enum ofr_node_kind {
    OFR_NODE_SCALAR,
    OFR_NODE_LIST,
    OFR_NODE_MAP
};

/* One node; children are owned by it, the root by the struct ofr_config. */
struct ofr_node {
    enum ofr_node_kind kind;
    const char *source;       /* file name or override text; owned by the config */
    int line, column;         /* 1-based; 0 for overrides */
    int key_line, key_column; /* of the key in front of it; 0 for list items, the root and overrides */
    char *key;                /* key under which the parent map holds it; NULL in lists and at the root */
    char *text;               /* OFR_NODE_SCALAR: its text */
    bool quoted;              /* scalar was written in quotes */
    bool used;                /* some table or reader has taken it; what is left unused is an unknown key */
    struct ofr_node **child;
    uint32_t children;
};

struct ofr_config; /* owns the tree and its strings */

/* Reads one YAML document. Anchors, tags, several documents, duplicate keys, nesting deeper than 16, maps of
 * more than 4096 keys and files above 4 MiB are errors. Returns 0 or OFR_E_INPUT / OFR_E_IO / OFR_E_NOMEM. */
int ofr_config_load(struct ofr_config **out, const char *path, struct ofr_error *err);
/* As ofr_config_load for files of up to `most` bytes, that are to be `what` ("a scenario"). */
int ofr_config_load_most(struct ofr_config **out, const char *path, size_t most, const char *what,
                         struct ofr_error *err);
/* As ofr_config_load from memory; `name` stands for the file in messages. */
int ofr_config_parse(struct ofr_config **out, const char *name, const char *text, size_t size,
                     struct ofr_error *err);
/* Applies `a.b.c=value` (value is YAML: a scalar, [list] or {map}); list items are addressed by number
 * (a.0.b). Missing maps on the way are created; a missing list item is an error. */
int ofr_config_set(struct ofr_config *config, const char *assignment, struct ofr_error *err);
/* Puts a copy of `value` where `key` (a.b.c) leads, as ofr_config_set does. */
int ofr_config_put(struct ofr_config *config, const char *key, const struct ofr_node *value,
                   struct ofr_error *err);
/* A configuration of its own from a copy of the tree at `node`, no key marked used. It borrows the names of sources:
 * the configuration copied from has to outlive it. */
int ofr_config_copy(struct ofr_config **out, const struct ofr_node *node, struct ofr_error *err);
void ofr_config_free(struct ofr_config *config); /* NULL is allowed */

struct ofr_node *ofr_config_root(struct ofr_config *config);
/* Child of a map by key, marked used; NULL when absent or `map` is NULL. Borrowed. */
struct ofr_node *ofr_node_get(struct ofr_node *map, const char *key);

/* A path as the node's file means it: relative to that file's folder (overrides: to the working folder). */
void ofr_node_path(const struct ofr_node *node, const char *path, char *out, size_t size);
/* A copy of the tree, no key marked used, or a scalar that stands where `place` stands. Owned by the caller; NULL when
 * out of memory. Sources stay borrowed. */
struct ofr_node *ofr_node_copy(const struct ofr_node *node);
struct ofr_node *ofr_node_scalar(const struct ofr_node *place, const char *text);
/* Gives a scalar another text. */
int ofr_node_retext(struct ofr_node *node, const char *text, struct ofr_error *err);
void ofr_node_free(struct ofr_node *node); /* NULL is allowed; only for nodes no tree owns */
/* Writes the tree as YAML that reads back to it: maps of maps in lines of their own, the rest in line. The first line
 * continues whatever stands before it. */
void ofr_node_write(FILE *out, const struct ofr_node *node, int indent);
/* As it stands in a line: a scalar's text, [a, b], {k: v}. */
void ofr_node_write_line(FILE *out, const struct ofr_node *node);

/* Complaint about a node: file:line:column: ... Returns OFR_E_INPUT. */
int ofr_node_fail(const struct ofr_node *node, struct ofr_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Fails on the first key of a map nobody has used, naming the keys that would have been accepted (`tables`
 * lists NULL-terminated names; may be NULL) and the nearest one by spelling. */
int ofr_node_reject_unused(const struct ofr_node *map, const char *const *known, struct ofr_error *err);

/* Fills `values` (options_size bytes, zeroed here) from the map: defaults first, then every key of the table
 * that is present. `map` may be NULL (all defaults). Does not complain about other keys. Relative
 * OFFRAMP_OPT_PATH values are resolved against the folder of the node's file (overrides: against the working
 * folder). */
int ofr_options_bind(const struct offramp_option *options, uint32_t count, void *values, size_t values_size,
                     struct ofr_node *map, struct ofr_error *err);
/* One option from text, as ofr_options_bind does. `where` prefixes messages (NULL = the option's name alone).
 */
int ofr_option_parse(const struct offramp_option *option, const char *text, void *values, const char *where,
                     struct ofr_error *err);
/* Whether one key could mean either row, by name or alias. */
bool ofr_options_share_name(const struct offramp_option *a, const struct offramp_option *b);
/* Whether a table is sound: names that can be keys and stand once, types there are, members inside values_size bytes,
 * aligned and apart, choices where they are needed, defaults that are themselves good values. Errors: OFR_E_INPUT naming
 * the row. */
int ofr_options_check(const struct offramp_option *options, uint32_t count, size_t values_size,
                      struct ofr_error *err);
/* The value of one option as it would be written in a scenario file, exact enough to be read back to the same
 * value (strings are quoted when YAML needs it). Returns the length as snprintf does. */
int ofr_option_format(const struct offramp_option *option, const void *values, char *out, size_t size);
/* Writes every option in a line of its own, `name: value` behind `indent`. OFR_E_NOMEM when there is no memory for a
 * value; whether `out` took it all is for the caller to ask. */
int ofr_options_write(FILE *out, const char *indent, const struct offramp_option *options, uint32_t count,
                      const void *values);
/* As help names it: "count", "time", ... */
const char *ofr_option_type_name(enum offramp_option_type type);
/* Text as a YAML scalar: plain where that is safe, else double-quoted. Returns the length as snprintf does. */
int ofr_text_format(const char *text, char *out, size_t size);
/* Table of options for `offramp help`: name, type, default, range, help. */
void ofr_options_help(FILE *out, const struct offramp_option *options, uint32_t count);

#endif
