/* What the tests of the importers share: a temporary folder, sources written from strings, options set by
 * name through a format's own table, and traces read back whole.
 */
#ifndef OFR_TESTS_IMPORT_FIXTURE_H
#define OFR_TESTS_IMPORT_FIXTURE_H

#include "sim/base/component.h"
#include "traces/import/importers.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#ifndef OFR_TEST_SOURCE_DIR /* set by the build */
#define OFR_TEST_SOURCE_DIR "."
#endif

/* A trace read back. Owned; columns the file lacks are NULL. */
struct trace_rows {
    size_t count;
    uint32_t columns;
    struct ofr_trace_row *row;
};

static char fixture_folder[64];

static inline void fixture_setup(void)
{
    strcpy(fixture_folder, "/tmp/offramp-import-XXXXXX");
    cr_assert_not_null(mkdtemp(fixture_folder));
}

static inline int fixture_remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static inline void fixture_teardown(void)
{
    nftw(fixture_folder, fixture_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Path of a file in the temporary folder; one of 64 static buffers. */
static inline const char *fixture_path(const char *name)
{
    static char path[64][256];
    static int turn;
    turn = (turn + 1) % 64;
    snprintf(path[turn], sizeof path[turn], "%s/%s", fixture_folder, name);
    return path[turn];
}

static inline const char *fixture_write(const char *name, const void *data, size_t size)
{
    const char *path = fixture_path(name);
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(data, 1, size, file), size);
    fclose(file);
    return path;
}

static inline const char *fixture_gzip(const char *name, const void *data, size_t size)
{
    const char *path = fixture_path(name);
    gzFile file = gzopen(path, "wb6");
    cr_assert_not_null(file);
    cr_assert_eq(gzwrite(file, data, (unsigned)size), (int)size);
    gzclose(file);
    return path;
}

static inline size_t fixture_read(const char *path, unsigned char *out, size_t size)
{
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file);
    size_t got = fread(out, 1, size, file);
    fclose(file);
    return got;
}

/* Real data lies beside the repository on the machines that have it; NULL, and said loudly, elsewhere. */
static inline const char *fixture_shared(const char *name)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/../shared/%s", OFR_TEST_SOURCE_DIR, name);
    if (access(path, R_OK) == 0)
        return path;
    const char *folder = getenv("OFFRAMP_SHARED");
    snprintf(path, sizeof path, "%s/%s", folder ? folder : "", name);
    if (folder && access(path, R_OK) == 0)
        return path;
    fprintf(stderr, "SKIPPED: no ../shared/%s here, so its figures were not checked\n", name);
    return NULL;
}

/* Sets one option from plain text. */
static inline void fixture_set(const struct offramp_option *option, char *values, const char *text)
{
    void *member = values + option->offset;
    int32_t choice = 0;
    switch (option->type) {
    case OFFRAMP_OPT_COUNT:
        *(uint64_t *)member = strtoull(text, NULL, 10);
        break;
    case OFFRAMP_OPT_TIME: /* seconds only */
        *(int64_t *)member = strcmp(text, "none") == 0 ? -1 : (int64_t)(strtod(text, NULL) * 1e9);
        break;
    case OFFRAMP_OPT_BOOL:
        *(uint8_t *)member = strcmp(text, "true") == 0;
        break;
    case OFFRAMP_OPT_CHOICE:
        while (option->choices[choice] && strcmp(option->choices[choice], text) != 0)
            ++choice;
        cr_assert_not_null(option->choices[choice], "no choice %s", text);
        *(int32_t *)member = choice;
        break;
    case OFFRAMP_OPT_TEXT:
        snprintf(member, OFFRAMP_TEXT_SIZE, "%s", text);
        break;
    default:
        cr_assert(false, "option type of %s is not known to the fixture", option->name);
    }
}

/* Fills `values` from the defaults and `name=value name=value ...`. */
static inline void fixture_options(const struct ofr_component *component, char *values, const char *given)
{
    char copy[512], *rest = copy;
    snprintf(copy, sizeof copy, "%s", given);
    memset(values, 0, OFR_OPTIONS_MAX);
    for (uint32_t i = 0; i < component->option_count; ++i)
        if (component->options[i].fallback)
            fixture_set(&component->options[i], values, component->options[i].fallback);
    for (char *pair; (pair = strsep(&rest, " ")) != NULL;) {
        char *equals = strchr(pair, '=');
        if (!equals)
            continue;
        *equals = '\0';
        uint32_t i = 0;
        while (i < component->option_count && strcmp(component->options[i].name, pair) != 0)
            ++i;
        cr_assert_lt(i, component->option_count, "no option %s", pair);
        fixture_set(&component->options[i], values, equals + 1);
    }
}

/* Imports `input` into out.otrace of the temporary folder. */
static inline int fixture_import(const char *format, const char *input, const char *options, bool skip_bad,
                                 struct ofr_quality *quality, struct ofr_error *err)
{
    static _Alignas(16) char values[OFR_OPTIONS_MAX];
    const struct ofr_importer *importer = ofr_importer_find(format, err);
    cr_assert_not_null(importer);
    fixture_options(&importer->component, values, options);
    struct ofr_import_request request = {.importer = importer,
                                         .input = input,
                                         .output = fixture_path("out.otrace"),
                                         .options = values,
                                         .skip_bad = skip_bad,
                                         .command = "test"};
    return ofr_import_trace(&request, quality, err);
}

static inline struct trace_rows fixture_trace(const char *path)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_trace_reader *reader = NULL;
    struct ofr_trace_chunk chunk;
    struct trace_rows rows = {0};
    cr_assert_eq(ofr_trace_open(&reader, path, &err), 0, "%s", err.text);
    rows.columns = ofr_trace_columns(reader);
    int rc;
    while ((rc = ofr_trace_next(reader, &chunk, &err)) > 0) {
        rows.row = realloc(rows.row, (rows.count + chunk.rows) * sizeof *rows.row);
        for (uint32_t i = 0; i < chunk.rows; ++i)
            rows.row[rows.count++] = (struct ofr_trace_row){
                .arrival_ns = chunk.arrival_ns[i],
                .duration_ns = chunk.duration_ns ? chunk.duration_ns[i] : 0,
                .prompt_tokens = chunk.prompt_tokens ? chunk.prompt_tokens[i] : 0,
                .output_tokens = chunk.output_tokens ? chunk.output_tokens[i] : 0,
                .stream = chunk.stream ? chunk.stream[i] : 0,
            };
    }
    cr_assert_eq(rc, 0, "%s", err.text);
    ofr_trace_close(reader);
    return rows;
}

#endif
