/* One axis on paper: its ends, ticks at round numbers, and their labels. Knows nothing of drawing. */
#ifndef OFR_ANALYSIS_REPORT_SCALE_H
#define OFR_ANALYSIS_REPORT_SCALE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    OFR_SCALE_TICKS = 24, /* most ticks with a label */
    OFR_TICK_TEXT = 24
};

struct ofr_scale {
    double low, high; /* ends of the axis; low < high, and 0 < low on a logarithmic one */
    bool logarithmic;
    double
        tick[OFR_SCALE_TICKS]; /* ascending, within the ends; each is 1, 2 or 5 times a power of ten apart */
    uint32_t ticks;
    double step; /* between the ticks of a linear axis */
};

/* What an axis has to hold. */
struct ofr_extent {
    double low, high; /* low > high: nothing to hold */
    double positive;  /* the smallest value above zero; what a logarithmic axis can begin at */
};

#define OFR_EXTENT_NONE ((struct ofr_extent){.low = 1.0, .high = 0.0, .positive = 0.0})

/* Widens the extent to `value`; a value that is no finite number changes nothing. */
void ofr_extent_add(struct ofr_extent *extent, double value);

/* Fits an axis with at most `most` labelled ticks (2 or more). `outward` moves the ends to ticks; without it the
 * extent's ends are the axis's. An extent of one value gets room on both sides, an empty one is 0 to 1. An axis
 * without positive values is never logarithmic. */
struct ofr_scale ofr_scale_fit(struct ofr_extent extent, bool logarithmic, bool outward, uint32_t most);

/* Where a value lies: 0 = low end, 1 = high end, outside when it is. NaN for what a logarithmic axis cannot show. */
double ofr_scale_at(const struct ofr_scale *scale, double value);

/* Label of a tick, as few digits as tell it from its neighbours: "0.25", "−2", "20k". UTF-8. */
void ofr_scale_label(const struct ofr_scale *scale, uint32_t tick, char out[OFR_TICK_TEXT]);

#endif
