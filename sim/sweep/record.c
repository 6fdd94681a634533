#include "sim/sweep/record.h"

#include <string.h>
#include <xxhash.h>

enum {
    RECORD_HEAD = 24
};

static void put(unsigned char **at, const void *value, size_t size)
{
    memcpy(*at, value, size); /* little-endian machines only, like the container */
    *at += size;
}

uint32_t ofr_sweep_record_write(unsigned char *out, const struct ofr_sweep_record *record)
{
    size_t body = record->code ? record->count : record->count * sizeof(double);
    uint32_t size = (uint32_t)(RECORD_HEAD + body + sizeof(uint64_t));
    unsigned char *at = out;
    put(&at, &size, sizeof size);
    put(&at, &record->kind, sizeof record->kind);
    put(&at, &record->run, sizeof record->run);
    put(&at, &record->code, sizeof record->code);
    put(&at, &record->count, sizeof record->count);
    put(&at, record->code ? (const void *)record->text : record->value, body);
    uint64_t check = XXH64(out, RECORD_HEAD + body, 0);
    put(&at, &check, sizeof check);
    return size;
}

uint32_t ofr_sweep_record_read(const unsigned char *in, size_t size, struct ofr_sweep_record *record)
{
    uint32_t whole;
    uint64_t check;
    if (size < RECORD_HEAD + sizeof check)
        return 0;
    memcpy(&whole, in, sizeof whole);
    memcpy(&record->kind, in + 4, sizeof record->kind);
    memcpy(&record->run, in + 8, sizeof record->run);
    memcpy(&record->code, in + 16, sizeof record->code);
    memcpy(&record->count, in + 20, sizeof record->count);
    size_t most = record->code ? sizeof record->text - 1 : OFFRAMP_MAX_SITES;
    if (record->count > most)
        return 0;
    size_t body = record->code ? record->count : record->count * sizeof(double);
    if (whole != RECORD_HEAD + body + sizeof check || whole > size)
        return 0;
    memcpy(&check, in + RECORD_HEAD + body, sizeof check);
    if (check != XXH64(in, RECORD_HEAD + body, 0))
        return 0;
    memcpy(record->code ? (void *)record->text : record->value, in + RECORD_HEAD, body);
    record->text[record->code ? record->count : 0] = '\0';
    return whole;
}
