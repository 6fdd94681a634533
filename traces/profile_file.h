/* Latency profiles on disk (.oprof): one row for each measured value, so that medians, tails and noise can be
 * computed by whoever reads them. ofr_profile_load (sim/model/profile.h) makes the profile of such a file.
 *
 * Quantities that do not depend on the batch size or the site have 0 there.
 */
#ifndef OFR_TRACES_PROFILE_FILE_H
#define OFR_TRACES_PROFILE_FILE_H

#include "sim/base/error.h"
#include "traces/notes.h"
#include "traces/recording.h"

#include <stdint.h>

/* X(name, value, text, depends on batch, places): see struct ofr_profile for what each means. The `site` of a row is
 * a site, a site or the full model (site = sites), a rung of the ladder of idle times, or 0. */
#define OFR_QUANTITY_MAP(X)                                                                                  \
    X(UNTIL, 0, "until", 1, OFR_PLACES_FULL)                                                                 \
    X(RAMP_ADD, 1, "ramp_add", 1, OFR_PLACES_SITES)                                                          \
    X(RAMP_DELAY, 2, "ramp_delay", 1, OFR_PLACES_SITES)                                                      \
    X(COPY_IN, 3, "copy_in", 1, OFR_PLACES_ONE)                                                              \
    X(COPY_OUT, 4, "copy_out", 1, OFR_PLACES_ONE)                                                            \
    X(DISPATCH, 5, "dispatch", 0, OFR_PLACES_ONE)                                                            \
    X(RELEASE, 6, "release", 0, OFR_PLACES_ONE)                                                              \
    X(FEEDBACK, 7, "feedback", 0, OFR_PLACES_ONE)                                                            \
    X(RAMP_ALONE, 8, "ramp_alone", 1, OFR_PLACES_SITES) /* beside the others; no part of the timeline */     \
    X(RAMP_IN_LINE, 9, "ramp_in_line", 1, OFR_PLACES_SITES)                                                  \
    X(IDLE, 10, "idle", 0, OFR_PLACES_RUNGS) /* the rest are of the whole path: struct ofr_profile_path */   \
    X(PASS, 11, "pass", 1, OFR_PLACES_RUNGS) /* rows in the order of measurement */                          \
    X(RAMP_PASS, 12, "ramp_pass", 1, OFR_PLACES_SITES)                                                       \
    X(SEEN, 13, "seen", 1, OFR_PLACES_FULL)                                                                  \
    X(NOTICE, 14, "notice", 0, OFR_PLACES_ONE)                                                               \
    X(DECIDE, 15, "decide", 0, OFR_PLACES_ONE)                                                               \
    X(TUNE, 16, "tune", 0, OFR_PLACES_ONE)                                                                   \
    X(REPLY, 17, "reply", 0, OFR_PLACES_ONE)                                                                 \
    X(RAMPS_PASS, 18, "ramps_pass", 1, OFR_PLACES_ONE)                                                       \
    X(AHEAD, 19, "ahead", 1, OFR_PLACES_ONE)                                                                 \
    X(COLD, 20, "cold", 1, OFR_PLACES_ONE)                                                                   \
    X(SETTLED, 21, "settled", 1, OFR_PLACES_ONE)                                                             \
    X(SETTLING, 22, "settling", 0, OFR_PLACES_ONE)                                                           \
    X(NOTICE_RAMPS, 23, "notice_ramps", 1, OFR_PLACES_ONE)                                                   \
    X(START, 24, "start", 0, OFR_PLACES_ONE)

enum ofr_quantity_places {
    OFR_PLACES_ONE,
    OFR_PLACES_SITES,
    OFR_PLACES_FULL,
    OFR_PLACES_RUNGS,
};

enum {
    OFR_PROFILE_RUNGS_MAX = 16
};

enum ofr_quantity {
#define X(name, value, text, batch, places) OFR_QUANTITY_##name = value,
    OFR_QUANTITY_MAP(X)
#undef X
    OFR_QUANTITIES
};

const char *ofr_quantity_name(int quantity); /* "until" ...; "?" outside the range */

struct ofr_profile_row {
    uint32_t batch, site;
    enum ofr_quantity quantity;
    int64_t value_ns; /* >= 0 */
};

struct ofr_profile_writer;

/* Names are copied; shorter than OFR_NAME_SIZE. `provenance` is borrowed and may be NULL. */
int ofr_profile_create(struct ofr_profile_writer **out, const char *path, const char *model, uint32_t sites,
                       const char *const *site_name, const struct ofr_notes *provenance,
                       struct ofr_error *err);
int ofr_profile_append(struct ofr_profile_writer *writer, const struct ofr_profile_row *row,
                       struct ofr_error *err);
int ofr_profile_note(struct ofr_profile_writer *writer, const char *name, const char *text,
                     struct ofr_error *err);
/* Both free the writer; NULL is allowed for abort. After a failure nothing is left behind. */
int ofr_profile_finish(struct ofr_profile_writer *writer, struct ofr_error *err);
void ofr_profile_abort(struct ofr_profile_writer *writer);

/* Reading: all samples of a file, in file order. */

enum {
    OFR_PROFILE_ROWS_MAX = 1 << 26
};

struct ofr_profile_samples {
    char model[OFR_NAME_SIZE];
    uint32_t sites;
    char (*site_name)[OFR_NAME_SIZE]; /* owned, [sites] */
    struct ofr_profile_row *row;      /* owned, [count]; each checked by itself, not the set */
    size_t count;
    struct ofr_notes provenance;
};

int ofr_profile_samples_load(struct ofr_profile_samples *out, const char *path, struct ofr_error *err);
void ofr_profile_samples_release(struct ofr_profile_samples *samples);

#endif
