#include "analysis/run_data.h"

#include "traces/runlog_compact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_REQUESTS = 100000000 /* 5 GB of columns; a longer log is for the streaming readers */
};

struct loader {
    struct ofr_run_data *data;
    uint64_t capacity;
    uint32_t decision_capacity;
    uint64_t batch_capacity;
    struct ofr_error *err;
};

static bool grow_column(void *column, size_t size, uint64_t capacity)
{
    void **pointer = column;
    void *grown = realloc(*pointer, (size_t)capacity * size);
    if (grown)
        *pointer = grown;
    return grown != NULL;
}

#define GROW(member) grow_column(&data->member, sizeof *data->member, capacity)

static bool grow(struct loader *loader, uint64_t needed)
{
    struct ofr_run_data *data = loader->data;
    uint64_t capacity = loader->capacity ? loader->capacity : 1024;
    while (capacity < needed)
        capacity *= 2;
    bool grown = GROW(outcome) && GROW(agrees) && GROW(exit_site) && GROW(sample) && GROW(arrival_ns) &&
                 GROW(lateness_ns) && GROW(latency_ns) && GROW(queueing_ns) && GROW(service_ns);
    if (grown)
        loader->capacity = capacity;
    return grown;
}

static void put(struct loader *loader, const struct ofr_request_row *row)
{
    struct ofr_run_data *data = loader->data;
    if (loader->err->code || row->outcome == OFR_OUTCOME_ONWARD)
        return;
    if (row->id >= MOST_REQUESTS) {
        ofr_fail(loader->err, OFR_E_INPUT, "%s: request %llu, expected fewer than %d requests", data->path,
                 (unsigned long long)row->id, MOST_REQUESTS);
        return;
    }
    if (row->id >= loader->capacity && !grow(loader, row->id + 1)) {
        ofr_fail_nomem(loader->err, "the requests of a log");
        return;
    }
    for (; data->slots <= row->id; ++data->slots)
        data->outcome[data->slots] = OFR_OUTCOMES;
    uint64_t id = row->id;
    bool answered = row->released_ns >= 0;
    data->requests++;
    data->doubled += data->outcome[id] != OFR_OUTCOMES;
    data->outcome[id] = row->outcome;
    data->agrees[id] = row->agrees;
    data->exit_site[id] = row->exit_site;
    data->sample[id] = row->sample;
    data->arrival_ns[id] = row->arrival_ns;
    data->lateness_ns[id] = row->admitted_ns >= 0 ? row->admitted_ns - row->arrival_ns : -1;
    data->latency_ns[id] = answered ? row->released_ns - row->arrival_ns : -1;
    data->queueing_ns[id] = answered ? row->dispatched_ns - row->arrival_ns : -1;
    data->service_ns[id] = answered ? row->released_ns - row->dispatched_ns : -1;
    if (row->ended_ns > data->end_ns)
        data->end_ns = row->ended_ns;
}

/* Makes room for batches of `size` in the histogram of sizes. */
static bool know_size(struct ofr_run_data *data, uint32_t size)
{
    uint64_t *grown = realloc(data->batch_size, ((size_t)size + 1) * sizeof *grown);
    if (!grown)
        return false;
    size_t known = data->batch_size ? (size_t)data->largest + 1 : 0;
    memset(grown + known, 0, ((size_t)size + 1 - known) * sizeof *grown);
    data->batch_size = grown;
    data->largest = size;
    return true;
}

static void take_batch(void *state, const struct ofr_batch_row *batch, const struct ofr_request_row *rows,
                       uint32_t count)
{
    struct loader *loader = state;
    struct ofr_run_data *data = loader->data;
    if (loader->err->code)
        return;
    if ((!data->batch_size || batch->size > data->largest) && !know_size(data, batch->size)) {
        ofr_fail_nomem(loader->err, "batch sizes");
        return;
    }
    if (data->batches == loader->batch_capacity) {
        uint64_t capacity = loader->batch_capacity ? loader->batch_capacity * 2 : 1024;
        if (!grow_column(&data->batch, sizeof *data->batch, capacity)) {
            ofr_fail_nomem(loader->err, "the batches of a log");
            return;
        }
        loader->batch_capacity = capacity;
    }
    data->batch[data->batches++] = *batch;
    data->batch_size[batch->size]++;
    if (batch->reason < OFR_REASONS)
        data->reason[batch->reason]++;
    if (batch->ended_ns > data->end_ns)
        data->end_ns = batch->ended_ns;
    for (uint32_t i = 0; i < count; ++i)
        put(loader, &rows[i]);
}

static void take_lost(void *state, const struct ofr_request_row *row)
{
    put(state, row);
}

static void take_decision(void *state, const struct ofr_decision_row *decision)
{
    struct loader *loader = state;
    struct ofr_run_data *data = loader->data;
    if (loader->err->code || !decision->changed)
        return;
    if (data->decisions == loader->decision_capacity) {
        uint32_t capacity = loader->decision_capacity ? loader->decision_capacity * 2 : 64;
        if (!grow_column(&data->decision, sizeof *data->decision, capacity)) {
            ofr_fail_nomem(loader->err, "the decisions of a log");
            return;
        }
        loader->decision_capacity = capacity;
    }
    data->decision[data->decisions++] = *decision;
}

static int copy_head(struct ofr_run_data *data, const struct ofr_runlog_reader *reader, struct ofr_error *err)
{
    const struct ofr_runlog_head *head = ofr_runlog_head(reader);
    data->seed = head->seed;
    data->sites = head->sites;
    data->scenario = strdup(head->scenario);
    data->site_name = calloc(head->sites + 1, sizeof *data->site_name);
    if (!data->scenario || !data->site_name)
        return ofr_fail_nomem(err, "the head of a log");
    for (uint32_t site = 0; site < head->sites; ++site)
        snprintf(data->site_name[site], sizeof *data->site_name, "%s", head->site_name[site]);
    return 0;
}

int ofr_run_data_load(struct ofr_run_data **out, const char *path, struct ofr_error *err)
{
    struct ofr_run_data *data = calloc(1, sizeof *data);
    struct ofr_runlog_reader *reader = NULL;
    if (!data || !(data->path = strdup(path))) {
        free(data);
        return ofr_fail_nomem(err, "a log");
    }
    struct loader loader = {.data = data, .err = err};
    struct ofr_observer observer = {
        .state = &loader, .batch = take_batch, .lost = take_lost, .decision = take_decision};
    int rc = ofr_runlog_open(&reader, path, err);
    if (!rc)
        rc = copy_head(data, reader, err);
    if (!rc)
        rc = ofr_runlog_replay(reader, &observer, err);
    if (!rc)
        rc = err->code;
    if (!rc)
        rc = ofr_notes_add_all(&data->notes, ofr_runlog_provenance(reader), err);
    data->grain_ns = ofr_runlog_compact_grain_ns(&data->notes);
    ofr_runlog_close(reader);
    if (rc)
        ofr_run_data_free(data);
    else
        *out = data;
    return rc;
}

void ofr_run_data_free(struct ofr_run_data *data)
{
    if (!data)
        return;
    free(data->path);
    free(data->scenario);
    free(data->site_name);
    ofr_notes_release(&data->notes);
    free(data->outcome);
    free(data->agrees);
    free(data->exit_site);
    free(data->sample);
    free(data->arrival_ns);
    free(data->lateness_ns);
    free(data->latency_ns);
    free(data->queueing_ns);
    free(data->service_ns);
    free(data->batch_size);
    free(data->batch);
    free(data->decision);
    free(data);
}
