/* Convolution, the loops as they are written. */
#include "replay/cpu/ops.h"

/* Sum over kernel and input channels for one output pixel and channel. */
static float pixel(const struct ofr_cpu_task *task, const float *image, const float *weight, uint32_t y,
                   uint32_t x)
{
    const struct ofr_op *op = task->op;
    const struct ofr_tensor *from = &task->from;
    float sum = 0.0f;
    for (uint32_t ky = 0; ky < op->kernel; ++ky) {
        for (uint32_t kx = 0; kx < op->kernel; ++kx) {
            int64_t iy = (int64_t)y * op->stride + ky - op->pad, ix = (int64_t)x * op->stride + kx - op->pad;
            if (iy < 0 || ix < 0 || iy >= from->h || ix >= from->w)
                continue;
            const float *in = image + ((size_t)iy * from->w + (size_t)ix) * from->c;
            const float *w = weight + (ky * op->kernel + kx) * from->c;
            for (uint32_t c = 0; c < from->c; ++c)
                sum += in[c] * w[c];
        }
    }
    return sum;
}

void ofr_cpu_conv(const struct ofr_cpu_task *task)
{
    const struct ofr_tensor *from = &task->from, *to = &task->to;
    float *out = task->out;
    for (uint32_t i = 0; i < task->n; ++i) {
        const float *image = (const float *)task->in + (size_t)i * from->h * from->w * from->c;
        for (uint32_t y = 0; y < to->h; ++y)
            for (uint32_t x = 0; x < to->w; ++x)
                for (uint32_t c = 0; c < to->c; ++c)
                    *out++ = pixel(task, image, task->weight + (size_t)c * task->columns, y, x);
    }
    ofr_cpu_finish(task->out, task->add, task->bias, (size_t)task->n * to->h * to->w, to->c, task->op->act);
}
