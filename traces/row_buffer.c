#include "traces/row_buffer.h"

#include <stdlib.h>

int ofr_row_buffer_init(struct ofr_row_buffer *buffer, struct ofr_container_writer *file,
                        const struct ofr_file_head *head, uint32_t table, size_t chunk_bytes,
                        struct ofr_error *err)
{
    const struct ofr_table *shape = &head->table[table];
    size_t rows = chunk_bytes / ofr_table_bytes(shape);
    uint32_t most = ofr_table_chunk_rows(shape);
    *buffer = (struct ofr_row_buffer){.file = file, .table = table, .columns = shape->columns};
    buffer->capacity = rows < 1 ? 1 : rows < most ? (uint32_t)rows : most;
    for (uint32_t c = 0; c < shape->columns; c++) {
        buffer->bytes[c] = ofr_column_bytes(&shape->column[c]);
        buffer->column[c] = calloc(buffer->capacity, buffer->bytes[c]);
        if (!buffer->column[c]) {
            ofr_row_buffer_release(buffer);
            return ofr_fail_nomem(err, "a chunk of rows");
        }
    }
    return OFR_OK;
}

void ofr_row_buffer_release(struct ofr_row_buffer *buffer)
{
    for (uint32_t c = 0; c < buffer->columns; c++)
        free(buffer->column[c]);
    *buffer = (struct ofr_row_buffer){0};
}

int ofr_row_buffer_flush(struct ofr_row_buffer *buffer, struct ofr_error *err)
{
    uint32_t rows = buffer->rows;
    const void *column[OFR_COLUMNS_MAX];
    for (uint32_t c = 0; c < buffer->columns; c++)
        column[c] = buffer->column[c];
    buffer->rows = 0;
    return ofr_container_write(buffer->file, buffer->table, rows, column, err);
}
