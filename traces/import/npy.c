#include "traces/import/npy.h"

#include "traces/import/text_source.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    HEADER_MAX = 1 << 20,
    MAGIC_SIZE = 6,
};

static const struct {
    const char *descr;
    size_t bytes;
    bool is_real;
} types[] = {
#define X(name, descr, bytes, is_real) {descr, bytes, is_real},
    OFR_NPY_TYPE_MAP(X)
#undef X
};

/* The header's dictionary, a Python literal, being read. */
struct literal {
    const char *path, *text, *at, *end;
    uint64_t offset; /* of `text` in the file */
    bool have_descr, have_order, have_shape;
    bool flat; /* dimensions beyond the second count as columns */
};

static int literal_fail(const struct literal *literal, const char *expected, struct ofr_error *err)
{
    return ofr_fail(err, OFR_E_INPUT, "%s: offset %llu: bad .npy header, expected %s", literal->path,
                    (unsigned long long)literal->offset + (unsigned long long)(literal->at - literal->text),
                    expected);
}

static void skip_space(struct literal *literal)
{
    while (literal->at < literal->end && isspace((unsigned char)*literal->at))
        ++literal->at;
}

static bool take(struct literal *literal, const char *word)
{
    size_t length = strlen(word);
    skip_space(literal);
    if ((size_t)(literal->end - literal->at) < length || memcmp(literal->at, word, length) != 0)
        return false;
    literal->at += length;
    return true;
}

static bool take_string(struct literal *literal, char *out, size_t size)
{
    skip_space(literal);
    if (literal->at == literal->end || (*literal->at != '\'' && *literal->at != '"'))
        return false;
    char quote = *literal->at++;
    const char *close = memchr(literal->at, quote, (size_t)(literal->end - literal->at));
    if (!close || (size_t)(close - literal->at) >= size)
        return false;
    size_t length = (size_t)(close - literal->at);
    memcpy(out, literal->at, length);
    out[length] = '\0';
    literal->at = close + 1;
    return true;
}

static bool take_number(struct literal *literal, uint64_t *out)
{
    skip_space(literal);
    const char *begin = literal->at;
    *out = 0;
    for (; literal->at < literal->end && isdigit((unsigned char)*literal->at); ++literal->at)
        if (__builtin_mul_overflow(*out, (uint64_t)10, out) ||
            __builtin_add_overflow(*out, (uint64_t)(*literal->at - '0'), out))
            return false;
    return literal->at > begin;
}

static int read_descr(struct literal *literal, struct ofr_npy *npy, struct ofr_error *err)
{
    char descr[16];
    literal->have_descr = true;
    if (!take_string(literal, descr, sizeof descr))
        return literal_fail(literal, "a plain number type such as '<f2' or '|u1'", err);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; ++i) {
        if (strcmp(descr, types[i].descr) == 0) {
            npy->type = (enum ofr_npy_type)i;
            return 0;
        }
    }
    ofr_plain_text(descr);
    return ofr_fail(
        err, OFR_E_INPUT,
        "%s: found elements of type '%s', expected little-endian <f2 <f4 <f8 |b1 |u1 <u2 <u4 |i1 <i2 "
        "<i4 <i8",
        literal->path, descr);
}

static int read_order(struct literal *literal, struct ofr_error *err)
{
    literal->have_order = true;
    if (take(literal, "False"))
        return 0;
    if (take(literal, "True"))
        return ofr_fail(err, OFR_E_INPUT,
                        "%s: found Fortran order, expected C order (numpy.ascontiguousarray)", literal->path);
    return literal_fail(literal, "True or False", err);
}

static int read_shape(struct literal *literal, struct ofr_npy *npy, struct ofr_error *err)
{
    literal->have_shape = true;
    npy->dimensions = 0;
    npy->shape[0] = npy->shape[1] = 1;
    if (!take(literal, "("))
        return literal_fail(literal, "a shape (rows, columns)", err);
    while (!take(literal, ")")) {
        uint64_t extent = 0;
        if (!take_number(literal, &extent))
            return literal_fail(literal, "a number of rows or columns below 2^64", err);
        if (npy->dimensions == 2 && literal->flat) {
            if (__builtin_mul_overflow(npy->shape[1], extent, &npy->shape[1]))
                return literal_fail(literal, "fewer than 2^64 columns", err);
        } else if (npy->dimensions == 2) {
            return ofr_fail(err, OFR_E_INPUT, "%s: found more than two dimensions, expected one or two",
                            literal->path);
        } else {
            npy->shape[npy->dimensions++] = extent;
        }
        if (!take(literal, ",") && literal->at < literal->end && *literal->at != ')')
            return literal_fail(literal, "a comma or ) in the shape", err);
    }
    if (npy->dimensions == 0)
        return ofr_fail(err, OFR_E_INPUT, "%s: found a single value, expected an array", literal->path);
    return 0;
}

