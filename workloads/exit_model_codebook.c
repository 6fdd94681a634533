/* Which samples of a recording stand for the others in an exit model's rows. */
#include "workloads/exit_model_internal.h"

#include <math.h>
#include <string.h>

static float key_of(const struct ofr_exit_codebook *book, uint32_t sample, uint32_t which)
{
    return book->key[(size_t)sample * book->keys + which];
}

/* The key of the largest variance among the members, and its mean. Returns that variance. */
static double widest_key(struct ofr_exit_codebook *book, const uint32_t *member, uint32_t count,
                         uint32_t *which, double *mean)
{
    double *sum = book->sum, *square = book->sum + book->keys, widest = 0;
    memset(sum, 0, 2 * (size_t)book->keys * sizeof *sum);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < book->keys; k++) {
            double value = (double)key_of(book, member[i], k);
            sum[k] += value;
            square[k] += value * value;
        }
    for (uint32_t k = 0; k < book->keys; k++) {
        double middle = sum[k] / count, variance = square[k] / count - middle * middle;
        if (!(variance > widest))
            continue;
        widest = variance;
        *which = k;
        *mean = middle;
    }
    return widest;
}

/* Members whose key is at most `mean` to the front; returns how many. */
static uint32_t part(const struct ofr_exit_codebook *book, uint32_t *member, uint32_t count, uint32_t which,
                     double mean)
{
    uint32_t low = 0;
    for (uint32_t i = 0; i < count; i++)
        if ((double)key_of(book, member[i], which) <= mean) {
            uint32_t moved = member[low];
            member[low++] = member[i];
            member[i] = moved;
        }
    return low;
}

void ofr_exit_codebook_split(struct ofr_exit_codebook *book, uint32_t *member, uint32_t count, uint32_t rows)
{
    uint32_t which = 0, low = 0;
    double mean = 0;
    if (rows > 1 && widest_key(book, member, count, &which, &mean) > 1e-12)
        low = part(book, member, count, which, mean);
    if (low == 0 || low == count) {
        for (uint32_t i = 0; i < count; i++)
            book->code[member[i]] = book->rows;
        book->kept[book->rows++] = member[count / 2];
        return;
    }
    uint32_t first = (uint32_t)lround((double)rows * low / count);
    first = first < 1 ? 1 : first > rows - 1 ? rows - 1 : first;
    ofr_exit_codebook_split(book, member, low, first);
    ofr_exit_codebook_split(book, member + low, count - low, rows - first);
}
