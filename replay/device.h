/* Devices: what really computes a batch. The one executor of replay (replay/executor.h) drives any of them:
 *
 *   null    computes nothing: the overhead of everything around it
 *   cpu     real arithmetic on the host's processors
 *   cuda:N  one CUDA graph per batch size, a ramp at every site on a forked branch
 *
 * A pass. The executor hands a pass to the device (`submit`, returns at once); the device copies the inputs in,
 * runs the network at the padded size, and writes what it finds into *cells* in memory that both sides see, in
 * the order in which it finds it:
 *
 *   ramp cell [lane][site][row]  as soon as an active ramp has answered for the row
 *   full cell [lane][row]        the full model's answer, when the network has run to its end
 *   end mark  [lane]             the pass's ticket: everything of the pass has been written before it
 *
 * A cell is one 64-bit word, written with a single store, so that a reader never sees half of it. The executor
 * zeroes the cells a pass will write before it submits the pass; 0 is never a valid cell.
 *
 *   bits 0..31   score as f32 by the pass's criterion (1 - top probability, or entropy in nats)
 *   bits 32..47  answer (class)
 *   bits 48..62  ticket modulo 2^15, never 0
 *   bit 63       exit: the device itself found score < threshold (strict, compared in f64)
 *
 * Lanes. A device with L lanes holds L sets of inputs and cells. Passes run in order of submission; the executor uses
 * lane = ticket % L and never has two passes on one lane.
 *
 * Places. While a pass runs, inputs of the next ones travel (`prepare`) to places beside the lanes, one input a place,
 * OFR_PLACES_PER_ROW of them for each row of the largest batch (sim/serve/places.h). A pass says of each row at which
 * place its input lies, and waits for those still on their way; the inputs of the other rows travel with the pass. A
 * place belongs to whoever was given it until the pass that reads it has ended: `prepare` never overwrites it.
 *
 * Memory. Everything is allocated by `create` and printed by `info`; nothing afterwards. Thread safety: all ops
 * of one device come from one thread at a time; cells are read by any thread with acquire loads.
 *
 * To add a device: one folder under replay/, one line in devices.c.
 */
#ifndef OFR_REPLAY_DEVICE_H
#define OFR_REPLAY_DEVICE_H

#include "replay/nets/net.h"
#include "replay/nets/weights.h"
#include "sim/offramp_policy.h"
#include "sim/serve/places.h"
#include "traces/notes.h"

#include <stdatomic.h>

enum {
    OFR_DEVICE_MAX_LANES = 4,
};

/* Inputs for requests to draw from: `count` inputs of the network's input tensor (u8 images or i32 tokens), one
 * after the other. Request with sample s uses input s % count. Borrowed. */
struct ofr_device_inputs {
    const void *data;
    uint32_t count;
    size_t bytes; /* of one input */
};

struct ofr_device_setup {
    const struct ofr_net *net;         /* borrowed for the device's life */
    const struct ofr_weights *weights; /* borrowed during create; NULL: the null device needs none */
    struct ofr_device_inputs inputs;
    const uint32_t *batch; /* [batches] sizes passes can run at, ascending; borrowed during create */
    uint32_t batches;
    bool ramps_in_line; /* ramps on the backbone instead of a forked branch */
    uint32_t threads;   /* cpu: threads of one product; 0 = all processors but one */
    int32_t index;      /* cuda: device number */
    const char
        *kernels; /* cuda: those an earlier device chose, as in its note OFR_NOTE_KERNELS, borrowed for the
                            device's life; NULL: choose */
    const struct ofr_profile *profile; /* null device: take no time at all when NULL; borrowed */
};

#define OFR_NOTE_KERNELS "kernels" /* by `info`: which kernels the device chose */

struct ofr_pass {
    uint32_t ticket; /* 1.. */
    uint32_t lane;
    uint32_t rows, padded;                    /* requests; profiled size it runs at */
    const uint32_t *sample;                   /* [rows]; rows beyond are padding (copies of row 0) */
    const uint32_t *place;                    /* [rows] OFR_PLACE_NONE: travels with the pass; NULL: all do */
    const struct offramp_exit_config *config; /* active ramps, thresholds, criterion */
};

/* What both sides see of one lane. */
struct ofr_lane_view {
    _Atomic uint64_t *ramp;  /* [sites][stride] */
    _Atomic uint64_t *full;  /* [stride] */
    _Atomic uint32_t *ended; /* ticket of the last pass of this lane that has ended */
    uint32_t stride;         /* largest batch size */
};

struct ofr_device_state {
    double sm_clock_mhz, memory_clock_mhz, temperature_c, power_w; /* NaN where unknown */
    uint64_t throttle; /* bits the driver reports as reasons for reduced clocks, idle left out; 0 = none */
    char throttle_text[128];
};

