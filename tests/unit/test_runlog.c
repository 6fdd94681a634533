/* Run logs: every row comes back in order and to the bit, in few bytes; damage is refused. */
#include "tests/support/files.h"
#include "traces/container.h"
#include "traces/runlog_file.h"

#include <criterion/criterion.h>
#include <math.h>

enum {
    SITES = 4
};

static struct ofr_error err = OFR_ERROR_INIT;

#define OK(call) cr_assert_eq((call), 0, "%s", err.text)

static const char *const names[SITES] = {"a", "b", "c", "d"};

/* A made-up run, the same each time it is played: Poisson arrivals, batches of 1 to 8, exits, losses,
 * decisions. Play it into a log, then into a checker that compares with what the log hands out. */
struct run {
    uint64_t state;
    uint64_t id;
    int64_t batch, now_ns;
};

static uint64_t draw(struct run *run, uint64_t limit)
{
    run->state = run->state * 6364136223846793005u + 1442695040888963407u;
    return (run->state >> 33) % limit;
}

static struct ofr_request_row next_request(struct run *run)
{
    double u = ((double)draw(run, 1u << 30) + 1.0) / (double)(1u << 30);
    run->now_ns += (int64_t)(-1e6 * log(u));
    return (struct ofr_request_row){.id = run->id++,
                                    .arrival_ns = run->now_ns,
                                    .admitted_ns = run->now_ns,
                                    .deadline_ns = run->now_ns + 20000000,
                                    .sample = (uint32_t)(run->id % 100000),
                                    .stream = (uint16_t)draw(run, 2),
                                    .correct = 1};
}

static void play_batch(struct run *run, const struct ofr_observer *to)
{
    static const int64_t site_ns[] = {100000, 180000, 260000, 340000, 420000};
    struct ofr_request_row row[8];
    uint32_t size = 1 + (uint32_t)draw(run, 8);
    for (uint32_t i = 0; i < size; i++)
        row[i] = next_request(run);
    struct ofr_batch_row batch = {.id = run->batch++,
                                  .dispatched_ns = run->now_ns,
                                  .ended_ns = run->now_ns + 420000,
                                  .size = size,
                                  .padded = 8,
                                  .queue_length = (uint32_t)draw(run, 3),
                                  .ramps = 2,
                                  .reason = OFR_REASON_IDLE};
    for (uint32_t i = 0; i < size; i++) {
        uint16_t exit = (uint16_t)(draw(run, 10) < 7 ? 1 : SITES);
        row[i].dispatched_ns = batch.dispatched_ns;
        row[i].released_ns = batch.dispatched_ns + site_ns[exit];
        row[i].ended_ns = batch.ended_ns;
        row[i].batch = batch.id;
        row[i].exit_site = exit;
        row[i].answer = (uint16_t)draw(run, 2);
        row[i].agrees = draw(run, 100) > 0;
    }
    to->batch(to->state, &batch, row, size);
}

static void play_lost(struct run *run, const struct ofr_observer *to)
{
    struct ofr_request_row row = next_request(run);
    bool rejected = draw(run, 2);
    row.admitted_ns = rejected ? -1 : row.arrival_ns;
    row.dispatched_ns = row.released_ns = -1;
    row.ended_ns = row.arrival_ns + (rejected ? 0 : 5);
    row.deadline_ns = draw(run, 2) ? -1 : row.deadline_ns;
    row.batch = OFR_BATCH_NONE;
    row.exit_site = OFR_EXIT_NONE;
    row.outcome = rejected ? OFR_OUTCOME_REJECTED : OFR_OUTCOME_EXPIRED;
    to->lost(to->state, &row);
}

static void play_decision(struct run *run, const struct ofr_observer *to)
{
    struct ofr_decision_row row = {.decided_ns = run->now_ns,
                                   .applied_ns = run->now_ns + 50,
                                   .cost_ns = 50,
                                   .evaluations = (uint32_t)draw(run, 100),
                                   .changed = 1,
                                   .trigger = "accuracy",
                                   .predicted_gain_pct = draw(run, 2) ? NAN : 12.345678901234567,
                                   .config = {.ramps = (uint32_t)draw(run, SITES + 1),
                                              .criterion = OFFRAMP_CRITERION_ENTROPY,
                                              .free_ramps = draw(run, 2) == 1}};
    for (uint32_t i = 0; i < row.config.ramps; i++) {
        row.config.site[i] = (uint16_t)i;
        row.config.threshold[i] = 1.0 / (double)(3 + draw(run, 1000));
    }
    to->decision(to->state, &row);
}

static void play(uint64_t requests, const struct ofr_observer *to)
{
    struct run run = {.state = 7};
    if (!requests)
        return;
    play_decision(&run, to);
    while (run.id < requests) {
        uint64_t what = draw(&run, 200);
        if (what == 0)
            play_decision(&run, to);
        else if (what < 6)
            play_lost(&run, to);
        else
            play_batch(&run, to);
    }
    play_decision(&run, to);
}

