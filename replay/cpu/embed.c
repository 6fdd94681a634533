/* Where text begins, and its normalisation. */
#include "replay/cpu/ops.h"

#include <math.h>

void ofr_cpu_embed(const struct ofr_cpu_task *task)
{
    const int32_t *token = task->in;
    uint32_t c = task->to.c, tokens = task->to.h;
    for (size_t i = 0; i < (size_t)task->n * tokens; ++i) {
        uint32_t word =
            token[i] < 0 || (uint32_t)token[i] >= task->words ? task->words - 1 : (uint32_t)token[i];
        const float *row = task->weight + (size_t)word * c, *place = task->table + i % tokens * c;
        for (uint32_t k = 0; k < c; ++k)
            task->out[i * c + k] = row[k] + place[k] + (task->every ? task->every[k] : 0.0f);
    }
}

void ofr_cpu_layernorm(const struct ofr_cpu_task *task)
{
    uint32_t c = task->from.c;
    size_t rows = (size_t)task->n * task->from.h * task->from.w;
    for (size_t r = 0; r < rows; ++r) {
        const float *in = (const float *)task->in + r * c;
        float *out = task->out + r * c;
        double mean = 0.0, variance = 0.0;
        for (uint32_t k = 0; k < c; ++k) {
            out[k] = in[k] + (task->add ? task->add[r * c + k] : 0.0f);
            mean += out[k];
        }
        mean /= c;
        for (uint32_t k = 0; k < c; ++k)
            variance += (out[k] - mean) * (out[k] - mean);
        float scale = (float)(1.0 / sqrt(variance / c + (double)task->op->eps));
        for (uint32_t k = 0; k < c; ++k) {
            if (task->sum)
                task->sum[r * c + k] = out[k];
            out[k] = (out[k] - (float)mean) * scale * task->weight[k] + task->bias[k];
        }
    }
}
