#include "sim/sweep/ranks.h"

#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Messages. Only the main thread of a rank talks; threads do runs. A follower has one request out at most:
 *
 *   ASK     follower to leader   u64: runs wanted
 *   RUNS    leader to follower   u64[]: numbers of runs, at most as many as wanted; empty = go home
 *   RECORD  follower to leader   one record (record.h)
 *   BYE     follower to leader   nothing comes after it
 */
enum tag {
    TAG_ASK = 1,
    TAG_RUNS,
    TAG_RECORD,
    TAG_BYE
};

enum {
    MOST_RUNS = 4096 /* in one message */
};

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
}

static int begin(struct ofr_ranks *ranks, struct ofr_error *err)
{
    int given = 0;
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &given) || given < MPI_THREAD_FUNNELED)
        return ofr_fail(err, OFR_E_DEVICE, "MPI cannot be started with threads");
    MPI_Comm_rank(MPI_COMM_WORLD, &ranks->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks->size);
    return 0;
}

static void end(void)
{
    MPI_Finalize();
}

static int agree(const struct ofr_ranks *ranks, int code, const char *complaint, uint64_t fingerprint,
                 struct ofr_error *err)
{
    char text[OFR_ERROR_TEXT];
    int first = code ? ranks->rank : ranks->size, worst;
    uint64_t theirs = fingerprint;
    snprintf(text, sizeof text, "%s", complaint);
    MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    if (first < ranks->size) {
        MPI_Bcast(text, sizeof text, MPI_CHAR, first, MPI_COMM_WORLD);
        MPI_Bcast(&code, 1, MPI_INT, first, MPI_COMM_WORLD);
        return first ? ofr_fail(err, code, "rank %d: %s", first, text) : ofr_fail(err, code, "%s", text);
    }
    MPI_Bcast(&theirs, 1, MPI_UINT64_T, 0, MPI_COMM_WORLD);
    worst = theirs == fingerprint ? ranks->size : ranks->rank;
    MPI_Allreduce(MPI_IN_PLACE, &worst, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    if (worst == ranks->size)
        return 0;
    return ofr_fail(
        err, OFR_E_INPUT,
        "rank %d: has read another sweep than rank 0: its sweep file, a file it names or its version of "
        "the tool differs",
        worst);
}

/* ---- leader ---- */

struct leader {
    struct ofr_board *board;
    int size;
    uint64_t *wanted; /* owned [size]: runs each follower waits for */
};

static bool probe(int tag, MPI_Status *status)
{
    int there = 0;
    MPI_Iprobe(MPI_ANY_SOURCE, tag, MPI_COMM_WORLD, &there, status);
    return there;
}

static void take_record(struct leader *leader, const MPI_Status *status)
{
    unsigned char bytes[OFR_SWEEP_RECORD_MOST];
    struct ofr_sweep_record record;
    int size = 0;
    MPI_Get_count(status, MPI_BYTE, &size);
    MPI_Recv(bytes, sizeof bytes, MPI_BYTE, status->MPI_SOURCE, TAG_RECORD, MPI_COMM_WORLD,
             MPI_STATUS_IGNORE);
    if (leader && ofr_sweep_record_read(bytes, (size_t)size, &record))
        ofr_board_put(leader->board, &record);
}

static uint64_t take_ask(const MPI_Status *status)
{
    uint64_t wanted = 0;
    MPI_Recv(&wanted, 1, MPI_UINT64_T, status->MPI_SOURCE, TAG_ASK, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    return wanted < MOST_RUNS ? wanted : MOST_RUNS;
}

/* Gives a waiting follower what there is. */
static bool give(struct leader *leader, int rank)
{
    uint64_t run[MOST_RUNS];
    int count = 0;
    while ((uint64_t)count < leader->wanted[rank] && ofr_board_take(leader->board, &run[count]))
        ++count;
    if (!count)
        return false;
    leader->wanted[rank] = 0;
    MPI_Send(run, count, MPI_UINT64_T, rank, TAG_RUNS, MPI_COMM_WORLD);
    return true;
}

static void serve(struct leader *leader)
{
    MPI_Status status;
    while (!ofr_board_is_done(leader->board)) {
        bool idle = true;
        while (probe(TAG_RECORD, &status)) {
            take_record(leader, &status);
            idle = false;
        }
        while (probe(TAG_ASK, &status))
            leader->wanted[status.MPI_SOURCE] = take_ask(&status);
        for (int rank = 1; rank < leader->size; ++rank)
            idle &= !(leader->wanted[rank] && give(leader, rank));
        if (idle)
            nap();
    }
}

static int lead(struct ofr_board *board, uint32_t threads, struct ofr_error *err)
{
    struct leader leader = {.board = board};
    MPI_Comm_size(MPI_COMM_WORLD, &leader.size);
    leader.wanted = calloc((size_t)leader.size, sizeof *leader.wanted);
    pthread_t *thread = calloc(threads, sizeof *thread);
    uint32_t started = 0;
    int rc = leader.wanted && thread ? 0 : ofr_fail_nomem(err, "ranks");
    while (!rc && started < threads && pthread_create(&thread[started], NULL, ofr_board_work, board) == 0)
        ++started;
    if (!rc && !started && leader.size == 1)
        rc = ofr_fail(err, OFR_E_NOMEM, "no thread can be had");
    if (!rc)
        serve(&leader);
    for (uint32_t i = 0; i < started; ++i)
        pthread_join(thread[i], NULL);
    free(thread);
    free(leader.wanted);
    return rc || !board->err.code ? rc : ofr_fail(err, board->err.code, "%s", board->err.text);
}

static void dismiss(const struct ofr_ranks *ranks)
{
    int left = ranks->size - 1;
    MPI_Status status;
    for (int rank = 1; rank < ranks->size; ++rank)
        MPI_Send(NULL, 0, MPI_UINT64_T, rank, TAG_RUNS, MPI_COMM_WORLD);
    while (left > 0) {
        if (!probe(MPI_ANY_TAG, &status)) {
            nap();
        } else if (status.MPI_TAG == TAG_RECORD) {
            take_record(NULL, &status);
        } else if (status.MPI_TAG == TAG_ASK) {
            take_ask(&status);
        } else {
            MPI_Recv(NULL, 0, MPI_BYTE, status.MPI_SOURCE, TAG_BYE, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            --left;
        }
    }
}

/* ---- follower ---- */

struct follower {
    const struct ofr_sweep *sweep;
    struct ofr_sweep_inputs *inputs;
    pthread_mutex_t lock;
    pthread_cond_t more;
    uint64_t *run;                 /* owned [2 * threads]: numbers not begun yet */
    struct ofr_sweep_record *done; /* owned [3 * threads]: records not sent yet */
    uint32_t runs, dones, threads;
    bool home;
};

static void *work_queue(void *state)
{
    struct follower *follower = state;
    struct ofr_sweep_record record;
    pthread_mutex_lock(&follower->lock);
    for (;;) {
        while (!follower->home && !follower->runs)
            pthread_cond_wait(&follower->more, &follower->lock);
        if (follower->home)
            break;
        uint64_t run = follower->run[--follower->runs];
        pthread_mutex_unlock(&follower->lock);
        ofr_board_do(follower->sweep, follower->inputs, run, &record);
        pthread_mutex_lock(&follower->lock);
        follower->done[follower->dones++] = record;
    }
    pthread_mutex_unlock(&follower->lock);
    return NULL;
}

/* Sends what is done; true when there was any. */
static bool report(struct follower *follower)
{
    unsigned char bytes[OFR_SWEEP_RECORD_MOST];
    bool any = false;
    for (;;) {
        struct ofr_sweep_record record;
        pthread_mutex_lock(&follower->lock);
        bool there = follower->dones > 0;
        if (there)
            record = follower->done[--follower->dones];
        pthread_mutex_unlock(&follower->lock);
        if (!there)
            return any;
        any = true;
        MPI_Send(bytes, (int)ofr_sweep_record_write(bytes, &record), MPI_BYTE, 0, TAG_RECORD, MPI_COMM_WORLD);
    }
}

/* Takes an answer to the request that is out; false while there is none. */
static bool take_runs(struct follower *follower)
{
    MPI_Status status;
    int there = 0, count = 0;
    MPI_Iprobe(0, TAG_RUNS, MPI_COMM_WORLD, &there, &status);
    if (!there)
        return false;
    MPI_Get_count(&status, MPI_UINT64_T, &count);
    pthread_mutex_lock(&follower->lock);
    MPI_Recv(follower->run + follower->runs, count, MPI_UINT64_T, 0, TAG_RUNS, MPI_COMM_WORLD,
             MPI_STATUS_IGNORE);
    follower->runs += (uint32_t)count;
    follower->home |= count == 0;
    pthread_cond_broadcast(&follower->more);
    pthread_mutex_unlock(&follower->lock);
    return true;
}

/* Keeps as many runs waiting as there are threads, so that none waits for the leader. */
static void attend(struct follower *follower)
{
    bool asked = false;
    while (!follower->home) {
        bool idle = !report(follower);
        pthread_mutex_lock(&follower->lock);
        uint64_t wanted = follower->runs < follower->threads ? follower->threads - follower->runs : 0;
        pthread_mutex_unlock(&follower->lock);
        if (!asked && wanted) {
            MPI_Send(&wanted, 1, MPI_UINT64_T, 0, TAG_ASK, MPI_COMM_WORLD);
            asked = true;
        }
        if (take_runs(follower))
            asked = idle = false;
        if (idle)
            nap();
    }
}

static int follow(const struct ofr_sweep *sweep, struct ofr_sweep_inputs *inputs, uint32_t threads,
                  struct ofr_error *err)
{
    struct follower follower = {.sweep = sweep,
                                .inputs = inputs,
                                .lock = PTHREAD_MUTEX_INITIALIZER,
                                .more = PTHREAD_COND_INITIALIZER,
                                .run = calloc(2 * (size_t)threads, sizeof(uint64_t)),
                                .done = calloc(3 * (size_t)threads, sizeof(struct ofr_sweep_record)),
                                .threads = threads < MOST_RUNS ? threads : MOST_RUNS};
    pthread_t *thread = calloc(threads, sizeof *thread);
    uint32_t started = 0;
    int rc = follower.run && follower.done && thread ? 0 : ofr_fail_nomem(err, "a rank");
    while (!rc && started < threads && pthread_create(&thread[started], NULL, work_queue, &follower) == 0)
        ++started;
    if (!rc && !started)
        rc = ofr_fail(err, OFR_E_NOMEM, "no thread can be had");
    if (rc)
        MPI_Abort(MPI_COMM_WORLD, ofr_exit_status(rc)); /* the leader would wait for ever */
    attend(&follower);
    for (uint32_t i = 0; i < started; ++i)
        pthread_join(thread[i], NULL);
    MPI_Send(NULL, 0, MPI_BYTE, 0, TAG_BYE, MPI_COMM_WORLD);
    free(thread);
    free(follower.run);
    free(follower.done);
    return 0;
}

const struct ofr_ranks_ops ofr_ranks_mpi = {
    .begin = begin,
    .agree = agree,
    .lead = lead,
    .follow = follow,
    .dismiss = dismiss,
    .end = end,
};
