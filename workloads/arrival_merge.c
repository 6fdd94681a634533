/* Merge of k arrival processes by a tournament of losers (Knuth, "The Art of Computer Programming", volume 3,
 * section 5.4.1): the sources are the leaves of a binary tree, each inner node keeps the loser of the match
 * played there, and after the winner has moved on only the matches on its way to the root are played again:
 * log2(k) comparisons an arrival.
 *
 * Order: time, then stream number, then place in the list of sources; so the result depends on nothing else.
 */
#include "workloads/arrival_internal.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    SOURCES_MAX = 4096,
    BUFFERED = 128 /* arrivals a source hands out at a time: 2 KiB each */
};

struct source {
    struct ofr_arrival_source from; /* state owned */
    uint32_t at, have;              /* buffer[at..have) is still to come */
    struct ofr_arrival buffer[BUFFERED];
};

/* The head of one source. */
struct entry {
    int64_t time_ns; /* INT64_MAX: this source has ended */
    uint64_t tie;    /* stream << 32 | index of the source */
};

struct merge {
    uint32_t count;
    struct ofr_error error; /* of a source, held back until what came before it is handed out */
    struct source *source;  /* [count], owned */
    struct entry *loser;    /* [count], owned; [0] is the winner, node i has children 2i and 2i + 1 */
};

static void refill(struct merge *merge, struct source *source)
{
    struct ofr_arrival_source *from = &source->from;
    int got = from->ops->next(from->state, source->buffer, BUFFERED, &merge->error);
    source->at = 0;
    source->have = got > 0 ? (uint32_t)got : 0;
    if (got < 0)
        merge->error.code = got;
    /* Times do not decrease: the last one speaks for all. */
    if (source->have && source->buffer[source->have - 1].time_ns > OFR_ARRIVAL_LIMIT_NS - from->offset_ns)
        ofr_arrival_beyond_limit(0, &merge->error);
    for (uint32_t i = 0; i < source->have && !merge->error.code; i++)
        source->buffer[i].time_ns += from->offset_ns;
}

static inline struct entry head(struct merge *merge, uint32_t index)
{
    struct source *source = &merge->source[index];
    if (source->at == source->have)
        refill(merge, source);
    if (source->have == 0)
        return (struct entry){.time_ns = INT64_MAX, .tie = UINT64_MAX};
    const struct ofr_arrival *arrival = &source->buffer[source->at++];
    return (struct entry){.time_ns = arrival->time_ns, .tie = (uint64_t)arrival->stream << 32 | index};
}

/* Plays `climber` from the leaf of source `index` up to the root. The outcome of a match cannot be foreseen,
 * so loser and winner change places by masks and not by a branch. */
static inline void play(struct merge *merge, uint32_t index, struct entry climber)
{
    for (uint32_t node = (index + merge->count) / 2; node > 0; node /= 2) {
        struct entry *seat = &merge->loser[node];
        uint64_t seat_wins =
            (uint64_t)(seat->time_ns < climber.time_ns) |
            ((uint64_t)(seat->time_ns == climber.time_ns) & (uint64_t)(seat->tie < climber.tie));
        uint64_t time_change = ((uint64_t)seat->time_ns ^ (uint64_t)climber.time_ns) & (0 - seat_wins);
        uint64_t tie_change = (seat->tie ^ climber.tie) & (0 - seat_wins);
        seat->time_ns ^= (int64_t)time_change;
        seat->tie ^= tie_change;
        climber.time_ns ^= (int64_t)time_change;
        climber.tie ^= tie_change;
    }
    merge->loser[0] = climber;
}

static int merge_next(void *state, struct ofr_arrival *out, uint32_t max, struct ofr_error *err)
{
    struct merge *merge = state;
    uint32_t done = 0;
    while (done < max && !merge->error.code && merge->loser[0].time_ns != INT64_MAX) {
        struct entry winner = merge->loser[0];
        uint32_t index = (uint32_t)winner.tie;
        out[done++] = (struct ofr_arrival){.time_ns = winner.time_ns, .stream = (uint32_t)(winner.tie >> 32)};
        play(merge, index, head(merge, index));
    }
    if (done == 0 && merge->error.code)
        return ofr_fail(err, merge->error.code, "%s", merge->error.text);
    return (int)done;
}

static void merge_free(struct merge *merge)
{
    if (!merge)
        return;
    free(merge->source);
    free(merge->loser);
    free(merge);
}

static void merge_destroy(void *state)
{
    struct merge *merge = state;
    for (uint32_t i = 0; merge && i < merge->count; i++)
        merge->source[i].from.ops->destroy(merge->source[i].from.state);
    merge_free(merge);
}

static const struct ofr_arrival_ops merge_ops = {
    .component = {.name = "merge", .help = "several processes merged by time"},
    .destroy = merge_destroy,
    .next = merge_next,
};

static int check(const struct ofr_arrival_source *source, uint32_t count, struct ofr_error *err)
{
    if (count < 1 || count > SOURCES_MAX)
        return ofr_fail(err, OFR_E_INPUT, "arrivals: found %u streams to merge, expected 1 to %d", count,
                        SOURCES_MAX);
    for (uint32_t i = 0; i < count; i++)
        if (source[i].offset_ns < 0 || source[i].offset_ns > OFR_ARRIVAL_LIMIT_NS)
            return ofr_fail(err, OFR_E_INPUT,
                            "arrivals: found an offset of %" PRId64
                            " ns for stream %u of the merge, expected "
                            "0 to 2^62 ns",
                            source[i].offset_ns, i);
    return OFR_OK;
}

/* Every seat begins with an entry that beats any source and so moves up and out as the sources come in. */
static void seat_all(struct merge *merge)
{
    for (uint32_t i = 0; i < merge->count; i++)
        merge->loser[i] = (struct entry){.time_ns = INT64_MIN};
    for (uint32_t i = 0; i < merge->count; i++)
        play(merge, i, head(merge, i));
}

int ofr_arrivals_merge(struct ofr_arrival_source *out, const struct ofr_arrival_source *source,
                       uint32_t count, struct ofr_error *err)
{
    int code = check(source, count, err);
    if (code)
        return code;
    struct merge *merge = calloc(1, sizeof *merge);
    if (merge) {
        merge->source = calloc(count, sizeof *merge->source);
        merge->loser = calloc(count, sizeof *merge->loser);
    }
    if (!merge || !merge->source || !merge->loser) {
        merge_free(merge);
        return ofr_fail_nomem(err, "merged arrivals");
    }
    merge->count = count;
    for (uint32_t i = 0; i < count; i++)
        merge->source[i].from = source[i];
    seat_all(merge);
    *out = (struct ofr_arrival_source){.ops = &merge_ops, .state = merge};
    return OFR_OK;
}