static const struct ofr_runlog_head head = {.scenario = "name: test\nseed: 18446744073709551615\n",
                                            .seed = UINT64_MAX,
                                            .sites = SITES,
                                            .site_name = names};

static void write_log(const char *path, uint64_t requests)
{
    struct ofr_runlog_writer *writer;
    OK(ofr_runlog_create(&writer, path, &head, NULL, &err));
    struct ofr_observer observer = ofr_runlog_observer(writer);
    play(requests, &observer);
    OK(ofr_runlog_note(writer, "valid", "yes", &err));
    OK(ofr_runlog_finish(writer, &err));
}

/* Compares what is played with what the log hands out next. */
struct checker {
    struct ofr_runlog_reader *reader;
    bool ended; /* the log handed out no more: allowed for truncated ones */
};

static bool next_event(struct checker *checker, struct ofr_runlog_event *event,
                       enum ofr_runlog_event_kind kind)
{
    if (checker->ended)
        return false;
    int rc = ofr_runlog_next(checker->reader, event, &err);
    checker->ended = rc == 0 || (rc < 0 && ofr_runlog_partial(checker->reader));
    if (checker->ended)
        return false;
    cr_assert_eq(rc, 1, "%s", err.text);
    cr_assert_eq(event->kind, kind);
    return true;
}

static bool same_request(const struct ofr_request_row *a, const struct ofr_request_row *b)
{
    return a->id == b->id && a->arrival_ns == b->arrival_ns && a->admitted_ns == b->admitted_ns &&
           a->dispatched_ns == b->dispatched_ns && a->released_ns == b->released_ns &&
           a->ended_ns == b->ended_ns && a->deadline_ns == b->deadline_ns && a->batch == b->batch &&
           a->sample == b->sample && a->stream == b->stream && a->exit_site == b->exit_site &&
           a->answer == b->answer && a->outcome == b->outcome && a->agrees == b->agrees &&
           a->correct == b->correct;
}

static void check_batch(void *state, const struct ofr_batch_row *a, const struct ofr_request_row *rows,
                        uint32_t count)
{
    struct ofr_runlog_event event;
    if (!next_event(state, &event, OFR_RUNLOG_BATCH))
        return;
    const struct ofr_batch_row *b = event.batch;
    cr_assert(a->id == b->id && a->dispatched_ns == b->dispatched_ns && a->ended_ns == b->ended_ns &&
              a->size == b->size && a->padded == b->padded && a->queue_length == b->queue_length &&
              a->server == b->server && a->ramps == b->ramps && a->reason == b->reason);
    cr_assert_eq(event.requests, count);
    for (uint32_t i = 0; i < count; i++)
        cr_assert(same_request(&rows[i], &event.request[i]), "request %llu", (unsigned long long)rows[i].id);
}

static void check_lost(void *state, const struct ofr_request_row *row)
{
    struct ofr_runlog_event event;
    if (next_event(state, &event, OFR_RUNLOG_LOST))
        cr_assert(event.requests == 1 && same_request(row, event.request));
}

static void check_decision(void *state, const struct ofr_decision_row *a)
{
    struct ofr_runlog_event event;
    if (!next_event(state, &event, OFR_RUNLOG_DECISION))
        return;
    const struct ofr_decision_row *b = event.decision;
    cr_assert(a->decided_ns == b->decided_ns && a->applied_ns == b->applied_ns && a->cost_ns == b->cost_ns &&
              a->evaluations == b->evaluations && a->changed == b->changed);
    cr_assert_str_eq(a->trigger, b->trigger);
    cr_assert(a->predicted_gain_pct == b->predicted_gain_pct ||
              (isnan(a->predicted_gain_pct) && isnan(b->predicted_gain_pct)));
    cr_assert(a->config.ramps == b->config.ramps && a->config.criterion == b->config.criterion &&
              a->config.free_ramps == b->config.free_ramps);
    for (uint32_t i = 0; i < a->config.ramps; i++)
        cr_assert(a->config.site[i] == b->config.site[i] && a->config.threshold[i] == b->config.threshold[i]);
}

static void check_log(const char *path, uint64_t requests, bool whole)
{
    struct checker checker = {0};
    struct ofr_runlog_event event;
    OK(ofr_runlog_open(&checker.reader, path, &err));
    struct ofr_observer observer = {
        .state = &checker, .batch = check_batch, .lost = check_lost, .decision = check_decision};
    play(requests, &observer);
    if (whole) {
        cr_assert_not(checker.ended, "the log ends early: %s", err.text);
        cr_assert_eq(ofr_runlog_next(checker.reader, &event, &err), 0, "%s", err.text);
        cr_assert_str_eq(ofr_notes_get(ofr_runlog_provenance(checker.reader), "valid"), "yes");
    }
    ofr_runlog_close(checker.reader);
}

Test(runlog, round_trips)
{
    static const uint64_t sizes[] = {0, 1, 100, 65536, 70000, 200000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *path = files_path("r.olog");
        write_log(path, sizes[i]);
        check_log(path, sizes[i], true);
    }
    files_remove();
}

