#include "traces/import/recording_import.h"

#include "traces/import/text_source.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

/* Nats; log(65536) is 11.1, the most that 16-bit classes can have. Language models have more classes, so the
 * bound only catches what cannot be an entropy. */
static const double ENTROPY_MAX = 64.0;

static const char *const extra_names[] = {
#define X(name) #name,
    OFR_FOLDER_MAP(X)
#undef X
};

static const char *const own_names[] = {"conf",       "entropy",    "pred", "pred_agree",
                                        "final_pred", "final_conf", "label"};

/* The folder being read. */
struct reader {
    const char *folder;
    struct ofr_folder *out;
    bool is_half[OFR_FOLDER_REALS];
    XXH64_state_t *hash; /* owned */
    char path[PATH_MAX]; /* of the array at hand */
    struct ofr_npy npy;  /* the array at hand; owned */
};

static int set_path(struct reader *reader, const char *name, const char *suffix, struct ofr_error *err)
{
    int length = snprintf(reader->path, sizeof reader->path, "%s/%s%s", reader->folder, name, suffix);
    if (length < 0 || (size_t)length >= sizeof reader->path)
        return ofr_fail(err, OFR_E_INPUT, "%s: found a path that is too long", reader->folder);
    return 0;
}

/* Loads NAME.npy. 1 = there, 0 = not there, negative = error. */
static int load(struct reader *reader, const char *name, struct ofr_error *err)
{
    int rc = set_path(reader, name, ".npy", err);
    if (rc)
        return rc;
    if (access(reader->path, F_OK) != 0 && errno == ENOENT)
        return 0;
    ofr_npy_release(&reader->npy);
    return (rc = ofr_npy_load(&reader->npy, reader->path, err)) ? rc : 1;
}

static int want_shape(const struct reader *reader, uint64_t rows, uint64_t columns, int dimensions,
                      struct ofr_error *err)
{
    const struct ofr_npy *npy = &reader->npy;
    if (npy->dimensions != dimensions)
        return ofr_fail(err, OFR_E_INPUT, "%s: found %d dimensions, expected %d", reader->path,
                        npy->dimensions, dimensions);
    if (npy->shape[0] != rows)
        return ofr_fail(err, OFR_E_INPUT, "%s: found %llu rows, expected %llu as in the other arrays",
                        reader->path, (unsigned long long)npy->shape[0], (unsigned long long)rows);
    if (npy->shape[1] != columns)
        return ofr_fail(err, OFR_E_INPUT, "%s: found %llu columns, expected %llu sites as in conf.npy",
                        reader->path, (unsigned long long)npy->shape[1], (unsigned long long)columns);
    return 0;
}

/* Takes the array at hand, all of it within 0..high: f16 as it is, others as floats. */
static int take_reals(struct reader *reader, int which, double high, struct ofr_error *err)
{
    struct ofr_npy *npy = &reader->npy;
    size_t count = (size_t)(npy->shape[0] * npy->shape[1]);
    if (!ofr_npy_is_real(npy))
        return ofr_fail(err, OFR_E_INPUT, "%s: found integers, expected <f2, <f4 or <f8", reader->path);
    for (size_t i = 0; i < count; ++i) {
        double value = (double)ofr_npy_real(npy, i);
        if (!(value >= 0 && value <= high))
            return ofr_fail(err, OFR_E_INPUT, "%s: row %llu, column %llu: found %g, expected 0 to %g",
                            reader->path, (unsigned long long)(i / npy->shape[1]),
                            (unsigned long long)(i % npy->shape[1]), value, high);
    }
    reader->is_half[which] = npy->type == OFR_NPY_F16;
    if (npy->type == OFR_NPY_F16) {
        XXH64_update(reader->hash, npy->data, count * sizeof(uint16_t));
        reader->out->real[which] = npy->data;
        npy->data = NULL;
        return 0;
    }
    float *value = malloc(count * sizeof *value);
    if (!value)
        return ofr_fail_nomem(err, reader->path);
    for (size_t i = 0; i < count; ++i)
        value[i] = ofr_npy_real(npy, i);
    XXH64_update(reader->hash, value, count * sizeof *value);
    reader->out->real[which] = value;
    return 0;
}

static size_t real_count(const struct ofr_folder *folder, int which)
{
    return which == OFR_FOLDER_FINAL_TOP1 ? folder->samples : (size_t)folder->samples * folder->sites;
}

