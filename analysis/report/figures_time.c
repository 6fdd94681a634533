/* Figures along the time of a run. The run is cut into equal bins; a bin without a value is a gap. */
#include "analysis/report/figures_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BINS = 150,
    WINDOW = 1000 /* requests of the moving agreement */
};

static double seconds(int64_t ns)
{
    return (double)ns / 1e9;
}

static int64_t end_of(const struct ofr_run_data *run)
{
    return run->end_ns > 0 ? run->end_ns : 1;
}

static uint32_t bin_of(const struct ofr_run_data *run, int64_t ns)
{
    double at = (double)ns / (double)end_of(run) * BINS;
    return at < 0.0 ? 0 : at >= BINS ? BINS - 1 : (uint32_t)at;
}

static double bin_centre(const struct ofr_run_data *run, uint32_t bin)
{
    return seconds(end_of(run)) * ((double)bin + 0.5) / BINS;
}

/* ---- means per bin ---- */

struct bins {
    double sum[BINS], count[BINS], most[BINS];
};

static void bin_add(struct bins *bins, uint32_t bin, double value)
{
    bins->sum[bin] += value;
    bins->count[bin] += 1.0;
    bins->most[bin] = value > bins->most[bin] ? value : bins->most[bin];
}

static void put_means(struct ofr_series *series, const struct ofr_run_data *run, const struct bins *bins)
{
    for (uint32_t bin = 0; bin < BINS; ++bin)
        ofr_series_add(series, bin_centre(run, bin),
                       bins->count[bin] > 0.0 ? bins->sum[bin] / bins->count[bin] : NAN);
}

static void put_most(struct ofr_series *series, const struct ofr_run_data *run, const struct bins *bins)
{
    for (uint32_t bin = 0; bin < BINS; ++bin)
        ofr_series_add(series, bin_centre(run, bin), bins->count[bin] > 0.0 ? bins->most[bin] : NAN);
}

static void time_table_head(struct ofr_figure *figure, const char *mean, const char *most)
{
    ofr_figure_row(figure);
    ofr_figure_cell(figure, "run");
    ofr_figure_cell(figure, "%s", mean);
    ofr_figure_cell(figure, "%s", most);
}

static void time_table_row(struct ofr_figure *figure, const char *label, double mean, double most)
{
    ofr_figure_row(figure);
    ofr_figure_cell(figure, "%s", label);
    ofr_figure_cell(figure, "%.4g", mean);
    ofr_figure_cell(figure, "%.4g", most);
}

/* A figure of one number per batch: its mean per bin and, dashed, its maximum. */
static void per_batch(struct ofr_figure *figure, const struct ofr_report_run *run, uint32_t runs,
                      double (*value)(const struct ofr_batch_row *batch))
{
    if (!figure)
        return;
    figure->x.title = "time (s)";
    time_table_head(figure, "mean over batches", "maximum");
    for (uint32_t i = 0; i < runs; ++i) {
        const struct ofr_run_data *data = run[i].data;
        struct bins bins = {0};
        double sum = 0.0, most = 0.0;
        for (uint64_t j = 0; j < data->batches; ++j) {
            double of_batch = value(&data->batch[j]);
            bin_add(&bins, bin_of(data, data->batch[j].dispatched_ns), of_batch);
            sum += of_batch;
            most = of_batch > most ? of_batch : most;
        }
        put_means(ofr_figure_series(figure, OFR_SERIES_LINE, (int32_t)i, "%s", run[i].label), data, &bins);
        struct ofr_series *dashed =
            ofr_figure_series(figure, OFR_SERIES_LINE, (int32_t)i, "%s, most", run[i].label);
        if (dashed)
            dashed->dashed = true;
        put_most(dashed, data, &bins);
        time_table_row(figure, run[i].label, data->batches ? sum / (double)data->batches : 0.0, most);
    }
}

static double queue_length(const struct ofr_batch_row *batch)
{
    return batch->queue_length;
}

static double batch_size(const struct ofr_batch_row *batch)
{
    return batch->size;
}

/* ---- latency and load over time ---- */