Test(runlog, head_comes_back)
{
    struct ofr_runlog_reader *reader;
    char *path = files_path("r.olog");
    write_log(path, 10);
    OK(ofr_runlog_open(&reader, path, &err));
    const struct ofr_runlog_head *got = ofr_runlog_head(reader);
    cr_assert_str_eq(got->scenario, head.scenario);
    cr_assert_eq(got->seed, UINT64_MAX);
    cr_assert_eq(got->sites, SITES);
    cr_assert_str_eq(got->site_name[3], "d");
    ofr_runlog_close(reader);
    files_remove();
}

/* Logs are committed as evidence. */
Test(runlog, takes_few_bytes)
{
    char *path = files_path("r.olog");
    struct stat st;
    write_log(path, 100000);
    cr_assert_eq(stat(path, &st), 0);
    double bytes = (double)st.st_size / 100000.0;
    fprintf(stderr, "%.2f bytes a request\n", bytes);
    cr_assert_lt(bytes, 15.0, "%.2f bytes a request", bytes);
    files_remove();
}

static void count_batch(void *state, const struct ofr_batch_row *batch, const struct ofr_request_row *rows,
                        uint32_t count)
{
    (void)batch;
    (void)rows;
    *(uint64_t *)state += count;
}

static void count_lost(void *state, const struct ofr_request_row *row)
{
    (void)row;
    ++*(uint64_t *)state;
}

static void count_decision(void *state, const struct ofr_decision_row *row)
{
    (void)state;
    (void)row;
}

Test(runlog, replays_into_an_observer)
{
    struct ofr_runlog_reader *reader;
    uint64_t played = 0, replayed = 0;
    char *path = files_path("r.olog");
    struct ofr_observer observer = {
        .state = &played, .batch = count_batch, .lost = count_lost, .decision = count_decision};
    play(1000, &observer);
    write_log(path, 1000);
    OK(ofr_runlog_open(&reader, path, &err));
    observer.state = &replayed;
    OK(ofr_runlog_replay(reader, &observer, &err));
    cr_assert_eq(played, replayed);
    ofr_runlog_close(reader);
    files_remove();
}

/* Cut at many places, also between a batch and its requests: what comes back is a true beginning. */
Test(runlog, truncated)
{
    char *path = files_path("r.olog");
    write_log(path, 70000);
    size_t size;
    unsigned char *bytes = files_read(path, &size);
    for (size_t cut = size - 1; cut > 3000; cut -= cut > 20011 ? 20011 : 97) {
        files_write(path, bytes, cut);
        ofr_error_clear(&err);
        check_log(path, 70000, false);
        cr_assert(!err.code || strstr(err.text, "cut short"), "%s", err.text);
    }
    free(bytes);
    files_remove();
}

/* What the container cannot know to be wrong: tables that contradict each other. */
static void swap_order(const char *from, const char *to, bool drop_batches)
{
    struct ofr_container_reader *reader;
    struct ofr_container_writer *writer;
    struct ofr_chunk chunk;
    OK(ofr_container_open(&reader, from, OFR_FILE_RUNLOG, &err));
    OK(ofr_container_create(&writer, to, ofr_container_head(reader), &err));
    while (ofr_container_next(reader, &chunk, &err) == 1)
        if (drop_batches ? chunk.table != 1 : chunk.table != 0)
            OK(ofr_container_write(writer, chunk.table, chunk.rows, chunk.column, &err));
    ofr_container_close(reader);
    OK(ofr_container_finish(writer, &err));
}

static void expect_refused(const char *path, const char *words)
{
    struct ofr_runlog_reader *reader;
    uint64_t sink = 0;
    struct ofr_observer observer = {
        .state = &sink, .batch = count_batch, .lost = count_lost, .decision = count_decision};
    OK(ofr_runlog_open(&reader, path, &err));
    cr_assert_eq(ofr_runlog_replay(reader, &observer, &err), OFR_E_INPUT);
    cr_assert(strstr(err.text, words), "%s", err.text);
    ofr_runlog_close(reader);
    ofr_error_clear(&err);
}

Test(runlog, contradicting_tables)
{
    char *path = files_path("r.olog");
    char *other = files_path("other.olog");
    write_log(path, 500);
    swap_order(path, other, true);
    expect_refused(other, "request without its batch");
    swap_order(path, other, false);
    expect_refused(other, "batch without requests");
    files_remove();
}

Test(runlog, contract_breaks_are_reported_at_the_end)
{
    struct ofr_runlog_writer *writer;
    char *path = files_path("r.olog");
    OK(ofr_runlog_create(&writer, path, &head, NULL, &err));
    struct ofr_observer observer = ofr_runlog_observer(writer);
    struct ofr_decision_row row = {.config = {.ramps = SITES + 1}};
    observer.decision(observer.state, &row);
    cr_assert_eq(ofr_runlog_finish(writer, &err), OFR_E_BUG);
    cr_assert(strstr(err.text, "5 ramps on 4 sites"), "%s", err.text);
    cr_assert_eq(files_count(), 0);
    files_remove();
}
