/* The pending events of a run: a priority queue with a total order.
 *
 * Ordering. Events leave by (time_ns, class, sequence), smallest first. The class (0..255, its meaning is the
 * user's) orders events of the same time; the sequence is given at push, so events of the same time and class
 * leave in the order in which they were pushed. The order is exact and independent of the queue's history.
 *
 * Form. A 4-ary implicit heap. Keys (16 bytes: time above class above sequence) and data (8 bytes) lie in
 * separate arrays, so that the four children of a node are one cache line and the smallest of them is found
 * without a branch. Slots past the last event hold a key greater than any event's: a partly filled group
 * needs no bounds checks.
 *
 * Pop leaves a hole at the top. Most handlers push a follow-up event, and that push then drops into the hole:
 * one pass over the heap instead of two. Without a push, the next pop or peek closes the hole.
 *
 * Cancelling. There is none: let the data carry a generation and ignore an event whose generation has passed.
 *
 * Errors. Only push and reserve can fail, with OFR_E_NOMEM, when memory or the mandatory maximum is
 * exhausted; the queue is unchanged then. Threads: none; one queue belongs to one run. Ownership: the queue
 * owns its arrays and borrows whatever the data points to.
 *
 *     struct ofr_event_queue queue;
 *     ofr_event_queue_init(&queue, 1 << 20);
 *     ofr_event_queue_push(&queue, now_ns + service_ns, CLASS_BATCH_END, ofr_event_pointer(server), err);
 *     while (ofr_event_queue_pop(&queue, &event))
 *         handlers[ofr_event_class(&event)](run, &event);
 *     ofr_event_queue_release(&queue);
 */
#ifndef OFR_ENGINE_EVENT_QUEUE_H
#define OFR_ENGINE_EVENT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ofr_error;

union ofr_event_data {
    void *pointer; /* borrowed */
    uint64_t number;
};

struct ofr_event {
    int64_t time_ns;
    uint64_t order; /* class << OFR_EVENT_CLASS_SHIFT | sequence */
    union ofr_event_data data;
};

/* 56 bits of sequence: at 10^8 events a second, 22 years. */
enum {
    OFR_EVENT_CLASS_SHIFT = 56
};

/* Time in the upper half, order in the lower: one signed comparison is the total order. */
__extension__ typedef __int128 ofr_event_key;
__extension__ typedef unsigned __int128 ofr_event_key_bits;

/* Fields are private; use the functions. */
struct ofr_event_queue {
    ofr_event_key *keys;        /* owned; slots [0, OFR_EVENT_ROOT) stay unused */
    union ofr_event_data *data; /* owned; parallel to keys */
    size_t end;                 /* slot after the last event; the hole counts as an event */
    size_t slots;               /* slots allocated */
    size_t maximum;             /* events allowed */
    uint64_t sequence;          /* of the next push */
    bool hole;                  /* the root slot is empty */
};

/* The root sits at slot 3 so that every group of four children starts at a multiple of four, that is, of a
 * cache line: the children of slot s are 4s-8 .. 4s-5, and the parent of slot c is c/4+2. */
enum {
    OFR_EVENT_ROOT = 3
};

#define OFR_EVENT_KEY_LAST ((ofr_event_key)INT64_MAX << 64 | UINT64_MAX)

/* An empty queue that will hold at most `maximum` events at once. Allocates nothing yet. */
void ofr_event_queue_init(struct ofr_event_queue *queue, size_t maximum);

/* Frees the arrays; the queue is as after init. */
void ofr_event_queue_release(struct ofr_event_queue *queue);

/* Forgets all events and restarts the sequence; keeps the memory. */
void ofr_event_queue_clear(struct ofr_event_queue *queue);

/* Makes room for `count` events in all, so that pushes up to that number cannot fail. */
int ofr_event_queue_reserve(struct ofr_event_queue *queue, size_t count, struct ofr_error *err);

/* Private: room for one more event, or OFR_E_NOMEM. */
int ofr_event_queue__grow(struct ofr_event_queue *queue, struct ofr_error *err);

static inline union ofr_event_data ofr_event_pointer(void *pointer)
{
    return (union ofr_event_data){.pointer = pointer};
}

static inline union ofr_event_data ofr_event_number(uint64_t number)
{
    return (union ofr_event_data){.number = number};
}

static inline ofr_event_key ofr_event_key_make(int64_t time_ns, uint64_t order)
{
    return (ofr_event_key)((ofr_event_key_bits)(uint64_t)time_ns << 64 | order);
}

static inline uint8_t ofr_event_class(const struct ofr_event *event)
{
    return (uint8_t)(event->order >> OFR_EVENT_CLASS_SHIFT);
}

static inline uint64_t ofr_event_sequence(const struct ofr_event *event)
{
    return event->order & ((UINT64_C(1) << OFR_EVENT_CLASS_SHIFT) - 1);
}

/* Events pending. */
static inline size_t ofr_event_queue_size(const struct ofr_event_queue *queue)
{
    return queue->end - OFR_EVENT_ROOT - (queue->hole ? 1 : 0);
}

