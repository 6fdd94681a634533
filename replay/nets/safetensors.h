/* Reader of safetensors files: the whole file in memory, tensors by name, elements as f32.
 *
 * Every offset, shape and type is checked when a tensor is looked up. Errors: OFR_E_INPUT naming file and tensor,
 * OFR_E_IO, OFR_E_NOMEM.
 */
#ifndef OFR_REPLAY_NETS_SAFETENSORS_H
#define OFR_REPLAY_NETS_SAFETENSORS_H

#include "sim/base/error.h"

#include <stddef.h>
#include <stdint.h>

enum {
    OFR_SAFETENSOR_MOST_DIMENSIONS = 4
};

struct ofr_safetensors;

struct ofr_safetensor {
    enum {
        OFR_SAFETENSOR_F16,
        OFR_SAFETENSOR_BF16,
        OFR_SAFETENSOR_F32
    } type;
    uint32_t dimensions;
    uint64_t shape[OFR_SAFETENSOR_MOST_DIMENSIONS];
    uint64_t count;            /* elements */
    const unsigned char *data; /* borrowed from the file */
};

int ofr_safetensors_open(struct ofr_safetensors **out, const char *path, struct ofr_error *err);
void ofr_safetensors_close(struct ofr_safetensors *file);          /* NULL is allowed */
uint64_t ofr_safetensors_hash(const struct ofr_safetensors *file); /* XXH3 of the whole file */
/* A missing tensor is OFR_E_INPUT. */
int ofr_safetensors_find(const struct ofr_safetensors *file, const char *name, struct ofr_safetensor *out,
                         struct ofr_error *err);
float ofr_safetensor_element(const struct ofr_safetensor *tensor, uint64_t i); /* i < count */

#endif