enum {
    OFR_DEVICE_STATE_SIZE = 256
};
/* "clock 1980 MHz, ..., throttle none" */
void ofr_device_state_text(char out[static OFR_DEVICE_STATE_SIZE], const struct ofr_device_state *state);

/* What `measure` times. */
enum ofr_measure_kind {
    OFR_MEASURE_UNTIL,      /* inputs on the device -> site (or full model, site == sites): no ramps */
    OFR_MEASURE_RAMP_ALONE, /* one ramp by itself, its input ready */
    OFR_MEASURE_RAMP_ADD,   /* whole pass with the ramp at `site` less the whole pass without */
    OFR_MEASURE_RAMP_DELAY, /* the site reached -> the ramp's cell written */
    OFR_MEASURE_COPY_IN,
    OFR_MEASURE_COPY_OUT, /* full answers on the device -> full cells and end mark seen by the host */
    OFR_MEASURE_DISPATCH, /* call of submit -> first kernel runs */
    OFR_MEASURE_RELEASE,  /* a ramp's decision on the device -> the host sees its cell */
};

struct ofr_measure {
    enum ofr_measure_kind kind;
    uint32_t batch; /* one of setup.batch */
    uint32_t site;
    bool in_line; /* ramps on the backbone */
};

struct ofr_device_ops {
    const char *name;
    const char *help;
    uint32_t lanes;
    bool no_net; /* runs without a network: setup.net and weights are NULL */
    /* A load that sets in after a rest finds the device at another speed for at most so long; 0: it has one speed. */
    int64_t settle_ns;
    /* Required. Errors: OFR_E_DEVICE (no driver, no such device, out of its memory: how much was wanted and free),
     * OFR_E_NOMEM, OFR_E_INPUT (a network it cannot run). */
    int (*create)(void **state, const struct ofr_device_setup *setup, struct ofr_error *err);
    void (*destroy)(void *state); /* Required; NULL is allowed; waits for passes in flight. */
    void (*lane)(void *state, uint32_t lane, struct ofr_lane_view *out); /* Required. */
    /* Required. Starts a pass; returns once it is queued. OFR_E_DEVICE when the device is lost. */
    int (*submit)(void *state, const struct ofr_pass *pass, struct ofr_error *err);
    /* Optional. Input `sample` begins to travel to `place` (1 ..), which no pass in flight reads; returns once that is
     * queued. Errors as submit. */
    int (*prepare)(void *state, uint32_t sample, uint32_t place, struct ofr_error *err);
    /* Required. 0 while the device is well; OFR_E_DEVICE with what the driver says once it is lost. Cheap. */
    int (*check)(void *state, struct ofr_error *err);
    /* Required. Facts for provenance: device, driver, library versions, memory allocated by purpose. */
    int (*info)(void *state, struct ofr_notes *notes, struct ofr_error *err);
    void (*observe)(void *state, struct ofr_device_state *out); /* Required. Clocks and temperature now. */
    /* Optional (profile needs it). Takes `count` samples in ns. Works on an idle device. */
    int (*measure)(void *state, const struct ofr_measure *what, int64_t *sample_ns, uint32_t count,
                   struct ofr_error *err);
    /* Optional (checks need it). The f32 logits of the last pass of a lane: site < sites a ramp's, == sites the
     * full model's; [rows][classes]. */
    int (*logits)(void *state, uint32_t lane, uint32_t site, float *out, uint32_t rows,
                  struct ofr_error *err);
};

/* Every device this build has, NULL-terminated; `cuda` only where the toolkit was found at build time. */
extern const struct ofr_device_ops *const ofr_devices[];
/* By "name" or "name:index". Errors: OFR_E_USAGE naming what this build has and, for cuda, how to build with it. */
const struct ofr_device_ops *ofr_device_find(const char *text, int32_t *index, struct ofr_error *err);

static inline uint64_t ofr_cell_pack(float score, uint16_t answer, uint32_t ticket, bool exits)
{
    union {
        float real;
        uint32_t bits;
    } word = {.real = score};
    return (uint64_t)word.bits | (uint64_t)answer << 32 | (uint64_t)(ticket % 32767 + 1) << 48 |
           (uint64_t)exits << 63;
}

static inline float ofr_cell_score(uint64_t cell)
{
    union {
        uint32_t bits;
        float real;
    } word = {.bits = (uint32_t)cell};
    return word.real;
}

static inline uint16_t ofr_cell_answer(uint64_t cell)
{
    return (uint16_t)(cell >> 32);
}

static inline bool ofr_cell_exits(uint64_t cell)
{
    return cell >> 63 != 0;
}

/* Whether the cell was written by the pass with this ticket. */
static inline bool ofr_cell_is_of(uint64_t cell, uint32_t ticket)
{
    return (uint32_t)(cell >> 48 & 0x7fff) == ticket % 32767 + 1;
}

#endif
