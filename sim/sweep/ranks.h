/* Sweeps on many machines: ranks of one parallel program, started by mpirun or srun. Rank 0 leads: it holds the board
 * (board.h), the journal and the folder, and its threads do runs like any other's. The others follow: they ask for
 * numbers of runs and send back records. A follower needs the sweep file and its inputs under the same paths, not the
 * folder.
 *
 * The only implementation is crew_mpi.c, which is linked into the program alone and only where MPI was found.
 */
#ifndef OFR_SWEEP_RANKS_H
#define OFR_SWEEP_RANKS_H

#include "sim/sweep/board.h"

struct ofr_ranks {
    int rank, size;
};

struct ofr_ranks_ops {
    /* Joins the others. Call once in a process. */
    int (*begin)(struct ofr_ranks *ranks, struct ofr_error *err);
    /* Whether everyone has read the same sweep: each gives its code (0 = read it), its complaint and the fingerprint.
     * Everyone gets the same code back; the leader gets the complaint of the first that has one. */
    int (*agree)(const struct ofr_ranks *ranks, int code, const char *complaint, uint64_t fingerprint,
                 struct ofr_error *err);
    /* Leader: does everything on the board, with `threads` of its own and all followers (see ofr_crew_threads). */
    int (*lead)(struct ofr_board *board, uint32_t threads, struct ofr_error *err);
    /* Follower: does runs until the leader has no more. */
    int (*follow)(const struct ofr_sweep *sweep, struct ofr_sweep_inputs *inputs, uint32_t threads,
                  struct ofr_error *err);
    /* Leader: sends the followers home, whether there was anything to do or not. */
    void (*dismiss)(const struct ofr_ranks *ranks);
    void (*end)(void);
};

/* NULL in programs without it. */
extern const struct ofr_ranks_ops ofr_ranks_mpi __attribute__((weak));

/* Whether this process was started as one of several ranks, by the environment it was given. */
bool ofr_ranks_launched(void);

#endif