/* Where one array needs floats, all get them: a recording has one type of reals. */
static int unify_reals(struct reader *reader, struct ofr_error *err)
{
    struct ofr_folder *out = reader->out;
    out->half = true;
    for (int i = 0; i < OFR_FOLDER_REALS; ++i)
        out->half = out->half && (reader->is_half[i] || !out->real[i]);
    for (int i = 0; i < OFR_FOLDER_REALS; ++i) {
        if (out->half || !reader->is_half[i])
            continue;
        size_t count = real_count(out, i);
        const uint16_t *half = out->real[i];
        float *value = malloc(count * sizeof *value);
        if (!value)
            return ofr_fail_nomem(err, "widened probabilities");
        for (size_t k = 0; k < count; ++k)
            value[k] = ofr_half_to_float(half[k]);
        free(out->real[i]);
        out->real[i] = value;
    }
    return 0;
}

/* Checks that all elements of the array at hand are integers 0..high. */
static int check_integers(const struct reader *reader, int64_t high, struct ofr_error *err)
{
    const struct ofr_npy *npy = &reader->npy;
    size_t count = (size_t)(npy->shape[0] * npy->shape[1]);
    if (ofr_npy_is_real(npy))
        return ofr_fail(err, OFR_E_INPUT, "%s: found real numbers, expected integers", reader->path);
    for (size_t i = 0; i < count; ++i) {
        int64_t value = ofr_npy_integer(npy, i);
        if (value < 0 || value > high)
            return ofr_fail(err, OFR_E_INPUT, "%s: row %llu, column %llu: found %lld, expected 0 to %lld",
                            reader->path, (unsigned long long)(i / npy->shape[1]),
                            (unsigned long long)(i % npy->shape[1]), (long long)value, (long long)high);
    }
    return 0;
}

static int take_u16(struct reader *reader, int64_t high, uint16_t **out, struct ofr_error *err)
{
    size_t count = (size_t)(reader->npy.shape[0] * reader->npy.shape[1]);
    int rc = check_integers(reader, high, err);
    if (rc)
        return rc;
    *out = malloc(count * sizeof **out);
    if (!*out)
        return ofr_fail_nomem(err, reader->path);
    for (size_t i = 0; i < count; ++i)
        (*out)[i] = (uint16_t)ofr_npy_integer(&reader->npy, i);
    XXH64_update(reader->hash, *out, count * sizeof **out);
    return 0;
}

static int take_u32(struct reader *reader, int64_t high, uint32_t **out, struct ofr_error *err)
{
    size_t count = (size_t)reader->npy.shape[0];
    int rc = check_integers(reader, high, err);
    if (rc)
        return rc;
    *out = malloc(count * sizeof **out);
    if (!*out)
        return ofr_fail_nomem(err, reader->path);
    for (size_t i = 0; i < count; ++i)
        (*out)[i] = (uint32_t)ofr_npy_integer(&reader->npy, i);
    XXH64_update(reader->hash, *out, count * sizeof **out);
    return 0;
}

/* conf.npy fixes the number of samples and sites. */
static int read_conf(struct reader *reader, struct ofr_error *err)
{
    int rc = load(reader, "conf", err);
    const struct ofr_npy *npy = &reader->npy;
    if (rc == 0)
        return ofr_fail(err, OFR_E_INPUT,
                        "%s: found no such file, expected the ramps' top probabilities [N, R]", reader->path);
    if (rc < 0)
        return rc;
    if (npy->dimensions != 2 || npy->shape[0] == 0 || npy->shape[1] == 0)
        return ofr_fail(err, OFR_E_INPUT, "%s: found %d dimensions, %llu rows; expected samples x sites",
                        reader->path, npy->dimensions, (unsigned long long)npy->shape[0]);
    if (npy->shape[0] > UINT32_MAX || npy->shape[1] > OFFRAMP_MAX_SITES)
        return ofr_fail(err, OFR_E_INPUT, "%s: found %llu x %llu, expected at most %u samples and %d sites",
                        reader->path, (unsigned long long)npy->shape[0], (unsigned long long)npy->shape[1],
                        UINT32_MAX, OFFRAMP_MAX_SITES);
    reader->out->samples = (uint32_t)npy->shape[0];
    reader->out->sites = (uint32_t)npy->shape[1];
    return take_reals(reader, OFR_FOLDER_TOP1, 1.0, err);
}

