#include "analysis/summary_print.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const double ns_per_ms = 1e6;

/* JSON has no NaN: what does not exist is null. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *whole(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *spread_ms(const struct ofr_histogram *histogram)
{
    static const struct {
        const char *key;
        double p;
    } rank[] = {{"p25", 0.25}, {"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}, {"p999", 0.999}};
    json_t *object = json_object();
    json_object_set_new(object, "mean", number(ofr_histogram_mean(histogram) / ns_per_ms));
    for (size_t i = 0; i < sizeof rank / sizeof *rank; ++i)
        json_object_set_new(object, rank[i].key,
                            number(ofr_histogram_percentile(histogram, rank[i].p) / ns_per_ms));
    json_object_set_new(object, "max", number(histogram->count ? (double)histogram->max / ns_per_ms : NAN));
    return object;
}

static json_t *requests_json(const struct ofr_summary *summary)
{
    json_t *object = json_object();
    json_object_set_new(object, "offered", whole(summary->offered));
    for (int i = 0; i < OFR_OUTCOMES; ++i)
        json_object_set_new(object, ofr_outcome_name(i), whole(summary->outcome[i]));
    return object;
}

static json_t *exit_rates(const struct ofr_summary *summary)
{
    json_t *array = json_array();
    for (uint32_t site = 0; site <= summary->sites; ++site)
        json_array_append_new(array, number((double)summary->exits[site] / (double)summary->released));
    return array;
}

static json_t *batch_sizes(const struct ofr_summary *summary)
{
    json_t *object = json_object();
    json_object_set_new(object, "mean", number((double)summary->batched / (double)summary->batches));
    json_t *histogram = json_object();
    for (uint32_t size = 1; size <= summary->max_batch; ++size) {
        char key[16];
        snprintf(key, sizeof key, "%" PRIu32, size);
        if (summary->batch_sizes[size])
            json_object_set_new(histogram, key, whole(summary->batch_sizes[size]));
    }
    json_object_set_new(object, "histogram", histogram);
    return object;
}

static json_t *reasons(const struct ofr_summary *summary)
{
    json_t *object = json_object();
    for (int i = 0; i < OFR_REASONS; ++i)
        json_object_set_new(object, ofr_reason_name(i), whole(summary->reason[i]));
    return object;
}

static json_t *controller(const struct ofr_summary *summary)
{
    json_t *object = json_object();
    json_object_set_new(object, "tunings", whole(summary->tunings));
    json_object_set_new(object, "adjustments", whole(summary->adjustments));
    json_object_set_new(object, "active_ramps",
                        number((double)summary->ramp_batches / (double)summary->batches));
    json_t *tune = json_object();
    json_object_set_new(tune, "p50", number(ofr_histogram_percentile(&summary->tune, 0.5) / 1e3));
    json_object_set_new(tune, "max", number(summary->tune.count ? (double)summary->tune.max / 1e3 : NAN));
    json_object_set_new(object, "tune_us", tune);
    return object;
}

double ofr_summary_saving(const struct ofr_summary *summary, const struct ofr_summary *vanilla, double p)
{
    bool mean = p < 0.0;
    double with =
        mean ? ofr_histogram_mean(&summary->latency) : ofr_histogram_percentile(&summary->latency, p);
    double without =
        mean ? ofr_histogram_mean(&vanilla->latency) : ofr_histogram_percentile(&vanilla->latency, p);
    return 100.0 * (1.0 - with / without);
}

static json_t *savings(const struct ofr_summary *summary, const struct ofr_summary *vanilla)
{
    json_t *object = json_object();
    json_object_set_new(object, "p25", number(ofr_summary_saving(summary, vanilla, 0.25)));
    json_object_set_new(object, "p50", number(ofr_summary_saving(summary, vanilla, 0.5)));
    json_object_set_new(object, "p95", number(ofr_summary_saving(summary, vanilla, 0.95)));
    json_object_set_new(object, "mean", number(ofr_summary_saving(summary, vanilla, -1.0)));
    return object;
}

static bool is(const char *knowledge, const char *what)
{
    return knowledge && strcmp(knowledge, what) == 0;
}

json_t *ofr_summary_json(const struct ofr_summary *summary, const struct ofr_summary_title *title)
{
    json_t *object = json_object();
    double duration_s = ofr_summary_duration_s(summary);
    json_object_set_new(object, "scenario", json_string(title->scenario));
    json_object_set_new(object, "policy", json_string(title->policy));
    json_object_set_new(object, "oracle", json_boolean(is(title->knowledge, "oracle")));
    json_object_set_new(object, "knowledge", json_string(title->knowledge ? title->knowledge : "none"));
    json_object_set_new(object, "seed", whole(title->seed));
    json_object_set_new(object, "requests", requests_json(summary));
    json_object_set_new(object, "latency_ms", spread_ms(&summary->latency));
    json_object_set_new(object, "queueing_ms", spread_ms(&summary->queueing));
    json_object_set_new(object, "service_ms", spread_ms(&summary->service));
    json_object_set_new(object, "throughput_rps", number(ofr_summary_throughput(summary)));
    json_object_set_new(object, "goodput_rps",
                        number(duration_s > 0 ? (double)summary->outcome[OFR_OUTCOME_OK] / duration_s : 0.0));
    json_object_set_new(object, "agreement", number(ofr_summary_agreement(summary)));
    json_object_set_new(object, "agreement_worst_1000", number(ofr_summary_worst_window(summary)));
    json_object_set_new(object, "accuracy", number(ofr_summary_accuracy(summary)));
    json_object_set_new(object, "exit_rate", exit_rates(summary));
    json_object_set_new(object, "batch_size", batch_sizes(summary));
    json_object_set_new(object, "batch_reason", reasons(summary));
    json_object_set_new(object, "busy", number(ofr_summary_busy(summary)));
    json_object_set_new(object, "controller", controller(summary));
    json_object_set_new(object, "duration_s", number(duration_s));
    if (title->vanilla) {
        struct ofr_summary_title vanilla = {
            .scenario = title->scenario, .policy = "vanilla", .seed = title->seed};
        json_object_set_new(object, "vanilla", ofr_summary_json(title->vanilla, &vanilla));
        json_object_set_new(object, "saving", savings(summary, title->vanilla));
    }
    return object;
}

/* ---- text ---- */