static int read_entry(struct literal *literal, struct ofr_npy *npy, struct ofr_error *err)
{
    char key[32];
    if (!take_string(literal, key, sizeof key) || !take(literal, ":"))
        return literal_fail(literal, "'descr', 'fortran_order' or 'shape' and a colon", err);
    if (strcmp(key, "descr") == 0 && !literal->have_descr)
        return read_descr(literal, npy, err);
    if (strcmp(key, "fortran_order") == 0 && !literal->have_order)
        return read_order(literal, err);
    if (strcmp(key, "shape") == 0 && !literal->have_shape)
        return read_shape(literal, npy, err);
    return literal_fail(literal, "each of 'descr', 'fortran_order' and 'shape' once", err);
}

static int read_dictionary(struct literal *literal, struct ofr_npy *npy, struct ofr_error *err)
{
    if (!take(literal, "{"))
        return literal_fail(literal, "{", err);
    while (!take(literal, "}")) {
        int rc = read_entry(literal, npy, err);
        if (rc)
            return rc;
        if (!take(literal, ",") && (literal->at == literal->end || *literal->at != '}'))
            return literal_fail(literal, "a comma or }", err);
    }
    skip_space(literal);
    if (literal->at != literal->end)
        return literal_fail(literal, "nothing after }", err);
    if (!literal->have_descr || !literal->have_order || !literal->have_shape)
        return literal_fail(literal, "all of 'descr', 'fortran_order' and 'shape'", err);
    return 0;
}

static int read_bytes(FILE *file, const char *path, void *out, size_t size, const char *what,
                      struct ofr_error *err)
{
    long at = ftell(file);
    size_t got = fread(out, 1, size, file);
    if (got == size)
        return 0;
    if (ferror(file))
        return ofr_fail_errno(err, "cannot read", path);
    return ofr_fail(err, OFR_E_INPUT, "%s: offset %ld: file is cut off, expected %zu more bytes of %s", path,
                    at + (long)got, size - got, what);
}

/* Magic, version and length of the dictionary; leaves the file at its first byte. */
static int read_preamble(FILE *file, const char *path, size_t *length, struct ofr_error *err)
{
    unsigned char head[MAGIC_SIZE + 2], size[4] = {0};
    int rc = read_bytes(file, path, head, sizeof head, "the .npy magic", err);
    if (rc)
        return rc;
    if (memcmp(head, "\x93NUMPY", MAGIC_SIZE) != 0)
        return ofr_fail(err, OFR_E_INPUT, "%s: offset 0: wrong magic, expected a NumPy .npy file", path);
    if (head[MAGIC_SIZE] < 1 || head[MAGIC_SIZE] > 3 || head[MAGIC_SIZE + 1] != 0)
        return ofr_fail(err, OFR_E_INPUT, "%s: offset 6: found .npy version %d.%d, expected 1.0, 2.0 or 3.0",
                        path, head[MAGIC_SIZE], head[MAGIC_SIZE + 1]);
    rc = read_bytes(file, path, size, head[MAGIC_SIZE] == 1 ? 2 : 4, "the header's length", err);
    if (rc)
        return rc;
    *length = size[0] | (size_t)size[1] << 8 | (size_t)size[2] << 16 | (size_t)size[3] << 24;
    if (*length > HEADER_MAX)
        return ofr_fail(err, OFR_E_INPUT, "%s: offset 8: found a header of %zu bytes, expected at most %d",
                        path, *length, HEADER_MAX);
    return 0;
}

static int read_header(FILE *file, const char *path, bool flat, struct ofr_npy *npy, struct ofr_error *err)
{
    size_t length = 0;
    int rc = read_preamble(file, path, &length, err);
    if (rc)
        return rc;
    char *text = malloc(length + 1);
    if (!text)
        return ofr_fail_nomem(err, "a .npy header");
    struct literal literal = {.path = path, .text = text, .at = text, .end = text + length, .flat = flat};
    literal.offset = (uint64_t)ftell(file);
    rc = read_bytes(file, path, text, length, "the header", err);
    if (rc == 0)
        rc = read_dictionary(&literal, npy, err);
    free(text);
    return rc;
}

