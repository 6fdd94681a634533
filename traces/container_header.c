#include "traces/container_header.h"

#include "traces/container_format.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *path, struct ofr_error *err, const char *found)
{
    return ofr_fail(err, OFR_E_INPUT, "%s: offset 0: the header has %s", path, found);
}

static bool is_text(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size && i < OFR_MAGIC_BYTES; i++)
        if (bytes[i] < 0x80 && !isprint(bytes[i]) && !isspace(bytes[i]))
            return false;
    return true;
}

static bool begins(const unsigned char *bytes, size_t size, const char *with, size_t length)
{
    return size >= length && !memcmp(bytes, with, length);
}

/* What people hand to the wrong command. */
static const char *looks_like(const unsigned char *bytes, size_t size)
{
    if (!size)
        return "an empty file";
    if (begins(bytes, size, "\x1f\x8b", 2))
        return "a gzip file";
    if (begins(bytes, size, "\x28\xb5\x2f\xfd", 4))
        return "a zstd file";
    if (begins(bytes, size, "\x93NUMPY", 6))
        return "a NumPy array";
    if (begins(bytes, size, "PK", 2))
        return "a zip file";
    return is_text(bytes, size) ? "a text file" : "no file of this format";
}

int ofr_header_recognise(const char *path, const unsigned char *bytes, size_t size, enum ofr_file_kind kind,
                         struct ofr_error *err)
{
    /* A map of at most 15 pairs, the first of which is "kind". */
    static const char key[] = "\xa4kind";
    bool ours = size && (bytes[0] & 0xf0) == 0x80 && (size < 6 || !memcmp(bytes + 1, key, 5));
    if (!ours)
        return ofr_fail(err, OFR_E_INPUT, "%s: offset 0: is %s, expected %s", path, looks_like(bytes, size),
                        ofr_file_kind_text(kind));
    return OFR_OK;
}

static const msgpack_object *lookup(const msgpack_object *map, const char *key)
{
    if (map->type != MSGPACK_OBJECT_MAP)
        return NULL;
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        const msgpack_object *name = &map->via.map.ptr[i].key;
        if (name->type == MSGPACK_OBJECT_STR && name->via.str.size == strlen(key) &&
            !memcmp(name->via.str.ptr, key, name->via.str.size))
            return &map->via.map.ptr[i].val;
    }
    return NULL;
}

static bool same_text(const msgpack_object *object, const char *text)
{
    return object && object->type == MSGPACK_OBJECT_STR && object->via.str.size == strlen(text) &&
           !memcmp(object->via.str.ptr, text, object->via.str.size);
}

/* Copies a text shorter than `size` without NUL bytes. */
static bool copy_text(const msgpack_object *object, char *out, size_t size)
{
    if (!object || object->type != MSGPACK_OBJECT_STR || object->via.str.size >= size ||
        memchr(object->via.str.ptr, '\0', object->via.str.size))
        return false;
    memcpy(out, object->via.str.ptr, object->via.str.size);
    out[object->via.str.size] = '\0';
    return true;
}

static int check_kind(const char *path, const msgpack_object *stored, enum ofr_file_kind kind,
                      struct ofr_error *err)
{
    if (same_text(stored, ofr_file_kind_stored(kind)))
        return OFR_OK;
    for (int other = 0; other < OFR_FILE_KINDS; other++)
        if (same_text(stored, ofr_file_kind_stored((enum ofr_file_kind)other)))
            return ofr_fail(err, OFR_E_INPUT, "%s: offset 0: is %s, expected %s", path,
                            ofr_file_kind_text((enum ofr_file_kind)other), ofr_file_kind_text(kind));
    return ofr_fail(err, OFR_E_INPUT, "%s: offset 0: is of a kind unknown to this version, expected %s", path,
                    ofr_file_kind_text(kind));
}

