#include "traces/notes.h"

#include "sim/base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ofr_note *find(const struct ofr_notes *notes, const char *name)
{
    for (uint32_t i = 0; notes && i < notes->count; i++)
        if (!strcmp(notes->item[i].name, name))
            return &notes->item[i];
    return NULL;
}

static struct ofr_note *add(struct ofr_notes *notes, const char *name, struct ofr_error *err)
{
    if (notes->count == OFR_NOTES_MAX) {
        ofr_fail(err, OFR_E_INPUT, "more than %d notes, the last is %.40s", OFR_NOTES_MAX, name);
        return NULL;
    }
    struct ofr_note *item = realloc(notes->item, (notes->count + 1) * sizeof *item);
    char *copy = strdup(name);
    if (item)
        notes->item = item;
    if (!item || !copy) {
        free(copy);
        ofr_fail_nomem(err, "a note");
        return NULL;
    }
    ofr_make_utf8(copy);
    item[notes->count] = (struct ofr_note){.name = copy};
    return &item[notes->count++];
}

int ofr_notes_set(struct ofr_notes *notes, const char *name, const char *text, struct ofr_error *err)
{
    if (strlen(text) > OFR_NOTE_TEXT_MAX)
        return ofr_fail(err, OFR_E_INPUT, "note %.40s has more than %d bytes", name, OFR_NOTE_TEXT_MAX);
    char *copy = strdup(text);
    if (!copy)
        return ofr_fail_nomem(err, "a note");
    ofr_make_utf8(copy);
    struct ofr_note *note = find(notes, name);
    if (!note)
        note = add(notes, name, err);
    if (!note) {
        free(copy);
        return err ? err->code : OFR_E_NOMEM;
    }
    free(note->text);
    note->text = copy;
    return OFR_OK;
}

int ofr_notes_setf(struct ofr_notes *notes, struct ofr_error *err, const char *name, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0)
        return ofr_fail_nomem(err, "a note");
    int rc = ofr_notes_set(notes, name, text, err);
    free(text);
    return rc;
}

const char *ofr_notes_get(const struct ofr_notes *notes, const char *name)
{
    const struct ofr_note *note = find(notes, name);
    return note ? note->text : NULL;
}

int ofr_notes_add_all(struct ofr_notes *into, const struct ofr_notes *from, struct ofr_error *err)
{
    for (uint32_t i = 0; from && i < from->count; i++) {
        int rc = ofr_notes_set(into, from->item[i].name, from->item[i].text, err);
        if (rc)
            return rc;
    }
    return OFR_OK;
}

void ofr_notes_release(struct ofr_notes *notes)
{
    for (uint32_t i = 0; i < notes->count; i++) {
        free(notes->item[i].name);
        free(notes->item[i].text);
    }
    free(notes->item);
    *notes = (struct ofr_notes)OFR_NOTES_INIT;
}
