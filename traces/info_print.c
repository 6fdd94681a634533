#include "traces/info_print.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *whole(uint64_t value)
{
    return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

static json_t *notes_json(const struct ofr_notes *notes)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < notes->count; i++)
        json_object_set_new(object, notes->item[i].name, json_string(notes->item[i].text));
    return object;
}

static void notes_text(FILE *out, const struct ofr_notes *notes)
{
    for (uint32_t i = 0; i < notes->count; i++) {
        const char *text = notes->item[i].text;
        int line = (int)strcspn(text, "\n");
        fprintf(out, "%-14s %.*s%s\n", notes->item[i].name, line, text, text[line] ? " ..." : "");
    }
}

static const struct {
    uint32_t bit;
    const char *name;
} trace_columns[] = {
    {OFR_TRACE_DURATION, "duration_ns"},
    {OFR_TRACE_PROMPT, "prompt_tokens"},
    {OFR_TRACE_OUTPUT, "output_tokens"},
    {OFR_TRACE_STREAM, "stream"},
};
enum {
    TRACE_COLUMNS = sizeof trace_columns / sizeof *trace_columns
};

/* NaN for a column the trace does not have. */
static double mean_of(const struct ofr_trace_info *info, uint32_t column, uint64_t sum)
{
    return info->columns & column && info->requests ? (double)sum / (double)info->requests : NAN;
}

void ofr_trace_info_text(FILE *out, const struct ofr_trace_info *info)
{
    fprintf(out, "requests       %" PRIu64 "%s\n", info->requests,
            info->partial ? " (file is cut short)" : "");
    fprintf(out, "span           %.6f s\n", info->span_s);
    fprintf(out, "rate           %.6g/s mean, %.6g/s in the fullest second\n", info->rate_mean,
            info->rate_peak);
    if (isfinite(info->interarrival_cv))
        fprintf(out, "burstiness     %.4g (standard deviation over mean of the gaps; Poisson has 1)\n",
                info->interarrival_cv);
    fprintf(out, "equal stamps   %" PRIu64 "\n", info->equal_stamps);
    fprintf(out, "columns        arrival_ns");
    for (int i = 0; i < TRACE_COLUMNS; i++)
        if (info->columns & trace_columns[i].bit)
            fprintf(out, " %s", trace_columns[i].name);
    fputc('\n', out);
    if (!info->requests) {
        notes_text(out, &info->provenance);
        return;
    }
    if (info->columns & OFR_TRACE_DURATION)
        fprintf(out, "duration       %.6g s mean\n",
                mean_of(info, OFR_TRACE_DURATION, info->duration_ns_sum) / 1e9);
    if (info->columns & OFR_TRACE_PROMPT)
        fprintf(out, "prompt         %.6g tokens mean\n",
                mean_of(info, OFR_TRACE_PROMPT, info->prompt_tokens_sum));
    if (info->columns & OFR_TRACE_OUTPUT)
        fprintf(out, "output         %.6g tokens mean\n",
                mean_of(info, OFR_TRACE_OUTPUT, info->output_tokens_sum));
    notes_text(out, &info->provenance);
}

json_t *ofr_trace_info_json(const struct ofr_trace_info *info)
{
    json_t *columns = json_array();
    json_array_append_new(columns, json_string("arrival_ns"));
    for (int i = 0; i < TRACE_COLUMNS; i++)
        if (info->columns & trace_columns[i].bit)
            json_array_append_new(columns, json_string(trace_columns[i].name));
    json_t *object = json_object();
    json_object_set_new(object, "requests", whole(info->requests));
    json_object_set_new(object, "span_s", number(info->span_s));
    json_object_set_new(object, "rate_mean", number(info->rate_mean));
    json_object_set_new(object, "rate_peak", number(info->rate_peak));
    json_object_set_new(object, "interarrival_cv", number(info->interarrival_cv));
    json_object_set_new(object, "equal_stamps", whole(info->equal_stamps));
    json_object_set_new(object, "first_ns", json_integer(info->first_ns));
    json_object_set_new(object, "last_ns", json_integer(info->last_ns));
    json_object_set_new(object, "columns", columns);
    json_object_set_new(object, "streams", json_integer(info->streams));
    json_object_set_new(object, "duration_s_mean",
                        number(mean_of(info, OFR_TRACE_DURATION, info->duration_ns_sum) / 1e9));
    json_object_set_new(object, "prompt_tokens_mean",
                        number(mean_of(info, OFR_TRACE_PROMPT, info->prompt_tokens_sum)));
    json_object_set_new(object, "output_tokens_mean",
                        number(mean_of(info, OFR_TRACE_OUTPUT, info->output_tokens_sum)));
    json_object_set_new(object, "partial", json_boolean(info->partial));
    json_object_set_new(object, "provenance", notes_json(&info->provenance));
    return object;
}

