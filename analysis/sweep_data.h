/* The results of a finished sweep, read back from its folder: what every configuration was and what it gave. */
#ifndef OFR_ANALYSIS_SWEEP_DATA_H
#define OFR_ANALYSIS_SWEEP_DATA_H

#include "sim/base/error.h"
#include "sim/sweep/metric.h"
#include "traces/container.h"

struct ofr_sweep_data {
    char *path;              /* owned: the file that was read */
    char *text;              /* owned: the resolved sweep file */
    char name[128];          /* of the sweep */
    uint64_t configurations; /* at least 1 */
    uint32_t metrics, keys;  /* keys may be 0: then there is one configuration */
    struct ofr_metric metric[OFFRAMP_MAX_SITES];
    char key[OFR_COLUMNS_MAX][OFR_COLUMN_NAME];
    char **
        value; /* owned [configurations][keys], as in results.csv, but a policy's map as `apparate, guard: none` */
    double *mean, *low, *high;         /* owned [configurations][metrics]; NaN = none */
    uint32_t *failed;                  /* owned [configurations]: runs */
    uint8_t *feasible, *pareto, *best; /* owned [configurations] */

    /* From the sweep file. */
    struct ofr_goal goal[OFFRAMP_MAX_SITES]; /* of the front */
    uint32_t goals;
    struct ofr_goal objective; /* metric -1 = none */
};

/* Whether `path` is the results of a sweep: a folder, or a file that ends in .osweep. */
bool ofr_is_sweep_path(const char *path);

/* Reads DIR/results.osweep, or the file itself. Owned: free with ofr_sweep_data_free. Errors: OFR_E_INPUT for a folder
 * without results (the sweep has not ended) and for a file that is not whole or does not hold what sweeps write, OFR_E_IO,
 * OFR_E_NOMEM. */
int ofr_sweep_data_load(struct ofr_sweep_data **out, const char *path, struct ofr_error *err);
void ofr_sweep_data_free(struct ofr_sweep_data *data); /* NULL is allowed */

/* One number of a configuration. */
static inline uint64_t ofr_sweep_data_at(const struct ofr_sweep_data *data, uint64_t configuration,
                                         uint32_t metric)
{
    return configuration * data->metrics + metric;
}

static inline const char *ofr_sweep_data_value(const struct ofr_sweep_data *data, uint64_t configuration,
                                               uint32_t key)
{
    return data->value[configuration * data->keys + key];
}

#endif
