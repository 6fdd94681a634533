/* The reference pages name everything there is: keys of the summaries in docs/metrics.md, columns of the files in
 * docs/formats.md, declarations in docs/api.md (tests/api_reference). Fails when a key or a column is added or renamed
 * and its page is not. */
#include "tests/support/tool.h"
#include "traces/recording_format.h"
#include "traces/runlog_format.h"

#include <jansson.h>

TestSuite(docs, .init = tool_setup, .fini = tool_teardown, .timeout = 120);

static char *page(const char *name)
{
    char path[512];
    size_t size;
    snprintf(path, sizeof path, OFR_TEST_SOURCE_DIR "/docs/%s", name);
    unsigned char *bytes = files_read(path, &size);
    char *text = calloc(1, size + 1);
    memcpy(text, bytes, size);
    free(bytes);
    return text;
}

static bool names(const char *text, const char *word)
{
    char quoted[128];
    snprintf(quoted, sizeof quoted, "`%s`", word);
    return strstr(text, quoted) != NULL;
}

/* Every key, at any depth; not those that are data: sizes of batches, names of notes. */
static void expect_keys_named(const json_t *value, const char *text)
{
    const char *key;
    json_t *inner;
    json_object_foreach((json_t *)value, key, inner)
    {
        cr_expect(names(text, key), "docs/metrics.md does not name `%s`", key);
        if (strcmp(key, "histogram") != 0 && strcmp(key, "notes") != 0)
            expect_keys_named(inner, text);
    }
}

static void expect_command_documented(const char *line)
{
    struct tool_result result = tool_run(line);
    char *text = page("metrics.md");
    cr_assert_eq(result.status, 0, "`%s`: %s", line, result.err);
    json_t *summary = json_loads(result.out, 0, NULL);
    cr_assert_not_null(summary, "%s", line);
    expect_keys_named(summary, text);
    json_decref(summary);
    free(text);
    tool_release(&result);
}

Test(docs, every_key_of_a_summary_has_a_formula)
{
    expect_command_documented("sim s.yaml --json --vanilla");
    expect_command_documented("replay s.yaml --json --device null --max-lateness 1min");
}

Test(docs, every_column_of_a_file_is_described)
{
    static const char *const columns[] = {
#define X(id, name, type, unit, width, encoding) name,
        OFR_LOG_REQUEST_MAP(X) OFR_LOG_BATCH_MAP(X) OFR_LOG_DECISION_MAP(X) OFR_LOG_INSTANT_MAP(X)
            OFR_LOG_RESULT_MAP(X)
#undef X
#define X(id, name, types, unit, per_site, bit) name,
                OFR_SAMPLE_COLUMN_MAP(X)
#undef X
#define X(id, value, name, batch, site) name,
                    OFR_QUANTITY_MAP(X)
#undef X
#define X(id, value, kind, what, extension, version) kind, extension,
                        OFR_FILE_KIND_MAP(X)
#undef X
#define X(id, value, name, bytes) name,
                            OFR_TYPE_MAP(X)
#undef X
    };
    char *text = page("formats.md");
    for (size_t i = 0; i < sizeof columns / sizeof *columns; ++i)
        cr_expect(names(text, columns[i]), "docs/formats.md does not name `%s`", columns[i]);
    free(text);
}
