/* Which kernels a device chose, as a line of text: a profile keeps it, and a replay on that profile runs the very same
 * kernels instead of choosing again. Two choices between kernels that are about as fast make passes that are 1 to 2 %
 * apart, and ramps beside them more (docs/how-far-to-trust.md).
 *
 * For each batch size `b` and the size, then, in the order of tuning, `index/ways` of every choice:
 *   b1 3/14 0/9 2/4 b2 0/14 ...
 */
#ifndef OFR_CUDA_CHOICES_H
#define OFR_CUDA_CHOICES_H

#include "sim/base/error.h"

#include <stddef.h>
#include <stdint.h>

struct ofr_cuda_choices {
    const char *given; /* borrowed; NULL: choose everything */
    const char *at;    /* next choice in `given`; NULL: none is left, or it did not fit */
    bool refused;      /* something of `given` did not fit */
    char *text;        /* owned; what was chosen, NUL-terminated; NULL before the first */
    size_t used, size;
};

/* The choices that follow are for this batch size. Errors: OFR_E_NOMEM, as the next. */
int ofr_cuda_choices_begin(struct ofr_cuda_choices *choices, uint32_t batch, struct ofr_error *err);
/* The next given choice among so many ways; false: choose. */
bool ofr_cuda_choices_next(struct ofr_cuda_choices *choices, uint32_t ways, uint32_t *index);
int ofr_cuda_choices_add(struct ofr_cuda_choices *choices, uint32_t index, uint32_t ways,
                         struct ofr_error *err);
void ofr_cuda_choices_release(struct ofr_cuda_choices *choices);

#endif
