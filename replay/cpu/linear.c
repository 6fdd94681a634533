/* Linear layers, and how products end: bias, residual, activation. */
#include "replay/cpu/ops.h"

#include <math.h>

static float activate(float x, enum ofr_activation act)
{
    switch (act) {
    case OFR_ACT_RELU:
        return x > 0.0f ? x : 0.0f;
    case OFR_ACT_GELU:
        return 0.5f * x * (1.0f + erff(x * 0.70710678f));
    case OFR_ACT_GELU_TANH:
        return 0.5f * x * (1.0f + tanhf(0.79788456f * (x + 0.044715f * x * x * x)));
    case OFR_ACT_TANH:
        return tanhf(x);
    case OFR_ACT_NONE:
    default:
        return x;
    }
}

void ofr_cpu_finish(float *out, const float *add, const float *bias, size_t rows, uint32_t columns,
                    enum ofr_activation act)
{
    for (size_t r = 0; r < rows; ++r) {
        float *row = out + r * columns;
        for (uint32_t c = 0; c < columns; ++c)
            row[c] += bias[c];
        if (add)
            for (uint32_t c = 0; c < columns; ++c)
                row[c] += add[r * columns + c];
        if (act == OFR_ACT_RELU) /* by itself, so that it is vectorised */
            for (uint32_t c = 0; c < columns; ++c)
                row[c] = row[c] > 0.0f ? row[c] : 0.0f;
        else if (act != OFR_ACT_NONE)
            for (uint32_t c = 0; c < columns; ++c)
                row[c] = activate(row[c], act);
    }
}

void ofr_cpu_linear(const struct ofr_cpu_task *task)
{
    size_t rows = (size_t)task->n * task->to.h * task->to.w;
    uint32_t c_in = task->from.c, c_out = task->to.c;
    for (size_t r = 0; r < rows; ++r) {
        const float *in = (const float *)task->in + r * c_in;
        for (uint32_t o = 0; o < c_out; ++o) {
            const float *weight = task->weight + (size_t)o * c_in;
            float sum = 0.0f;
            for (uint32_t c = 0; c < c_in; ++c)
                sum += in[c] * weight[c];
            task->out[r * c_out + o] = sum;
        }
    }
    ofr_cpu_finish(task->out, task->add, task->bias, rows, c_out, task->op->act);
}
