/* Private to the formats: names of ramp sites as one note, a line each. */
#ifndef OFR_TRACES_SITE_NAMES_H
#define OFR_TRACES_SITE_NAMES_H

#include "traces/notes.h"
#include "traces/recording.h"

#define OFR_NOTE_SITES "site_names"

/* Sets the note; a name that is empty, too long or holds a line break is OFR_E_INPUT. */
int ofr_site_names_set(struct ofr_notes *meta, uint32_t sites, const char *const *name,
                       struct ofr_error *err);
/* Owned array of names from the note of a file; 1..OFFRAMP_MAX_SITES of them. */
int ofr_site_names_get(const struct ofr_notes *meta, const char *path, uint32_t *sites,
                       char (**name)[OFR_NAME_SIZE], struct ofr_error *err);

#endif