static void latency_over_time(struct ofr_figures *out, const struct ofr_report_run *run, uint32_t runs)
{
    struct ofr_figure *figure =
        ofr_figures_add(out, "latency-time", "Latency over time",
                        "Mean latency of the requests that arrived in each of 150 equal spans of the "
                        "run, and, dashed, the worst of them.");
    if (!figure)
        return;
    figure->x.title = "time of arrival (s)";
    figure->y.title = "latency (ms)";
    time_table_head(figure, "mean (ms)", "maximum (ms)");
    for (uint32_t i = 0; i < runs; ++i) {
        const struct ofr_run_data *data = run[i].data;
        struct bins bins = {0};
        double sum = 0.0, most = 0.0, count = 0.0;
        for (uint64_t id = 0; id < data->slots; ++id) {
            if (data->outcome[id] == OFR_OUTCOMES || data->latency_ns[id] < 0)
                continue;
            double ms = (double)data->latency_ns[id] / 1e6;
            bin_add(&bins, bin_of(data, data->arrival_ns[id]), ms);
            sum += ms;
            count += 1.0;
            most = ms > most ? ms : most;
        }
        put_means(ofr_figure_series(figure, OFR_SERIES_LINE, (int32_t)i, "%s", run[i].label), data, &bins);
        struct ofr_series *dashed =
            ofr_figure_series(figure, OFR_SERIES_LINE, (int32_t)i, "%s, worst", run[i].label);
        if (dashed)
            dashed->dashed = true;
        put_most(dashed, data, &bins);
        time_table_row(figure, run[i].label, count > 0.0 ? sum / count : 0.0, most);
    }
}

static void arrivals(struct ofr_figures *out, const struct ofr_report_run *run)
{
    const struct ofr_run_data *data = run->data;
    struct ofr_figure *figure =
        ofr_figures_add(out, "arrivals", "Arrivals over time",
                        "Requests per second in each of 150 equal spans of the first run.");
    if (!figure)
        return;
    double count[BINS] = {0}, width = seconds(end_of(data)) / BINS, most = 0.0, sum = 0.0;
    figure->x.title = "time (s)";
    figure->y.title = "requests/s";
    for (uint64_t id = 0; id < data->slots; ++id)
        if (data->outcome[id] != OFR_OUTCOMES)
            count[bin_of(data, data->arrival_ns[id])] += 1.0;
    struct ofr_series *line = ofr_figure_series(figure, OFR_SERIES_STEP, 0, "%s", run->label);
    for (uint32_t bin = 0; bin < BINS; ++bin) {
        ofr_series_add(line, width * bin, count[bin] / width);
        sum += count[bin];
        most = count[bin] / width > most ? count[bin] / width : most;
    }
    time_table_head(figure, "mean (1/s)", "highest span (1/s)");
    time_table_row(figure, run->label, sum / (width * BINS), most);
}

/* ---- configurations ---- */

/* Decisions to draw: at most OFR_FIGURE_POINTS, evenly thinned, the last one always. */
static bool drawn(const struct ofr_run_data *run, uint32_t i)
{
    uint32_t stride = run->decisions / OFR_FIGURE_POINTS + 1;
    return i % stride == 0 || i + 1 == run->decisions;
}

static void active_ramps(struct ofr_figures *out, const struct ofr_report_run *run, uint32_t runs)
{
    struct ofr_figure *figure =
        ofr_figures_add(out, "active-ramps", "Active ramps over time",
                        "How many ramps stand; thresholds decide whether anybody leaves at them.");
    if (!figure)
        return;
    figure->x.title = "time (s)";
    figure->y.title = "active ramps";
    time_table_head(figure, "changes of configuration", "ramps at the end");
    for (uint32_t i = 0; i < runs; ++i) {
        const struct ofr_run_data *data = run[i].data;
        struct ofr_series *line = ofr_figure_series(figure, OFR_SERIES_STEP, (int32_t)i, "%s", run[i].label);
        for (uint32_t j = 0; j < data->decisions; ++j)
            if (drawn(data, j))
                ofr_series_add(line, seconds(data->decision[j].applied_ns), data->decision[j].config.ramps);
        if (data->decisions == 0)
            continue;
        ofr_series_add(line, seconds(end_of(data)), data->decision[data->decisions - 1].config.ramps);
        time_table_row(figure, run[i].label, data->decisions - 1.0,
                       data->decision[data->decisions - 1].config.ramps);
    }
}

static double threshold_at(const struct offramp_exit_config *config, uint32_t site)
{
    for (uint32_t k = 0; k < config->ramps; ++k)
        if (config->site[k] == site)
            return config->threshold[k];
    return NAN;
}

static bool ever_active(const struct ofr_run_data *run, uint32_t site)
{
    for (uint32_t j = 0; j < run->decisions; ++j)
        if (!isnan(threshold_at(&run->decision[j].config, site)))
            return true;
    return false;
}