static const struct ofr_table *sample_table(const struct ofr_recording_info *info)
{
    int index = ofr_head_find(&info->head, "samples");
    return &info->head.table[index < 0 ? 0 : index];
}

static void share_text(FILE *out, double share)
{
    if (isfinite(share))
        fprintf(out, " %10.4f", share);
    else
        fprintf(out, " %10s", "-");
}

void ofr_recording_info_text(FILE *out, const struct ofr_recording_info *info)
{
    fprintf(out, "name           %s\n", info->name);
    fprintf(out, "samples        %" PRIu64 "%s\n", info->samples,
            info->partial ? " (file is cut short)" : "");
    fprintf(out, "classes        %" PRIu32 "%s\n", info->classes, info->classes ? "" : " (unknown)");
    fprintf(out, "answers        %s\n", info->agreement ? "agreement with the full model" : "class");
    const struct ofr_table *table = sample_table(info);
    fprintf(out, "columns       ");
    for (uint32_t c = 0; c < table->columns; c++)
        fprintf(out, " %s:%s", table->column[c].name, ofr_type_name(table->column[c].type));
    fprintf(out, "\n%-20s %10s %10s %10s\n", "site", "mean top1", "agreement", "accuracy");
    for (uint32_t s = 0; s <= info->sites; s++) {
        bool full = s == info->sites;
        fprintf(out, "%-20s", full ? "full model" : info->site_name[s]);
        share_text(out, full ? NAN : info->top1_mean[s]);
        share_text(out, full ? NAN : info->agreement_share[s]);
        share_text(out, info->accuracy[s]);
        fputc('\n', out);
    }
    notes_text(out, &info->head.provenance);
}

json_t *ofr_recording_info_json(const struct ofr_recording_info *info)
{
    json_t *sites = json_array();
    for (uint32_t s = 0; s < info->sites; s++) {
        json_t *site = json_object();
        json_object_set_new(site, "name", json_string(info->site_name[s]));
        json_object_set_new(site, "top1_mean", number(info->top1_mean[s]));
        json_object_set_new(site, "agreement", number(info->agreement_share[s]));
        json_object_set_new(site, "accuracy", number(info->accuracy[s]));
        json_array_append_new(sites, site);
    }
    json_t *columns = json_array();
    const struct ofr_table *table = sample_table(info);
    for (uint32_t c = 0; c < table->columns; c++)
        json_array_append_new(columns, json_string(table->column[c].name));
    json_t *object = json_object();
    json_object_set_new(object, "name", json_string(info->name));
    json_object_set_new(object, "samples", whole(info->samples));
    json_object_set_new(object, "classes", json_integer(info->classes));
    json_object_set_new(object, "answers", json_string(info->agreement ? "agreement" : "class"));
    json_object_set_new(object, "columns", columns);
    json_object_set_new(object, "sites", sites);
    json_object_set_new(object, "final_accuracy", number(info->accuracy[info->sites]));
    json_object_set_new(object, "partial", json_boolean(info->partial));
    json_object_set_new(object, "provenance", notes_json(&info->head.provenance));
    return object;
}

static double us(int64_t ns)
{
    return (double)ns / 1e3;
}

static int64_t until_full(const struct ofr_profile *profile, uint32_t b)
{
    return profile->until_ns[b * (profile->sites + 1) + profile->sites];
}

/* What was measured along the whole path. */
static void path_text(FILE *out, const struct ofr_profile *profile)
{
    const struct ofr_profile_path *path = &profile->path;
    if (path->rungs == 0)
        return;
    fprintf(out, "along the whole path, a pass without ramps after idling so long\n%8s %12s %8s", "batch",
            "launch us", "further");
    if (ofr_profile_has_ahead(profile))
        fprintf(out, " %10s", "ahead us");
    for (uint32_t rung = 0; rung < path->rungs; rung++)
        fprintf(out, " %7.0f us", us(path->idle_ns[rung]));
    for (uint32_t b = 0; b < profile->batches; b++) {
        fprintf(out, "\n%8" PRIu32 " %12.3f %8.2f", profile->batch[b], us(path->launch_ns[b]),
                path->further[b]);
        if (ofr_profile_has_ahead(profile))
            fprintf(out, " %10.3f", us(path->ahead_ns[b]));
        for (uint32_t rung = 0; rung < path->rungs; rung++)
            fprintf(out, " %10.3f", us(path->pass_ns[(size_t)b * path->rungs + rung]));
    }
    fprintf(out, "\nnotice         %.3f us\nreply          %.3f us\nfollows        %.3f\n",
            us(path->notice_ns), us(path->reply_ns), path->follows);
    if (path->decide_ns >= 0)
        fprintf(out, "a decision     %.3f us\n", us(path->decide_ns));
    if (path->tune_ns >= 0)
        fprintf(out, "a tuning       %.2f of what policies model\n",
                (double)path->tune_ns / (double)OFR_PROFILE_TUNE_MODELLED_NS);
}

