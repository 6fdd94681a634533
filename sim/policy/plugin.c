#include "sim/policy/plugin.h"

#include "sim/base/component.h"
#include "sim/base/config.h"
#include "sim/policy/policies.h"

#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#define SYMBOL "offramp_policy"

static const uint32_t known_flags =
    OFFRAMP_POLICY_FEEDBACK | OFFRAMP_POLICY_ORACLE | OFFRAMP_POLICY_HINDSIGHT | OFFRAMP_POLICY_CASCADE;

bool ofr_plugin_is_path(const char *name)
{
    return strchr(name, '/') != NULL;
}

/* dlerror's text without the path it mostly begins with. */
static int fail_loading(const char *path, struct ofr_error *err)
{
    const char *text = dlerror();
    size_t length = strlen(path);
    if (!text)
        text = "unknown reason";
    if (strncmp(text, path, length) == 0 && text[length] == ':')
        text += length + 1 + strspn(text + length + 1, " ");
    return ofr_fail(err, OFR_E_INPUT, "%s cannot be loaded: %s", path, text);
}

/* Its address is no use before its kind and size are known: a pointer or a function of that name would be read as a
 * table of hooks. */
static int find_symbol(struct ofr_plugin *plugin, struct ofr_error *err)
{
    Dl_info info;
    ElfW(Sym) *symbol = NULL;
    void *address = dlsym(plugin->handle, SYMBOL);
    if (!address || !dladdr1(address, &info, (void **)&symbol, RTLD_DL_SYMENT) || !symbol)
        return ofr_fail(err, OFR_E_INPUT,
                        "%s has no symbol '" SYMBOL "', expected a const struct offramp_policy_ops of that "
                        "name, neither static nor hidden",
                        plugin->path);
    if (ELF64_ST_TYPE(symbol->st_info) != STT_OBJECT || symbol->st_size < sizeof(uint32_t))
        return ofr_fail(err, OFR_E_INPUT, "%s: '" SYMBOL "' is no struct offramp_policy_ops", plugin->path);
    uint32_t version;
    memcpy(&version, address, sizeof version);
    if (symbol->st_size >= sizeof *plugin->ops && version != OFFRAMP_POLICY_ABI_VERSION)
        return ofr_fail(err, OFR_E_INPUT, "%s is of policy ABI version %u, expected %u: build it again",
                        plugin->path, version, (unsigned)OFFRAMP_POLICY_ABI_VERSION);
    if (symbol->st_size < sizeof *plugin->ops)
        return ofr_fail(err, OFR_E_INPUT,
                        "%s: '" SYMBOL "' has %zu bytes, expected the %zu of a struct offramp_policy_ops (a "
                        "pointer to one will not do)",
                        plugin->path, (size_t)symbol->st_size, sizeof *plugin->ops);
    plugin->ops = address;
    return 0;
}

static int check_hooks(const struct ofr_plugin *plugin, struct ofr_error *err)
{
    const struct offramp_policy_ops *ops = plugin->ops;
    if (ops->flags & ~known_flags)
        return ofr_fail(err, OFR_E_INPUT, "%s has flags %#x, expected a sum of those in offramp_policy.h",
                        plugin->path, ops->flags);
    if (!ops->create || !ops->destroy)
        return ofr_fail(err, OFR_E_INPUT, "%s has no %s hook, which is required", plugin->path,
                        ops->create ? "destroy" : "create");
    if ((ops->flags & OFFRAMP_POLICY_FEEDBACK) && !ops->feedback)
        return ofr_fail(err, OFR_E_INPUT, "%s wants feedback (its flags say) but has no feedback hook",
                        plugin->path);
    if (!(ops->flags & OFFRAMP_POLICY_FEEDBACK) && ops->feedback)
        return ofr_fail(err, OFR_E_INPUT,
                        "%s has a feedback hook nobody will call, expected the flag OFFRAMP_POLICY_FEEDBACK",
                        plugin->path);
    return 0;
}

static int check_name(const struct ofr_plugin *plugin, struct ofr_error *err)
{
    const char *name = plugin->ops->name;
    size_t length = name ? strnlen(name, 33) : 0;
    if (length == 0 || length > 32 ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.") != length)
        return ofr_fail(err, OFR_E_INPUT,
                        "%s is called '%.40s', expected a name of 1 to 32 letters, digits and _+-.",
                        plugin->path, name ? name : "");
    if (ofr_policy_find(name))
        return ofr_fail(err, OFR_E_INPUT, "%s is called '%s', which is a built-in policy", plugin->path,
                        name);
    if (!plugin->ops->help)
        return ofr_fail(err, OFR_E_INPUT, "%s has no help line", plugin->path);
    return 0;
}

static int check_options(const struct ofr_plugin *plugin, struct ofr_error *err)
{
    const struct offramp_policy_ops *ops = plugin->ops;
    struct ofr_error own = OFR_ERROR_INIT;
    if (ops->options_size > OFR_OPTIONS_MAX)
        return ofr_fail(err, OFR_E_INPUT, "%s has options of %zu bytes, expected at most %d", plugin->path,
                        ops->options_size, OFR_OPTIONS_MAX);
    int rc = ofr_options_check(ops->options, ops->option_count, ops->options_size, &own);
    if (rc)
        return ofr_fail(err, rc, "%s: %s", plugin->path, own.text);
    for (uint32_t i = 0; i < ops->option_count; ++i)
        if (ops->options[i].type == OFFRAMP_OPT_ARGS)
            return ofr_fail(err, OFR_E_INPUT, "%s: option %s is of a type only the command line has",
                            plugin->path, ops->options[i].name);
    return 0;
}

static int load(struct ofr_plugin *plugin, struct ofr_error *err)
{
    int rc = ofr_plugin_read_file(&plugin->xxh64, plugin->path, err);
    if (rc)
        return rc;
    plugin->handle = dlopen(plugin->path, RTLD_NOW | RTLD_LOCAL);
    if (!plugin->handle)
        return fail_loading(plugin->path, err);
    rc = find_symbol(plugin, err);
    if (!rc)
        rc = check_hooks(plugin, err);
    if (!rc)
        rc = check_name(plugin, err);
    return rc ? rc : check_options(plugin, err);
}

int ofr_plugin_open(struct ofr_plugin **out, const char *path, struct ofr_error *err)
{
    if (strlen(path) >= OFFRAMP_TEXT_SIZE)
        return ofr_fail(err, OFR_E_INPUT, "%.60s... is a path of more than %d characters", path,
                        OFFRAMP_TEXT_SIZE - 1);
    struct ofr_plugin *plugin = calloc(1, sizeof *plugin);
    if (!plugin)
        return ofr_fail_nomem(err, "a policy");
    strcpy(plugin->path, path);
    int rc = load(plugin, err);
    if (rc)
        ofr_plugin_close(plugin);
    else
        *out = plugin;
    return rc;
}

void ofr_plugin_close(struct ofr_plugin *plugin)
{
    if (!plugin)
        return;
    if (plugin->handle)
        dlclose(plugin->handle);
    free(plugin);
}