/* Private: puts an event into the empty slot `at`, moving it up past later ancestors. */
static inline void ofr_event_queue__sift_up(struct ofr_event_queue *queue, size_t at, ofr_event_key key,
                                            union ofr_event_data data)
{
    ofr_event_key *keys = queue->keys;
    while (at > OFR_EVENT_ROOT) {
        size_t parent = (at >> 2) + 2;
        if (keys[parent] < key)
            break;
        keys[at] = keys[parent];
        queue->data[at] = queue->data[parent];
        at = parent;
    }
    keys[at] = key;
    queue->data[at] = data;
}

/* Private: puts an event into the empty root, moving earlier events up. */
static inline void ofr_event_queue__sift_down(struct ofr_event_queue *queue, ofr_event_key key,
                                              union ofr_event_data data)
{
    ofr_event_key *keys = queue->keys;
    size_t end = queue->end;
    size_t at = OFR_EVENT_ROOT;
    for (size_t child = 4 * at - 8; child < end; child = 4 * at - 8) {
        size_t grandchild = 4 * child - 8;
        if (grandchild < end) { /* one of four cache lines is next: large queues wait for them */
            __builtin_prefetch(&keys[grandchild]);
            __builtin_prefetch(&keys[grandchild + 4]);
            __builtin_prefetch(&keys[grandchild + 8]);
            __builtin_prefetch(&keys[grandchild + 12]);
        }
        size_t left = child + (size_t)(keys[child + 1] < keys[child]);
        size_t right = child + 2 + (size_t)(keys[child + 3] < keys[child + 2]);
        size_t least = keys[right] < keys[left] ? right : left;
        if (key < keys[least])
            break;
        keys[at] = keys[least];
        queue->data[at] = queue->data[least];
        at = least;
    }
    keys[at] = key;
    queue->data[at] = data;
}

/* Private: moves the last event into the hole. */
static inline void ofr_event_queue__close_hole(struct ofr_event_queue *queue)
{
    queue->hole = false;
    size_t last = --queue->end;
    ofr_event_key key = queue->keys[last];
    queue->keys[last] = OFR_EVENT_KEY_LAST;
    if (last > OFR_EVENT_ROOT)
        ofr_event_queue__sift_down(queue, key, queue->data[last]);
}

/* Adds an event. Times may be any int64_t but INT64_MAX; whether one lies in the past is the clock's
 * business. */
static inline int ofr_event_queue_push(struct ofr_event_queue *queue, int64_t time_ns, uint8_t event_class,
                                       union ofr_event_data data, struct ofr_error *err)
{
    uint64_t order = (uint64_t)event_class << OFR_EVENT_CLASS_SHIFT | queue->sequence;
    ofr_event_key key = ofr_event_key_make(time_ns, order);
    if (queue->hole) {
        queue->hole = false;
        /* One server mostly waits for two events, the next arrival and the end of service: no search then. */
        if (queue->end == OFR_EVENT_ROOT + 2 && key < queue->keys[OFR_EVENT_ROOT + 1]) {
            queue->keys[OFR_EVENT_ROOT] = key;
            queue->data[OFR_EVENT_ROOT] = data;
        } else {
            ofr_event_queue__sift_down(queue, key, data);
        }
    } else {
        if (queue->end == queue->slots) {
            int rc = ofr_event_queue__grow(queue, err);
            if (rc)
                return rc;
        }
        ofr_event_queue__sift_up(queue, queue->end++, key, data);
    }
    queue->sequence++;
    return 0;
}

/* Copies the first event and returns true, or returns false when none is pending. */
static inline bool ofr_event_queue_peek(struct ofr_event_queue *queue, struct ofr_event *event)
{
    if (queue->hole)
        ofr_event_queue__close_hole(queue);
    if (queue->end == OFR_EVENT_ROOT)
        return false;
    ofr_event_key key = queue->keys[OFR_EVENT_ROOT];
    event->time_ns = (int64_t)(key >> 64);
    event->order = (uint64_t)key;
    event->data = queue->data[OFR_EVENT_ROOT];
    return true;
}

/* As peek, and takes the event out. */
static inline bool ofr_event_queue_pop(struct ofr_event_queue *queue, struct ofr_event *event)
{
    if (!ofr_event_queue_peek(queue, event))
        return false;
    queue->hole = true;
    return true;
}

/* Drops the first event, if any, and adds another: pop and push in one pass, without the copy. Fails only on
 * an empty queue, as push does. */
static inline int ofr_event_queue_replace_top(struct ofr_event_queue *queue, int64_t time_ns,
                                              uint8_t event_class, union ofr_event_data data,
                                              struct ofr_error *err)
{
    if (queue->hole)
        ofr_event_queue__close_hole(queue);
    queue->hole = queue->end > OFR_EVENT_ROOT;
    return ofr_event_queue_push(queue, time_ns, event_class, data, err);
}

#endif
