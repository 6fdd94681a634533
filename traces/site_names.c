#include "traces/site_names.h"

#include "sim/offramp_option.h"

#include <stdlib.h>
#include <string.h>

int ofr_site_names_set(struct ofr_notes *meta, uint32_t sites, const char *const *name, struct ofr_error *err)
{
    char text[OFFRAMP_MAX_SITES * OFR_NAME_SIZE];
    size_t used = 0;
    if (sites < 1 || sites > OFFRAMP_MAX_SITES)
        return ofr_fail(err, OFR_E_INPUT, "found %u ramp sites, expected 1 to %d", sites, OFFRAMP_MAX_SITES);
    for (uint32_t i = 0; i < sites; i++) {
        size_t size = strlen(name[i]);
        if (!size || size >= OFR_NAME_SIZE || strchr(name[i], '\n'))
            return ofr_fail(err, OFR_E_INPUT,
                            "site %u: found the name '%.60s', expected one line of 1 to %d bytes", i, name[i],
                            OFR_NAME_SIZE - 1);
        memcpy(text + used, name[i], size);
        used += size;
        text[used++] = '\n';
    }
    text[used - 1] = '\0';
    return ofr_notes_set(meta, OFR_NOTE_SITES, text, err);
}

/* Copies one line; the place after it, or NULL when it is no name. */
static const char *take_line(const char *at, char *out)
{
    size_t size = strcspn(at, "\n");
    if (!size || size >= OFR_NAME_SIZE)
        return NULL;
    memcpy(out, at, size);
    out[size] = '\0';
    return at + size + (at[size] == '\n');
}

int ofr_site_names_get(const struct ofr_notes *meta, const char *path, uint32_t *sites,
                       char (**name)[OFR_NAME_SIZE], struct ofr_error *err)
{
    const char *at = ofr_notes_get(meta, OFR_NOTE_SITES);
    *sites = 0;
    *name = calloc(OFFRAMP_MAX_SITES, OFR_NAME_SIZE);
    if (!*name)
        return ofr_fail_nomem(err, "names of sites");
    while (at && *at && *sites < OFFRAMP_MAX_SITES && (at = take_line(at, (*name)[*sites])))
        ++*sites;
    if (at && !*at && *sites)
        return OFR_OK;
    free(*name);
    *name = NULL;
    return ofr_fail(err, OFR_E_INPUT, "%s: offset 0: the header has no list of 1 to %d site names", path,
                    OFFRAMP_MAX_SITES);
}
