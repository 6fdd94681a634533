/* Axes of figures on paper: ticks at round numbers, ends where they belong, labels that tell ticks apart. */
#include "analysis/report/scale.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static struct ofr_extent extent(double low, double high)
{
    struct ofr_extent extent = OFR_EXTENT_NONE;
    ofr_extent_add(&extent, low);
    ofr_extent_add(&extent, high);
    return extent;
}

/* Whether a step is 1, 2 or 5 times a power of ten. */
static bool is_round(double step)
{
    double part = step / pow(10.0, floor(log10(step) + 1e-9));
    return fabs(part - 1.0) < 1e-6 || fabs(part - 2.0) < 1e-6 || fabs(part - 5.0) < 1e-6;
}

static void check_ticks(const struct ofr_scale *scale, uint32_t most, double low, double high)
{
    cr_assert_geq(scale->ticks, 2, "%g to %g: %u ticks", low, high, scale->ticks);
    cr_assert_leq(scale->ticks, most, "%g to %g: %u ticks", low, high, scale->ticks);
    char before[OFR_TICK_TEXT] = "";
    for (uint32_t i = 0; i < scale->ticks; ++i) {
        char text[OFR_TICK_TEXT];
        double at = ofr_scale_at(scale, scale->tick[i]);
        ofr_scale_label(scale, i, text);
        cr_expect(at > -1e-9 && at < 1.0 + 1e-9, "%g to %g: tick %g lies at %g", low, high, scale->tick[i],
                  at);
        cr_expect(strcmp(text, before) != 0, "%g to %g: label %s twice", low, high, text);
        strcpy(before, text);
    }
}

/* Fails when a step is not round, a tick is outside the axis or missing, the extent sticks out, or labels repeat. */
Test(scale, linear_axes_of_every_size)
{
    static const double ends[][2] = {{0, 1},       {0, 0.37},        {0.0471, 1.24},   {-3.2, 8.1},
                                     {99, 100},    {94.3, 100},      {1e-7, 3e-7},     {0, 123456},
                                     {5e8, 7.7e9}, {-0.004, -0.001}, {1000, 1000.5},   {0, 12.87},
                                     {17, 17.3},   {-1e6, 1e6},      {0.1, 0.30000001}};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; ++i)
        for (uint32_t most = 3; most <= 9; ++most) {
            struct ofr_scale scale = ofr_scale_fit(extent(ends[i][0], ends[i][1]), false, true, most);
            cr_expect(is_round(scale.step), "step %g", scale.step);
            cr_expect_leq(scale.low, ends[i][0] + 1e-9 * scale.step);
            cr_expect_geq(scale.high, ends[i][1] - 1e-9 * scale.step);
            cr_expect_float_eq(scale.tick[0], scale.low, 1e-9 * scale.step);
            cr_expect_float_eq(scale.tick[scale.ticks - 1], scale.high, 1e-9 * scale.step);
            check_ticks(&scale, most, ends[i][0], ends[i][1]);
            scale = ofr_scale_fit(extent(ends[i][0], ends[i][1]), false, false, most);
            cr_expect_eq(scale.low, ends[i][0]);
            cr_expect_eq(scale.high, ends[i][1]);
            cr_expect(is_round(scale.step), "step %g", scale.step);
        }
}

Test(scale, logarithmic_axes)
{
    static const double ends[][2] = {{0.11, 9.7}, {1, 1000}, {0.003, 4e5}, {1e-9, 1e9}, {2, 3}, {1, 10}};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; ++i) {
        struct ofr_scale scale = ofr_scale_fit(extent(ends[i][0], ends[i][1]), true, true, 6);
        cr_expect(scale.logarithmic);
        cr_expect_leq(scale.low, ends[i][0] * (1.0 + 1e-9));
        cr_expect_geq(scale.high, ends[i][1] * (1.0 - 1e-9));
        check_ticks(&scale, 6, ends[i][0], ends[i][1]);
        double middle = sqrt(scale.low * scale.high);
        cr_expect_float_eq(ofr_scale_at(&scale, middle), 0.5, 1e-9);
        cr_expect(isnan(ofr_scale_at(&scale, 0.0)));
    }
    struct ofr_scale scale = ofr_scale_fit(extent(0.0, 0.0), true, true, 6);
    cr_expect_not(scale.logarithmic, "nothing above zero: no logarithm");
    struct ofr_extent with_zero = extent(0.0, 100.0);
    ofr_extent_add(&with_zero, 0.5);
    scale = ofr_scale_fit(with_zero, true, true, 6);
    cr_expect_float_eq(scale.low, 0.5, 1e-12, "begins at the smallest positive value");
}

Test(scale, nothing_one_value_and_no_number)
{
    struct ofr_extent none = OFR_EXTENT_NONE;
    ofr_extent_add(&none, NAN);
    ofr_extent_add(&none, INFINITY);
    struct ofr_scale scale = ofr_scale_fit(none, false, true, 5);
    cr_expect_eq(scale.low, 0.0);
    cr_expect_eq(scale.high, 1.0);
    static const double alone[] = {0.0, 100.0, 0.003, -5.0, 1e12};
    for (size_t i = 0; i < sizeof alone / sizeof *alone; ++i) {
        scale = ofr_scale_fit(extent(alone[i], alone[i]), false, true, 5);
        cr_expect_lt(scale.low, scale.high);
        check_ticks(&scale, 5, alone[i], alone[i]);
        cr_expect(ofr_scale_at(&scale, alone[i]) >= 0.0 && ofr_scale_at(&scale, alone[i]) <= 1.0);
    }
}

Test(scale, labels)
{
    static const struct {
        double low, high;
        bool logarithmic;
        uint32_t tick;
        const char *text;
    } cases[] = {
        {0, 1, false, 0, "0.0"},      {0, 1, false, 1, "0.2"},      {-2, 2, false, 0, "−2"},
        {0, 60000, false, 1, "20k"},  {0, 60000, false, 0, "0"},    {0, 3e6, false, 1, "1000k"},
        {94, 100, false, 1, "96"},    {0, 0.05, false, 1, "0.01"},  {1, 1000, true, 3, "1000"},
        {0.01, 100, true, 0, "0.01"}, {1e4, 1e7, true, 2, "1000k"}, {1e4, 1e7, true, 3, "10M"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        char text[OFR_TICK_TEXT];
        struct ofr_scale scale =
            ofr_scale_fit(extent(cases[i].low, cases[i].high), cases[i].logarithmic, true, 6);
        ofr_scale_label(&scale, cases[i].tick, text);
        cr_expect_str_eq(text, cases[i].text, "case %zu", i);
    }
}
