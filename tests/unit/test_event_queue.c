#include "sim/base/error.h"
#include "sim/engine/event_queue.h"
#include "sim/engine/random.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* The reference: an unordered array, the smallest (time, class, sequence) found by looking at all. */
struct reference {
    struct ofr_event *events;
    size_t size;
};

static bool before(const struct ofr_event *a, const struct ofr_event *b)
{
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns;
    if (ofr_event_class(a) != ofr_event_class(b))
        return ofr_event_class(a) < ofr_event_class(b);
    return ofr_event_sequence(a) < ofr_event_sequence(b);
}

static struct ofr_event reference_pop(struct reference *reference)
{
    size_t first = 0;
    for (size_t i = 1; i < reference->size; i++)
        if (before(&reference->events[i], &reference->events[first]))
            first = i;
    struct ofr_event event = reference->events[first];
    reference->events[first] = reference->events[--reference->size];
    return event;
}

static void assert_same(const struct ofr_event *got, const struct ofr_event *want)
{
    cr_assert_eq(got->time_ns, want->time_ns);
    cr_assert_eq(got->order, want->order);
    cr_assert_eq(got->data.number, want->data.number);
}

enum {
    MOST = 600,
    OPERATIONS = 40000
};

static struct ofr_event random_event(struct ofr_random *random, uint64_t sequence)
{
    static const int64_t extremes[] = {INT64_MIN, -1, 0, INT64_MAX - 1};
    int64_t time_ns = (int64_t)ofr_random_below(random, 12) - 4;
    if (ofr_random_below(random, 50) == 0)
        time_ns = extremes[ofr_random_below(random, 4)];
    uint64_t event_class = ofr_random_below(random, 3) == 0 ? 255 : ofr_random_below(random, 3);
    return (struct ofr_event){.time_ns = time_ns,
                              .order = event_class << OFR_EVENT_CLASS_SHIFT | sequence,
                              .data.number = ofr_random_u64(random)};
}

static void add(struct ofr_event_queue *queue, struct reference *reference, struct ofr_event event,
                bool replace)
{
    if (replace && reference->size > 0)
        reference_pop(reference);
    reference->events[reference->size++] = event;
    int rc =
        replace ? ofr_event_queue_replace_top(queue, event.time_ns, ofr_event_class(&event), event.data, NULL)
                : ofr_event_queue_push(queue, event.time_ns, ofr_event_class(&event), event.data, NULL);
    cr_assert_eq(rc, OFR_OK);
}

static void run_operations(uint64_t seed, bool growing)
{
    struct ofr_event events[MOST + 1];
    struct reference reference = {.events = events};
    struct ofr_event_queue queue;
    struct ofr_random random;
    struct ofr_event event;
    ofr_event_queue_init(&queue, MOST);
    ofr_random_init(&random, seed, OFR_RANDOM_TEST, 0);
    uint64_t sequence = 0;
    for (int i = 0; i < OPERATIONS; i++) {
        uint64_t dice = ofr_random_below(&random, growing ? 9 : 11);
        if (dice < 4 && reference.size < MOST) {
            add(&queue, &reference, random_event(&random, sequence++), false);
        } else if (dice == 4) {
            add(&queue, &reference, random_event(&random, sequence++), true);
        } else if (dice == 5 && reference.size > 0) {
            struct ofr_event first = reference_pop(&reference);
            reference.events[reference.size++] = first;
            cr_assert(ofr_event_queue_peek(&queue, &event));
            assert_same(&event, &first);
        } else if (reference.size > 0) {
            struct ofr_event first = reference_pop(&reference);
            cr_assert(ofr_event_queue_pop(&queue, &event));
            assert_same(&event, &first);
        } else {
            cr_assert_not(ofr_event_queue_pop(&queue, &event));
        }
        cr_assert_eq(ofr_event_queue_size(&queue), reference.size);
    }
    while (reference.size > 0) {
        struct ofr_event first = reference_pop(&reference);
        cr_assert(ofr_event_queue_pop(&queue, &event));
        assert_same(&event, &first);
    }
    cr_assert_not(ofr_event_queue_pop(&queue, &event));
    ofr_event_queue_release(&queue);
}

/* Total order against the reference, with many ties, extreme times, and pops, peeks, pushes and replacements
 * in any order. Fails when the key loses the class or the sequence, when the search of the least child skips
 * one (keys[child + 3]), or when close_hole() leaves a stale key behind the end. */
Test(event_queue, leaves_in_the_order_of_a_reference)
{
    for (uint64_t seed = 0; seed < 6; seed++)
        run_operations(seed, seed % 2 == 0);
}

