/* tfserving: the basic batch scheduler of TensorFlow-Serving, with one model and so one queue.
 *
 * The system keeps a deque of batches of which only the newest is open. A task that does not fit the open
 * batch closes it and opens the next, or is rejected when the deque already holds max_enqueued_batches. An
 * idle thread takes the oldest batch when it is ready: a closed one at once, the open one when it is full,
 * when batch_timeout has passed since its first task was enqueued (not since the last dispatch), or when the
 * queue is being shut down (here: no further request will come).
 *
 * Every task here is one request, so a batch only ever closes when it holds max_batch of them. The deque is
 * therefore wholly described by the requests in order of arrival: the first max_batch are its front batch,
 * the next ones the batch behind, what is left over is the open batch. For the same reason
 * enable_large_batch_splitting would change nothing and is not offered.
 *
 * Threads are the servers. With scan_interval > 0 a thread that finds nothing ready sleeps that long before
 * it looks again: it looks at T, T + scan, T + 2 scan, ... where T is when its server became idle, and a
 * batch that became ready in between is noticed at the next of those times, by the thread that looks first.
 */
#include "sim/serve/batcher_internal.h"
#include "sim/serve/slot_queue.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    DEFAULT_MAX_BATCH = 1000
};

struct options {
    uint64_t max_batch; /* 0 = not given */
    int64_t batch_timeout_ns;
    uint64_t max_enqueued_batches;
    struct offramp_reals allowed_batch_sizes;
    int64_t scan_interval_ns;
};

static const struct offramp_option table[] = {
    {.name = "max_batch",
     .type = OFFRAMP_OPT_COUNT,
     .offset = offsetof(struct options, max_batch),
     .fallback = "0",
     .min = 0,
     .max = UINT32_MAX,
     .alias = "max_batch_size",
     .help = "largest batch; 0 = the last of allowed_batch_sizes, without these 1000 or the profile's "
             "largest, whichever is smaller"},
    {.name = "batch_timeout",
     .type = OFFRAMP_OPT_TIME,
     .offset = offsetof(struct options, batch_timeout_ns),
     .fallback = "0us",
     .min = 0,
     .max = 3.6e12,
     .alias = "batch_timeout_micros",
     .help = "longest wait of an open batch, from its first request on"},
    {.name = "max_enqueued_batches",
     .type = OFFRAMP_OPT_COUNT,
     .offset = offsetof(struct options, max_enqueued_batches),
     .fallback = "10",
     .min = 1,
     .max = UINT32_MAX,
     .help = "a request that would need one batch more is rejected"},
    {.name = "allowed_batch_sizes",
     .type = OFFRAMP_OPT_REALS,
     .offset = offsetof(struct options, allowed_batch_sizes),
     .fallback = "[]",
     .min = 1,
     .max = UINT32_MAX,
     .help = "pad up to these; increasing, profiled, last = max_batch; [] = any size"},
    {.name = "scan_interval",
     .type = OFFRAMP_OPT_TIME,
     .offset = offsetof(struct options, scan_interval_ns),
     .fallback = "0us",
     .min = 0,
     .max = 3.6e12,
     .help = "sleep of an idle thread between looks at the queue; about 1ms in the real system, 0 = ideal"},
};

struct tfserving {
    struct ofr_slot_queue queue;
    uint64_t capacity; /* requests in max_enqueued_batches full batches */
    uint32_t max_batch;
    uint32_t allowed[OFFRAMP_MAX_SITES], allowed_count;
    int64_t timeout_ns, scan_ns;
};

static void destroy(void *state)
{
    struct tfserving *tfserving = state;
    if (tfserving)
        ofr_slot_queue_release(&tfserving->queue);
    free(tfserving);
}

static int check_allowed(struct tfserving *s, const struct ofr_profile *profile, bool max_given,
                         const struct offramp_reals *list, struct ofr_error *err)
{
    static const char name[] = "allowed_batch_sizes";
    int rc = ofr_batcher_sizes(s->allowed, list, "tfserving", name, ofr_batcher_largest(profile), err);
    if (rc)
        return rc;
    for (uint32_t i = 0; i < list->count; ++i) {
        if (i > 0 && s->allowed[i] <= s->allowed[i - 1])
            return ofr_fail(err, OFR_E_INPUT,
                            "tfserving: %s: found %" PRIu32 " after %" PRIu32 ", expected increasing sizes",
                            name, s->allowed[i], s->allowed[i - 1]);
        int32_t index = ofr_profile_batch_index(profile, s->allowed[i]);
        if (index < 0 || profile->batch[index] != s->allowed[i])
            return ofr_fail(err, OFR_E_INPUT,
                            "tfserving: %s: found %" PRIu32 ", expected batch sizes of the profile", name,
                            s->allowed[i]);
    }
    s->allowed_count = list->count;
    uint32_t last = s->allowed[list->count - 1];
    if (max_given && last != s->max_batch)
        return ofr_fail(err, OFR_E_INPUT,
                        "tfserving: %s: found %" PRIu32 " as the last, expected max_batch, which is %" PRIu32,
                        name, last, s->max_batch);
    s->max_batch = last;
    return 0;
}