static void thresholds(struct ofr_figures *out, const struct ofr_report_run *run, uint32_t number)
{
    const struct ofr_run_data *data = run->data;
    char id[48], title[128];
    if (data->decisions < 2)
        return;
    snprintf(id, sizeof id, "thresholds-%u", number + 1);
    snprintf(title, sizeof title, "Thresholds over time: %s", run->label);
    struct ofr_figure *figure =
        ofr_figures_add(out, id, title,
                        "An input leaves at the first active ramp whose score is below its "
                        "threshold; 0 lets nobody leave, a gap is a ramp that does not stand.");
    if (!figure)
        return;
    figure->x.title = "time (s)";
    figure->y.title = "threshold";
    ofr_figure_row(figure);
    ofr_figure_cell(figure, "ramp");
    ofr_figure_cell(figure, "threshold at the end");
    for (uint32_t site = 0; site < data->sites; ++site) {
        if (!ever_active(data, site))
            continue;
        struct ofr_series *line =
            ofr_figure_series(figure, OFR_SERIES_STEP, (int32_t)site, "%s", data->site_name[site]);
        for (uint32_t j = 0; j < data->decisions; ++j)
            if (drawn(data, j))
                ofr_series_add(line, seconds(data->decision[j].applied_ns),
                               threshold_at(&data->decision[j].config, site));
        double last = threshold_at(&data->decision[data->decisions - 1].config, site);
        ofr_series_add(line, seconds(end_of(data)), last);
        ofr_figure_row(figure);
        ofr_figure_cell(figure, "%s", data->site_name[site]);
        if (isnan(last))
            ofr_figure_cell(figure, "not active");
        else
            ofr_figure_cell(figure, "%.5g", last);
    }
}

/* ---- agreement in a moving window ---- */

/* The lowest window that ends in each stretch of requests: thinning must not hide a dip. */
static void put_windows(struct ofr_series *line, const struct ofr_run_data *run, double *worst,
                        double *overall)
{
    uint8_t ring[WINDOW] = {0};
    uint64_t seen = 0, agreeing = 0, all = 0, stride = run->slots / OFR_FIGURE_POINTS + 1;
    double low = NAN;
    *worst = NAN;
    for (uint64_t id = 0; id < run->slots; ++id) {
        if (run->outcome[id] == OFR_OUTCOMES || run->latency_ns[id] < 0)
            continue;
        agreeing += run->agrees[id];
        agreeing -= seen >= WINDOW ? ring[seen % WINDOW] : 0;
        all += run->agrees[id];
        ring[seen++ % WINDOW] = run->agrees[id];
        if (seen >= WINDOW) {
            double share = 100.0 * (double)agreeing / WINDOW;
            low = isnan(low) || share < low ? share : low;
            *worst = isnan(*worst) || share < *worst ? share : *worst;
        }
        if (seen % stride == 0 && !isnan(low)) {
            ofr_series_add(line, seconds(run->arrival_ns[id]), low);
            low = NAN;
        }
    }
    *overall = seen ? 100.0 * (double)all / (double)seen : NAN;
}

static void agreement(struct ofr_figures *out, const struct ofr_report_run *run, uint32_t runs)
{
    struct ofr_figure *figure =
        ofr_figures_add(out, "agreement-window", "Agreement in a moving window",
                        "Share of answers that equal the full model's among the last 1,000 requests in "
                        "order of arrival; where points are thinned out, the lowest window is kept.");
    if (!figure)
        return;
    figure->x.title = "time of arrival (s)";
    figure->y.title = "agreement (%)";
    time_table_head(figure, "whole run (%)", "worst window (%)");
    double loss = NAN;
    for (uint32_t i = 0; i < runs; ++i) {
        double worst, overall;
        put_windows(ofr_figure_series(figure, OFR_SERIES_LINE, (int32_t)i, "%s", run[i].label), run[i].data,
                    &worst, &overall);
        ofr_figure_row(figure);
        ofr_figure_cell(figure, "%s", run[i].label);
        ofr_figure_number(figure, "%.4f", overall);
        ofr_figure_cell(figure, isnan(worst) ? "fewer than 1,000 requests" : "%.2f", worst);
        loss = isnan(loss) ? run[i].accuracy_loss : loss;
    }
    if (!isnan(loss))
        ofr_figure_mark(figure, false, 100.0 - 100.0 * loss, "constraint %.4g %%", 100.0 - 100.0 * loss);
}

void figures__over_time(struct ofr_figures *out, const struct ofr_report_run *run, uint32_t runs)
{
    arrivals(out, run);
    latency_over_time(out, run, runs);
    struct ofr_figure *queue = ofr_figures_add(
        out, "queue", "Queue length over time",
        "Requests left waiting when a batch was dispatched: mean per span and, dashed, the maximum.");
    if (queue)
        queue->y.title = "requests waiting";
    per_batch(queue, run, runs, queue_length);
    struct ofr_figure *size = ofr_figures_add(out, "batch-size", "Batch size over time",
                                              "Requests per batch: mean per span and, dashed, the maximum.");
    if (size)
        size->y.title = "requests in a batch";
    per_batch(size, run, runs, batch_size);
    active_ramps(out, run, runs);
    for (uint32_t i = 0; i < runs; ++i)
        thresholds(out, &run[i], i);
    agreement(out, run, runs);
}
