/* Operators in plain C: what every device's kernels are held against, and what the cpu device runs where speed does
 * not matter.
 *
 * Concept. A task is one operator with its tensors in f32 and its sizes. `ofr_cpu_plain` holds for each kind the
 * loops as the mathematics writes them; `ofr_cpu_fast` the same for conv and linear through oneDNN. A *twin*
 * (ofr_cpu_twin) is the plain loop between f16 tensors: inputs are widened, everything is computed in f32, results
 * are rounded to f16 once. It is the oracle for kernels of other devices.
 *
 * Bounds. Against its twin a kernel that accumulates in f32 in another order may differ, relative to the largest
 * absolute value of the output (u = 2^-11, half a unit of f16):
 *
 *   CONV, LINEAR    2 u + 2^-23 sqrt(columns) x the sum of |in x weight|: OFR_CPU_BOUND_PRODUCT covers 25,088 columns
 *   LAYERNORM       OFR_CPU_BOUND_NORM: the sum stored rounded is what is normalised on some devices
 *   ATTENTION       OFR_CPU_BOUND_ATTENTION: probabilities may be rounded to f16 before they are multiplied
 *   others          OFR_CPU_BOUND_ROUND: order of a sum at most
 *
 * oneDNN and not OpenBLAS: of ten shapes of the networks here, at one thread, patches multiplied by OpenBLAS's sgemm
 * took 1.3 to 6.8 times as long as oneDNN's convolution of the same f32 tensors, channels last. Measured once, with
 * Debian's oneDNN 2.6.3 and OpenBLAS 0.3.21, on a machine with AVX-512.
 *
 * Threads: tasks share nothing.
 */
#ifndef OFR_REPLAY_CPU_OPS_H
#define OFR_REPLAY_CPU_OPS_H

#include "replay/nets/net.h"
#include "replay/nets/weights.h"

#include <stddef.h>

#define OFR_CPU_BOUND_PRODUCT   2e-3f
#define OFR_CPU_BOUND_NORM      4e-3f
#define OFR_CPU_BOUND_ATTENTION 4e-3f
#define OFR_CPU_BOUND_ROUND     1e-3f

struct ofr_cpu_product;

/* One operator over n inputs. Everything is borrowed. */
struct ofr_cpu_task {
    const struct ofr_op *op;
    struct ofr_tensor from, to; /* of `in` and `out` */
    uint32_t n, columns, words; /* columns of the weight; rows of the token table */
    const void *in;             /* f32, or the input's u8 or i32 */
    const float *add;           /* shaped as `out`; NULL = none */
    float *out, *sum;           /* sum: LAYERNORM; NULL = not wanted */
    const float *weight, *bias; /* as in struct ofr_weights, f32; EMBED: the token table */
    const float *table, *every; /* EMBED */
    const struct ofr_cpu_product
        *product; /* CONV on the fast path: prepared for this n; NULL = plain loops */
};

typedef void ofr_cpu_function(const struct ofr_cpu_task *task);

extern ofr_cpu_function *const ofr_cpu_plain[OFR_OPS];
extern ofr_cpu_function *const ofr_cpu_fast[OFR_OPS];

ofr_cpu_function ofr_cpu_preprocess, ofr_cpu_conv, ofr_cpu_maxpool, ofr_cpu_mean, ofr_cpu_take,
    ofr_cpu_linear, ofr_cpu_embed, ofr_cpu_layernorm, ofr_cpu_attention, ofr_cpu_flatten;
ofr_cpu_function ofr_cpu_fast_conv, ofr_cpu_fast_linear;

/* out = act(out + bias [+ add]) for rows of `columns`; the end of CONV and LINEAR. */
void ofr_cpu_finish(float *out, const float *add, const float *bias, size_t rows, uint32_t columns,
                    enum ofr_activation act);

/* A ramp, or the end of the network, on one vector of logits. */
struct ofr_cpu_verdict {
    uint16_t answer;
    float top, entropy; /* 1 - top probability; nats */
};
struct ofr_cpu_verdict ofr_cpu_judge(const float *logits, uint32_t classes);

/* Pools [n] tensors and multiplies: logits [n][classes]. `pooled` holds c floats. */
void ofr_cpu_ramp(const float *in, const struct ofr_tensor *tensor, enum ofr_pooling pooling, uint32_t n,
                  const float *weight, const float *bias, uint32_t classes, float *pooled, float *logits);

/* Runs operator `op` between f16 tensors: `tensor[i]` holds n of net->tensor[i] (u8 or i32 for the input). The
 * operator's own tensors only are touched. Errors: OFR_E_NOMEM. */
int ofr_cpu_twin(const struct ofr_net *net, const struct ofr_weights *weights, const struct ofr_op *op,
                 uint32_t n, void *const *tensor, struct ofr_error *err);

#endif
