#include "sim/sweep/board.h"

#include <stdlib.h>
#include <string.h>

void ofr_board_init(struct ofr_board *board, const struct ofr_sweep *sweep, struct ofr_sweep_inputs *inputs,
                    struct ofr_sweep_runs *runs, struct ofr_journal *journal)
{
    *board = (struct ofr_board){.sweep = sweep, .inputs = inputs, .runs = runs, .journal = journal};
    pthread_mutex_init(&board->lock, NULL);
    for (uint64_t run = 0; run < sweep->runs; ++run)
        board->to_do += runs->code[run] > 0;
}

void ofr_board_release(struct ofr_board *board)
{
    free(board->again);
    pthread_mutex_destroy(&board->lock);
}

bool ofr_board_take(struct ofr_board *board, uint64_t *run)
{
    bool found = false;
    pthread_mutex_lock(&board->lock);
    if (!board->err.code && board->agains) {
        *run = board->again[--board->agains];
        found = true;
    }
    while (!board->err.code && !found && board->next < board->sweep->runs) {
        *run = board->next++;
        found = board->runs->code[*run] > 0;
    }
    pthread_mutex_unlock(&board->lock);
    return found;
}

static void push(struct ofr_board *board, uint64_t run)
{
    if (board->agains == board->room) {
        uint64_t room = board->room ? 2 * board->room : 16;
        uint64_t *grown = realloc(board->again, room * sizeof *grown);
        if (!grown) {
            ofr_fail_nomem(&board->err, "runs to try again");
            return;
        }
        board->again = grown;
        board->room = room;
    }
    board->again[board->agains++] = run;
}

void ofr_board_put(struct ofr_board *board, const struct ofr_sweep_record *record)
{
    struct ofr_sweep_runs *runs = board->runs;
    bool machine = ofr_sweep_is_machine(record->code);
    pthread_mutex_lock(&board->lock);
    if (machine && runs->code[record->run] > 0 && runs->code[record->run] < OFR_SWEEP_TRIES) {
        runs->code[record->run]++;
        push(board, record->run);
    } else if (runs->code[record->run] > 0) {
        int rc = ofr_sweep_runs_keep(runs, board->sweep, record, &board->err);
        if (!rc && !machine && board->journal)
            ofr_journal_append(board->journal, record, &board->err);
        board->done++;
        if (board->progress)
            board->progress(board->progress_state, board->done);
    }
    pthread_mutex_unlock(&board->lock);
}

bool ofr_board_is_done(struct ofr_board *board)
{
    pthread_mutex_lock(&board->lock);
    bool done = board->err.code || board->done == board->to_do;
    pthread_mutex_unlock(&board->lock);
    return done;
}

void ofr_board_do(const struct ofr_sweep *sweep, struct ofr_sweep_inputs *inputs, uint64_t run,
                  struct ofr_sweep_record *record)
{
    struct ofr_error err = OFR_ERROR_INIT;
    *record = (struct ofr_sweep_record){.kind = OFR_SWEEP_RECORD_RUN, .run = run, .count = sweep->metrics};
    record->code = ofr_sweep_do(sweep, inputs, run, record->value, &err);
    if (record->code) {
        memcpy(record->text, err.text, sizeof record->text);
        record->count = (uint32_t)strlen(record->text);
    }
}

void *ofr_board_work(void *board)
{
    struct ofr_board *own = board;
    struct ofr_sweep_record record;
    uint64_t run;
    while (ofr_board_take(own, &run)) {
        ofr_board_do(own->sweep, own->inputs, run, &record);
        ofr_board_put(own, &record);
    }
    return NULL;
}
