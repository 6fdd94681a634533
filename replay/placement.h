/* Processors of a replay's own threads. A waiting thread that spins takes half of what its core can do from the other
 * hardware thread there, and which processors are such pairs a virtual machine may not tell: on one with an H200 a pass
 * of BERT-base began up to 13 us later in some runs than in others, by where the scheduler had put the threads
 * (docs/how-far-to-trust.md). So each thread gets a processor of its own, all of one package, and no two of one core as
 * far as the system tells; where it does not, as numbers commonly pair: 2n with 2n + 1, n with n plus half of all. The
 * first pair, which serves interrupts, is taken last.
 *
 * A processor belongs to one process of the host: it holds an abstract socket of that name as long as it lives. With
 * fewer than OFR_PLACEMENT_ENOUGH processors, or too few that are free, nothing is done. Threads: any; each places
 * itself.
 */
#ifndef OFR_REPLAY_PLACEMENT_H
#define OFR_REPLAY_PLACEMENT_H

#include <stdbool.h>
#include <stdint.h>

enum {
    OFR_PLACEMENT_ENOUGH = 8
};

enum ofr_placement {
    OFR_PLACEMENT_LOOP,
    OFR_PLACEMENT_WATCHER,
    OFR_PLACEMENT_CONTROLLER,
    OFR_PLACEMENT_RELAY,
    OFR_PLACEMENTS
};

/* The processor of a place, of those the process was allowed at the first call; -1 where there is none. */
int32_t ofr_placement_processor(enum ofr_placement place);

/* Moves the calling thread to its place; false when it stays where it is. `leave` gives it back the processors it had,
 * if it was moved: threads it makes in between inherit the place. */
bool ofr_placement_take(enum ofr_placement place);
void ofr_placement_leave(void);

/* Whether two processors of `count` may be one core, by their numbers; for tests. */
bool ofr_placement_may_pair(int32_t a, int32_t b, int32_t count);

#endif
