#include "sim/serve/deadline_queue.h"

#include <stdbool.h>
#include <stdlib.h>

enum {
    FIRST_CAPACITY = 64
};

/* ---- one run ---- */

static struct ofr_deadline_entry *at(const struct ofr_deadline_run *run, uint32_t position)
{
    return &run->entry[(run->head + position) & run->mask];
}

static int init_run(struct ofr_deadline_run *run, struct ofr_error *err)
{
    *run = (struct ofr_deadline_run){.entry = malloc(FIRST_CAPACITY * sizeof *run->entry),
                                     .mask = FIRST_CAPACITY - 1};
    return run->entry ? 0 : ofr_fail_nomem(err, "a deadline queue");
}

static int grow(struct ofr_deadline_run *run, struct ofr_error *err)
{
    uint32_t old = run->mask + 1;
    if (old > UINT32_MAX / 2)
        return ofr_fail(err, OFR_E_NOMEM, "more than %u requests wait at once", old);
    struct ofr_deadline_entry *entry = malloc(2 * (size_t)old * sizeof *entry);
    if (!entry)
        return ofr_fail_nomem(err, "a deadline queue");
    for (uint32_t i = 0; i < run->count; ++i)
        entry[i] = *at(run, i);
    free(run->entry);
    run->entry = entry;
    run->head = 0;
    run->mask = 2 * old - 1;
    return 0;
}

/* Position of the first entry at or after a deadline; count when there is none. */
static uint32_t find(const struct ofr_deadline_run *run, int64_t deadline_ns)
{
    uint32_t low = 0, high = run->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (at(run, middle)->deadline_ns < deadline_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whether an entry can be appended to a run. */
static bool fits(const struct ofr_deadline_run *run, int64_t deadline_ns)
{
    return run->count == 0 || at(run, run->count - 1)->deadline_ns <= deadline_ns;
}

/* Puts an entry behind all of the run whose deadline is not later; the shorter side makes room. */
static int insert_in_run(struct ofr_deadline_run *run, struct ofr_deadline_entry entry, struct ofr_error *err)
{
    int rc = run->count > run->mask ? grow(run, err) : 0;
    if (rc)
        return rc;
    uint32_t position = fits(run, entry.deadline_ns) ? run->count : find(run, entry.deadline_ns + 1);
    if (position > run->count / 2) {
        for (uint32_t i = run->count; i > position; --i)
            *at(run, i) = *at(run, i - 1);
    } else {
        run->head = (run->head - 1) & run->mask;
        for (uint32_t i = 0; i < position; ++i)
            *at(run, i) = *at(run, i + 1);
    }
    *at(run, position) = entry;
    run->count++;
    return 0;
}

static void remove_from_run(struct ofr_deadline_run *run, uint32_t position, uint32_t count)
{
    uint32_t behind = run->count - position - count;
    if (position <= behind) {
        for (uint32_t i = position; i > 0; --i)
            *at(run, i - 1 + count) = *at(run, i - 1);
        run->head = (run->head + count) & run->mask;
    } else {
        for (uint32_t i = 0; i < behind; ++i)
            *at(run, position + i) = *at(run, position + count + i);
    }
    run->count -= count;
}

/* ---- all of them ---- */

int ofr_deadline_queue_init(struct ofr_deadline_queue *queue, struct ofr_error *err)
{
    *queue = (struct ofr_deadline_queue){.runs = 1};
    return init_run(&queue->run[0], err);
}

void ofr_deadline_queue_release(struct ofr_deadline_queue *queue)
{
    for (uint32_t i = 0; i < queue->runs; ++i)
        free(queue->run[i].entry);
    *queue = (struct ofr_deadline_queue){0};
}

/* The run to append to: the one that ends closest before, else an empty one; -1 = none fits. */
static int32_t closest_run(const struct ofr_deadline_queue *queue, int64_t deadline_ns)
{
    int32_t best = -1;
    int64_t best_ns = INT64_MIN;
    for (uint32_t i = 0; i < queue->runs; ++i) {
        const struct ofr_deadline_run *run = &queue->run[i];
        int64_t last_ns = run->count ? at(run, run->count - 1)->deadline_ns : INT64_MIN;
        if (fits(run, deadline_ns) && (best < 0 || last_ns > best_ns)) {
            best = (int32_t)i;
            best_ns = last_ns;
        }
    }
    return best;
}

int ofr_deadline_queue_insert(struct ofr_deadline_queue *queue, int64_t deadline_ns, uint32_t slot,
                              struct ofr_error *err)
{
    int32_t best = closest_run(queue, deadline_ns);
    if (best < 0 && queue->runs < OFR_DEADLINE_RUNS) {
        int rc = init_run(&queue->run[queue->runs], err);
        if (rc)
            return rc;
        best = (int32_t)queue->runs++;
    }
    struct ofr_deadline_entry entry = {.deadline_ns = deadline_ns, .slot = slot, .sequence = queue->inserted};
    int rc = insert_in_run(&queue->run[best < 0 ? 0 : best], entry, err);
    if (rc)
        return rc;
    queue->inserted++;
    queue->count++;
    return 0;
}

static bool before(const struct ofr_deadline_entry *a, const struct ofr_deadline_entry *b)
{
    if (a->deadline_ns != b->deadline_ns)
        return a->deadline_ns < b->deadline_ns;
    return (int32_t)(a->sequence - b->sequence) < 0;
}

/* The run with the earliest entry at its cursor; some run has one. */
static uint32_t earliest_run(const struct ofr_deadline_queue *queue, const uint32_t *cursor)
{
    const struct ofr_deadline_entry *earliest = NULL;
    uint32_t best = 0;
    for (uint32_t i = 0; i < queue->runs; ++i) {
        const struct ofr_deadline_run *run = &queue->run[i];
        if (cursor[i] == run->count || (earliest && !before(at(run, cursor[i]), earliest)))
            continue;
        earliest = at(run, cursor[i]);
        best = i;
    }
    return best;
}

int64_t ofr_deadline_queue_first(const struct ofr_deadline_queue *queue)
{
    static const uint32_t heads[OFR_DEADLINE_RUNS];
    return at(&queue->run[earliest_run(queue, heads)], 0)->deadline_ns;
}

uint32_t ofr_deadline_queue_pop(struct ofr_deadline_queue *queue)
{
    static const uint32_t heads[OFR_DEADLINE_RUNS];
    struct ofr_deadline_run *run = &queue->run[earliest_run(queue, heads)];
    uint32_t slot = at(run, 0)->slot;
    remove_from_run(run, 0, 1);
    queue->count--;
    return slot;
}

uint32_t ofr_deadline_queue_from(const struct ofr_deadline_queue *queue, int64_t deadline_ns)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < queue->runs; ++i)
        count += queue->run[i].count - find(&queue->run[i], deadline_ns);
    return count;
}

void ofr_deadline_queue_take(struct ofr_deadline_queue *queue, int64_t deadline_ns, uint32_t count,
                             uint32_t *slot)
{
    uint32_t first[OFR_DEADLINE_RUNS], cursor[OFR_DEADLINE_RUNS];
    for (uint32_t i = 0; i < queue->runs; ++i)
        first[i] = cursor[i] = find(&queue->run[i], deadline_ns);
    for (uint32_t taken = 0; taken < count; ++taken) {
        uint32_t i = earliest_run(queue, cursor);
        slot[taken] = at(&queue->run[i], cursor[i]++)->slot;
    }
    for (uint32_t i = 0; i < queue->runs; ++i)
        remove_from_run(&queue->run[i], first[i], cursor[i] - first[i]);
    queue->count -= count;
}
