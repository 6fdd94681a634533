/* Convolutions and linear layers through oneDNN. */
#include "replay/cpu/product.h"

#include <stdlib.h>

/* A primitive that was made runs: its only failures are misuse, which the twins would show. Should it fail all the
 * same, the plain loops give the answer. */
void ofr_cpu_fast_conv(const struct ofr_cpu_task *task)
{
    if (!task->product || ofr_cpu_product_run(task->product)) {
        ofr_cpu_conv(task);
        return;
    }
    ofr_cpu_finish(task->out, task->add, task->bias, (size_t)task->n * task->to.h * task->to.w, task->to.c,
                   task->op->act);
}

void ofr_cpu_fast_linear(const struct ofr_cpu_task *task)
{
    size_t rows = (size_t)task->n * task->to.h * task->to.w;
    dnnl_dim_t columns = task->columns, c_out = task->to.c;
    if (dnnl_sgemm('N', 'T', (dnnl_dim_t)rows, c_out, columns, 1.0f, task->in, columns, task->weight, columns,
                   0.0f, task->out, c_out)) {
        ofr_cpu_linear(task);
        return;
    }
    ofr_cpu_finish(task->out, task->add, task->bias, rows, task->to.c, task->op->act);
}