/* An optional array of reals. */
static int read_reals(struct reader *reader, const char *name, int which, double high, struct ofr_error *err)
{
    bool per_site = which != OFR_FOLDER_FINAL_TOP1;
    int rc = load(reader, name, err);
    if (rc <= 0)
        return rc;
    rc = want_shape(reader, reader->out->samples, per_site ? reader->out->sites : 1, per_site ? 2 : 1, err);
    return rc ? rc : take_reals(reader, which, high, err);
}

/* An optional array of classes. 1 = there, 0 = not there. */
static int read_classes(struct reader *reader, const char *name, bool per_site, int64_t high, uint16_t **out,
                        struct ofr_error *err)
{
    const struct ofr_folder *folder = reader->out;
    int rc = load(reader, name, err);
    if (rc <= 0)
        return rc;
    rc = want_shape(reader, folder->samples, per_site ? folder->sites : 1, per_site ? 2 : 1, err);
    if (rc == 0)
        rc = take_u16(reader, high, out, err);
    return rc ? rc : 1;
}

static int fill_agreement(struct reader *reader, struct ofr_error *err)
{
    struct ofr_folder *out = reader->out;
    out->agreement = true;
    out->final_answer = malloc(out->samples * sizeof *out->final_answer);
    if (!out->final_answer)
        return ofr_fail_nomem(err, "the final answers");
    for (uint32_t i = 0; i < out->samples; ++i)
        out->final_answer[i] = 1;
    return 0;
}

/* Answers: either classes of ramps and model, or only whether they agree. */
static int read_answers(struct reader *reader, struct ofr_error *err)
{
    struct ofr_folder *out = reader->out;
    int64_t high = out->classes ? (int64_t)out->classes - 1 : UINT16_MAX;
    uint16_t *agrees = NULL;
    int answers = read_classes(reader, "pred", true, high, &out->answer, err);
    int agreement = answers < 0 ? answers : read_classes(reader, "pred_agree", true, 1, &agrees, err);
    if (answers < 0 || agreement < 0 || answers == agreement) {
        free(agrees);
        if (answers < 0 || agreement < 0)
            return answers < 0 ? answers : agreement;
        return ofr_fail(err, OFR_E_INPUT, "%s: found %s, expected one of pred.npy and pred_agree.npy",
                        reader->folder, answers ? "both pred.npy and pred_agree.npy" : "neither");
    }
    if (agreement) {
        out->answer = agrees;
        return fill_agreement(reader, err);
    }
    int rc = read_classes(reader, "final_pred", false, high, &out->final_answer, err);
    if (rc == 0)
        return ofr_fail(err, OFR_E_INPUT, "%s: found no such file, expected it beside pred.npy",
                        reader->path);
    if (rc > 0)
        rc = read_classes(reader, "label", false, high, &out->label, err);
    return rc < 0 ? rc : 0;
}

static int read_extra(struct reader *reader, int extra, struct ofr_error *err)
{
    struct ofr_folder *out = reader->out;
    bool per_request = extra == OFR_FOLDER_prompt_tokens || extra == OFR_FOLDER_output_tokens;
    uint64_t rows = out->samples;
    int64_t high = extra == OFR_FOLDER_request && out->requests > 0 ? (int64_t)out->requests - 1 : UINT32_MAX;
    if (extra == OFR_FOLDER_episode)
        high = UINT8_MAX;
    int rc = load(reader, extra_names[extra], err);
    if (rc <= 0)
        return rc;
    if (per_request) {
        rows = out->requests > 0 ? out->requests : reader->npy.shape[0];
        if (rows == 0 || rows > UINT32_MAX)
            return ofr_fail(err, OFR_E_INPUT, "%s: found %llu rows, expected one a request", reader->path,
                            (unsigned long long)rows);
        out->requests = (uint32_t)rows;
    }
    rc = want_shape(reader, rows, 1, 1, err);
    return rc ? rc : take_u32(reader, high, &out->extra[extra], err);
}