void ofr_profile_info_text(FILE *out, const struct ofr_profile *profile)
{
    fprintf(out, "model          %s\n", profile->model);
    fprintf(out, "sites         ");
    for (uint32_t s = 0; s < profile->sites; s++)
        fprintf(out, " %s", profile->site_name[s]);
    fprintf(out, "\ndispatch       %.3f us\nrelease        %.3f us\nfeedback       %.3f us\n",
            us(profile->dispatch_ns), us(profile->release_ns), us(profile->feedback_ns));
    fprintf(out, "%8s %12s %12s %14s %14s %10s %10s %8s\n", "batch", "full us", "us/input", "ramp adds us",
            "ramp delay us", "in us", "out us", "samples");
    for (uint32_t b = 0; b < profile->batches; b++) {
        double add = 0.0, delay = 0.0;
        for (uint32_t s = 0; s < profile->sites; s++) {
            add += us(profile->ramp_add_ns[b * profile->sites + s]) / (double)profile->sites;
            delay += us(profile->ramp_delay_ns[b * profile->sites + s]) / (double)profile->sites;
        }
        double full = us(until_full(profile, b));
        fprintf(out, "%8" PRIu32 " %12.3f %12.3f %14.3f %14.3f %10.3f %10.3f %8" PRIu32 "\n",
                profile->batch[b], full, full / (double)profile->batch[b], add, delay,
                us(profile->copy_in_ns[b]), us(profile->copy_out_ns[b]), profile->full_samples[b]);
    }
    path_text(out, profile);
}

static json_t *us_list(const int64_t *ns, uint32_t count)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(list, json_real(us(ns[i])));
    return list;
}

static json_t *batch_json(const struct ofr_profile *profile, uint32_t b)
{
    uint32_t sites = profile->sites;
    json_t *object = json_object();
    json_object_set_new(object, "batch", json_integer(profile->batch[b]));
    json_object_set_new(object, "until_us", us_list(&profile->until_ns[b * (sites + 1)], sites));
    json_object_set_new(object, "full_us", json_real(us(until_full(profile, b))));
    json_object_set_new(object, "ramp_add_us", us_list(&profile->ramp_add_ns[b * sites], sites));
    json_object_set_new(object, "ramp_delay_us", us_list(&profile->ramp_delay_ns[b * sites], sites));
    json_object_set_new(object, "copy_in_us", json_real(us(profile->copy_in_ns[b])));
    json_object_set_new(object, "copy_out_us", json_real(us(profile->copy_out_ns[b])));
    json_object_set_new(object, "full_samples", json_integer(profile->full_samples[b]));
    const struct ofr_profile_path *path = &profile->path;
    if (path->rungs == 0)
        return object;
    json_object_set_new(object, "pass_us", us_list(path->pass_ns + (size_t)b * path->rungs, path->rungs));
    if (ofr_profile_has_ahead(profile))
        json_object_set_new(object, "ahead_us", json_real(us(path->ahead_ns[b])));
    json_object_set_new(object, "ramp_pass_us", us_list(path->ramp_pass_ns + (size_t)b * sites, sites));
    json_object_set_new(object, "seen_us", us_list(path->seen_ns + (size_t)b * (sites + 1), sites + 1));
    return object;
}

static json_t *path_json(const struct ofr_profile_path *path)
{
    json_t *object = json_object();
    json_object_set_new(object, "idle_us", us_list(path->idle_ns, path->rungs));
    json_object_set_new(object, "notice_us", json_real(us(path->notice_ns)));
    json_object_set_new(object, "reply_us", json_real(us(path->reply_ns)));
    json_object_set_new(object, "follows", json_real(path->follows));
    if (path->decide_ns >= 0)
        json_object_set_new(object, "decide_us", json_real(us(path->decide_ns)));
    if (path->tune_ns >= 0)
        json_object_set_new(object, "tune_us", json_real(us(path->tune_ns)));
    return object;
}

