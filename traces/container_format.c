#include "traces/container_format.h"

#include <stdio.h>
#include <string.h>

static const char *const kind_stored[] = {
#define X(name, value, stored, text, extension, version) [value] = stored,
    OFR_FILE_KIND_MAP(X)
#undef X
};
static const char *const kind_text[] = {
#define X(name, value, stored, text, extension, version) [value] = text " (" extension ")",
    OFR_FILE_KIND_MAP(X)
#undef X
};
static const uint32_t kind_version[] = {
#define X(name, value, stored, text, extension, version) [value] = version,
    OFR_FILE_KIND_MAP(X)
#undef X
};
static const char *const type_name[] = {
#define X(name, value, stored, bytes) [value] = stored,
    OFR_TYPE_MAP(X)
#undef X
};
static const uint8_t type_bytes[] = {
#define X(name, value, stored, bytes) [value] = bytes,
    OFR_TYPE_MAP(X)
#undef X
};
static const char *const encoding_name[] = {
#define X(name, value, stored) [value] = stored,
    OFR_ENCODING_MAP(X)
#undef X
};

const char *ofr_file_kind_stored(enum ofr_file_kind kind)
{
    return kind_stored[kind];
}

const char *ofr_file_kind_text(enum ofr_file_kind kind)
{
    return kind_text[kind];
}

uint32_t ofr_file_kind_version(enum ofr_file_kind kind)
{
    return kind_version[kind];
}

const char *ofr_type_name(enum ofr_type type)
{
    return type_name[type];
}

const char *ofr_encoding_name(enum ofr_encoding encoding)
{
    return encoding_name[encoding];
}

void ofr_table_add(struct ofr_table *table, const char *name, enum ofr_type type, const char *unit,
                   uint32_t width, enum ofr_encoding encoding)
{
    struct ofr_column *column = &table->column[table->columns++];
    *column = (struct ofr_column){.type = type, .encoding = encoding, .width = width};
    snprintf(column->name, sizeof column->name, "%s", name);
    snprintf(column->unit, sizeof column->unit, "%s", unit);
}

struct ofr_table *ofr_head_add_table(struct ofr_file_head *head, const char *name)
{
    struct ofr_table *table = &head->table[head->tables++];
    table->columns = 0;
    snprintf(table->name, sizeof table->name, "%s", name);
    return table;
}

int ofr_table_find(const struct ofr_table *table, const char *column)
{
    for (uint32_t i = 0; i < table->columns; i++)
        if (!strcmp(table->column[i].name, column))
            return (int)i;
    return -1;
}

int ofr_head_find(const struct ofr_file_head *head, const char *table)
{
    for (uint32_t i = 0; i < head->tables; i++)
        if (!strcmp(head->table[i].name, table))
            return (int)i;
    return -1;
}

size_t ofr_column_bytes(const struct ofr_column *column)
{
    return (size_t)type_bytes[column->type] * column->width;
}

size_t ofr_table_bytes(const struct ofr_table *table)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < table->columns; i++)
        bytes += ofr_column_bytes(&table->column[i]);
    return bytes;
}

uint32_t ofr_table_chunk_rows(const struct ofr_table *table)
{
    size_t rows = OFR_CHUNK_BYTES / ofr_table_bytes(table);
    return rows < OFR_CHUNK_ROWS ? (uint32_t)rows : OFR_CHUNK_ROWS;
}

void ofr_head_release(struct ofr_file_head *head)
{
    ofr_notes_release(&head->meta);
    ofr_notes_release(&head->provenance);
}

static const char *column_fault(const struct ofr_table *table, uint32_t index)
{
    const struct ofr_column *column = &table->column[index];
    if (!column->name[0] || ofr_table_find(table, column->name) != (int)index)
        return "a column without a name of its own";
    if (column->width < 1 || column->width > OFR_WIDTH_MAX)
        return "a column width outside 1..1024";
    bool integer = column->type <= OFR_TYPE_I64;
    if (column->encoding == OFR_ENCODING_DELTA && (!integer || column->width != 1))
        return "the delta encoding on a column that is no single integer";
    return NULL;
}

const char *ofr_table_fault(const struct ofr_table *table)
{
    if (!table->name[0])
        return "a table without a name";
    if (table->columns < 1 || table->columns > OFR_COLUMNS_MAX)
        return "a number of columns outside 1..32";
    for (uint32_t i = 0; i < table->columns; i++) {
        const char *fault = column_fault(table, i);
        if (fault)
            return fault;
    }
    return NULL;
}

