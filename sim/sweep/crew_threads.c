#include "sim/sweep/board.h"

#include <stdlib.h>

int ofr_crew_threads(struct ofr_board *board, uint32_t threads, struct ofr_error *err)
{
    pthread_t *thread = calloc(threads, sizeof *thread);
    uint32_t started = 0;
    if (!thread)
        return ofr_fail_nomem(err, "threads");
    /* The caller is one of them; a thread that cannot be had leaves its share to the others. */
    while (started + 1 < threads && pthread_create(&thread[started], NULL, ofr_board_work, board) == 0)
        ++started;
    ofr_board_work(board);
    for (uint32_t i = 0; i < started; ++i)
        pthread_join(thread[i], NULL);
    free(thread);
    return board->err.code ? ofr_fail(err, board->err.code, "%s", board->err.text) : 0;
}