/* The arrays per request come first: they bound `request`. */
static int read_extras(struct reader *reader, struct ofr_error *err)
{
    int rc = 0;
    for (int extra = OFR_FOLDER_EXTRAS - 1; rc == 0 && extra >= 0; --extra)
        rc = read_extra(reader, extra, err);
    const struct ofr_folder *out = reader->out;
    if (rc == 0 && !out->extra[OFR_FOLDER_prompt_tokens] != !out->extra[OFR_FOLDER_output_tokens])
        return ofr_fail(err, OFR_E_INPUT,
                        "%s: found one of prompt_tokens.npy and output_tokens.npy, expected both or neither",
                        reader->folder);
    return rc;
}

static int meta_fail(const struct reader *reader, struct ofr_error *err, const char *what)
{
    return ofr_fail(err, OFR_E_INPUT, "%s: %s", reader->path, what);
}

/* A name fits its place and is one line of plain text. */
static bool take_name(const json_t *value, char *out, size_t size)
{
    const char *text = json_string_value(value);
    if (!text || !*text || strlen(text) >= size)
        return false;
    for (const char *at = text; *at; ++at)
        if ((unsigned char)*at <= 0x20 || (unsigned char)*at == 0x7f)
            return false;
    strcpy(out, text);
    return true;
}

static int read_sites(struct reader *reader, const json_t *sites, struct ofr_error *err)
{
    struct ofr_folder *out = reader->out;
    if (!sites)
        return 0;
    if (!json_is_array(sites) || json_array_size(sites) != out->sites)
        return ofr_fail(err, OFR_E_INPUT, "%s: found %zu sites, expected %u as conf.npy has columns",
                        reader->path, json_array_size(sites), out->sites);
    for (uint32_t i = 0; i < out->sites; ++i) {
        if (!take_name(json_array_get(sites, i), out->site_name[i], OFR_NAME_SIZE))
            return meta_fail(reader, err,
                             "found a bad name in `sites`, expected 1 to 47 characters, no blanks");
        for (uint32_t j = 0; j < i; ++j)
            if (strcmp(out->site_name[i], out->site_name[j]) == 0)
                return meta_fail(reader, err,
                                 "found the same name twice in `sites`, expected different ones");
    }
    return 0;
}

/* Name = those of model, task and stream that are there, joined by dashes. */
static int read_name(struct reader *reader, const json_t *meta, struct ofr_error *err)
{
    static const char *const parts[] = {"model", "task", "stream"};
    struct ofr_folder *out = reader->out;
    size_t used = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; ++i) {
        const json_t *value = json_object_get(meta, parts[i]);
        char part[OFR_NAME_SIZE];
        if (!value)
            continue;
        if (!take_name(value, part, sizeof part) || used + strlen(part) + 2 > OFR_NAME_SIZE)
            return meta_fail(
                reader, err,
                "found a bad model, task or stream, expected text without blanks, together at most "
                "47 characters");
        used += (size_t)snprintf(out->name + used, sizeof out->name - used, "%s%s", used ? "-" : "", part);
    }
    return 0;
}

static int read_classes_number(struct reader *reader, const json_t *value, struct ofr_error *err)
{
    if (!value)
        return 0;
    if (!json_is_integer(value) || json_integer_value(value) < 1 ||
        json_integer_value(value) > UINT16_MAX + 1)
        return meta_fail(reader, err, "found bad `classes`, expected an integer 1 to 65536");
    reader->out->classes = (uint32_t)json_integer_value(value);
    return 0;
}

static void default_names(struct reader *reader)
{
    struct ofr_folder *out = reader->out;
    for (uint32_t i = 0; i < out->sites; ++i)
        snprintf(out->site_name[i], OFR_NAME_SIZE, "site%u", i);
}

static int read_meta(struct reader *reader, struct ofr_error *err)
{
    json_error_t problem;
    int rc = set_path(reader, "meta.json", "", err);
    if (rc)
        return rc;
    default_names(reader);
    if (access(reader->path, F_OK) != 0 && errno == ENOENT)
        return 0;
    json_t *meta = json_load_file(reader->path, JSON_REJECT_DUPLICATES, &problem);
    ofr_plain_text(problem.text);
    if (!meta)
        return ofr_fail_at(err, OFR_E_INPUT, reader->path, problem.line, problem.column, "bad JSON: %s",
                           problem.text);
    if (!json_is_object(meta))
        rc = meta_fail(reader, err, "found no JSON object, expected {...}");
    if (rc == 0)
        rc = read_name(reader, meta, err);
    if (rc == 0)
        rc = read_classes_number(reader, json_object_get(meta, "classes"), err);
    if (rc == 0)
        rc = read_sites(reader, json_object_get(meta, "sites"), err);
    json_decref(meta);
    return rc;
}

