/* Private to the container's reader: recognising and parsing a file's header. */
#ifndef OFR_TRACES_CONTAINER_HEADER_H
#define OFR_TRACES_CONTAINER_HEADER_H

#include "traces/container.h"

#include <msgpack.h>

enum {
    OFR_MAGIC_BYTES = 32 /* enough to tell what a file is */
};

/* Refuses what does not begin like a file of ours, or is one of another kind, saying what was found. */
int ofr_header_recognise(const char *path, const unsigned char *bytes, size_t size, enum ofr_file_kind kind,
                         struct ofr_error *err);
/* Fills `head` (zeroed before) from the header object. On failure the caller still releases `head`. */
int ofr_header_parse(const char *path, const msgpack_object *object, enum ofr_file_kind kind,
                     struct ofr_file_head *head, struct ofr_error *err);
/* Adds a map of texts to `notes`. */
int ofr_header_notes(const msgpack_object *map, struct ofr_notes *notes, const char *path,
                     struct ofr_error *err);

#endif
