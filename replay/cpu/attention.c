/* Multi-head attention with the softmax kept online: a new largest score shrinks what has been summed before, so that
 * no scores have to be stored. */
#include "replay/cpu/ops.h"

#include <math.h>
#include <string.h>

static float dot(const float *a, const float *b, uint32_t count)
{
    float sum = 0.0f;
    for (uint32_t i = 0; i < count; ++i)
        sum += a[i] * b[i];
    return sum;
}

/* One query of one head over the first `keys` tokens; q, k, v of a token lie one after the other, `pitch` apart. */
static void attend(const float *query, const float *key, const float *value, uint32_t keys, uint32_t width,
                   size_t pitch, float *out)
{
    float scale = 1.0f / sqrtf((float)width), largest = -INFINITY, sum = 0.0f;
    memset(out, 0, width * sizeof *out);
    for (uint32_t t = 0; t < keys; ++t) {
        float score = dot(query, key + t * pitch, width) * scale;
        if (score > largest) {
            float shrink = expf(largest - score);
            for (uint32_t i = 0; i < width; ++i)
                out[i] *= shrink;
            sum *= shrink;
            largest = score;
        }
        float weight = expf(score - largest);
        for (uint32_t i = 0; i < width; ++i)
            out[i] += weight * value[t * pitch + i];
        sum += weight;
    }
    for (uint32_t i = 0; i < width; ++i)
        out[i] /= sum;
}

void ofr_cpu_attention(const struct ofr_cpu_task *task)
{
    uint32_t tokens = task->from.h, c = task->to.c, heads = task->op->heads, width = c / heads;
    size_t pitch = 3 * (size_t)c;
    for (uint32_t i = 0; i < task->n; ++i) {
        const float *in = (const float *)task->in + i * tokens * pitch;
        for (uint32_t t = 0; t < tokens; ++t)
            for (uint32_t h = 0; h < heads; ++h) {
                const float *head = in + h * width;
                attend(head + t * pitch, head + c, head + 2 * (size_t)c, task->op->causal ? t + 1 : tokens,
                       width, pitch, task->out + ((size_t)i * tokens + t) * c + h * width);
            }
    }
}
