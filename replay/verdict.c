#include "replay/replay_leg.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void invalid(struct ofr_replay_report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds one reason. */
static void invalid(struct ofr_replay_report *report, const char *format, ...)
{
    size_t used = strlen(report->invalid);
    va_list args;
    if (used + 3 < sizeof report->invalid && used) {
        strcpy(report->invalid + used, "; ");
        used += 2;
    }
    va_start(args, format);
    vsnprintf(report->invalid + used, sizeof report->invalid - used, format, args);
    va_end(args);
}

static void judge(const struct ofr_leg_replay *leg, const struct ofr_serve_result *result)
{
    struct ofr_replay_report *report = leg->report;
    const struct ofr_replay_options *options = leg->options;
    double late_ns = ofr_histogram_percentile(&report->lateness, 0.99);
    if (report->lateness.count && late_ns > (double)report->lateness_ns)
        invalid(report, "1 %% of the requests were let in more than %.1f us late, the bound is %.1f us",
                1e-3 * late_ns, 1e-3 * (double)report->lateness_ns);
    if (report->before.throttle | report->after.throttle)
        invalid(report, "the device reduced its clocks (%s)",
                report->after.throttle ? report->after.throttle_text : report->before.throttle_text);
    if (report->interrupted)
        invalid(report, "interrupted after %" PRIu64 " requests", result->offered);
    if (result->end_ns < options->min_duration_ns)
        invalid(report, "the run took %.3f s, expected at least %.3f s", 1e-9 * (double)result->end_ns,
                1e-9 * (double)options->min_duration_ns);
    if (result->offered < options->min_requests)
        invalid(report, "%" PRIu64 " requests were offered, expected at least %" PRIu64, result->offered,
                options->min_requests);
}

static int note_state(struct ofr_notes *notes, const char *name, const struct ofr_device_state *state,
                      struct ofr_error *err)
{
    if (isnan(state->sm_clock_mhz))
        return 0;
    return ofr_notes_setf(notes, err, name, "SM %.0f MHz, memory %.0f MHz, %.0f C, %.0f W, throttle %s",
                          state->sm_clock_mhz, state->memory_clock_mhz, state->temperature_c, state->power_w,
                          state->throttle ? state->throttle_text : "none");
}

static int note_end(const struct ofr_leg_replay *leg, struct ofr_error *err)
{
    const struct ofr_replay_report *report = leg->report;
    struct ofr_notes *notes = &leg->report->notes;
    int rc = note_state(notes, "device_before", &report->before, err);
    if (!rc)
        rc = note_state(notes, "device_after", &report->after, err);
    if (!rc)
        rc = ofr_notes_setf(notes, err, "lateness",
                            "p50 %.1f us, p99 %.1f us, max %.1f us, bound of p99 %.1f us",
                            1e-3 * ofr_histogram_percentile(&report->lateness, 0.5),
                            1e-3 * ofr_histogram_percentile(&report->lateness, 0.99),
                            1e-3 * (double)report->lateness.max, 1e-3 * (double)report->lateness_ns);
    if (!rc && leg->inputs_ahead)
        rc = ofr_notes_setf(notes, err, "inputs_ahead",
                            "%" PRIu64 " of %" PRIu64 " travelled while another batch ran",
                            report->counts.ahead, report->counts.rows);
    if (!rc && leg->options->exits == OFR_EXITS_COMPUTED)
        rc = ofr_notes_setf(notes, err, "thresholds",
                            "%" PRIu64 " scores within %g of a threshold, %" PRIu64
                            " exits on which device and host differ",
                            report->counts.near, OFR_NEAR_THRESHOLD, report->counts.differs);
    if (!rc)
        rc = ofr_notes_set(notes, "valid", report->invalid[0] ? report->invalid : "yes", err);
    for (uint32_t i = 0; !rc && leg->view.log && i < notes->count; ++i)
        rc = ofr_runlog_note(leg->view.log, notes->item[i].name, notes->item[i].text, err);
    return rc;
}

int ofr_replay__conclude(struct ofr_leg_replay *leg, const struct ofr_serve_result *result,
                         struct ofr_error *err)
{
    judge(leg, result);
    return note_end(leg, err);
}
