#include "sim/model/terms.h"

#include <stdio.h>
#include <string.h>

const char *const ofr_term_names[] = {
#define X(name, text, help) text,
    OFR_TERM_MAP(X)
#undef X
        NULL};

const char *const ofr_term_help[] = {
#define X(name, text, help) help,
    OFR_TERM_MAP(X)
#undef X
        NULL};

static int unknown(const char *name, struct ofr_error *err)
{
    char known[256];
    size_t used = 0;
    for (int i = 0; i < OFR_TERMS; ++i)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? " " : "", ofr_term_names[i]);
    return ofr_fail(err, OFR_E_INPUT, "found the term '%.40s', expected of %s", name, known);
}

int ofr_terms_read(uint32_t *out, const struct offramp_texts *names, struct ofr_error *err)
{
    *out = 0;
    for (uint32_t i = 0; i < names->count; ++i) {
        int term = 0;
        while (term < OFR_TERMS && strcmp(names->item[i], ofr_term_names[term]) != 0)
            ++term;
        if (term == OFR_TERMS)
            return unknown(names->item[i], err);
        *out |= 1u << term;
    }
    return OFR_OK;
}