static bool is_known(const char *file)
{
    size_t stem = strlen(file) - 4;
    for (size_t i = 0; i < sizeof own_names / sizeof own_names[0]; ++i)
        if (strlen(own_names[i]) == stem && strncmp(own_names[i], file, stem) == 0)
            return true;
    for (size_t i = 0; i < OFR_FOLDER_EXTRAS; ++i)
        if (strlen(extra_names[i]) == stem && strncmp(extra_names[i], file, stem) == 0)
            return true;
    return false;
}

static int is_unknown_array(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 4 && strcmp(entry->d_name + length - 4, ".npy") == 0 && !is_known(entry->d_name);
}

static int list_ignored(struct reader *reader, struct ofr_error *err)
{
    struct dirent **entry = NULL;
    struct ofr_folder *out = reader->out;
    size_t used = 0;
    int count = scandir(reader->folder, &entry, is_unknown_array, alphasort);
    if (count < 0)
        return ofr_fail_errno(err, "cannot read folder", reader->folder);
    for (int i = 0; i < count; ++i) {
        char quoted[OFR_QUOTE_SIZE];
        ofr_quote(quoted, entry[i]->d_name, strlen(entry[i]->d_name));
        if (used + strlen(quoted) + 2 < sizeof out->ignored)
            used += (size_t)snprintf(out->ignored + used, sizeof out->ignored - used, "%s%s", used ? " " : "",
                                     quoted);
        free(entry[i]);
    }
    free(entry);
    return 0;
}

static int read_folder(struct reader *reader, struct ofr_error *err)
{
    int rc = list_ignored(reader, err);
    if (rc == 0)
        rc = read_conf(reader, err);
    if (rc == 0)
        rc = read_meta(reader, err);
    if (rc == 0)
        rc = read_reals(reader, "entropy", OFR_FOLDER_ENTROPY, ENTROPY_MAX, err);
    if (rc == 0)
        rc = read_answers(reader, err);
    if (rc == 0)
        rc = read_reals(reader, "final_conf", OFR_FOLDER_FINAL_TOP1, 1.0, err);
    if (rc == 0)
        rc = read_extras(reader, err);
    return rc ? rc : unify_reals(reader, err);
}

int ofr_folder_load(struct ofr_folder *out, const char *path, struct ofr_error *err)
{
    struct reader reader = {.folder = path, .out = out, .hash = XXH64_createState()};
    int rc = 0;
    memset(out, 0, sizeof *out);
    if (!reader.hash || XXH64_reset(reader.hash, 0) != XXH_OK)
        rc = ofr_fail_nomem(err, path);
    if (rc == 0)
        rc = read_folder(&reader, err);
    if (rc == 0)
        out->hash = XXH64_digest(reader.hash);
    ofr_npy_release(&reader.npy);
    XXH64_freeState(reader.hash);
    if (rc)
        ofr_folder_release(out);
    return rc;
}

void ofr_folder_release(struct ofr_folder *folder)
{
    for (int i = 0; i < OFR_FOLDER_REALS; ++i)
        free(folder->real[i]);
    for (int i = 0; i < OFR_FOLDER_EXTRAS; ++i)
        free(folder->extra[i]);
    free(folder->answer);
    free(folder->final_answer);
    free(folder->label);
    memset(folder, 0, sizeof *folder);
}

static uint32_t columns_of(const struct ofr_folder *folder)
{
    static const uint32_t extra_columns[OFR_FOLDER_EXTRAS] = {
        [OFR_FOLDER_episode] = OFR_RECORDING_EPISODE,   [OFR_FOLDER_group] = OFR_RECORDING_GROUP,
        [OFR_FOLDER_tokens] = OFR_RECORDING_TOKENS,     [OFR_FOLDER_request] = OFR_RECORDING_REQUEST,
        [OFR_FOLDER_position] = OFR_RECORDING_POSITION,
    };
    uint32_t columns = 0;
    if (folder->real[OFR_FOLDER_ENTROPY])
        columns |= OFR_RECORDING_ENTROPY;
    if (folder->real[OFR_FOLDER_FINAL_TOP1])
        columns |= OFR_RECORDING_FINAL_TOP1;
    if (folder->label)
        columns |= OFR_RECORDING_LABEL;
    for (int i = 0; i < OFR_FOLDER_EXTRAS; ++i)
        if (folder->extra[i])
            columns |= extra_columns[i];
    return columns;
}

