/* Arrivals out of counts: where a source only says how many came in each bin, the times inside are made up,
 * and the user has to say how.
 *
 *   even      arrival i of n at (i + 1/2) / n of the bin
 *   uniform   n uniform draws, sorted (a Poisson process given its count)
 *   poisson   a Poisson process of rate n / width: the count itself is drawn anew, n is its mean
 *   burst     all n at the start of the bin
 *
 * Same seed, same times. Draws of stream `index` (0 for a sum, the row's number for one function) do not
 * depend on which other rows are read.
 */
#ifndef OFR_IMPORT_BINS_H
#define OFR_IMPORT_BINS_H

#include "sim/base/error.h"
#include "sim/engine/random.h"
#include "sim/offramp_option.h"
#include "traces/notes.h"

enum ofr_within_bin {
    OFR_WITHIN_EVEN,
    OFR_WITHIN_UNIFORM,
    OFR_WITHIN_POISSON,
    OFR_WITHIN_BURST,
};

enum {
    OFR_BIN_COUNT_MAX = 1 << 26 /* arrivals in one bin */
};

extern const char *const ofr_within_bin_choices[]; /* NULL-terminated */

/* Option rows every counting format has: within_bin (no default: it must be chosen) and seed. `owner` holds
 * `int32_t within_bin` and `uint64_t seed`. */
#define OFR_BINS_OPTIONS(owner)                                                                              \
    {.name = "within_bin",                                                                                   \
     .type = OFFRAMP_OPT_CHOICE,                                                                             \
     .offset = offsetof(owner, within_bin),                                                                  \
     .choices = ofr_within_bin_choices,                                                                      \
     .help = "times inside a bin, which the source does not have: even (i+1/2)/n, uniform draws, "           \
             "poisson (count drawn too), burst (all at the start)"},                                         \
    {                                                                                                        \
        .name = "seed", .type = OFFRAMP_OPT_COUNT, .offset = offsetof(owner, seed), .fallback = "1",         \
        .help = "seed of the draws of uniform and poisson"                                                   \
    }

struct ofr_bins {
    enum ofr_within_bin within;
    int64_t width_ns;
    int64_t *time_ns; /* owned; [count] of the last bin, ascending, from the start of the bin */
    size_t count, capacity;
};

/* Times of one bin of `expected` arrivals. OFR_E_INPUT above OFR_BIN_COUNT_MAX (the caller adds the place),
 * OFR_E_NOMEM. */
int ofr_bins_expand(struct ofr_bins *bins, uint64_t expected, struct ofr_random *random,
                    struct ofr_error *err);
/* Records the choice as `within_bin` and `seed`. */
int ofr_bins_describe(const struct ofr_bins *bins, uint64_t seed, struct ofr_notes *notes,
                      struct ofr_error *err);
void ofr_bins_release(struct ofr_bins *bins);

#endif
