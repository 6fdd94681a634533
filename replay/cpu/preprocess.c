/* u8 planes -> resized, normalised f32, channels last. */
#include "replay/cpu/ops.h"

#include <math.h>

/* The two source pixels and the second one's share for output pixel `at` when `from` pixels become `to`, corners not
 * aligned (as PyTorch's interpolate does by default). */
static void source_of(uint32_t at, uint32_t from, uint32_t to, uint32_t *low, uint32_t *high, float *share)
{
    float place = ((float)at + 0.5f) * ((float)from / (float)to) - 0.5f;
    if (place < 0.0f)
        place = 0.0f;
    *low = (uint32_t)place;
    if (*low > from - 1)
        *low = from - 1;
    *high = *low + 1 < from ? *low + 1 : *low;
    *share = place - (float)*low;
}

static float blend(const uint8_t *plane, uint32_t w, const uint32_t row[2], const uint32_t column[2],
                   float down, float right)
{
    float above = (1.0f - right) * plane[row[0] * w + column[0]] + right * plane[row[0] * w + column[1]];
    float below = (1.0f - right) * plane[row[1] * w + column[0]] + right * plane[row[1] * w + column[1]];
    return ((1.0f - down) * above + down * below) / 255.0f;
}

void ofr_cpu_preprocess(const struct ofr_cpu_task *task)
{
    static const float mean[3] = OFR_IMAGE_MEAN, deviation[3] = OFR_IMAGE_STD;
    const uint8_t *image = task->in;
    const struct ofr_tensor *from = &task->from, *to = &task->to;
    float *out = task->out;
    for (uint32_t i = 0; i < task->n; ++i, image += (size_t)from->h * from->w * from->c) {
        for (uint32_t y = 0; y < to->h; ++y) {
            for (uint32_t x = 0; x < to->w; ++x) {
                uint32_t row[2], column[2];
                float down, right;
                source_of(y, from->h, to->h, &row[0], &row[1], &down);
                source_of(x, from->w, to->w, &column[0], &column[1], &right);
                for (uint32_t c = 0; c < to->c; ++c)
                    *out++ =
                        (blend(image + (size_t)c * from->h * from->w, from->w, row, column, down, right) -
                         mean[c % 3]) /
                        deviation[c % 3];
            }
        }
    }
}
