/* How one thread waits for another's news without missing any: a counting bell.
 *
 * On a machine with processors to spare a waiter spins, so that nobody pays for waking it; otherwise it sleeps, and
 * ringing costs a system call only when someone does. Every ring ends one wait, early or late, so a waiter that looks
 * for news after each wait misses none. */
#ifndef OFR_REPLAY_BELL_H
#define OFR_REPLAY_BELL_H

#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

struct ofr_bell {
    sem_t rings;
    bool spin;
};

static inline void ofr_bell_init(struct ofr_bell *bell, bool spin)
{
    sem_init(&bell->rings, 0, 0);
    bell->spin = spin;
}

static inline void ofr_bell_release(struct ofr_bell *bell)
{
    sem_destroy(&bell->rings);
}

static inline void ofr_bell_ring(struct ofr_bell *bell)
{
    sem_post(&bell->rings);
}

/* Gives the other hardware thread of the core a moment. */
static inline void ofr_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static inline void ofr_bell_wait(struct ofr_bell *bell)
{
    if (bell->spin)
        while (sem_trywait(&bell->rings))
            ofr_pause();
    else
        while (sem_wait(&bell->rings) && errno == EINTR)
            ;
}

/* One look without news in a row of `looks`. Where processors are scarce, whoever makes the news needs this one. */
static inline void ofr_patience(bool spin, uint32_t looks)
{
    enum {
        SPINS = 256
    };
    ofr_pause();
    if (!spin && looks > SPINS)
        sched_yield();
}

#endif
