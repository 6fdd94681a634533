/* Weights of a network: from a safetensors file or random from a seed. Host memory, f16, batch norm folded.
 *
 * safetensors: 8 bytes little-endian header size, JSON header {name: {dtype, shape, data_offsets}}, raw data.
 * F16, F32 and BF16 are read. Every check names the file and the tensor.
 */
#ifndef OFR_REPLAY_NETS_WEIGHTS_H
#define OFR_REPLAY_NETS_WEIGHTS_H

#include "replay/nets/net.h"

struct ofr_weights {
    uint16_t *
        *value; /* [weights] f16 [rows][columns]; CONV as [c_out][kernel row][kernel column][c_in]; owned */
    uint16_t *
        *bias; /* [weights] f16 [rows]; NULL for embedding tables, zeros for layers without; for LAYERNORM
                         `value` is the scale [1][c] and `bias` [c]; owned */
    uint32_t weights;
    char source[OFR_NAME_SIZE * 4]; /* "seed 1", or the file's name and hash: for provenance */
};

/* Random weights that keep activations of order one (He initialisation; smaller where a residual is added, so that
 * deep sums stay within f16). Same seed, same values, whatever the number of threads that draw them. */
int ofr_weights_random(struct ofr_weights **out, const struct ofr_net *net, uint64_t seed,
                       struct ofr_error *err);
/* Errors: OFR_E_INPUT for a file that is damaged, lacks a tensor or has one of another shape. */
int ofr_weights_load(struct ofr_weights **out, const struct ofr_net *net, const char *path,
                     struct ofr_error *err);
void ofr_weights_free(struct ofr_weights *weights); /* NULL is allowed */

#endif
