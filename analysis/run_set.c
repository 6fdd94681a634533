/* Sets of runs: which logs a word on the command line stands for. */
#include "analysis/compare.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int add(struct ofr_run_set *set, const char *path, struct ofr_error *err)
{
    if (set->runs == OFR_COMPARE_MOST_RUNS)
        return ofr_fail(err, OFR_E_USAGE, "%s: more than %d logs in one set", path, OFR_COMPARE_MOST_RUNS);
    int rc = ofr_run_data_load(&set->run[set->runs], path, err);
    set->runs += rc == 0;
    return rc;
}

static int is_log(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && strcmp(dot, ".olog") == 0;
}

static int add_folder(struct ofr_run_set *set, const char *folder, struct ofr_error *err)
{
    struct dirent **entry = NULL;
    int count = scandir(folder, &entry, is_log, alphasort), rc = 0;
    if (count < 0)
        return ofr_fail_errno(err, "cannot read", folder);
    if (count == 0)
        rc = ofr_fail(err, OFR_E_INPUT, "%s: found no .olog file in this folder", folder);
    for (int i = 0; i < count; ++i) {
        char path[OFFRAMP_TEXT_SIZE];
        snprintf(path, sizeof path, "%s/%s", folder, entry[i]->d_name);
        if (!rc)
            rc = add(set, path, err);
        free(entry[i]);
    }
    free(entry);
    return rc;
}

int ofr_run_set_load(struct ofr_run_set *set, const char *text, struct ofr_error *err)
{
    char paths[OFFRAMP_TEXT_SIZE * 4];
    struct stat st;
    *set = (struct ofr_run_set){0};
    if (stat(text, &st) == 0) {
        int rc = S_ISDIR(st.st_mode) ? add_folder(set, text, err) : add(set, text, err);
        if (rc)
            ofr_run_set_release(set);
        return rc;
    }
    if (strlen(text) >= sizeof paths)
        return ofr_fail(err, OFR_E_USAGE, "a list of logs longer than %zu bytes", sizeof paths);
    strcpy(paths, text);
    char *rest = NULL;
    int rc = 0;
    for (char *path = strtok_r(paths, ",", &rest); path && !rc; path = strtok_r(NULL, ",", &rest))
        rc = add(set, path, err);
    if (!rc && set->runs == 0)
        rc = ofr_fail(err, OFR_E_USAGE, "'%s' names no log", text);
    if (rc)
        ofr_run_set_release(set);
    return rc;
}

void ofr_run_set_release(struct ofr_run_set *set)
{
    for (uint32_t i = 0; i < set->runs; ++i)
        ofr_run_data_free(set->run[i]);
    set->runs = 0;
}
