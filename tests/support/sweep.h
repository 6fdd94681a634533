/* What tests of `offramp sweep` share: the files of a swept folder. Names are those of tests/support/tool.h's world. */
#ifndef OFR_TESTS_SUPPORT_SWEEP_H
#define OFR_TESTS_SUPPORT_SWEEP_H

#include "tests/support/files.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *const sweep_result_file[] = {"sweep.yaml", "results.csv", "runs.csv", "results.osweep"};
enum {
    SWEEP_RESULT_FILES = sizeof sweep_result_file / sizeof *sweep_result_file
};

/* Expects the results of two folders to be the same, byte for byte. */
static inline void sweep_expect_same(const char *one, const char *other)
{
    for (int i = 0; i < SWEEP_RESULT_FILES; ++i) {
        char path[2][48];
        size_t size[2];
        snprintf(path[0], sizeof path[0], "%s/%s", one, sweep_result_file[i]);
        snprintf(path[1], sizeof path[1], "%s/%s", other, sweep_result_file[i]);
        unsigned char *a = files_read(files_path(path[0]), &size[0]);
        unsigned char *b = files_read(files_path(path[1]), &size[1]);
        cr_expect(size[0] == size[1] && memcmp(a, b, size[0]) == 0, "%s and %s differ", path[0], path[1]);
        free(a);
        free(b);
    }
}

#endif
