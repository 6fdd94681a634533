#include "sim/base/error.h"

#include <criterion/criterion.h>
#include <string.h>

Test(error, first_error_wins)
{
    struct ofr_error err = OFR_ERROR_INIT;
    cr_assert_eq(ofr_fail(&err, OFR_E_INPUT, "first %d", 1), OFR_E_INPUT);
    cr_assert_eq(ofr_fail(&err, OFR_E_IO, "second"), OFR_E_INPUT);
    cr_assert_str_eq(err.text, "first 1");
    ofr_error_clear(&err);
    cr_assert_eq(ofr_fail(&err, OFR_E_IO, "third"), OFR_E_IO);
}

Test(error, place_is_prefixed)
{
    struct ofr_error err = OFR_ERROR_INIT;
    ofr_fail_at(&err, OFR_E_INPUT, "a.yaml", 3, 7, "found %s", "x");
    cr_assert_str_eq(err.text, "a.yaml:3:7: found x");
}

Test(error, exit_statuses_are_the_contract)
{
    cr_assert_eq(ofr_exit_status(OFR_OK), 0);
    cr_assert_eq(ofr_exit_status(OFR_E_GATE), 1);
    cr_assert_eq(ofr_exit_status(OFR_E_INPUT), 2);
    cr_assert_eq(ofr_exit_status(OFR_E_USAGE), 2);
    cr_assert_eq(ofr_exit_status(OFR_E_IO), 3);
    cr_assert_eq(ofr_exit_status(OFR_E_NOMEM), 3);
    cr_assert_eq(ofr_exit_status(OFR_E_BUG), 70);
}

Test(error, long_messages_are_cut_not_overrun)
{
    struct ofr_error err = OFR_ERROR_INIT;
    char big[4 * OFR_ERROR_TEXT];
    memset(big, 'a', sizeof big);
    big[sizeof big - 1] = '\0';
    ofr_fail_at(&err, OFR_E_INPUT, big, 1, 1, "%s", big);
    cr_assert_lt(strlen(err.text), (size_t)OFR_ERROR_TEXT);
}

/* Found by fuzzing: keys and JSON tokens of a file were quoted as they stood. */
Test(error, a_message_is_one_plain_line)
{
    struct ofr_error err = OFR_ERROR_INIT;
    ofr_fail_at(&err, OFR_E_INPUT, "a\nb", 1, 2, "found '%s'", "x\ty\x1b[31m\x7f\u00e4");
    cr_expect_str_eq(err.text, "a?b:1:2: found 'x?y?[31m?\u00e4'");
}
