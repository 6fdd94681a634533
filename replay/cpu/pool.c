/* Pooling and taking: what makes tensors smaller without weights. */
#include "replay/cpu/ops.h"

#include <math.h>
#include <string.h>

/* Largest of a window; pixels beyond the edge do not count. */
static void window_max(const struct ofr_cpu_task *task, const float *image, uint32_t y, uint32_t x,
                       float *out)
{
    const struct ofr_op *op = task->op;
    const struct ofr_tensor *from = &task->from;
    for (uint32_t c = 0; c < from->c; ++c)
        out[c] = -INFINITY;
    for (uint32_t ky = 0; ky < op->kernel; ++ky) {
        for (uint32_t kx = 0; kx < op->kernel; ++kx) {
            int64_t iy = (int64_t)y * op->stride + ky - op->pad, ix = (int64_t)x * op->stride + kx - op->pad;
            if (iy < 0 || ix < 0 || iy >= from->h || ix >= from->w)
                continue;
            const float *in = image + ((size_t)iy * from->w + (size_t)ix) * from->c;
            for (uint32_t c = 0; c < from->c; ++c)
                out[c] = in[c] > out[c] ? in[c] : out[c];
        }
    }
}

void ofr_cpu_maxpool(const struct ofr_cpu_task *task)
{
    const struct ofr_tensor *from = &task->from, *to = &task->to;
    float *out = task->out;
    for (uint32_t i = 0; i < task->n; ++i) {
        const float *image = (const float *)task->in + (size_t)i * from->h * from->w * from->c;
        for (uint32_t y = 0; y < to->h; ++y)
            for (uint32_t x = 0; x < to->w; ++x, out += to->c)
                window_max(task, image, y, x, out);
    }
}

static void mean_of(const float *in, size_t pixels, uint32_t c, float *out)
{
    memset(out, 0, c * sizeof *out);
    for (size_t p = 0; p < pixels; ++p)
        for (uint32_t k = 0; k < c; ++k)
            out[k] += in[p * c + k];
    for (uint32_t k = 0; k < c; ++k)
        out[k] /= (float)pixels;
}

void ofr_cpu_mean(const struct ofr_cpu_task *task)
{
    size_t pixels = (size_t)task->from.h * task->from.w;
    uint32_t c = task->from.c;
    for (uint32_t i = 0; i < task->n; ++i)
        mean_of((const float *)task->in + i * pixels * c, pixels, c, task->out + (size_t)i * c);
}

void ofr_cpu_take(const struct ofr_cpu_task *task)
{
    uint32_t tokens = task->from.h, c = task->from.c;
    uint32_t token = task->op->token < 0 ? tokens - 1 : (uint32_t)task->op->token;
    for (uint32_t i = 0; i < task->n; ++i)
        memcpy(task->out + (size_t)i * c, (const float *)task->in + ((size_t)i * tokens + token) * c,
               c * sizeof(float));
}

/* A vector seen otherwise: where input and output share memory there is nothing to do. */
void ofr_cpu_flatten(const struct ofr_cpu_task *task)
{
    if (task->in != task->out)
        memcpy(task->out, task->in, (size_t)task->n * task->to.c * sizeof(float));
}

void ofr_cpu_ramp(const float *in, const struct ofr_tensor *tensor, enum ofr_pooling pooling, uint32_t n,
                  const float *weight, const float *bias, uint32_t classes, float *pooled, float *logits)
{
    size_t pixels = (size_t)tensor->h * tensor->w;
    uint32_t c = tensor->c;
    for (uint32_t i = 0; i < n; ++i) {
        const float *from = in + i * pixels * c, *vector = pooled;
        if (pooling == OFR_POOL_MEAN)
            mean_of(from, pixels, c, pooled);
        else
            vector = pooling == OFR_POOL_FIRST ? from : from + (pixels - 1) * c;
        for (uint32_t o = 0; o < classes; ++o) {
            const float *row = weight + (size_t)o * c;
            float sum = bias[o];
            for (uint32_t k = 0; k < c; ++k)
                sum += vector[k] * row[k];
            logits[(size_t)i * classes + o] = sum;
        }
    }
}
