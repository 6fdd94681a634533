/* From logits to an answer and how sure it is. */
#include "replay/cpu/ops.h"

#include <math.h>

/* Ties go to the lower class. With x relative to the largest: sum = 1 + others, so that 1 - top = others / sum keeps
 * its digits when the answer is nearly certain. */
struct ofr_cpu_verdict ofr_cpu_judge(const float *logits, uint32_t classes)
{
    uint32_t best = 0;
    float others = 0.0f, weighted = 0.0f;
    for (uint32_t i = 1; i < classes; ++i)
        if (logits[i] > logits[best])
            best = i;
    for (uint32_t i = 0; i < classes; ++i) {
        float x = logits[i] - logits[best], e = expf(x);
        if (i == best)
            continue;
        others += e;
        if (e > 0.0f)
            weighted += e * x;
    }
    float sum = 1.0f + others;
    return (struct ofr_cpu_verdict){
        .answer = (uint16_t)best, .top = others / sum, .entropy = log1pf(others) - weighted / sum};
}