void ofr_checksum_begin(struct ofr_checksum *sum)
{
    XXH64_reset(sum->state, sum->value);
}

void ofr_checksum_number(struct ofr_checksum *sum, uint64_t number)
{
    XXH64_update(sum->state, &number, sizeof number);
}

void ofr_checksum_bytes(struct ofr_checksum *sum, const void *bytes, size_t size)
{
    ofr_checksum_number(sum, size);
    XXH64_update(sum->state, bytes, size);
}

uint64_t ofr_checksum_end(struct ofr_checksum *sum)
{
    return sum->value = XXH64_digest(sum->state);
}

static uint64_t big_endian(const unsigned char *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* One msgpack object without its children: how many bytes follow the tag byte as a length, how many bytes or
 * children that length counts. */
struct shape {
    size_t length_bytes; /* of the length field */
    size_t payload;      /* bytes after tag and length */
    size_t children;     /* objects after that */
};

enum item_class {
    ITEM_BYTES,
    ITEM_LIST,
    ITEM_MAP,
    ITEM_NUMBER
};

/* Tags 0xc0..0xdf, by what the format uses of them: class, bytes of the length (or of the number itself). */
static bool sized_tag(unsigned char tag, enum item_class *class, size_t *bytes)
{
    static const struct {
        unsigned char class, bytes, known;
    } tags[32] = {
        [0x00] = {ITEM_NUMBER, 0, 1}, /* nil */
        [0x04] = {ITEM_BYTES, 1, 1},  [0x05] = {ITEM_BYTES, 2, 1},  [0x06] = {ITEM_BYTES, 4, 1},
        [0x0c] = {ITEM_NUMBER, 1, 1}, [0x0d] = {ITEM_NUMBER, 2, 1}, [0x0e] = {ITEM_NUMBER, 4, 1},
        [0x0f] = {ITEM_NUMBER, 8, 1}, [0x19] = {ITEM_BYTES, 1, 1},  [0x1a] = {ITEM_BYTES, 2, 1},
        [0x1b] = {ITEM_BYTES, 4, 1},  [0x1c] = {ITEM_LIST, 2, 1},   [0x1d] = {ITEM_LIST, 4, 1},
        [0x1e] = {ITEM_MAP, 2, 1},    [0x1f] = {ITEM_MAP, 4, 1},
    };
    *class = (enum item_class)tags[tag - 0xc0].class;
    *bytes = tags[tag - 0xc0].bytes;
    return tags[tag - 0xc0].known;
}

/* 1 = shape known, 0 = the length field is not all there, -1 = not a tag we use. */
static int item_shape(const unsigned char *bytes, size_t size, struct shape *shape)
{
    unsigned char tag = bytes[0];
    *shape = (struct shape){0};
    if (tag < 0x80)
        return 1;
    if (tag < 0xc0) {
        shape->payload = tag >= 0xa0 ? tag & 0x1fu : 0;
        shape->children = tag >= 0xa0 ? 0 : tag >= 0x90 ? tag & 0x0fu : 2 * (tag & 0x0fu);
        return 1;
    }
    enum item_class class;
    size_t field;
    if (tag >= 0xe0 || !sized_tag(tag, &class, &field))
        return -1;
    if (class == ITEM_NUMBER) {
        shape->payload = field;
        return 1;
    }
    if (size < 1 + field)
        return 0;
    shape->length_bytes = field;
    size_t count = (size_t)big_endian(bytes + 1, field);
    shape->payload = class == ITEM_BYTES ? count : 0;
    shape->children = class == ITEM_BYTES ? 0 : class == ITEM_MAP ? 2 * count : count;
    return 1;
}

int ofr_object_extent(const unsigned char *bytes, size_t size, size_t *extent)
{
    size_t at = 0;
    size_t items = 0;
    for (size_t left = 1; left; left--) {
        if (at >= size)
            return 0;
        struct shape shape;
        int known = item_shape(bytes + at, size - at, &shape);
        if (known != 1)
            return known;
        at += 1 + shape.length_bytes + shape.payload;
        left += shape.children;
        items += 1 + shape.children;
        if (at > OFR_OBJECT_BYTES || items > OFR_OBJECT_ITEMS)
            return -1;
    }
    *extent = at;
    return at <= size ? 1 : 0;
}
