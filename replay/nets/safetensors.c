#include "replay/nets/safetensors.h"

#include "traces/recording.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

enum {
    SIZE_BYTES = 8,
    HEADER_MAX = 100 << 20, /* the format's own limit */
};

struct ofr_safetensors {
    char *path;                /* owned */
    unsigned char *bytes;      /* owned; the whole file */
    const unsigned char *data; /* behind the header */
    uint64_t size, data_size;  /* of the file, of the data */
    json_t *header;            /* owned */
};

static int read_all(struct ofr_safetensors *file, struct ofr_error *err)
{
    struct stat status;
    FILE *stream = fopen(file->path, "rb");
    if (!stream || fstat(fileno(stream), &status) != 0) {
        int rc = ofr_fail_errno(err, "cannot open", file->path);
        if (stream)
            fclose(stream);
        return rc;
    }
    int rc = OFR_OK;
    file->size = (uint64_t)status.st_size;
    if (!S_ISREG(status.st_mode))
        rc = ofr_fail(err, OFR_E_INPUT, "%s: found no regular file, expected a safetensors file", file->path);
    else if (!(file->bytes = malloc(file->size ? file->size : 1)))
        rc = ofr_fail_nomem(err, file->path);
    else if (fread(file->bytes, 1, file->size, stream) != file->size)
        rc = ofr_fail_errno(err, "cannot read", file->path);
    fclose(stream);
    return rc;
}

static int read_header(struct ofr_safetensors *file, struct ofr_error *err)
{
    uint64_t length = 0;
    json_error_t fault;
    if (file->size < SIZE_BYTES)
        return ofr_fail(err, OFR_E_INPUT,
                        "%s: offset 0: found %" PRIu64 " bytes, expected a safetensors file", file->path,
                        file->size);
    for (int i = 0; i < SIZE_BYTES; ++i)
        length |= (uint64_t)file->bytes[i] << (8 * i);
    if (length > HEADER_MAX || length > file->size - SIZE_BYTES)
        return ofr_fail(err, OFR_E_INPUT,
                        "%s: offset 0: found a header of %" PRIu64 " bytes in a file of %" PRIu64
                        ", expected a whole safetensors file",
                        file->path, length, file->size);
    file->header = json_loadb((const char *)file->bytes + SIZE_BYTES, length, JSON_REJECT_DUPLICATES, &fault);
    if (!json_is_object(file->header))
        return ofr_fail(err, OFR_E_INPUT, "%s: offset 8: bad header: %s", file->path,
                        file->header ? "not an object" : fault.text);
    file->data = file->bytes + SIZE_BYTES + length;
    file->data_size = file->size - SIZE_BYTES - length;
    return OFR_OK;
}

int ofr_safetensors_open(struct ofr_safetensors **out, const char *path, struct ofr_error *err)
{
    *out = NULL;
    struct ofr_safetensors *file = calloc(1, sizeof *file);
    if (!file || !(file->path = strdup(path))) {
        free(file);
        return ofr_fail_nomem(err, path);
    }
    int rc = read_all(file, err);
    if (!rc)
        rc = read_header(file, err);
    if (rc) {
        ofr_safetensors_close(file);
        return rc;
    }
    *out = file;
    return OFR_OK;
}

void ofr_safetensors_close(struct ofr_safetensors *file)
{
    if (!file)
        return;
    json_decref(file->header);
    free(file->bytes);
    free(file->path);
    free(file);
}

uint64_t ofr_safetensors_hash(const struct ofr_safetensors *file)
{
    return XXH3_64bits(file->bytes, file->size);
}

/* Bytes of an element; 0 for a type that is not read. */
static uint64_t take_type(struct ofr_safetensor *tensor, const char *text)
{
    static const struct {
        const char *name;
        int type;
        uint64_t bytes;
    } types[] = {
        {"F16", OFR_SAFETENSOR_F16, 2}, {"BF16", OFR_SAFETENSOR_BF16, 2}, {"F32", OFR_SAFETENSOR_F32, 4}};
    for (size_t i = 0; text && i < sizeof types / sizeof types[0]; ++i) {
        if (strcmp(text, types[i].name) == 0) {
            tensor->type = types[i].type;
            return types[i].bytes;
        }
    }
    return 0;
}

static bool take_shape(struct ofr_safetensor *tensor, const json_t *shape)
{
    if (!json_is_array(shape) || json_array_size(shape) > OFR_SAFETENSOR_MOST_DIMENSIONS)
        return false;
    tensor->dimensions = (uint32_t)json_array_size(shape);
    tensor->count = 1;
    for (uint32_t i = 0; i < tensor->dimensions; ++i) {
        const json_t *extent = json_array_get(shape, i);
        if (!json_is_integer(extent) || json_integer_value(extent) < 0)
            return false;
        tensor->shape[i] = (uint64_t)json_integer_value(extent);
        if (__builtin_mul_overflow(tensor->count, tensor->shape[i], &tensor->count))
            return false;
    }
    return true;
}

int ofr_safetensors_find(const struct ofr_safetensors *file, const char *name, struct ofr_safetensor *out,
                         struct ofr_error *err)
{
    const json_t *entry = json_object_get(file->header, name);
    if (!entry)
        return ofr_fail(err, OFR_E_INPUT, "%s: found no tensor '%s', which the network needs", file->path,
                        name);
    uint64_t bytes = take_type(out, json_string_value(json_object_get(entry, "dtype")));
    if (bytes == 0)
        return ofr_fail(err, OFR_E_INPUT, "%s: tensor '%s': found another dtype, expected F16, BF16 or F32",
                        file->path, name);
    if (!take_shape(out, json_object_get(entry, "shape")))
        return ofr_fail(err, OFR_E_INPUT, "%s: tensor '%s': bad shape, expected up to %d extents", file->path,
                        name, OFR_SAFETENSOR_MOST_DIMENSIONS);
    const json_t *offsets = json_object_get(entry, "data_offsets");
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    bool whole = json_array_size(offsets) == 2 && json_is_integer(begin) && json_is_integer(end) &&
                 json_integer_value(begin) >= 0 && json_integer_value(end) >= json_integer_value(begin);
    uint64_t from = (uint64_t)json_integer_value(begin), to = (uint64_t)json_integer_value(end), size;
    if (!whole || to > file->data_size)
        return ofr_fail(err, OFR_E_INPUT,
                        "%s: tensor '%s': its data_offsets do not lie in the file's %" PRIu64
                        " bytes of data",
                        file->path, name, file->data_size);
    if (__builtin_mul_overflow(out->count, bytes, &size) || size != to - from)
        return ofr_fail(err, OFR_E_INPUT,
                        "%s: tensor '%s': found %" PRIu64 " bytes, expected %" PRIu64 " of its shape",
                        file->path, name, to - from, size);
    out->data = file->data + from;
    return OFR_OK;
}

float ofr_safetensor_element(const struct ofr_safetensor *tensor, uint64_t i)
{
    const unsigned char *at = tensor->data + i * (tensor->type == OFR_SAFETENSOR_F32 ? 4 : 2);
    uint32_t word = (uint32_t)at[0] | (uint32_t)at[1] << 8;
    float value;
    if (tensor->type == OFR_SAFETENSOR_F16)
        return ofr_half_to_float((uint16_t)word);
    word = tensor->type == OFR_SAFETENSOR_BF16 ? word << 16
                                               : word | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    memcpy(&value, &word, sizeof value);
    return value;
}
