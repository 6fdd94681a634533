/* Exit policies from shared objects: `exits: {policy: ./mine.so}`.
 *
 * A plug-in exports `const struct offramp_policy_ops offramp_policy` (offramp_policy.h). Everything that later code
 * trusts a built-in policy with is checked when it is loaded: the ABI version before anything else is read, the hooks,
 * the flags, the name and the option table. What it does at run time - the configurations it writes - is checked by
 * the run.
 *
 * The object stays mapped from ofr_plugin_open to ofr_plugin_close. Opening one file several times, also from several
 * threads, is fine: the copies share the object's static variables, which is why a policy keeps its state in `state`.
 */
#ifndef OFR_POLICY_PLUGIN_H
#define OFR_POLICY_PLUGIN_H

#include "sim/base/error.h"
#include "sim/offramp_policy.h"

struct ofr_plugin {
    const struct offramp_policy_ops *ops; /* in the object; valid until it is closed */
    char path[OFFRAMP_TEXT_SIZE];         /* as it was opened; has a '/' */
    uint64_t xxh64;                       /* hash of the file's bytes */
    void *handle;                         /* of dlopen; owned */
};

/* Whether a policy's name means a file: it has a '/'. */
bool ofr_plugin_is_path(const char *name);

/* Loads and checks. Owned; close with ofr_plugin_close. Errors: OFR_E_INPUT, one line that begins with the path. */
int ofr_plugin_open(struct ofr_plugin **out, const char *path, struct ofr_error *err);
void ofr_plugin_close(struct ofr_plugin *plugin); /* NULL is allowed */

/* Reads a file that is to be loaded and hashes it. A cut or foreign file is refused here: the loader would map what is
 * not there and die of it. Errors: OFR_E_INPUT, beginning with the path. */
int ofr_plugin_read_file(uint64_t *xxh64, const char *path, struct ofr_error *err);

#endif
