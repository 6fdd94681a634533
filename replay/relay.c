#include "replay/relay.h"

#include "replay/bell.h"
#include "replay/placement.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    RING = 1 << 25, /* bytes, unless the caller wants another size */
    ALIGN = 16,
    IDLE_NS = 100000 /* how often the carrier looks for news when there was none */
};

enum kind {
    KIND_WRAP, /* the rest of the ring is not used */
    KIND_BATCH,
    KIND_LOST,
    KIND_DECISION,
    KIND_INSTANT,
    KIND_RESULTS,
};

struct head {
    uint32_t kind, bytes; /* of the whole record */
    uint32_t rows, ramps;
};

struct ofr_relay {
    struct ofr_relay_sinks sinks;
    unsigned char *ring; /* [size], owned */
    size_t size;
    _Alignas(64) _Atomic uint64_t written; /* bytes ever */
    uint64_t told, carried_seen;           /* the talker's own */
    uint64_t stalls;
    _Alignas(64) _Atomic uint64_t carried;
    _Atomic bool quit;
    pthread_t thread;
    bool running;
};

/* ---- the carrying thread ---- */

static void carry_results(struct ofr_relay *relay, const struct head *head, const unsigned char *at)
{
    size_t cells = (size_t)head->rows * head->ramps;
    struct ofr_results_row row = {.rows = head->rows, .ramps = head->ramps};
    row.score = (const float *)(const void *)at;
    row.answer = (const uint16_t *)(const void *)(at + cells * sizeof *row.score);
    row.final_answer = row.answer + cells;
    if (relay->sinks.log)
        ofr_runlog_results(relay->sinks.log, &row);
}

static void carry(struct ofr_relay *relay, const struct head *head)
{
    const unsigned char *at = (const unsigned char *)(head + 1);
    const struct ofr_observer *observer = relay->sinks.observer;
    if (head->kind == KIND_INSTANT && relay->sinks.log)
        ofr_runlog_instant(relay->sinks.log, (const void *)at);
    if (head->kind == KIND_RESULTS)
        carry_results(relay, head, at);
    for (uint32_t i = 0; i < relay->sinks.observers; ++i) {
        if (head->kind == KIND_BATCH)
            observer[i].batch(observer[i].state, (const void *)at,
                              (const void *)(at + sizeof(struct ofr_batch_row)), head->rows);
        if (head->kind == KIND_LOST)
            observer[i].lost(observer[i].state, (const void *)at);
        if (head->kind == KIND_DECISION)
            observer[i].decision(observer[i].state, (const void *)at);
    }
}

static void *run(void *state)
{
    struct ofr_relay *relay = state;
    const struct timespec idle = {.tv_nsec = IDLE_NS};
    uint64_t at = 0;
    if (relay->sinks.place)
        (void)ofr_placement_take(OFR_PLACEMENT_RELAY);
    for (;;) {
        bool quit = atomic_load_explicit(&relay->quit, memory_order_acquire);
        uint64_t written = atomic_load_explicit(&relay->written, memory_order_acquire);
        if (at == written && quit)
            return NULL;
        if (at == written)
            nanosleep(&idle, NULL);
        while (at < written) {
            const struct head *head = (const void *)(relay->ring + at % relay->size);
            carry(relay, head);
            at += head->bytes;
            atomic_store_explicit(&relay->carried, at, memory_order_release);
        }
    }
}

/* ---- the talking thread ---- */

/* Waits until `bytes` more fit behind what has been told. */
static void make_room(struct ofr_relay *relay, size_t bytes)
{
    if (relay->told + bytes - relay->carried_seen <= relay->size)
        return;
    relay->carried_seen = atomic_load_explicit(&relay->carried, memory_order_acquire);
    if (relay->told + bytes - relay->carried_seen > relay->size)
        relay->stalls++;
    while (relay->told + bytes - relay->carried_seen > relay->size) {
        sched_yield();
        relay->carried_seen = atomic_load_explicit(&relay->carried, memory_order_acquire);
    }
}