json_t *ofr_profile_info_json(const struct ofr_profile *profile)
{
    json_t *sites = json_array();
    for (uint32_t s = 0; s < profile->sites; s++)
        json_array_append_new(sites, json_string(profile->site_name[s]));
    json_t *batches = json_array();
    for (uint32_t b = 0; b < profile->batches; b++)
        json_array_append_new(batches, batch_json(profile, b));
    json_t *object = json_object();
    json_object_set_new(object, "model", json_string(profile->model));
    json_object_set_new(object, "sites", sites);
    json_object_set_new(object, "batches", batches);
    json_object_set_new(object, "dispatch_us", json_real(us(profile->dispatch_ns)));
    json_object_set_new(object, "release_us", json_real(us(profile->release_ns)));
    json_object_set_new(object, "feedback_us", json_real(us(profile->feedback_ns)));
    if (profile->path.rungs)
        json_object_set_new(object, "path", path_json(&profile->path));
    return object;
}

void ofr_runlog_info_text(FILE *out, const struct ofr_runlog_reader *reader,
                          const struct ofr_runlog_info *info)
{
    const struct ofr_runlog_head *head = ofr_runlog_head(reader);
    fprintf(out, "requests       %" PRIu64 "%s\n", info->requests,
            info->partial ? " (file is cut short)" : "");
    for (int i = 0; i < OFR_OUTCOMES; i++)
        if (info->outcome[i])
            fprintf(out, "  %-12s %" PRIu64 "\n", ofr_outcome_name(i), info->outcome[i]);
    if (info->onward)
        fprintf(out, "  %-12s %" PRIu64 " times, to the next stage\n", ofr_outcome_name(OFR_OUTCOME_ONWARD),
                info->onward);
    fprintf(out, "batches        %" PRIu64 "\n", info->batches);
    for (int i = 0; i < OFR_REASONS; i++)
        if (info->reason[i])
            fprintf(out, "  %-12s %" PRIu64 "\n", ofr_reason_name(i), info->reason[i]);
    fprintf(out, "decisions      %" PRIu64 "\n", info->decisions);
    fprintf(out, "time           %.6f s to %.6f s\n", (double)info->first_arrival_ns / 1e9,
            (double)info->last_end_ns / 1e9);
    fprintf(out, "seed           %" PRIu64 "\nsites         ", head->seed);
    for (uint32_t s = 0; s < head->sites; s++)
        fprintf(out, " %s", head->site_name[s]);
    fputc('\n', out);
    notes_text(out, ofr_runlog_provenance(reader));
    fprintf(out, "\n%s", head->scenario);
}

json_t *ofr_runlog_info_json(const struct ofr_runlog_reader *reader, const struct ofr_runlog_info *info)
{
    const struct ofr_runlog_head *head = ofr_runlog_head(reader);
    json_t *sites = json_array();
    for (uint32_t s = 0; s < head->sites; s++)
        json_array_append_new(sites, json_string(head->site_name[s]));
    json_t *requests = json_object();
    json_object_set_new(requests, "offered", whole(info->requests));
    for (int i = 0; i < OFR_OUTCOMES; i++)
        json_object_set_new(requests, ofr_outcome_name(i), whole(info->outcome[i]));
    json_object_set_new(requests, ofr_outcome_name(OFR_OUTCOME_ONWARD), whole(info->onward));
    json_t *batches = json_object();
    json_object_set_new(batches, "total", whole(info->batches));
    for (int i = 0; i < OFR_REASONS; i++)
        json_object_set_new(batches, ofr_reason_name(i), whole(info->reason[i]));
    json_t *object = json_object();
    /* JSON integers end at 2^63 - 1 in jansson; a larger seed has to stay exact. */
    json_object_set_new(object, "seed",
                        head->seed > INT64_MAX ? json_sprintf("%" PRIu64, head->seed) : whole(head->seed));
    json_object_set_new(object, "sites", sites);
    json_object_set_new(object, "requests", requests);
    json_object_set_new(object, "batches", batches);
    json_object_set_new(object, "decisions", whole(info->decisions));
    json_object_set_new(object, "first_arrival_ns", json_integer(info->first_arrival_ns));
    json_object_set_new(object, "last_end_ns", json_integer(info->last_end_ns));
    json_object_set_new(object, "partial", json_boolean(info->partial));
    json_object_set_new(object, "scenario", json_string(head->scenario));
    json_object_set_new(object, "provenance", notes_json(ofr_runlog_provenance(reader)));
    return object;
}
