#include "traces/codec.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "files hold memory images of little-endian numbers");

enum {
    /* Elements put together at a time: the block stays in the first-level cache while plane after plane is
     * added to it. */
    BLOCK = 1024
};

static bool all_zero(const unsigned char *bytes, size_t count)
{
    return count == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, count - 1) == 0);
}

/* Differences are stored as 0, -1, 1, -2, ... = 0, 1, 2, 3, ...: small negative ones have empty high planes
 * too. Unsigned arithmetic throughout: it wraps, so every value comes back. */
#define DEFINE_CODEC(type, bits)                                                                             \
    static void split_##type(const type *values, size_t count, unsigned char *out)                           \
    {                                                                                                        \
        for (size_t plane = 0; plane < sizeof *values; plane++)                                              \
            for (size_t i = 0; i < count; i++)                                                               \
                out[plane * count + i] = (unsigned char)(values[i] >> (8 * plane));                          \
    }                                                                                                        \
    static void join_##type(const unsigned char *planes, size_t count, type *values)                         \
    {                                                                                                        \
        size_t used = sizeof *values;                                                                        \
        while (used > 1 && all_zero(planes + (used - 1) * count, count))                                     \
            used--;                                                                                          \
        for (size_t first = 0; first < count; first += BLOCK) {                                              \
            size_t last = first + BLOCK < count ? first + BLOCK : count;                                     \
            for (size_t i = first; i < last; i++)                                                            \
                values[i] = planes[i];                                                                       \
            for (size_t plane = 1; plane < used; plane++)                                                    \
                for (size_t i = first; i < last; i++)                                                        \
                    values[i] = (type)(values[i] | (type)((type)planes[plane * count + i] << 8 * plane));    \
        }                                                                                                    \
    }                                                                                                        \
    static void difference_##type(const type *values, size_t count, unsigned char *out)                      \
    {                                                                                                        \
        type before = 0;                                                                                     \
        for (size_t i = 0; i < count; i++) {                                                                 \
            type step = (type)(values[i] - before);                                                          \
            type sign = (type)(0 - (step >> (bits - 1)));                                                    \
            type folded = (type)((type)(step << 1) ^ sign);                                                  \
            before = values[i];                                                                              \
            for (size_t plane = 0; plane < sizeof *values; plane++)                                          \
                out[plane * count + i] = (unsigned char)(folded >> (8 * plane));                             \
        }                                                                                                    \
    }                                                                                                        \
    static void sum_##type(type *values, size_t count)                                                       \
    {                                                                                                        \
        type total = 0;                                                                                      \
        for (size_t i = 0; i < count; i++) {                                                                 \
            type folded = values[i];                                                                         \
            total = (type)(total + (type)((folded >> 1) ^ (type)(0 - (folded & 1))));                        \
            values[i] = total;                                                                               \
        }                                                                                                    \
    }                                                                                                        \
    static void encode_##type(enum ofr_encoding encoding, const void *values, size_t count,                  \
                              unsigned char *out)                                                            \
    {                                                                                                        \
        if (encoding == OFR_ENCODING_DELTA)                                                                  \
            difference_##type(values, count, out);                                                           \
        else                                                                                                 \
            split_##type(values, count, out);                                                                \
    }                                                                                                        \
    static void decode_##type(enum ofr_encoding encoding, const unsigned char *encoded, size_t count,        \
                              void *values)                                                                  \
    {                                                                                                        \
        join_##type(encoded, count, values);                                                                 \
        if (encoding == OFR_ENCODING_DELTA)                                                                  \
            sum_##type(values, count);                                                                       \
    }

DEFINE_CODEC(uint8_t, 8)
DEFINE_CODEC(uint16_t, 16)
DEFINE_CODEC(uint32_t, 32)
DEFINE_CODEC(uint64_t, 64)

static size_t element_bytes(const struct ofr_column *column)
{
    return ofr_column_bytes(column) / column->width;
}

void ofr_codec_encode(const struct ofr_column *column, uint32_t rows, const void *values, unsigned char *out)
{
    size_t count = (size_t)rows * column->width;
    if (column->encoding == OFR_ENCODING_RAW) {
        memcpy(out, values, (size_t)rows * ofr_column_bytes(column));
        return;
    }
    switch (element_bytes(column)) {
    case 1:
        encode_uint8_t(column->encoding, values, count, out);
        break;
    case 2:
        encode_uint16_t(column->encoding, values, count, out);
        break;
    case 4:
        encode_uint32_t(column->encoding, values, count, out);
        break;
    default:
        encode_uint64_t(column->encoding, values, count, out);
        break;
    }
}

void ofr_codec_decode(const struct ofr_column *column, uint32_t rows, const unsigned char *encoded,
                      void *values)
{
    size_t count = (size_t)rows * column->width;
    switch (element_bytes(column)) {
    case 1:
        decode_uint8_t(column->encoding, encoded, count, values);
        break;
    case 2:
        decode_uint16_t(column->encoding, encoded, count, values);
        break;
    case 4:
        decode_uint32_t(column->encoding, encoded, count, values);
        break;
    default:
        decode_uint64_t(column->encoding, encoded, count, values);
        break;
    }
}
