/* Private to the container: what its reader and its writer share. */
#ifndef OFR_TRACES_CONTAINER_FORMAT_H
#define OFR_TRACES_CONTAINER_FORMAT_H

#include "traces/container.h"

#include <xxhash.h>

enum {
    /* One msgpack object: a chunk's frames at their worst, and its framing. */
    OFR_OBJECT_BYTES = OFR_CHUNK_BYTES + (2 << 20),
    OFR_OBJECT_ITEMS = 16384, /* numbers, texts and lists inside one object */
};

/* Extent of the msgpack object at the start of `size` bytes. 1 = whole, *extent bytes; 0 = more bytes are
 * needed; -1 = no msgpack the format uses, or larger than the limits above. Nothing is allocated, so claimed
 * sizes cannot hurt: the object may then be unpacked safely. */
int ofr_object_extent(const unsigned char *bytes, size_t size, size_t *extent);

const char *ofr_file_kind_stored(enum ofr_file_kind kind); /* "offramp.trace" */
uint32_t ofr_file_kind_version(enum ofr_file_kind kind);

/* Names, widths, encodings and sizes a table may have; NULL or what is wrong with it. */
const char *ofr_table_fault(const struct ofr_table *table);

/* The running checksum of the records after the header. */
struct ofr_checksum {
    XXH64_state_t *state; /* owned */
    uint64_t value;       /* of the record before */
};

void ofr_checksum_begin(struct ofr_checksum *sum);
void ofr_checksum_number(struct ofr_checksum *sum, uint64_t number);
void ofr_checksum_bytes(struct ofr_checksum *sum, const void *bytes, size_t size); /* and their number */
uint64_t ofr_checksum_end(struct ofr_checksum *sum);

#endif
