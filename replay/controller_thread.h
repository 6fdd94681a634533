/* The controller of a replay: the policy thinks on a thread of its own, and its cost is the time it took. */
#ifndef OFR_REPLAY_CONTROLLER_THREAD_H
#define OFR_REPLAY_CONTROLLER_THREAD_H

#include "replay/timing.h"
#include "sim/serve/controller.h"

struct ofr_controller_thread;
/* `timing` (borrowed) is woken and counts answers. `max_batch` bounds the rows of one feedback. */
int ofr_controller_thread_create(struct ofr_controller_thread **out, const struct ofr_policy_handle *policy,
                                 uint32_t max_batch, bool spin, struct ofr_timing *timing,
                                 struct ofr_error *err);
void ofr_controller_thread_destroy(struct ofr_controller_thread *thread); /* NULL is allowed */
extern const struct ofr_controller_ops ofr_controller_thread_ops;         /* state: the thread */

#endif
