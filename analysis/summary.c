#include "analysis/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int ofr_summary_init(struct ofr_summary *summary, uint32_t sites, uint32_t servers, uint32_t max_batch,
                     struct ofr_error *err)
{
    memset(summary, 0, sizeof *summary);
    summary->sites = sites;
    summary->servers = servers;
    summary->max_batch = max_batch;
    summary->window_worst = OFR_AGREEMENT_WINDOW;
    summary->exits = calloc(sites + 1, sizeof *summary->exits);
    summary->batch_sizes = calloc(max_batch + 1, sizeof *summary->batch_sizes);
    if (!summary->exits || !summary->batch_sizes)
        ofr_fail_nomem(err, "a summary");
    int rc = summary->exits && summary->batch_sizes ? 0 : OFR_E_NOMEM;
    struct ofr_histogram *each[] = {&summary->latency, &summary->queueing, &summary->service, &summary->tune};
    for (size_t i = 0; i < sizeof each / sizeof *each && !rc; ++i)
        rc = ofr_histogram_init(each[i], err);
    if (rc)
        ofr_summary_release(summary);
    return rc;
}

void ofr_summary_release(struct ofr_summary *summary)
{
    free(summary->exits);
    free(summary->batch_sizes);
    ofr_histogram_release(&summary->latency);
    ofr_histogram_release(&summary->queueing);
    ofr_histogram_release(&summary->service);
    ofr_histogram_release(&summary->tune);
    summary->exits = NULL;
    summary->batch_sizes = NULL;
}

static void slide_window(struct ofr_summary *summary, uint8_t agrees)
{
    uint8_t *oldest = &summary->window[summary->window_at]; /* 0 until the window is full */
    summary->window_agreeing += agrees;
    summary->window_agreeing -= *oldest;
    *oldest = agrees;
    summary->window_at = summary->window_at + 1 == OFR_AGREEMENT_WINDOW ? 0 : summary->window_at + 1;
    if (summary->released + 1 >= OFR_AGREEMENT_WINDOW && summary->window_agreeing < summary->window_worst)
        summary->window_worst = summary->window_agreeing;
}

static void add_released(struct ofr_summary *summary, const struct ofr_request_row *row)
{
    ofr_histogram_add(&summary->latency, row->released_ns - row->arrival_ns);
    ofr_histogram_add(&summary->queueing, row->dispatched_ns - row->arrival_ns);
    ofr_histogram_add(&summary->service, row->released_ns - row->dispatched_ns);
    summary->exits[row->exit_site]++;
    summary->agreeing += row->agrees;
    slide_window(summary, row->agrees);
    summary->released++;
    if (row->correct < 2) {
        summary->labelled++;
        summary->correct += row->correct;
    }
}

static void add_row(struct ofr_summary *summary, const struct ofr_request_row *row)
{
    if (row->outcome == OFR_OUTCOME_ONWARD)
        return;
    summary->offered++;
    summary->outcome[row->outcome]++;
    if (row->outcome == OFR_OUTCOME_OK || row->outcome == OFR_OUTCOME_LATE)
        add_released(summary, row);
}

static void on_batch(void *state, const struct ofr_batch_row *batch, const struct ofr_request_row *rows,
                     uint32_t count)
{
    struct ofr_summary *summary = state;
    summary->batches++;
    summary->batched += batch->size;
    summary->batch_sizes[batch->size]++;
    summary->reason[batch->reason]++;
    summary->ramp_batches += batch->ramps;
    summary->busy_ns += (uint64_t)(batch->ended_ns - batch->dispatched_ns);
    for (uint32_t i = 0; i < count; ++i)
        add_row(summary, &rows[i]);
}

static void on_lost(void *state, const struct ofr_request_row *row)
{
    add_row(state, row);
}

static bool same_ramps(const struct ofr_summary *summary, const struct offramp_exit_config *config)
{
    return summary->last_ramps == config->ramps &&
           memcmp(summary->last_site, config->site, config->ramps * sizeof *config->site) == 0;
}

static void on_decision(void *state, const struct ofr_decision_row *decision)
{
    struct ofr_summary *summary = state;
    bool initial = strcmp(decision->trigger, "initial") == 0;
    if (!initial) {
        if (same_ramps(summary, &decision->config))
            summary->tunings++;
        else
            summary->adjustments++;
        ofr_histogram_add(&summary->tune, decision->cost_ns);
    }
    summary->last_ramps = decision->config.ramps;
    memcpy(summary->last_site, decision->config.site, decision->config.ramps * sizeof *summary->last_site);
}

struct ofr_observer ofr_summary_observer(struct ofr_summary *summary)
{
    return (struct ofr_observer){
        .state = summary, .batch = on_batch, .lost = on_lost, .decision = on_decision};
}

double ofr_summary_duration_s(const struct ofr_summary *summary)
{
    return (double)summary->end_ns / 1e9;
}

double ofr_summary_throughput(const struct ofr_summary *summary)
{
    return summary->end_ns > 0 ? (double)summary->released / ofr_summary_duration_s(summary) : 0.0;
}

double ofr_summary_agreement(const struct ofr_summary *summary)
{
    return summary->released ? (double)summary->agreeing / (double)summary->released : NAN;
}

double ofr_summary_accuracy(const struct ofr_summary *summary)
{
    return summary->labelled ? (double)summary->correct / (double)summary->labelled : NAN;
}

double ofr_summary_busy(const struct ofr_summary *summary)
{
    double capacity_ns = (double)summary->end_ns * summary->servers;
    return capacity_ns > 0.0 ? (double)summary->busy_ns / capacity_ns : 0.0;
}

double ofr_summary_worst_window(const struct ofr_summary *summary)
{
    if (summary->released < OFR_AGREEMENT_WINDOW)
        return NAN;
    return (double)summary->window_worst / OFR_AGREEMENT_WINDOW;
}
