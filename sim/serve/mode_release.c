/* release: an exit sends the answer away and changes nothing else (Apparate). Batches never shrink, and the full
 * model's answer is known for every input. */
#include "sim/serve/mode.h"

static void ramps(uint32_t stage, const struct offramp_exit_config *in_force,
                  struct offramp_exit_config *of_stage)
{
    (void)stage;
    *of_stage = *in_force;
}

const struct ofr_mode_ops ofr_mode_release = {
    .name = "release",
    .help = "the answer leaves at its ramp, the input runs to the end",
    .stages = 1,
    .refuses = OFFRAMP_POLICY_CASCADE,
    .ramps = ramps,
};
