#include "analysis/report/scale.h"

#include <math.h>
#include <stdio.h>

void ofr_extent_add(struct ofr_extent *extent, double value)
{
    if (!isfinite(value))
        return;
    bool empty = extent->low > extent->high;
    if (empty || value < extent->low)
        extent->low = value;
    if (empty || value > extent->high)
        extent->high = value;
    if (value > 0.0 && (extent->positive <= 0.0 || value < extent->positive))
        extent->positive = value;
}

/* The smallest of 1, 2, 5 times a power of ten that is no smaller than `raw`. */
static double round_step(double raw)
{
    double power = pow(10.0, floor(log10(raw)));
    for (int i = 0; i < 3; ++i) {
        double step = power * (const double[]){1.0, 2.0, 5.0}[i];
        if (step >= raw * (1.0 - 1e-9))
            return step;
    }
    return power * 10.0;
}

static void fit_linear(struct ofr_scale *scale, bool outward, uint32_t most)
{
    double step = round_step((scale->high - scale->low) / most);
    /* A step of that size can still give one tick too many where the ends are moved outward. */
    for (;;) {
        double first = ceil(scale->low / step - 1e-9), last = floor(scale->high / step + 1e-9);
        if (outward) {
            first = floor(scale->low / step + 1e-9);
            last = ceil(scale->high / step - 1e-9);
        }
        if (last - first + 1.0 > (double)most + 0.5) {
            step = round_step(step * 1.5);
            continue;
        }
        for (double k = first; k <= last && scale->ticks < OFR_SCALE_TICKS; k += 1.0)
            scale->tick[scale->ticks++] = k * step;
        if (outward) {
            scale->low = first * step;
            scale->high = last * step;
        }
        scale->step = step;
        return;
    }
}

/* Ticks at `parts` multiples of every `stride`-th power of ten within the ends; how many there are. */
static uint32_t decades(struct ofr_scale *scale, int parts, int stride)
{
    static const double multiple[] = {1.0, 2.0, 5.0};
    uint32_t found = 0;
    for (int power = (int)floor(log10(scale->low)); power <= (int)ceil(log10(scale->high)); ++power)
        for (int i = 0; i < parts && power % stride == 0; ++i) {
            double at = multiple[i] * pow(10.0, power);
            if (at < scale->low * (1.0 - 1e-9) || at > scale->high * (1.0 + 1e-9))
                continue;
            if (found < OFR_SCALE_TICKS)
                scale->tick[found] = at;
            found++;
        }
    scale->ticks = found < OFR_SCALE_TICKS ? found : OFR_SCALE_TICKS;
    return found;
}

/* The nearest of 1, 2, 5 times a power of ten below, or above. */
static double log_end(double value, bool above)
{
    double power = pow(10.0, floor(log10(value) + 1e-9));
    double part = value / power;
    if (above)
        return power * (part <= 1.0 + 1e-9   ? 1.0
                        : part <= 2.0 + 1e-9 ? 2.0
                        : part <= 5.0 + 1e-9 ? 5.0
                                             : 10.0);
    return power * (part >= 5.0 - 1e-9 ? 5.0 : part >= 2.0 - 1e-9 ? 2.0 : 1.0);
}

static void fit_logarithmic(struct ofr_scale *scale, bool outward, uint32_t most)
{
    if (outward) {
        scale->low = log_end(scale->low, false);
        scale->high = log_end(scale->high, true);
    }
    if (decades(scale, 3, 1) <= most)
        return;
    for (int stride = 1; decades(scale, 1, stride) > most;)
        stride++;
}

struct ofr_scale ofr_scale_fit(struct ofr_extent extent, bool logarithmic, bool outward, uint32_t most)
{
    struct ofr_scale scale = {.low = extent.low, .high = extent.high};
    scale.logarithmic = logarithmic && extent.low <= extent.high && extent.positive > 0.0;
    if (scale.logarithmic)
        scale.low = extent.low > 0.0 ? extent.low : extent.positive;
    if (extent.low > extent.high) {
        scale.low = 0.0;
        scale.high = 1.0;
    } else if (scale.logarithmic && scale.high / scale.low < 1.0 + 1e-9) {
        scale.low /= 2.0;
        scale.high *= 2.0;
    } else if (scale.high - scale.low <= 1e-12 * fmax(fabs(scale.low), fabs(scale.high))) {
        double room = fabs(scale.low) >= 1.0 || scale.low == 0.0 ? fmax(1.0, 0.01 * fabs(scale.low))
                                                                 : 0.2 * fabs(scale.low);
        scale.low -= scale.low == 0.0 ? 0.0 : room;
        scale.high += room;
    }
    if (scale.logarithmic)
        fit_logarithmic(&scale, outward, most);
    else
        fit_linear(&scale, outward, most);
    return scale;
}

double ofr_scale_at(const struct ofr_scale *scale, double value)
{
    if (!scale->logarithmic)
        return (value - scale->low) / (scale->high - scale->low);
    return value > 0.0 ? log(value / scale->low) / log(scale->high / scale->low) : NAN;
}

/* Digits after the point that a multiple of `step` needs. */
static int decimals(double step)
{
    int digits = 0;
    while (digits < 9 && fabs(step - round(step)) > 1e-6 * step) {
        step *= 10.0;
        digits++;
    }
    return digits;
}

void ofr_scale_label(const struct ofr_scale *scale, uint32_t tick, char out[OFR_TICK_TEXT])
{
    static const struct {
        double unit;
        const char *suffix;
    } large[] = {{1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1.0, ""}};
    double value = scale->tick[tick], step = scale->logarithmic ? value : scale->step;
    double most = scale->logarithmic ? value : fmax(fabs(scale->low), fabs(scale->high));
    unsigned i = 0;
    while (i < 3 && most < 10.0 * large[i].unit)
        i++;
    value = fabs(value) < 1e-9 * step ? 0.0 : value / large[i].unit;
    snprintf(out, OFR_TICK_TEXT, "%s%.*f%s", value < 0.0 ? "−" : "", decimals(step / large[i].unit),
             fabs(value), value == 0.0 ? "" : large[i].suffix);
}
