#include "sim/policy/guard_window.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool make_records(struct ofr_guard_records *records, size_t cells)
{
    records->score = malloc(cells * sizeof *records->score);
    records->agrees = malloc(cells);
    return records->score && records->agrees;
}

static void free_records(struct ofr_guard_records *records)
{
    free(records->score);
    free(records->agrees);
}

int ofr_guard_window_init(struct ofr_guard_window *window, uint32_t capacity, uint32_t sites,
                          double max_threshold)
{
    *window = (struct ofr_guard_window){.capacity = capacity, .sites = sites ? sites : 1};
    size_t cells = (size_t)capacity * window->sites;
    bool made = make_records(&window->now, cells) && make_records(&window->shelved, cells) &&
                ofr_tuner_create(&window->tuner, capacity, window->sites, NULL) == 0;
    if (!made) {
        ofr_guard_window_release(window);
        return -1;
    }
    ofr_tuner_set_max_threshold(window->tuner, max_threshold);
    return 0;
}

void ofr_guard_window_release(struct ofr_guard_window *window)
{
    ofr_tuner_free(window->tuner);
    free_records(&window->now);
    free_records(&window->shelved);
    *window = (struct ofr_guard_window){0};
}

static void set_costs(struct ofr_guard_window *window, const struct ofr_ramp_set *set,
                      const struct ofr_ramp_costs *costs)
{
    struct ofr_tuner_costs way_out;
    double until_ns[OFFRAMP_MAX_SITES + 1], add_ns[OFFRAMP_MAX_SITES], delay_ns[OFFRAMP_MAX_SITES];
    for (uint32_t k = 0; k < set->ramps; ++k) {
        until_ns[k] = costs->until_ns[set->site[k]];
        add_ns[k] = costs->add_ns[set->site[k]];
        delay_ns[k] = costs->delay_ns[set->site[k]];
    }
    until_ns[set->ramps] = costs->until_ns[costs->sites];
    ofr_tuner_costs_from(&way_out, set->ramps, until_ns, add_ns, delay_ns);
    ofr_tuner_set_costs(window->tuner, &way_out);
}

/* Begins the records of a set with what others say of the ramps both have. */
static void begin_records(struct ofr_guard_window *window, const struct ofr_ramp_set *set)
{
    const struct ofr_guard_records *old = &window->shelved;
    struct ofr_guard_records *now = &window->now;
    struct ofr_ramp_set stay;
    ofr_ramp_set_common(&stay, set, &old->set);
    now->set = *set;
    now->count = now->next = 0;
    if (stay.ramps == 0)
        return;
    size_t cells = (size_t)window->capacity * window->sites;
    memcpy(now->score, old->score, cells * sizeof *now->score);
    memcpy(now->agrees, old->agrees, cells);
    now->count = old->count;
    now->next = old->next;
}

enum ofr_guard_window_change ofr_guard_window_ramps(struct ofr_guard_window *window,
                                                    const struct ofr_ramp_set *set,
                                                    const struct ofr_ramp_costs *costs)
{
    set_costs(window, set, costs);
    if (ofr_ramp_set_same(set, &window->now.set))
        return OFR_WINDOW_SAME;
    struct ofr_guard_records old = window->now;
    window->now = window->shelved;
    window->shelved = old;
    if (window->now.count > 0 && ofr_ramp_set_same(set, &window->now.set))
        return OFR_WINDOW_RESTORED;
    begin_records(window, set);
    return OFR_WINDOW_NEW;
}

void ofr_guard_window_add(struct ofr_guard_window *window, const struct offramp_feedback *feedback,
                          uint32_t row)
{
    size_t at = (size_t)row * feedback->config->ramps;
    for (uint32_t site = 0; site < window->sites; ++site) {
        window->now.score[(size_t)site * window->capacity + window->now.next] = INFINITY;
        window->now.agrees[(size_t)site * window->capacity + window->now.next] = 1;
    }
    for (uint32_t k = 0; k < window->now.set.ramps; ++k) {
        size_t cell = (size_t)window->now.set.site[k] * window->capacity + window->now.next;
        window->now.score[cell] = feedback->score[at + k];
        window->now.agrees[cell] = feedback->answer[at + k] == feedback->final_answer[row];
    }
    window->now.next = (window->now.next + 1) % window->capacity;
    if (window->now.count < window->capacity)
        window->now.count++;
}

void ofr_guard_window_tune(struct ofr_guard_window *window, double loss, const char *trigger,
                           struct ofr_guard_verdict *verdict)
{
    uint32_t ramps = window->now.set.ramps;
    struct ofr_tuner_result result;
    if (ramps == 0 || window->now.count == 0)
        return;
    ofr_tuner_window(window->tuner, window->now.count, ramps);
    for (uint32_t k = 0; k < ramps; ++k)
        ofr_tuner_column_float(window->tuner, k,
                               window->now.score + (size_t)window->now.set.site[k] * window->capacity,
                               window->now.agrees + (size_t)window->now.set.site[k] * window->capacity);
    ofr_tuner_greedy(window->tuner, (int64_t)floor(loss * window->now.count), &result);
    memcpy(verdict->threshold, result.threshold, ramps * sizeof *result.threshold);
    verdict->changed = true;
    verdict->trigger = trigger;
    verdict->predicted_gain_pct = result.improvement_pct;
    verdict->evaluations = (uint32_t)result.evaluations;
    verdict->tune_records = (double)window->now.count * ramps;
}
