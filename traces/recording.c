#include "traces/recording.h"

#include "sim/offramp_option.h"
#include "traces/half.h"
#include "traces/recording_format.h"
#include "traces/site_names.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct loader {
    struct ofr_container_reader *file; /* owned */
    struct ofr_recording *recording;   /* owned until the load has succeeded */
    uint32_t table;
    uint64_t rows; /* samples the arrays have room for */
    int index[OFR_SAMPLE_COLUMNS];
};

static int fail(const struct loader *loader, struct ofr_error *err, const char *found)
{
    return ofr_fail(err, OFR_E_INPUT, "%s: offset 0: %s", ofr_container_path(loader->file), found);
}

static int check_columns(struct loader *loader, struct ofr_error *err)
{
    uint32_t sites = loader->recording->sites;
    const struct ofr_column_need needs[OFR_SAMPLE_COLUMNS] = {
#define X(id, text, types, unit, per_site, bit)                                                              \
    [OFR_SAMPLE_##id] = {text, types, unit, per_site ? sites : 1, bit != 0},
        OFR_SAMPLE_COLUMN_MAP(X)
#undef X
    };
    int rc = ofr_container_check(loader->file, OFR_SAMPLE_TABLE, needs, OFR_SAMPLE_COLUMNS, true,
                                 &loader->table, loader->index, err);
    for (int i = OFR_SAMPLE_GROUP; !rc && i < OFR_SAMPLE_COLUMNS; i++)
        if (loader->index[i] >= 0)
            ofr_container_want(loader->file, loader->table, (uint32_t)loader->index[i], false);
    return rc;
}

static int read_meta(struct loader *loader, struct ofr_error *err)
{
    const struct ofr_file_head *head = ofr_container_head(loader->file);
    struct ofr_recording *recording = loader->recording;
    const char *name = ofr_notes_get(&head->meta, "name");
    const char *classes = ofr_notes_get(&head->meta, "classes");
    const char *answers = ofr_notes_get(&head->meta, "answers");
    if (!name || strlen(name) >= OFR_NAME_SIZE)
        return fail(loader, err, "the header has no name of at most 47 bytes");
    strcpy(recording->name, name);
    char *end = NULL;
    unsigned long count = classes ? strtoul(classes, &end, 10) : 0;
    if (!classes || end == classes || *end || count > 65536)
        return fail(loader, err, "the header has no number of classes from 0 to 65536");
    recording->classes = (uint32_t)count;
    if (!answers || (strcmp(answers, "class") != 0 && strcmp(answers, "agreement") != 0))
        return fail(loader, err, "the header does not say whether answers are class or agreement");
    recording->agreement = !strcmp(answers, "agreement");
    return ofr_site_names_get(&head->meta, ofr_container_path(loader->file), &recording->sites,
                              &recording->site_name, err);
}

/* Arrays of many megabytes: without large pages a third of the load goes into touching them first. Advice
 * only, so its failure is none. */
static void advise(void *array, size_t bytes)
{
    uintptr_t page = 2 << 20;
    uintptr_t first = ((uintptr_t)array + page - 1) & ~(page - 1);
    uintptr_t last = ((uintptr_t)array + bytes) & ~(page - 1);
    if (last > first)
        (void)madvise((void *)first, last - first, MADV_HUGEPAGE);
}

/* Owned array of `rows` rows; NULL when there is no memory. */
static void *allocate(uint64_t rows, size_t row_bytes)
{
    void *array = malloc(rows * row_bytes);
    if (array)
        advise(array, rows * row_bytes);
    return array;
}

/* One pass over the file counts its samples, decoding nothing, so that the arrays are made once. */
static int count_samples(struct loader *loader, uint64_t *count, struct ofr_error *err)
{
    const struct ofr_file_head *head = ofr_container_head(loader->file);
    struct ofr_chunk chunk;
    int rc;
    for (uint32_t t = 0; t < head->tables; t++)
        for (uint32_t c = 0; c < head->table[t].columns; c++)
            ofr_container_want(loader->file, t, c, false);
    while ((rc = ofr_container_next(loader->file, &chunk, err)) == 1)
        ;
    if (rc == 0 && ofr_container_partial(loader->file))
        return ofr_container_fail_partial(loader->file, err);
    *count = ofr_container_rows(loader->file, loader->table);
    if (!rc && *count > UINT32_MAX)
        return fail(loader, err, "has more than 4294967295 samples");
    return rc ? rc : ofr_container_rewind(loader->file, err);
}

static int make_arrays(struct loader *loader, uint64_t rows, struct ofr_error *err)
{
    struct ofr_recording *r = loader->recording;
    if (!rows)
        return OFR_OK;
    bool ok = (r->top1 = allocate(rows, r->sites * sizeof *r->top1)) &&
              (r->answer = allocate(rows, r->sites * sizeof *r->answer)) &&
              (r->final_answer = allocate(rows, sizeof *r->final_answer));
    if (ok && loader->index[OFR_SAMPLE_ENTROPY] >= 0)
        ok = (r->entropy = allocate(rows, r->sites * sizeof *r->entropy)) != NULL;
    if (ok && loader->index[OFR_SAMPLE_FINAL_TOP1] >= 0)
        ok = (r->final_top1 = allocate(rows, sizeof *r->final_top1)) != NULL;
    if (ok && loader->index[OFR_SAMPLE_LABEL] >= 0)
        ok = (r->label = allocate(rows, sizeof *r->label)) != NULL;
    return ok ? OFR_OK : ofr_fail_nomem(err, "a recording");
}

/* NaN fails every comparison. No branch inside the loop: it runs over every number of the file. */
static bool within(const float *values, size_t count, float most)
{
    unsigned bad = 0;
    for (size_t i = 0; i < count; i++)
        bad |= !((values[i] >= 0.0f) & (values[i] <= most));
    return !bad;
}

static bool below(const uint16_t *values, size_t count, uint32_t limit)
{
    unsigned bad = 0;
    for (size_t i = 0; i < count; i++)
        bad |= values[i] >= limit;
    return !bad;
}

static int fail_value(const struct loader *loader, const struct ofr_chunk *chunk, int which,
                      const char *expected, struct ofr_error *err)
{
    const struct ofr_file_head *head = ofr_container_head(loader->file);
    return ofr_fail(err, OFR_E_INPUT,
                    "%s: offset %" PRIu64 ": column %s, rows %" PRIu64 " to %" PRIu64
                    ": found a value that is no %s",
                    ofr_container_path(loader->file), chunk->offset,
                    head->table[loader->table].column[loader->index[which]].name, chunk->first_row,
                    chunk->first_row + chunk->rows - 1, expected);
}

static int load_reals(struct loader *loader, const struct ofr_chunk *chunk, int which, float *out,
                      struct ofr_error *err)
{
    int index = loader->index[which];
    if (index < 0)
        return OFR_OK;
    const struct ofr_column *column = &ofr_container_head(loader->file)->table[loader->table].column[index];
    size_t count = (size_t)chunk->rows * column->width;
    float *at = out + (size_t)loader->recording->samples * column->width;
    if (column->type == OFR_TYPE_F16)
        ofr_halves_to_floats(chunk->column[index], count, at);
    else
        memcpy(at, chunk->column[index], count * sizeof *at);
    bool entropy = which == OFR_SAMPLE_ENTROPY;
    if (within(at, count, entropy ? 3.0e38f : 1.0f))
        return OFR_OK;
    return fail_value(loader, chunk, which, entropy ? "entropy of 0 or more" : "probability from 0 to 1",
                      err);
}

static int load_classes(struct loader *loader, const struct ofr_chunk *chunk, int which, uint16_t *out,
                        struct ofr_error *err)
{
    const struct ofr_recording *r = loader->recording;
    int index = loader->index[which];
    if (index < 0)
        return OFR_OK;
    uint32_t width = which == OFR_SAMPLE_ANSWER ? r->sites : 1;
    size_t count = (size_t)chunk->rows * width;
    uint16_t *at = out + (size_t)r->samples * width;
    memcpy(at, chunk->column[index], count * sizeof *at);
    bool verdict = r->agreement && which != OFR_SAMPLE_LABEL;
    uint32_t limit = verdict ? 2 : r->classes ? r->classes : 65536;
    return below(at, count, limit) ? OFR_OK
                                   : fail_value(loader, chunk, which, "class of this recording", err);
}

static int load_chunk(struct loader *loader, const struct ofr_chunk *chunk, struct ofr_error *err)
{
    struct ofr_recording *r = loader->recording;
    int rc = chunk->first_row + chunk->rows <= loader->rows
                 ? OFR_OK
                 : fail(loader, err, "the file grew while it was being read");
    if (!rc)
        rc = load_reals(loader, chunk, OFR_SAMPLE_TOP1, r->top1, err);
    if (!rc)
        rc = load_reals(loader, chunk, OFR_SAMPLE_ENTROPY, r->entropy, err);
    if (!rc)
        rc = load_reals(loader, chunk, OFR_SAMPLE_FINAL_TOP1, r->final_top1, err);
    if (!rc)
        rc = load_classes(loader, chunk, OFR_SAMPLE_ANSWER, r->answer, err);
    if (!rc)
        rc = load_classes(loader, chunk, OFR_SAMPLE_FINAL_ANSWER, r->final_answer, err);
    if (!rc)
        rc = load_classes(loader, chunk, OFR_SAMPLE_LABEL, r->label, err);
    if (!rc)
        r->samples += chunk->rows;
    return rc;
}

static int load(struct loader *loader, const char *path, struct ofr_error *err)
{
    int rc = ofr_container_open(&loader->file, path, OFR_FILE_RECORDING, err);
    if (!rc)
        rc = read_meta(loader, err);
    if (!rc)
        rc = check_columns(loader, err);
    if (!rc)
        rc = count_samples(loader, &loader->rows, err);
    if (!rc)
        rc = make_arrays(loader, loader->rows, err);
    if (!rc)
        rc = check_columns(loader, err); /* wants the columns again */
    if (rc)
        return rc;
    struct ofr_chunk chunk;
    while ((rc = ofr_container_next(loader->file, &chunk, err)) == 1)
        if (chunk.table == loader->table && (rc = load_chunk(loader, &chunk, err)))
            return rc;
    if (rc == 0 && ofr_container_partial(loader->file))
        return ofr_container_fail_partial(loader->file, err);
    return rc ? rc
              : ofr_notes_add_all(&loader->recording->provenance,
                                  &ofr_container_head(loader->file)->provenance, err);
}

int ofr_recording_load(struct ofr_recording **out, const char *path, struct ofr_error *err)
{
    *out = NULL;
    struct loader loader = {.recording = calloc(1, sizeof *loader.recording)};
    if (!loader.recording)
        return ofr_fail_nomem(err, "a recording");
    int rc = load(&loader, path, err);
    ofr_container_close(loader.file);
    if (rc) {
        ofr_recording_free(loader.recording);
        return rc;
    }
    *out = loader.recording;
    return OFR_OK;
}

void ofr_recording_free(struct ofr_recording *recording)
{
    if (!recording)
        return;
    free(recording->site_name);
    free(recording->top1);
    free(recording->entropy);
    free(recording->answer);
    free(recording->final_answer);
    free(recording->final_top1);
    free(recording->label);
    ofr_notes_release(&recording->provenance);
    free(recording);
}