static int read_data(FILE *file, const char *path, struct ofr_npy *npy, struct ofr_error *err)
{
    struct stat status;
    uint64_t bytes = types[npy->type].bytes;
    if (fstat(fileno(file), &status) != 0)
        return ofr_fail_errno(err, "cannot read", path);
    uint64_t there = (uint64_t)status.st_size - (uint64_t)ftell(file);
    bool overflow = __builtin_mul_overflow(bytes, npy->shape[0], &bytes) ||
                    __builtin_mul_overflow(bytes, npy->shape[1], &bytes);
    if (overflow || bytes != there)
        return ofr_fail(err, OFR_E_INPUT,
                        "%s: offset %ld: header claims %llu x %llu elements of %zu bytes, found %llu bytes",
                        path, ftell(file), (unsigned long long)npy->shape[0],
                        (unsigned long long)npy->shape[1], types[npy->type].bytes, (unsigned long long)there);
    npy->data = malloc(bytes ? bytes : 1);
    if (!npy->data)
        return ofr_fail_nomem(err, path);
    return read_bytes(file, path, npy->data, bytes, "elements", err);
}

static int load(struct ofr_npy *out, const char *path, bool flat, struct ofr_error *err)
{
    struct stat status;
    *out = (struct ofr_npy){.data = NULL};
    FILE *file = fopen(path, "rb");
    if (!file || fstat(fileno(file), &status) != 0) {
        int rc = ofr_fail_errno(err, "cannot open", path);
        if (file)
            fclose(file);
        return rc;
    }
    int rc = S_ISREG(status.st_mode)
                 ? 0
                 : ofr_fail(err, OFR_E_INPUT, "%s: found no regular file, expected a NumPy .npy file", path);
    if (rc == 0)
        rc = read_header(file, path, flat, out, err);
    if (rc == 0)
        rc = read_data(file, path, out, err);
    fclose(file);
    if (rc)
        ofr_npy_release(out);
    return rc;
}

int ofr_npy_load(struct ofr_npy *out, const char *path, struct ofr_error *err)
{
    return load(out, path, false, err);
}

int ofr_npy_load_rows(struct ofr_npy *out, const char *path, struct ofr_error *err)
{
    return load(out, path, true, err);
}

void ofr_npy_release(struct ofr_npy *npy)
{
    free(npy->data);
    npy->data = NULL;
}

bool ofr_npy_is_real(const struct ofr_npy *npy)
{
    return types[npy->type].is_real;
}

static uint64_t element(const struct ofr_npy *npy, size_t i)
{
    size_t bytes = types[npy->type].bytes;
    const unsigned char *at = npy->data + i * bytes;
    uint64_t value = 0;
    for (size_t b = 0; b < bytes; ++b)
        value |= (uint64_t)at[b] << (8 * b);
    return value;
}

/* IEEE 754 binary16 to binary32, exact. */
static float half(uint16_t bits)
{
    uint32_t exponent = bits >> 10 & 0x1f, fraction = bits & 0x3ff;
    uint32_t word = (uint32_t)(bits & 0x8000) << 16;
    float value;
    if (exponent == 0) { /* zero or subnormal: fraction * 2^-24 */
        value = (float)fraction * 0x1p-24f;
        return bits & 0x8000 ? -value : value;
    }
    word |= (exponent == 0x1f ? 0xffu : exponent + 112u) << 23 | fraction << 13;
    memcpy(&value, &word, sizeof value);
    return value;
}

float ofr_npy_real(const struct ofr_npy *npy, size_t i)
{
    uint64_t bits = element(npy, i);
    uint32_t word = (uint32_t)bits;
    float single;
    double wide;
    if (npy->type == OFR_NPY_F16)
        return half((uint16_t)bits);
    if (npy->type == OFR_NPY_F32) {
        memcpy(&single, &word, sizeof single);
        return single;
    }
    memcpy(&wide, &bits, sizeof wide);
    return (float)wide;
}

int64_t ofr_npy_integer(const struct ofr_npy *npy, size_t i)
{
    uint64_t bits = element(npy, i);
    switch (npy->type) {
    case OFR_NPY_I8:
        return (int8_t)bits;
    case OFR_NPY_I16:
        return (int16_t)bits;
    case OFR_NPY_I32:
        return (int32_t)bits;
    default:
        return (int64_t)bits;
    }
}
