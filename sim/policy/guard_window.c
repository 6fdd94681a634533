#include "sim/policy/guard_window.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int ofr_guard_window_init(struct ofr_guard_window *window, uint32_t capacity, uint32_t sites,
                          double max_threshold)
{
    *window = (struct ofr_guard_window){.capacity = capacity, .sites = sites ? sites : 1};
    size_t cells = (size_t)capacity * window->sites;
    window->score = malloc(cells * sizeof *window->score);
    window->agrees = malloc(cells);
    bool made = ofr_tuner_create(&window->tuner, capacity, window->sites, NULL) == 0;
    if (!window->score || !window->agrees || !made) {
        ofr_guard_window_release(window);
        return -1;
    }
    ofr_tuner_set_max_threshold(window->tuner, max_threshold);
    return 0;
}

void ofr_guard_window_release(struct ofr_guard_window *window)
{
    ofr_tuner_free(window->tuner);
    free(window->score);
    free(window->agrees);
    *window = (struct ofr_guard_window){0};
}

bool ofr_guard_window_ramps(struct ofr_guard_window *window, const struct ofr_ramp_set *set,
                            const struct ofr_ramp_costs *costs)
{
    struct ofr_tuner_costs way_out;
    double until_ns[OFFRAMP_MAX_SITES + 1], add_ns[OFFRAMP_MAX_SITES], delay_ns[OFFRAMP_MAX_SITES];
    struct ofr_ramp_set stay;
    bool same = ofr_ramp_set_same(set, &window->set);
    ofr_ramp_set_common(&stay, set, &window->set);
    if (stay.ramps == 0)
        window->count = window->next = 0;
    window->set = *set;
    for (uint32_t k = 0; k < set->ramps; ++k) {
        until_ns[k] = costs->until_ns[set->site[k]];
        add_ns[k] = costs->add_ns[set->site[k]];
        delay_ns[k] = costs->delay_ns[set->site[k]];
    }
    until_ns[set->ramps] = costs->until_ns[costs->sites];
    ofr_tuner_costs_from(&way_out, set->ramps, until_ns, add_ns, delay_ns);
    ofr_tuner_set_costs(window->tuner, &way_out);
    return !same;
}

void ofr_guard_window_add(struct ofr_guard_window *window, const struct offramp_feedback *feedback,
                          uint32_t row)
{
    size_t at = (size_t)row * feedback->config->ramps;
    for (uint32_t site = 0; site < window->sites; ++site) {
        window->score[(size_t)site * window->capacity + window->next] = INFINITY;
        window->agrees[(size_t)site * window->capacity + window->next] = 1;
    }
    for (uint32_t k = 0; k < window->set.ramps; ++k) {
        size_t cell = (size_t)window->set.site[k] * window->capacity + window->next;
        window->score[cell] = feedback->score[at + k];
        window->agrees[cell] = feedback->answer[at + k] == feedback->final_answer[row];
    }
    window->next = (window->next + 1) % window->capacity;
    if (window->count < window->capacity)
        window->count++;
}

void ofr_guard_window_tune(struct ofr_guard_window *window, double loss, const char *trigger,
                           struct ofr_guard_verdict *verdict)
{
    uint32_t ramps = window->set.ramps;
    struct ofr_tuner_result result;
    if (ramps == 0 || window->count == 0)
        return;
    ofr_tuner_window(window->tuner, window->count, ramps);
    for (uint32_t k = 0; k < ramps; ++k)
        ofr_tuner_column_float(window->tuner, k,
                               window->score + (size_t)window->set.site[k] * window->capacity,
                               window->agrees + (size_t)window->set.site[k] * window->capacity);
    ofr_tuner_greedy(window->tuner, (int64_t)floor(loss * window->count), &result);
    memcpy(verdict->threshold, result.threshold, ramps * sizeof *result.threshold);
    verdict->changed = true;
    verdict->trigger = trigger;
    verdict->predicted_gain_pct = result.improvement_pct;
    verdict->evaluations = (uint32_t)result.evaluations;
    verdict->tune_records = (double)window->count * ramps;
}
