/* Private to configuration trees: what reading (config.c) and editing (config_edit.c) share. */
#ifndef OFR_BASE_CONFIG_INTERNAL_H
#define OFR_BASE_CONFIG_INTERNAL_H

#include "sim/base/config.h"

enum {
    OFR_CONFIG_DEEPEST = 16, /* lists and maps in one another; keys of one override's path */
    OFR_CONFIG_MOST_SOURCES = OFFRAMP_MAX_SITES + 8,
};

struct ofr_config {
    struct ofr_node *root;                 /* owned */
    char *source[OFR_CONFIG_MOST_SOURCES]; /* names of the file and of every override; owned */
    uint32_t sources;
};

/* NULL when out of memory; `source` is borrowed. */
struct ofr_node *ofr_node__new(enum ofr_node_kind kind, const char *source, int line, int column);
/* Takes ownership of the child; false when out of memory (the child is then freed). */
bool ofr_node__append(struct ofr_node *parent, struct ofr_node *child);
/* As ofr_node_get, without marking the child used. */
struct ofr_node *ofr_node__find(const struct ofr_node *map, const char *key);
/* Parses text into a tree whose nodes name `name` (kept by the config). `placed`: the text has lines a user can look
 * up. */
int ofr_config__parse_text(struct ofr_config *config, const char *name, const char *text, size_t size,
                           bool placed, struct ofr_node **root, struct ofr_error *err);

#endif
