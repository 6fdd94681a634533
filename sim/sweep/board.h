/* Private to sweeps: the board of runs still to do. Whoever does runs - threads here (crew_threads.c), other ranks
 * (crew_mpi.c) - takes a number from the board and puts the run's record back; nothing else knows how many there are
 * or where they stand. All functions may be called from any thread. */
#ifndef OFR_SWEEP_BOARD_H
#define OFR_SWEEP_BOARD_H

#include "sim/sweep/journal.h"
#include "sim/sweep/work.h"

#include <pthread.h>

struct ofr_board {
    const struct ofr_sweep *sweep;
    struct ofr_sweep_inputs *inputs;
    struct ofr_sweep_runs *runs;
    struct ofr_journal *journal;                  /* NULL = keeps none */
    void (*progress)(void *state, uint64_t done); /* done of `to_do`; may be NULL */
    void *progress_state;

    pthread_mutex_t lock;
    uint64_t next;        /* first run not looked at */
    uint64_t to_do, done; /* of this session */
    uint64_t *again;      /* owned: failed runs to try again */
    uint64_t agains, room;
    struct ofr_error err; /* why the board is closed; code 0 = it is open */
};

/* `runs` says what is done already. Everything is borrowed. */
void ofr_board_init(struct ofr_board *board, const struct ofr_sweep *sweep, struct ofr_sweep_inputs *inputs,
                    struct ofr_sweep_runs *runs, struct ofr_journal *journal);
void ofr_board_release(struct ofr_board *board);
/* A run nobody else does; false when there is none, or the board is closed. */
bool ofr_board_take(struct ofr_board *board, uint64_t *run);
/* What became of a run. A run the machine failed goes back on the board until it has been tried OFR_SWEEP_TRIES times.
 * When the journal cannot be written the board closes. */
void ofr_board_put(struct ofr_board *board, const struct ofr_sweep_record *record);
/* Nothing is left to take or awaited, or the board is closed. */
bool ofr_board_is_done(struct ofr_board *board);

/* Does one run and fills its record. */
void ofr_board_do(const struct ofr_sweep *sweep, struct ofr_sweep_inputs *inputs, uint64_t run,
                  struct ofr_sweep_record *record);

/* Takes, does and puts back runs until there is none to take; what a thread is started with. `board` is a struct ofr_board;
 * returns NULL. */
void *ofr_board_work(void *board);

/* Does everything on the board on `threads` threads. The board's error, if any, is copied. */
int ofr_crew_threads(struct ofr_board *board, uint32_t threads, struct ofr_error *err);

#endif
