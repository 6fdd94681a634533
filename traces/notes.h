/* Notes: a short, ordered list of name = text pairs, as file headers carry them (metadata and provenance).
 *
 * Names are unique; setting a name again replaces its text in place. Both strings are copied (owned by the
 * list). Bounded: OFR_NOTES_MAX pairs, OFR_NOTE_TEXT_MAX bytes a text.
 */
#ifndef OFR_TRACES_NOTES_H
#define OFR_TRACES_NOTES_H

#include "sim/base/error.h"

#include <stddef.h>
#include <stdint.h>

enum {
    OFR_NOTES_MAX = 256,
    OFR_NOTE_TEXT_MAX = 1 << 20,
};

struct ofr_note {
    char *name; /* owned */
    char *text; /* owned, UTF-8 by convention, no NUL */
};

struct ofr_notes {
    struct ofr_note *item; /* owned */
    uint32_t count;
};

#define OFR_NOTES_INIT                                                                                       \
    {                                                                                                        \
        .item = NULL, .count = 0                                                                             \
    }

int ofr_notes_set(struct ofr_notes *notes, const char *name, const char *text, struct ofr_error *err);
/* As ofr_notes_set with a printf-style text. */
int ofr_notes_setf(struct ofr_notes *notes, struct ofr_error *err, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Text of a name, borrowed; NULL when there is none. `notes` may be NULL. */
const char *ofr_notes_get(const struct ofr_notes *notes, const char *name);
/* Sets every pair of `from` (may be NULL) in `into`. */
int ofr_notes_add_all(struct ofr_notes *into, const struct ofr_notes *from, struct ofr_error *err);
void ofr_notes_release(struct ofr_notes *notes);

#endif