static size_t rounded(size_t bytes)
{
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

/* Begins a record of `bytes` after its head; the caller fills them and calls `told`. */
static unsigned char *tell(struct ofr_relay *relay, enum kind kind, size_t bytes, uint32_t rows,
                           uint32_t ramps)
{
    size_t whole = rounded(sizeof(struct head) + bytes);
    size_t left = relay->size - relay->told % relay->size;
    if (left < whole) {
        make_room(relay, left);
        *(struct head *)(void *)(relay->ring + relay->told % relay->size) =
            (struct head){.kind = KIND_WRAP, .bytes = (uint32_t)left};
        relay->told += left;
    }
    make_room(relay, whole + sizeof(struct head));
    struct head *head = (void *)(relay->ring + relay->told % relay->size);
    *head = (struct head){.kind = kind, .bytes = (uint32_t)whole, .rows = rows, .ramps = ramps};
    relay->told += whole;
    return (unsigned char *)(head + 1);
}

static void told(struct ofr_relay *relay)
{
    atomic_store_explicit(&relay->written, relay->told, memory_order_release);
}

static void on_batch(void *state, const struct ofr_batch_row *batch, const struct ofr_request_row *rows,
                     uint32_t count)
{
    unsigned char *at = tell(state, KIND_BATCH, sizeof *batch + count * sizeof *rows, count, 0);
    memcpy(at, batch, sizeof *batch);
    memcpy(at + sizeof *batch, rows, count * sizeof *rows);
    told(state);
}

static void on_lost(void *state, const struct ofr_request_row *row)
{
    memcpy(tell(state, KIND_LOST, sizeof *row, 1, 0), row, sizeof *row);
    told(state);
}

static void on_decision(void *state, const struct ofr_decision_row *row)
{
    memcpy(tell(state, KIND_DECISION, sizeof *row, 0, 0), row, sizeof *row);
    told(state);
}

void ofr_relay_instant(struct ofr_relay *relay, const struct ofr_instant_row *row)
{
    memcpy(tell(relay, KIND_INSTANT, sizeof *row, 0, 0), row, sizeof *row);
    told(relay);
}

void ofr_relay_results(struct ofr_relay *relay, const struct ofr_results_row *row)
{
    size_t cells = (size_t)row->rows * row->ramps;
    size_t bytes = cells * (sizeof *row->score + sizeof *row->answer) + row->rows * sizeof *row->final_answer;
    unsigned char *at = tell(relay, KIND_RESULTS, bytes, row->rows, row->ramps);
    memcpy(at, row->score, cells * sizeof *row->score);
    at += cells * sizeof *row->score;
    memcpy(at, row->answer, cells * sizeof *row->answer);
    memcpy(at + cells * sizeof *row->answer, row->final_answer, row->rows * sizeof *row->final_answer);
    told(relay);
}

struct ofr_observer ofr_relay_observer(struct ofr_relay *relay)
{
    return (struct ofr_observer){.state = relay, .batch = on_batch, .lost = on_lost, .decision = on_decision};
}

uint64_t ofr_relay_stalls(const struct ofr_relay *relay)
{
    return relay->stalls;
}

/* ---- life ---- */

int ofr_relay_create(struct ofr_relay **out, const struct ofr_relay_sinks *sinks, struct ofr_error *err)
{
    struct ofr_relay *relay = aligned_alloc(64, rounded(sizeof *relay + 63) / 64 * 64);
    *out = NULL;
    if (!relay)
        return ofr_fail_nomem(err, "the relay");
    memset(relay, 0, sizeof *relay);
    relay->sinks = *sinks;
    relay->size = sinks->ring_bytes ? sinks->ring_bytes : RING;
    relay->ring = aligned_alloc(64, relay->size);
    if (relay->ring)
        memset(relay->ring, 0, relay->size); /* page faults now, not while requests wait */
    if (!relay->ring || pthread_create(&relay->thread, NULL, run, relay)) {
        free(relay->ring);
        free(relay);
        return ofr_fail_nomem(err, "the relay");
    }
    relay->running = true;
    *out = relay;
    return 0;
}

void ofr_relay_finish(struct ofr_relay *relay)
{
    if (!relay || !relay->running)
        return;
    atomic_store_explicit(&relay->quit, true, memory_order_release);
    pthread_join(relay->thread, NULL);
    relay->running = false;
}

void ofr_relay_destroy(struct ofr_relay *relay)
{
    if (!relay)
        return;
    ofr_relay_finish(relay);
    free(relay->ring);
    free(relay);
}