static int check_version(const char *path, const msgpack_object *stored, struct ofr_file_head *head,
                         struct ofr_error *err)
{
    uint32_t known = ofr_file_kind_version(head->kind);
    if (!stored || stored->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
        return fail(path, err, "no version");
    if (stored->via.u64 != known)
        return ofr_fail(err, OFR_E_INPUT, "%s: offset 0: found version %llu, expected %u", path,
                        (unsigned long long)stored->via.u64, known);
    head->version = known;
    return OFR_OK;
}

static bool parse_type(const msgpack_object *object, enum ofr_type *type)
{
    for (int i = 0; i < OFR_TYPES; i++)
        if (same_text(object, ofr_type_name((enum ofr_type)i))) {
            *type = (enum ofr_type)i;
            return true;
        }
    return false;
}

static bool parse_encoding(const msgpack_object *object, enum ofr_encoding *encoding)
{
    for (int i = 0; i < OFR_ENCODINGS; i++)
        if (same_text(object, ofr_encoding_name((enum ofr_encoding)i))) {
            *encoding = (enum ofr_encoding)i;
            return true;
        }
    return false;
}

static bool parse_column(const msgpack_object *object, struct ofr_column *column)
{
    const msgpack_object *width = lookup(object, "width");
    if (!width || width->type != MSGPACK_OBJECT_POSITIVE_INTEGER || width->via.u64 > OFR_WIDTH_MAX)
        return false;
    column->width = (uint32_t)width->via.u64;
    return copy_text(lookup(object, "name"), column->name, sizeof column->name) &&
           copy_text(lookup(object, "unit"), column->unit, sizeof column->unit) &&
           parse_type(lookup(object, "type"), &column->type) &&
           parse_encoding(lookup(object, "encoding"), &column->encoding);
}

static bool parse_table(const msgpack_object *object, struct ofr_table *table)
{
    const msgpack_object *columns = lookup(object, "columns");
    if (!copy_text(lookup(object, "name"), table->name, sizeof table->name) || !columns ||
        columns->type != MSGPACK_OBJECT_ARRAY || columns->via.array.size > OFR_COLUMNS_MAX)
        return false;
    for (uint32_t i = 0; i < columns->via.array.size; i++)
        if (!parse_column(&columns->via.array.ptr[i], &table->column[i]))
            return false;
    table->columns = columns->via.array.size;
    return !ofr_table_fault(table);
}

static int parse_tables(const char *path, const msgpack_object *tables, struct ofr_file_head *head,
                        struct ofr_error *err)
{
    if (!tables || tables->type != MSGPACK_OBJECT_ARRAY || tables->via.array.size < 1 ||
        tables->via.array.size > OFR_TABLES_MAX)
        return fail(path, err, "no list of 1 to 4 tables");
    for (uint32_t i = 0; i < tables->via.array.size; i++)
        if (!parse_table(&tables->via.array.ptr[i], &head->table[i]) ||
            ofr_head_find(head, head->table[i].name) >= 0)
            return ofr_fail(err, OFR_E_INPUT, "%s: offset 0: the description of table %u is not valid", path,
                            i);
        else
            head->tables = i + 1;
    return OFR_OK;
}

static int add_note(const msgpack_object_kv *pair, struct ofr_notes *notes, const char *path,
                    struct ofr_error *err)
{
    char name[256];
    if (!copy_text(&pair->key, name, sizeof name) || pair->val.type != MSGPACK_OBJECT_STR ||
        memchr(pair->val.via.str.ptr, '\0', pair->val.via.str.size))
        return ofr_fail(err, OFR_E_INPUT, "%s: found a note that is no pair of texts", path);
    char *text = strndup(pair->val.via.str.ptr, pair->val.via.str.size);
    if (!text)
        return ofr_fail_nomem(err, "a note");
    int rc = ofr_notes_set(notes, name, text, err);
    free(text);
    return rc;
}

int ofr_header_notes(const msgpack_object *map, struct ofr_notes *notes, const char *path,
                     struct ofr_error *err)
{
    if (!map || map->type != MSGPACK_OBJECT_MAP)
        return ofr_fail(err, OFR_E_INPUT, "%s: offset 0: the header has no map of notes", path);
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        int rc = add_note(&map->via.map.ptr[i], notes, path, err);
        if (rc)
            return rc;
    }
    return OFR_OK;
}

int ofr_header_parse(const char *path, const msgpack_object *object, enum ofr_file_kind kind,
                     struct ofr_file_head *head, struct ofr_error *err)
{
    head->kind = kind;
    int rc = check_kind(path, lookup(object, "kind"), kind, err);
    if (!rc)
        rc = check_version(path, lookup(object, "version"), head, err);
    if (!rc)
        rc = parse_tables(path, lookup(object, "tables"), head, err);
    if (!rc)
        rc = ofr_header_notes(lookup(object, "meta"), &head->meta, path, err);
    if (!rc)
        rc = ofr_header_notes(lookup(object, "provenance"), &head->provenance, path, err);
    return rc;
}

static int check_need(struct ofr_container_reader *reader, const struct ofr_table *table,
                      const struct ofr_column_need *need, int *index, struct ofr_error *err)
{
    const char *path = ofr_container_path(reader);
    *index = ofr_table_find(table, need->name);
    if (*index < 0)
        return need->optional ? OFR_OK
                              : ofr_fail(err, OFR_E_INPUT, "%s: offset 0: table %s has no column %s", path,
                                         table->name, need->name);
    const struct ofr_column *column = &table->column[*index];
    if (!(need->types & 1u << column->type))
        return ofr_fail(err, OFR_E_INPUT, "%s: offset 0: column %s has type %s, which is not expected there",
                        path, need->name, ofr_type_name(column->type));
    if (strcmp(column->unit, need->unit) != 0)
        return ofr_fail(err, OFR_E_INPUT, "%s: offset 0: column %s has unit '%s', expected '%s'", path,
                        need->name, column->unit, need->unit);
    if (need->width && column->width != need->width)
        return ofr_fail(err, OFR_E_INPUT, "%s: offset 0: column %s has width %u, expected %u", path,
                        need->name, column->width, need->width);
    return OFR_OK;
}

int ofr_container_check(struct ofr_container_reader *reader, const char *table,
                        const struct ofr_column_need *need, uint32_t count, bool only_needed,
                        uint32_t *table_out, int *index, struct ofr_error *err)
{
    const struct ofr_file_head *head = ofr_container_head(reader);
    int found = ofr_head_find(head, table);
    if (found < 0)
        return ofr_fail(err, OFR_E_INPUT, "%s: offset 0: has no table %s", ofr_container_path(reader), table);
    *table_out = (uint32_t)found;
    for (uint32_t c = 0; only_needed && c < head->table[found].columns; c++)
        ofr_container_want(reader, *table_out, c, false);
    for (uint32_t i = 0; i < count; i++) {
        int rc = check_need(reader, &head->table[found], &need[i], &index[i], err);
        if (rc)
            return rc;
        if (index[i] >= 0)
            ofr_container_want(reader, *table_out, (uint32_t)index[i], true);
    }
    return OFR_OK;
}
