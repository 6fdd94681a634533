/* Private to the writers: rows gathered column by column until they fill a chunk.
 *
 * Use: fill the cells of one row (ofr_row_cell), then ofr_row_done. A full buffer writes its chunk by itself,
 * so that the chunks of a file do not depend on how its rows arrived.
 */
#ifndef OFR_TRACES_ROW_BUFFER_H
#define OFR_TRACES_ROW_BUFFER_H

#include "traces/container.h"

struct ofr_row_buffer {
    struct ofr_container_writer *file; /* borrowed */
    uint32_t table, columns, rows, capacity;
    size_t bytes[OFR_COLUMNS_MAX];          /* of one row */
    unsigned char *column[OFR_COLUMNS_MAX]; /* owned */
};

/* `chunk_bytes` bounds a chunk further than the format does. On failure nothing is held. */
int ofr_row_buffer_init(struct ofr_row_buffer *buffer, struct ofr_container_writer *file,
                        const struct ofr_file_head *head, uint32_t table, size_t chunk_bytes,
                        struct ofr_error *err);
void ofr_row_buffer_release(struct ofr_row_buffer *buffer);
int ofr_row_buffer_flush(struct ofr_row_buffer *buffer, struct ofr_error *err);

/* The place of a column in the row being filled. */
static inline void *ofr_row_cell(struct ofr_row_buffer *buffer, uint32_t column)
{
    return buffer->column[column] + buffer->rows * buffer->bytes[column];
}

static inline int ofr_row_done(struct ofr_row_buffer *buffer, struct ofr_error *err)
{
    return ++buffer->rows == buffer->capacity ? ofr_row_buffer_flush(buffer, err) : OFR_OK;
}

#endif