static const void *real_at(const struct ofr_folder *folder, int which, size_t element)
{
    const unsigned char *base = folder->real[which];
    return base ? base + element * (folder->half ? sizeof(uint16_t) : sizeof(float)) : NULL;
}

static const uint32_t *extra_at(const struct ofr_folder *folder, int extra, size_t row)
{
    return folder->extra[extra] ? folder->extra[extra] + row : NULL;
}

enum {
    BLOCK_ROWS = 4096
};

static int append_block(const struct ofr_folder *folder, struct ofr_recording_writer *writer, uint32_t first,
                        uint32_t rows, struct ofr_error *err)
{
    size_t cell = (size_t)first * folder->sites;
    uint8_t episode[BLOCK_ROWS];
    const uint32_t *wide = extra_at(folder, OFR_FOLDER_episode, first);
    for (uint32_t i = 0; wide && i < rows; ++i)
        episode[i] = (uint8_t)wide[i];
    struct ofr_recording_block block = {
        .rows = rows,
        .top1 = real_at(folder, OFR_FOLDER_TOP1, cell),
        .entropy = real_at(folder, OFR_FOLDER_ENTROPY, cell),
        .final_top1 = real_at(folder, OFR_FOLDER_FINAL_TOP1, first),
        .answer = folder->answer + cell,
        .final_answer = folder->final_answer + first,
        .label = folder->label ? folder->label + first : NULL,
        .group = extra_at(folder, OFR_FOLDER_group, first),
        .episode = wide ? episode : NULL,
        .tokens = extra_at(folder, OFR_FOLDER_tokens, first),
        .request = extra_at(folder, OFR_FOLDER_request, first),
        .position = extra_at(folder, OFR_FOLDER_position, first),
    };
    return ofr_recording_append(writer, &block, err);
}

static int append_all(const struct ofr_folder *folder, struct ofr_recording_writer *writer,
                      struct ofr_error *err)
{
    int rc = 0;
    for (uint32_t first = 0; rc == 0 && first < folder->samples;) {
        uint32_t rows = folder->samples - first < BLOCK_ROWS ? folder->samples - first : BLOCK_ROWS;
        rc = append_block(folder, writer, first, rows, err);
        first += rows;
    }
    if (rc == 0 && folder->requests > 0)
        rc = ofr_recording_append_lengths(writer, folder->requests, folder->extra[OFR_FOLDER_prompt_tokens],
                                          folder->extra[OFR_FOLDER_output_tokens], err);
    return rc;
}

static int describe(const struct ofr_folder *folder, struct ofr_notes *notes, const char *source,
                    const char *command, struct ofr_error *err)
{
    int rc = command ? ofr_notes_set(notes, "command", command, err) : 0;
    if (rc == 0)
        rc = ofr_notes_set(notes, "source_format", "npy-folder", err);
    if (rc == 0)
        rc = ofr_notes_set(notes, "source", source, err);
    if (rc == 0)
        rc = ofr_notes_setf(notes, err, "source_xxh64", "%016" PRIx64, folder->hash);
    return rc;
}

int ofr_folder_write(const struct ofr_folder *folder, const char *path, const char *source,
                     const char *command, struct ofr_error *err)
{
    const char *site_name[OFFRAMP_MAX_SITES];
    struct ofr_recording_layout layout = {
        .name = folder->name,
        .sites = folder->sites,
        .classes = folder->classes,
        .site_name = site_name,
        .columns = columns_of(folder),
        .agreement = folder->agreement,
        .half = folder->half,
        .lengths = folder->requests > 0,
    };
    struct ofr_notes notes = OFR_NOTES_INIT;
    struct ofr_recording_writer *writer = NULL;
    for (uint32_t i = 0; i < folder->sites; ++i)
        site_name[i] = folder->site_name[i];
    int rc = describe(folder, &notes, source, command, err);
    if (rc == 0)
        rc = ofr_recording_create(&writer, path, &layout, &notes, err);
    if (rc == 0)
        rc = append_all(folder, writer, err);
    ofr_notes_release(&notes);
    if (rc == 0)
        return ofr_recording_finish(writer, err);
    ofr_recording_abort(writer);
    return rc;
}
