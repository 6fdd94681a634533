/* The kernels a profile names, read back: text from a file, so anything may stand there. */
#include "replay/cuda/choices.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* What one batch size is given for as many choices as `ways` has, -1 where the device has to choose. */
static void expect(const char *given, uint32_t batch, const char *wanted, bool refused)
{
    static const uint32_t ways[] = {14, 9, 4};
    struct ofr_cuda_choices choices = {.given = given};
    struct ofr_error err = OFR_ERROR_INIT;
    char found[64] = "";
    cr_assert_eq(ofr_cuda_choices_begin(&choices, batch, &err), 0);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        uint32_t index = 0;
        int chosen = ofr_cuda_choices_next(&choices, ways[i], &index) ? (int)index : -1;
        size_t used = strlen(found);
        snprintf(found + used, sizeof found - used, i ? " %d" : "%d", chosen);
    }
    cr_expect_str_eq(found, wanted, "'%s': %s, expected %s", given ? given : "", found, wanted);
    cr_expect_eq(choices.refused, refused, "'%s'", given ? given : "");
    ofr_cuda_choices_release(&choices);
}

Test(cuda_choices, follow_what_is_given_for_the_batch_size)
{
    expect("b1 3/14 0/9 2/4 b2 1/14 8/9 3/4", 1, "3 0 2", false);
    expect("b1 3/14 0/9 2/4 b2 1/14 8/9 3/4", 2, "1 8 3", false);
    expect("b16 5/14 0/9 0/4 b1 3/14 0/9 2/4", 1, "3 0 2", false); // b1 is no part of b16
    expect(NULL, 1, "-1 -1 -1", false);
}

Test(cuda_choices, are_left_to_the_device_from_the_first_that_does_not_fit)
{
    expect("b1 3/14 0/9 2/4", 2, "-1 -1 -1", true);
    expect("b1 3/14 0/8 2/4", 1, "3 -1 -1", true); // of other ways
    expect("b1 14/14 0/9 2/4", 1, "-1 -1 -1", true);
    expect("b1 -1/14 0/9 2/4", 1, "-1 -1 -1", true);
    expect("b1 18446744073709551616/14 0/9", 1, "-1 -1 -1", true);
    expect("b1 3/4294967310 0/9 2/4", 1, "-1 -1 -1", true); // 2^32 + 14
    expect("b1 3/14", 1, "3 -1 -1", true);
    expect("b1 3/14 b2 1/14 8/9", 1, "3 -1 -1", true);
    expect("b1 3/14 0", 1, "3 -1 -1", true);
    expect("b1", 1, "-1 -1 -1", true);
    expect("", 1, "-1 -1 -1", true);
}

Test(cuda_choices, are_written_as_they_are_read)
{
    struct ofr_cuda_choices choices = {0};
    struct ofr_error err = OFR_ERROR_INIT;
    for (uint32_t batch = 1; batch <= 64; batch *= 2) {
        cr_assert_eq(ofr_cuda_choices_begin(&choices, batch, &err), 0);
        cr_assert_eq(ofr_cuda_choices_add(&choices, batch % 14, 14, &err), 0);
        cr_assert_eq(ofr_cuda_choices_add(&choices, 8, 9, &err), 0);
        cr_assert_eq(ofr_cuda_choices_add(&choices, 1, 4, &err), 0);
    }
    cr_expect_str_eq(choices.text, "b1 1/14 8/9 1/4 b2 2/14 8/9 1/4 b4 4/14 8/9 1/4 b8 8/14 8/9 1/4 "
                                   "b16 2/14 8/9 1/4 b32 4/14 8/9 1/4 b64 8/14 8/9 1/4");
    expect(choices.text, 32, "4 8 1", false);
    ofr_cuda_choices_release(&choices);
}