/* Fails when the sequence does not take part in the key or is not raised by a push into the hole. */
Test(event_queue, ties_leave_first_in_first_out)
{
    struct ofr_event_queue queue;
    struct ofr_event event;
    ofr_event_queue_init(&queue, 1000);
    for (uint64_t i = 0; i < 500; i++)
        ofr_event_queue_push(&queue, 7, 3, ofr_event_number(i), NULL);
    for (uint64_t i = 0; i < 5000; i++) {
        cr_assert(ofr_event_queue_pop(&queue, &event));
        cr_assert_eq(event.data.number, i);
        ofr_event_queue_push(&queue, 7, 3, ofr_event_number(i + 500), NULL);
    }
    ofr_event_queue_release(&queue);
}

/* Fails when the class stands below the sequence in the key. */
Test(event_queue, class_orders_events_of_one_time)
{
    struct ofr_event_queue queue;
    struct ofr_event event;
    ofr_event_queue_init(&queue, 300);
    for (int i = 255; i >= 0; i--)
        ofr_event_queue_push(&queue, 7, (uint8_t)i, ofr_event_pointer(&queue), NULL);
    ofr_event_queue_push(&queue, 6, 255, ofr_event_pointer(NULL), NULL);
    cr_assert(ofr_event_queue_pop(&queue, &event));
    cr_assert_eq(event.time_ns, 6);
    cr_assert_null(event.data.pointer);
    for (int i = 0; i < 256; i++) {
        cr_assert(ofr_event_queue_pop(&queue, &event));
        cr_assert_eq(ofr_event_class(&event), i);
        cr_assert_eq(event.data.pointer, &queue);
    }
    ofr_event_queue_release(&queue);
}

/* Fails when grow() passes the maximum, and when a refused push changes the queue. */
Test(event_queue, refuses_more_than_the_maximum_and_stays_whole)
{
    for (size_t maximum = 0; maximum < 130; maximum++) {
        struct ofr_event_queue queue;
        struct ofr_event event;
        struct ofr_error err = OFR_ERROR_INIT;
        ofr_event_queue_init(&queue, maximum);
        for (size_t i = 0; i < maximum; i++)
            cr_assert_eq(ofr_event_queue_push(&queue, (int64_t)(maximum - i), 0, ofr_event_number(i), &err),
                         0);
        cr_assert_eq(ofr_event_queue_push(&queue, 0, 0, ofr_event_number(0), &err), OFR_E_NOMEM);
        cr_assert(strstr(err.text, "limited to"), "%s", err.text);
        cr_assert_eq(ofr_event_queue_size(&queue), maximum);
        for (size_t i = 0; i < maximum; i++) {
            cr_assert(ofr_event_queue_pop(&queue, &event));
            cr_assert_eq(event.time_ns, (int64_t)i + 1);
            cr_assert_eq(ofr_event_sequence(&event), maximum - 1 - i);
        }
        cr_assert_not(ofr_event_queue_peek(&queue, &event));
        ofr_event_queue_release(&queue);
    }
}

Test(event_queue, reserve_makes_room_once)
{
    struct ofr_event_queue queue;
    struct ofr_error err = OFR_ERROR_INIT;
    ofr_event_queue_init(&queue, 1000);
    cr_assert_eq(ofr_event_queue_reserve(&queue, 1001, &err), OFR_E_NOMEM);
    ofr_error_clear(&err);
    cr_assert_eq(ofr_event_queue_reserve(&queue, 1000, &err), OFR_OK);
    const void *keys = queue.keys;
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(ofr_event_queue_push(&queue, -i, 0, ofr_event_number(0), &err), OFR_OK);
    cr_assert_eq(queue.keys, keys);
    ofr_event_queue_release(&queue);
    ofr_event_queue_init(&queue, SIZE_MAX);
    cr_assert_eq(ofr_event_queue_reserve(&queue, SIZE_MAX, &err), OFR_E_NOMEM);
    ofr_error_clear(&err);
    cr_assert_eq(ofr_event_queue_reserve(&queue, SIZE_MAX / 16, &err), OFR_E_NOMEM);
    ofr_event_queue_release(&queue);
}

/* Growing while the root is a hole, and clearing, keep order and sequence. */
Test(event_queue, clear_starts_over)
{
    struct ofr_event_queue queue;
    struct ofr_event event;
    ofr_event_queue_init(&queue, 1000);
    ofr_event_queue_clear(&queue);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 100; i++)
            ofr_event_queue_push(&queue, 100 - i, 0, ofr_event_number(0), NULL);
        cr_assert(ofr_event_queue_pop(&queue, &event));
        cr_assert_eq(ofr_event_sequence(&event), 99);
        cr_assert_eq(ofr_event_queue_reserve(&queue, 300 * (size_t)(round + 1), NULL), OFR_OK);
        cr_assert_eq(ofr_event_queue_size(&queue), 99);
        cr_assert(ofr_event_queue_peek(&queue, &event));
        cr_assert_eq(event.time_ns, 2);
        ofr_event_queue_clear(&queue);
        cr_assert_eq(ofr_event_queue_size(&queue), 0);
        cr_assert_not(ofr_event_queue_pop(&queue, &event));
    }
    ofr_event_queue_release(&queue);
}
