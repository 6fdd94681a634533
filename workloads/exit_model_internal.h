/* Between the files of exit models. */
#ifndef OFR_WORKLOADS_EXIT_MODEL_INTERNAL_H
#define OFR_WORKLOADS_EXIT_MODEL_INTERNAL_H

#include "sim/base/error.h"

#include <stdint.h>

/* A few samples that stand for many: tree-structured vector quantisation. The samples are split in two at the
 * mean of the widest of their keys (the one of the largest variance), and so on within each part, until there
 * are as many parts as rows; both halves get rows in proportion to their samples. A part is kept by one of its
 * samples, any one: the middle of those in the part would be right about rare wrong answers too seldom.
 * Deterministic; time O(count * keys * depth). */
struct ofr_exit_codebook {
    const float *key; /* [samples][keys]; borrowed */
    uint32_t keys;
    uint32_t *code; /* [samples] out: row that stands for a member; borrowed */
    uint32_t *kept; /* [rows] out: the sample a row is; borrowed */
    uint32_t rows;  /* out: rows made so far */
    double *sum;    /* [2 * keys] scratch; borrowed */
};

/* Splits `count` samples (numbers in `member`, put into another order) into at most `rows` >= 1 parts. */
void ofr_exit_codebook_split(struct ofr_exit_codebook *book, uint32_t *member, uint32_t count, uint32_t rows);

#endif
