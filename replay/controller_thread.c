#include "replay/controller_thread.h"

#include "replay/bell.h"
#include "replay/placement.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum state {
    IDLE,
    ASKED,
    ANSWERED
};

struct ofr_controller_thread {
    struct ofr_policy_handle policy;
    struct ofr_timing *timing;
    struct offramp_feedback feedback; /* points into what follows */
    struct offramp_exit_config config;
    float *score; /* [max_batch][OFFRAMP_MAX_SITES], owned; as those below */
    uint16_t *answer, *final_answer, *exit_ramp;
    struct ofr_answer given;
    _Atomic int state; /* enum state */
    _Atomic bool quit;
    struct ofr_bell bell;
    pthread_t thread;
    bool running;
};

static void *run(void *context)
{
    struct ofr_controller_thread *thread = context;
    if (thread->bell.spin)
        (void)ofr_placement_take(OFR_PLACEMENT_CONTROLLER);
    for (;;) {
        ofr_bell_wait(&thread->bell);
        if (atomic_load_explicit(&thread->quit, memory_order_acquire))
            return NULL;
        if (atomic_load_explicit(&thread->state, memory_order_acquire) != ASKED)
            continue;
        int64_t start_ns = ofr_timing_read(thread->timing);
        ofr_policy_answer(&thread->policy, &thread->feedback, &thread->given);
        thread->given.decision.cost_ns = ofr_timing_read(thread->timing) - start_ns;
        atomic_store_explicit(&thread->state, ANSWERED, memory_order_release);
        ofr_clock_monotonic_wake(&thread->timing->monotonic);
    }
}

static int ask(void *state, const struct offramp_feedback *feedback, struct ofr_answer *answer,
               struct ofr_error *err)
{
    struct ofr_controller_thread *thread = state;
    (void)answer;
    (void)err;
    size_t cells = (size_t)feedback->rows * feedback->config->ramps;
    thread->config = *feedback->config;
    memcpy(thread->score, feedback->score, cells * sizeof *thread->score);
    memcpy(thread->answer, feedback->answer, cells * sizeof *thread->answer);
    memcpy(thread->final_answer, feedback->final_answer, feedback->rows * sizeof *thread->final_answer);
    memcpy(thread->exit_ramp, feedback->exit_ramp, feedback->rows * sizeof *thread->exit_ramp);
    thread->feedback = *feedback;
    thread->feedback.config = &thread->config;
    thread->feedback.score = thread->score;
    thread->feedback.answer = thread->answer;
    thread->feedback.final_answer = thread->final_answer;
    thread->feedback.exit_ramp = thread->exit_ramp;
    atomic_store_explicit(&thread->state, ASKED, memory_order_release);
    ofr_bell_ring(&thread->bell);
    return 0;
}

static int poll(void *state, struct ofr_answer *answer, struct ofr_error *err)
{
    struct ofr_controller_thread *thread = state;
    (void)err;
    if (atomic_load_explicit(&thread->state, memory_order_acquire) != ANSWERED)
        return 0;
    *answer = thread->given;
    atomic_store_explicit(&thread->state, IDLE, memory_order_relaxed);
    thread->timing->row.answered++;
    return 1;
}

const struct ofr_controller_ops ofr_controller_thread_ops = {.name = "thread", .ask = ask, .poll = poll};

int ofr_controller_thread_create(struct ofr_controller_thread **out, const struct ofr_policy_handle *policy,
                                 uint32_t max_batch, bool spin, struct ofr_timing *timing,
                                 struct ofr_error *err)
{
    struct ofr_controller_thread *thread = calloc(1, sizeof *thread);
    size_t cells = (size_t)max_batch * OFFRAMP_MAX_SITES;
    *out = NULL;
    if (!thread)
        return ofr_fail_nomem(err, "the controller");
    thread->policy = *policy;
    thread->timing = timing;
    ofr_bell_init(&thread->bell, spin);
    thread->score = calloc(cells, sizeof *thread->score);
    thread->answer = calloc(cells, sizeof *thread->answer);
    thread->final_answer = calloc(max_batch, sizeof *thread->final_answer);
    thread->exit_ramp = calloc(max_batch, sizeof *thread->exit_ramp);
    bool made = thread->score && thread->answer && thread->final_answer && thread->exit_ramp &&
                pthread_create(&thread->thread, NULL, run, thread) == 0;
    thread->running = made;
    if (!made) {
        ofr_controller_thread_destroy(thread);
        return ofr_fail_nomem(err, "the controller");
    }
    *out = thread;
    return 0;
}

void ofr_controller_thread_destroy(struct ofr_controller_thread *thread)
{
    if (!thread)
        return;
    if (thread->running) {
        atomic_store_explicit(&thread->quit, true, memory_order_release);
        ofr_bell_ring(&thread->bell);
        pthread_join(thread->thread, NULL);
    }
    ofr_bell_release(&thread->bell);
    free(thread->score);
    free(thread->answer);
    free(thread->final_answer);
    free(thread->exit_ramp);
    free(thread);
}
