/* Private to the cpu device: convolutions prepared by oneDNN for one shape and its buffers, ready to run again and again.
 *
 * oneDNN chooses how weights lie in memory. The product of the largest batch size makes that copy; another size shares
 * it where it wants the same. */
#ifndef OFR_REPLAY_CPU_PRODUCT_H
#define OFR_REPLAY_CPU_PRODUCT_H

#include "replay/cpu/ops.h"

#include <dnnl.h>

struct ofr_cpu_engine {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
};

struct ofr_cpu_product {
    const struct ofr_cpu_engine *engine; /* borrowed */
    dnnl_primitive_t primitive;          /* owned, as all below */
    dnnl_memory_t in, weight, out;
    bool shares;  /* the weight is another's */
    size_t bytes; /* of the weight's copy; 0 when shared */
};

/* Errors: OFR_E_DEVICE with oneDNN's status. Release also after a failure. */
int ofr_cpu_engine_init(struct ofr_cpu_engine *engine, struct ofr_error *err);
void ofr_cpu_engine_release(struct ofr_cpu_engine *engine);
/* Prepares a convolution over task->n inputs between the task's buffers. `like` (may be NULL) is the same convolution
 * at another batch size, whose weight may be shared: release it later than this one, or both before either runs. */
int ofr_cpu_product_init(struct ofr_cpu_product *product, const struct ofr_cpu_engine *engine,
                         const struct ofr_cpu_task *task, const struct ofr_cpu_product *like,
                         struct ofr_error *err);
void ofr_cpu_product_release(struct ofr_cpu_product *product);
/* out = conv(in); without bias. Returns oneDNN's status. */
int ofr_cpu_product_run(const struct ofr_cpu_product *product);

#endif