static int create(void **state, const struct ofr_batcher_setup *setup, const void *values,
                  struct ofr_error *err)
{
    const struct options *options = values;
    *state = NULL;
    struct tfserving *s = calloc(1, sizeof *s);
    if (!s)
        return ofr_fail_nomem(err, "a batcher");
    s->timeout_ns = options->batch_timeout_ns;
    s->scan_ns = options->scan_interval_ns;
    int rc = ofr_batcher_bound(&s->max_batch, setup->profile, "tfserving", options->max_batch,
                               DEFAULT_MAX_BATCH, err);
    if (!rc && options->allowed_batch_sizes.count > 0)
        rc = check_allowed(s, setup->profile, options->max_batch != 0, &options->allowed_batch_sizes, err);
    s->capacity = options->max_enqueued_batches * s->max_batch;
    if (!rc)
        rc = ofr_slot_queue_init(&s->queue, err);
    if (rc) {
        destroy(s);
        return rc;
    }
    *state = s;
    return 0;
}

static int enqueue(void *state, const struct ofr_batcher_view *view, uint32_t slot, struct ofr_error *err)
{
    struct tfserving *s = state;
    (void)view;
    if (s->queue.count >= s->capacity)
        return 0;
    int rc = ofr_slot_queue_push(&s->queue, slot, err);
    return rc ? rc : 1;
}

static int64_t enqueued_ns(const struct tfserving *s, const struct ofr_batcher_view *view, uint32_t position)
{
    return view->request[ofr_slot_queue_at(&s->queue, position)].admitted_ns;
}

/* When the front batch is or will be ready, if no further request comes, and why. */
static int64_t ready_ns(const struct tfserving *s, const struct ofr_batcher_view *view,
                        enum ofr_reason *reason)
{
    int64_t ready = ofr_batcher_later(enqueued_ns(s, view, 0), s->timeout_ns);
    *reason = s->timeout_ns > 0 ? OFR_REASON_TIMEOUT : OFR_REASON_IDLE;
    int64_t other = OFR_NEVER_NS;
    if (s->queue.count >= s->max_batch) {
        *reason = OFR_REASON_FULL;
        other = enqueued_ns(s, view, s->max_batch - 1);
    } else if (view->draining) {
        other = enqueued_ns(s, view, s->queue.count - 1);
        if (view->now_ns < ready)
            *reason = OFR_REASON_FLUSH;
    }
    return other < ready ? other : ready;
}

/* When a thread that went idle at `idle_ns` looks for the first time at or after `ready`. */
static int64_t first_look_ns(int64_t idle_ns, int64_t ready, int64_t scan_ns)
{
    if (ready <= idle_ns || scan_ns == 0)
        return ready <= idle_ns ? idle_ns : ready;
    int64_t naps = (ready - idle_ns - 1) / scan_ns + 1;
    return naps > (OFR_NEVER_NS - idle_ns) / scan_ns ? OFR_NEVER_NS : idle_ns + naps * scan_ns;
}

/* When, and by which idle server, a batch that is ready at `ready` is noticed. */
static int64_t notice_ns(const struct tfserving *s, const struct ofr_batcher_view *view, int64_t ready,
                         uint32_t *server)
{
    if (s->scan_ns == 0)
        return ready; /* whoever is idle: the server the plan is preset to */
    int64_t noticed = OFR_NEVER_NS;
    for (uint32_t i = 0; i < view->servers; ++i) {
        if (view->server[i].committed > 0)
            continue;
        int64_t look = first_look_ns(view->server[i].free_ns, ready, s->scan_ns);
        if (look < noticed) {
            noticed = look;
            *server = i;
        }
    }
    return noticed;
}

static uint32_t padded_size(const struct tfserving *s, uint32_t count)
{
    for (uint32_t i = 0; i < s->allowed_count; ++i)
        if (s->allowed[i] >= count)
            return s->allowed[i];
    return 0;
}

static bool next(void *state, const struct ofr_batcher_view *view, struct ofr_plan *plan)
{
    struct tfserving *s = state;
    if (s->queue.count == 0 || view->idle_server < 0)
        return false;
    int64_t ready = ready_ns(s, view, &plan->reason);
    int64_t noticed = notice_ns(s, view, ready, &plan->server);
    if (noticed > view->now_ns) {
        plan->wake_ns = noticed;
        return false;
    }
    plan->count = s->queue.count < s->max_batch ? s->queue.count : s->max_batch;
    plan->pad_to = padded_size(s, plan->count);
    ofr_slot_queue_take(&s->queue, plan->count, plan->slot);
    return true;
}

static uint32_t waiting(const void *state)
{
    const struct tfserving *s = state;
    return s->queue.count;
}

static uint32_t max_batch(const void *state)
{
    const struct tfserving *s = state;
    return s->max_batch;
}

static uint32_t evict(void *state)
{
    struct tfserving *s = state;
    return ofr_slot_queue_pop(&s->queue);
}

const struct ofr_batcher_ops ofr_batcher_tfserving = {
    .component = {.name = "tfserving",
                  .help = "TensorFlow-Serving's basic batch scheduler; num_batch_threads = servers",
                  .options = table,
                  .option_count = sizeof table / sizeof *table,
                  .options_size = sizeof(struct options)},
    .create = create,
    .destroy = destroy,
    .enqueue = enqueue,
    .next = next,
    .waiting = waiting,
    .max_batch = max_batch,
    .evict = evict,
};
