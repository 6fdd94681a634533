/* Verifying a log (invariant I9): the log's own times are fed through the decision core again - its clock says what
 * the log's said, its executor and controller hand back what they handed back then, when they did - and every
 * decision has to come out as it stands in the log, to the bit: which requests a batch has, in what order, its size,
 * padded size, server, reason and queue length, where each request leaves and with which answer, every threshold and
 * ramp decision, every outcome and time.
 *
 * Works on logs of simulations (virtual time: only the executor's times come from the log) and of replays (the
 * moments at which the loop looked at the clock are in the log). Scenario and seed come from the log; profile,
 * recording and trace are read where the scenario names them. Memory is constant.
 */
#ifndef OFR_REPLAY_VERIFY_H
#define OFR_REPLAY_VERIFY_H

#include "sim/base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct ofr_verify_report {
    uint64_t requests, batches, decisions, instants; /* compared and equal */
    bool differs;
    char where[512]; /* the first difference: time, entity, what the log has, what came out */
};

/* `set`: assignments to the log's scenario, for files that have moved (model.recording=...). A difference is no error
 * here. Errors: OFR_E_INPUT for a log that is cut short, broke off or lacks what it needs. */
int ofr_verify_log(struct ofr_verify_report *report, const char *path, const char *const *set, uint32_t sets,
                   struct ofr_error *err);

#endif
