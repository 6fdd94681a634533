/* Private to sweeps: the keys of scenarios. Which there are, so that an axis with a slip of the pen is refused before
 * anything runs; and which name files, so that the resolved sweep file runs from any folder and a changed input is
 * noticed. */
#ifndef OFR_SWEEP_KEYS_H
#define OFR_SWEEP_KEYS_H

#include "sim/base/config.h"

/* Complains about a key (a.b.c) no table of scenarios, processes, batchers or policies has. `node` is where the key
 * stands. Keys of `exits` are not looked up when `plugins`: their tables are in other files. */
int ofr_key_check(const char *key, const struct ofr_node *node, bool plugins, struct ofr_error *err);
/* Whether the tree picks an exit policy by its file. */
bool ofr_keys_have_plugins(const struct ofr_node *node);

/* A scalar's text as a path: relative ones count from the folder of the node's file. */
int ofr_path_of_node(char *out, size_t size, const struct ofr_node *node, struct ofr_error *err);
/* Makes every path in the tree absolute. `key` is the key the node stands under, NULL = its own. */
int ofr_paths_make_absolute(struct ofr_node *node, const char *key, struct ofr_error *err);
/* XXH64 of the text, the tool's version and the contents of every file either tree names by a path. A file that
 * cannot be read counts as its name: the runs that need it will say so. */
int ofr_paths_fingerprint(uint64_t *out, const char *text, const struct ofr_node *sweep,
                          const struct ofr_node *scenario, struct ofr_error *err);

#endif