void ofr_print_bar(FILE *out, double share, int width)
{
    static const char *const part[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    long eighths = lround(fmin(fmax(share, 0.0), 1.0) * width * 8);
    for (long i = 0; i < eighths / 8; ++i)
        fputs("█", out);
    fputs(part[eighths % 8], out);
}

static void spread_text(FILE *out, const char *name, const struct ofr_histogram *histogram)
{
    fprintf(out, "%-11s", name);
    fprintf(out, " %9.3f", ofr_histogram_mean(histogram) / ns_per_ms);
    static const double rank[] = {0.25, 0.5, 0.9, 0.95, 0.99, 0.999};
    for (size_t i = 0; i < sizeof rank / sizeof *rank; ++i)
        fprintf(out, " %9.3f", ofr_histogram_percentile(histogram, rank[i]) / ns_per_ms);
    fprintf(out, " %9.3f\n", histogram->count ? (double)histogram->max / ns_per_ms : NAN);
}

static void requests_text(FILE *out, const struct ofr_summary *summary)
{
    fprintf(out, "requests    %" PRIu64 " offered", summary->offered);
    for (int i = 0; i < OFR_OUTCOMES; ++i)
        fprintf(out, " %c %" PRIu64 " %s", i ? '+' : '=', summary->outcome[i], ofr_outcome_name(i));
    fputc('\n', out);
}

static void exits_text(FILE *out, const struct ofr_summary *summary, const struct ofr_summary_title *title)
{
    fputs("\nexits per site, shallow to deep\n", out);
    for (uint32_t site = 0; site <= summary->sites; ++site) {
        double rate = (double)summary->exits[site] / (double)summary->released;
        fprintf(out, "  %-14s %6.2f %%  ", site < summary->sites ? title->site_names[site] : "full model",
                100.0 * rate);
        ofr_print_bar(out, rate, 40);
        fputc('\n', out);
    }
}

static void batches_text(FILE *out, const struct ofr_summary *summary)
{
    fprintf(out, "batches     %" PRIu64 ", mean size %.2f, sent because", summary->batches,
            (double)summary->batched / (double)summary->batches);
    const char *separator = " ";
    for (int i = 0; i < OFR_REASONS; ++i) {
        if (summary->reason[i]) {
            fprintf(out, "%s%s %" PRIu64, separator, ofr_reason_name(i), summary->reason[i]);
            separator = ", ";
        }
    }
    fprintf(out, "; servers busy %.1f %%\n", 100.0 * ofr_summary_busy(summary));
}

static void answers_text(FILE *out, const struct ofr_summary *summary)
{
    fprintf(out, "answers     %.3f %% agree with the full model", 100.0 * ofr_summary_agreement(summary));
    if (summary->released >= OFR_AGREEMENT_WINDOW)
        fprintf(out, " (worst 1,000: %.1f %%)", 100.0 * ofr_summary_worst_window(summary));
    if (summary->labelled)
        fprintf(out, ", %.3f %% are right", 100.0 * ofr_summary_accuracy(summary));
    fputc('\n', out);
}

void ofr_summary_text(FILE *out, const struct ofr_summary *summary, const struct ofr_summary_title *title)
{
    const char *knows = "";
    if (is(title->knowledge, "oracle"))
        knows = " (oracle: knows what no deployed policy can)";
    else if (is(title->knowledge, "hindsight"))
        knows = " (tuned with hindsight: on the recording it is run on)";
    fprintf(out, "%s, policy %s%s, seed %" PRIu64 "\n", title->scenario, title->policy, knows, title->seed);
    requests_text(out, summary);
    fprintf(out, "throughput  %.1f requests/s over %.3f s\n", ofr_summary_throughput(summary),
            ofr_summary_duration_s(summary));
    if (summary->released > 0)
        answers_text(out, summary);
    if (summary->batches > 0)
        batches_text(out, summary);
    fprintf(out, "\n%-11s %9s %9s %9s %9s %9s %9s %9s %9s\n", "ms", "mean", "p25", "p50", "p90", "p95", "p99",
            "p99.9", "max");
    spread_text(out, "latency", &summary->latency);
    spread_text(out, "  queueing", &summary->queueing);
    spread_text(out, "  service", &summary->service);
    if (title->vanilla) {
        spread_text(out, "  vanilla", &title->vanilla->latency);
        fprintf(out, "saving      mean %.1f %%, p25 %.1f %%, p50 %.1f %%, p95 %.1f %% of vanilla latency\n",
                ofr_summary_saving(summary, title->vanilla, -1.0),
                ofr_summary_saving(summary, title->vanilla, 0.25),
                ofr_summary_saving(summary, title->vanilla, 0.5),
                ofr_summary_saving(summary, title->vanilla, 0.95));
    }
    if (summary->tunings + summary->adjustments > 0)
        fprintf(
            out,
            "controller  %" PRIu64 " tunings, %" PRIu64 " ramp adjustments, %.2f ramps active on average\n",
            summary->tunings, summary->adjustments, (double)summary->ramp_batches / (double)summary->batches);
    if (summary->released > 0)
        exits_text(out, summary, title);
}
