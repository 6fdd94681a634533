/* A profile written row by row into the test's folder, and what loading it gives. */
#ifndef OFR_TESTS_PROFILE_ROWS_H
#define OFR_TESTS_PROFILE_ROWS_H

#include "sim/model/profile.h"
#include "tests/support/files.h"
#include "traces/profile_file.h"

#include <criterion/criterion.h>

/* Of the network "net" with the sites "a" and "b", in p.oprof. Returns what ofr_profile_load does. */
static inline int profile_rows_load(struct ofr_profile **profile, const struct ofr_profile_row *row,
                                    size_t count, struct ofr_error *err)
{
    static const char *const sites[] = {"a", "b"};
    struct ofr_profile_writer *writer;
    cr_assert_eq(ofr_profile_create(&writer, files_path("p.oprof"), "net", 2, sites, NULL, err), 0);
    for (size_t i = 0; i < count; ++i)
        cr_assert_eq(ofr_profile_append(writer, &row[i], err), 0, "%s", err->text);
    cr_assert_eq(ofr_profile_finish(writer, err), 0);
    return ofr_profile_load(profile, files_path("p.oprof"), err);
}

#endif
