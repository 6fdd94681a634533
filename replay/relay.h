/* A relay: what the loop has to tell is carried to its observers by another thread, so that neither the compression
 * of a log nor a slow disk ever delays a request.
 *
 * One thread talks (the observer's hooks, ofr_relay_instant, ofr_relay_results), one carries; the rows arrive in the
 * order in which they were told. In between is a ring of constant size; the talker waits when it is full, which
 * `ofr_relay_stalls` counts.
 */
#ifndef OFR_REPLAY_RELAY_H
#define OFR_REPLAY_RELAY_H

#include "traces/runlog_file.h"

#include <stdbool.h>

enum {
    OFR_RELAY_OBSERVERS = 8
};

struct ofr_relay_sinks {
    struct ofr_observer observer[OFR_RELAY_OBSERVERS]; /* borrowed */
    uint32_t observers;
    struct ofr_runlog_writer *log; /* borrowed; takes instants and results; NULL = none */
    bool place;                    /* its thread takes a place of its own (placement.h) */
    size_t ring_bytes; /* between the threads, a multiple of 64; 0 = enough for the longest hiccup */
};

struct ofr_relay;
int ofr_relay_create(struct ofr_relay **out, const struct ofr_relay_sinks *sinks, struct ofr_error *err);
/* Carries what is left and stops; then the sinks are the caller's again. Once; NULL is allowed. */
void ofr_relay_finish(struct ofr_relay *relay);
void ofr_relay_destroy(struct ofr_relay *relay); /* finishes; NULL is allowed */

struct ofr_observer ofr_relay_observer(struct ofr_relay *relay);
void ofr_relay_instant(struct ofr_relay *relay, const struct ofr_instant_row *row);
void ofr_relay_results(struct ofr_relay *relay, const struct ofr_results_row *row);
uint64_t ofr_relay_stalls(const struct ofr_relay *relay);

#endif
