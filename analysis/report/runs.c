/* What the runs of a report were, from their logs, and what to call them. */
#include "analysis/report/figures.h"
#include "sim/base/config.h"
#include "sim/base/units.h"

#include <math.h>
#include <string.h>

/* The text of a scalar of the resolved scenario; NULL when it is not there. Borrowed from the tree. */
static const char *scalar(struct ofr_node *map, const char *key)
{
    const struct ofr_node *node = map ? ofr_node_get(map, key) : NULL;
    return node && node->kind == OFR_NODE_SCALAR ? node->text : NULL;
}

/* A log whose scenario does not read leaves policy, constraint and SLO unknown: its figures can do without. */
static void describe(struct ofr_report_run *run)
{
    struct ofr_config *config = NULL;
    struct ofr_error ignored = OFR_ERROR_INIT;
    const char *text = run->data->scenario;
    int64_t slo_ns = -1;
    run->accuracy_loss = run->slo_ms = NAN;
    if (ofr_config_parse(&config, run->data->path, text, strlen(text), &ignored))
        return;
    struct ofr_node *root = ofr_config_root(config), *exits = ofr_node_get(root, "exits");
    const char *policy = scalar(exits, "policy"), *loss = scalar(exits, "accuracy_loss"),
               *slo = scalar(root, "slo");
    if (policy)
        snprintf(run->policy, sizeof run->policy, "%s", policy);
    if (loss && ofr_read_share(loss, &run->accuracy_loss))
        run->accuracy_loss = NAN;
    if (slo && !ofr_read_time(slo, &slo_ns) && slo_ns >= 0)
        run->slo_ms = (double)slo_ns / 1e6;
    ofr_config_free(config);
}

/* ---- names ---- */

/* Ways to name runs, from what says most to what always tells them apart. */
enum naming {
    BY_POLICY,
    BY_POLICY_AND_CLOCK, /* simulated or replayed */
    BY_FILE,
    BY_FOLDER_AND_FILE,
    BY_NUMBER,
    NAMINGS
};

/* The file's name without its ending, behind `folders` folders. */
static void file_name(char *out, size_t size, const char *path, int folders)
{
    const char *name = path + strlen(path), *dot;
    while (name > path && (name[-1] != '/' || folders-- > 0))
        name--;
    dot = strrchr(name, '.');
    dot = dot && !strchr(dot, '/') ? dot : name + strlen(name);
    snprintf(out, size, "%.*s", (int)(dot - name), name);
}

static void name_run(struct ofr_report_run *run, enum naming naming, uint32_t number)
{
    bool replayed = ofr_notes_get(&run->data->notes, "device") != NULL;
    const char *policy = run->policy[0] ? run->policy : "run";
    char file[40];
    file_name(file, sizeof file, run->data->path, naming == BY_FOLDER_AND_FILE);
    if (naming == BY_POLICY)
        snprintf(run->label, sizeof run->label, "%s", policy);
    else if (naming == BY_POLICY_AND_CLOCK)
        snprintf(run->label, sizeof run->label, "%s (%s)", policy, replayed ? "replayed" : "simulated");
    else if (naming == BY_NUMBER)
        snprintf(run->label, sizeof run->label, "%s (%u)", file, number + 1);
    else
        snprintf(run->label, sizeof run->label, "%s", file);
}

static bool all_differ(const struct ofr_report_run *run, uint32_t runs)
{
    for (uint32_t i = 0; i < runs; ++i)
        for (uint32_t j = 0; j < i; ++j)
            if (strcmp(run[i].label, run[j].label) == 0)
                return false;
    return true;
}

void ofr_report_runs(struct ofr_report_run *out, const struct ofr_run_data *const *data, uint32_t runs)
{
    for (uint32_t i = 0; i < runs; ++i) {
        out[i] = (struct ofr_report_run){.data = data[i]};
        describe(&out[i]);
    }
    for (enum naming naming = BY_POLICY; naming < NAMINGS; ++naming) {
        for (uint32_t i = 0; i < runs; ++i)
            name_run(&out[i], naming, i);
        if (all_differ(out, runs))
            return;
    }
}
