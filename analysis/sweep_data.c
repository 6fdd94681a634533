#include "analysis/sweep_data.h"

#include "sim/base/config.h"
#include "sim/base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool ofr_is_sweep_path(const char *path)
{
    static const char ending[] = ".osweep";
    struct stat status;
    size_t size = strlen(path);
    if (size >= sizeof ending && strcmp(path + size - strlen(ending), ending) == 0)
        return true;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

void ofr_sweep_data_free(struct ofr_sweep_data *data)
{
    if (!data)
        return;
    for (uint64_t i = 0; data->value && i < data->configurations * data->keys; ++i)
        free(data->value[i]);
    free(data->value);
    free(data->path);
    free(data->text);
    free(data->mean);
    free(data->low);
    free(data->high);
    free(data->failed);
    free(data->feasible);
    free(data->pareto);
    free(data->best);
    free(data);
}

/* ---- what the head says ---- */

static int read_metrics(struct ofr_sweep_data *data, const struct ofr_notes *meta, struct ofr_error *err)
{
    for (uint32_t m = 0; m < data->metrics; ++m) {
        char name[32];
        snprintf(name, sizeof name, "metric.%" PRIu32, m);
        const char *text = ofr_notes_get(meta, name);
        if (!text)
            return ofr_fail(err, OFR_E_INPUT, "%s: no name of metric %" PRIu32 ", expected meta `%s`",
                            data->path, m, name);
        snprintf(data->metric[m].name, sizeof data->metric[m].name, "%s", text);
    }
    return 0;
}

/* A goal whose metric the results do not hold is left out: the figures can do without. */
static bool read_goal(struct ofr_goal *out, const struct ofr_node *node, struct ofr_sweep_data *data)
{
    struct ofr_metric metric[OFFRAMP_MAX_SITES];
    struct ofr_error ignored = OFR_ERROR_INIT;
    uint32_t metrics = data->metrics;
    memcpy(metric, data->metric, sizeof metric);
    if (!node || node->kind != OFR_NODE_SCALAR || !node->text[0])
        return false;
    return ofr_goal_read(out, node->text, metric, &metrics, &ignored) == 0 && metrics == data->metrics;
}

static int read_goals(struct ofr_sweep_data *data, struct ofr_error *err)
{
    struct ofr_config *config = NULL;
    int rc = ofr_config_parse(&config, data->path, data->text, strlen(data->text), err);
    if (rc)
        return rc;
    struct ofr_node *root = ofr_config_root(config), *goals = ofr_node_get(root, "pareto");
    data->objective.metric = -1;
    if (!read_goal(&data->objective, ofr_node_get(root, "objective"), data))
        data->objective.metric = -1;
    if (goals && goals->kind == OFR_NODE_SCALAR)
        data->goals += read_goal(&data->goal[0], goals, data);
    for (uint32_t i = 0; goals && goals->kind == OFR_NODE_LIST && i < goals->children; ++i)
        if (data->goals < OFFRAMP_MAX_SITES)
            data->goals += read_goal(&data->goal[data->goals], goals->child[i], data);
    ofr_config_free(config);
    return 0;
}

/* ---- the table of configurations ---- */

enum column {
    FAILED,
    MEAN,
    LOW,
    HIGH,
    FEASIBLE,
    PARETO,
    BEST,
    ERROR,
    COLUMNS
};

struct reader {
    struct ofr_container_reader *file;
    uint32_t table;
    int index[COLUMNS];
    uint32_t key[OFR_COLUMNS_MAX], width[OFR_COLUMNS_MAX]; /* columns of keys */
    uint64_t room;
};

static int find_columns(struct reader *reader, struct ofr_sweep_data *data, struct ofr_error *err)
{
    static const struct ofr_column_need need[COLUMNS] = {
        [FAILED] = {"failed", 1u << OFR_TYPE_U32, "", 1, false},
        [MEAN] = {"mean", 1u << OFR_TYPE_F64, "", 0, false},
        [LOW] = {"low", 1u << OFR_TYPE_F64, "", 0, false},
        [HIGH] = {"high", 1u << OFR_TYPE_F64, "", 0, false},
        [FEASIBLE] = {"feasible", 1u << OFR_TYPE_U8, "", 1, false},
        [PARETO] = {"pareto", 1u << OFR_TYPE_U8, "", 1, false},
        [BEST] = {"best", 1u << OFR_TYPE_U8, "", 1, false},
        [ERROR] = {"error", 1u << OFR_TYPE_TEXT, "", 0, false},
    };
    int rc = ofr_container_check(reader->file, "configurations", need, COLUMNS, false, &reader->table,
                                 reader->index, err);
    if (rc)
        return rc;
    const struct ofr_table *table = &ofr_container_head(reader->file)->table[reader->table];
    data->metrics = table->column[reader->index[MEAN]].width;
    if (data->metrics > OFFRAMP_MAX_SITES || table->column[reader->index[LOW]].width != data->metrics ||
        table->column[reader->index[HIGH]].width != data->metrics)
        return ofr_fail(err, OFR_E_INPUT, "%s: means and intervals of different or too many metrics",
                        data->path);
    for (uint32_t c = 0; c < table->columns; ++c) {
        if (table->column[c].type != OFR_TYPE_TEXT || (int)c == reader->index[ERROR])
            continue;
        snprintf(data->key[data->keys], sizeof data->key[0], "%s", table->column[c].name);
        reader->width[data->keys] = table->column[c].width;
        reader->key[data->keys++] = c;
    }
    return 0;
}

static bool grow(void *list, size_t size, uint64_t room)
{
    void **at = list, *larger = realloc(*at, size * room);
    if (larger)
        *at = larger;
    return larger != NULL;
}

static bool reserve(struct reader *reader, struct ofr_sweep_data *data, uint64_t rows)
{
    if (rows <= reader->room)
        return true;
    uint64_t room = rows > 2 * reader->room ? rows : 2 * reader->room;
    size_t reals = data->metrics * sizeof(double);
    reader->room = room;
    return grow(&data->failed, sizeof *data->failed, room) && grow(&data->mean, reals, room) &&
           grow(&data->low, reals, room) && grow(&data->high, reals, room) &&
           grow(&data->feasible, 1, room) && grow(&data->pareto, 1, room) && grow(&data->best, 1, room) &&
           grow(&data->value, (data->keys ? data->keys : 1) * sizeof *data->value, room);
}

/* A value for people: `{policy: apparate, guard: none}` reads `apparate, guard: none`. */
static void simplify(char *text)
{
    static const char *const opening[] = {"{policy: ", "{process: "};
    size_t size = strlen(text);
    for (size_t i = 0; i < sizeof opening / sizeof *opening; ++i) {
        size_t skip = strlen(opening[i]);
        if (size > skip + 1 && strncmp(text, opening[i], skip) == 0 && text[size - 1] == '}') {
            memmove(text, text + skip, size - skip - 1);
            text[size - skip - 1] = '\0';
            return;
        }
    }
}

static int take_chunk(struct reader *reader, struct ofr_sweep_data *data, const struct ofr_chunk *chunk,
                      struct ofr_error *err)
{
    uint64_t first = data->configurations, at = first * data->metrics;
    size_t reals = chunk->rows * data->metrics * sizeof(double);
    if (!reserve(reader, data, first + chunk->rows))
        return ofr_fail_nomem(err, "the results of a sweep");
    memcpy(data->failed + first, chunk->column[reader->index[FAILED]], chunk->rows * sizeof *data->failed);
    memcpy(data->mean + at, chunk->column[reader->index[MEAN]], reals);
    memcpy(data->low + at, chunk->column[reader->index[LOW]], reals);
    memcpy(data->high + at, chunk->column[reader->index[HIGH]], reals);
    memcpy(data->feasible + first, chunk->column[reader->index[FEASIBLE]], chunk->rows);
    memcpy(data->pareto + first, chunk->column[reader->index[PARETO]], chunk->rows);
    memcpy(data->best + first, chunk->column[reader->index[BEST]], chunk->rows);
    for (uint32_t row = 0; row < chunk->rows; ++row, ++data->configurations) {
        char **value = data->value + data->configurations * data->keys;
        bool whole = true;
        for (uint32_t k = 0; k < data->keys; ++k) {
            const char *text = (const char *)chunk->column[reader->key[k]] + (size_t)row * reader->width[k];
            value[k] = strndup(text, reader->width[k]);
            whole = whole && value[k];
            if (!value[k])
                continue;
            ofr_make_utf8(value[k]);
            simplify(value[k]);
        }
        if (!whole) {
            data->configurations++;
            return ofr_fail_nomem(err, "the results of a sweep");
        }
    }
    return 0;
}

static int read_rows(struct reader *reader, struct ofr_sweep_data *data, struct ofr_error *err)
{
    struct ofr_chunk chunk;
    int rc, more = 0;
    while ((more = ofr_container_next(reader->file, &chunk, err)) > 0) {
        rc = chunk.table == reader->table ? take_chunk(reader, data, &chunk, err) : 0;
        if (rc)
            return rc;
    }
    if (more < 0)
        return more;
    if (ofr_container_partial(reader->file))
        return ofr_container_fail_partial(reader->file, err);
    return data->configurations ? 0 : ofr_fail(err, OFR_E_INPUT, "%s: no configurations", data->path);
}

static int read_all(struct reader *reader, struct ofr_sweep_data *data, struct ofr_error *err)
{
    const struct ofr_notes *meta = &ofr_container_head(reader->file)->meta;
    const char *name = ofr_notes_get(meta, "name"), *text = ofr_notes_get(meta, "sweep");
    snprintf(data->name, sizeof data->name, "%s", name ? name : "");
    ofr_make_utf8(data->name);
    data->text = strdup(text ? text : "");
    if (!data->text)
        return ofr_fail_nomem(err, "the results of a sweep");
    int rc = find_columns(reader, data, err);
    if (!rc)
        rc = read_metrics(data, meta, err);
    if (!rc)
        rc = read_goals(data, err);
    return rc ? rc : read_rows(reader, data, err);
}

/* The file of results under a path the user gave. Owned. */
static char *results_path(const char *path, struct ofr_error *err)
{
    struct stat status;
    char *file = NULL;
    bool folder = stat(path, &status) == 0 && S_ISDIR(status.st_mode);
    if (asprintf(&file, folder ? "%s/results.osweep" : "%s", path) < 0) {
        ofr_fail_nomem(err, "a path");
        return NULL;
    }
    if (folder && stat(file, &status)) {
        ofr_fail(err, OFR_E_INPUT,
                 "%s: a folder without results.osweep, expected the folder of a sweep that has ended", path);
        free(file);
        return NULL;
    }
    return file;
}

int ofr_sweep_data_load(struct ofr_sweep_data **out, const char *path, struct ofr_error *err)
{
    struct reader reader = {0};
    char *file = results_path(path, err);
    *out = NULL;
    if (!file)
        return err->code;
    struct ofr_sweep_data *data = calloc(1, sizeof *data);
    if (!data) {
        free(file);
        return ofr_fail_nomem(err, "the results of a sweep");
    }
    data->path = file;
    int rc = ofr_container_open(&reader.file, file, OFR_FILE_SWEEP, err);
    if (!rc)
        rc = read_all(&reader, data, err);
    ofr_container_close(reader.file);
    if (rc)
        ofr_sweep_data_free(data);
    else
        *out = data;
    return rc;
}
