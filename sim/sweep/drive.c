#include "sim/sweep/drive.h"

#include "sim/sweep/board.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the folder ---- */

/* Looks at what is in a folder: *others = entries that are no file of a sweep. */
static int look(const char *path, bool *journal, uint32_t *others, struct ofr_error *err)
{
    DIR *folder = opendir(path);
    if (!folder && errno == ENOTDIR)
        return ofr_fail(err, OFR_E_INPUT, "%s: is a file, expected a folder or none yet", path);
    if (!folder)
        return ofr_fail_errno(err, "cannot open", path);
    for (struct dirent *entry; (entry = readdir(folder));) {
        bool dots = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        bool is_journal = strcmp(entry->d_name, "journal") == 0;
        *journal |= is_journal;
        *others += !dots && !is_journal;
    }
    closedir(folder);
    return 0;
}

static int make_folder(const char *path, bool *made, struct ofr_error *err)
{
    bool journal = false;
    uint32_t others = 0;
    *made = mkdir(path, 0777) == 0;
    if (*made)
        return 0;
    if (errno == ENOENT)
        return ofr_fail(err, OFR_E_INPUT, "%s: the folder it is to be in does not exist", path);
    if (errno != EEXIST)
        return ofr_fail_errno(err, "cannot create", path);
    int rc = look(path, &journal, &others, err);
    if (!rc && !journal && others)
        rc = ofr_fail(err, OFR_E_INPUT, "%s: holds files but no sweep, expected an empty folder or none yet",
                      path);
    return rc;
}

/* A killed sweep may have left half of a result file. */
static void remove_partial(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder));)
        if (strstr(entry->d_name, ".partial-"))
            unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
}

/* ---- the work ---- */

struct watch {
    const struct ofr_sweep_drive *drive;
    struct ofr_board *board;
};

static void show(void *state, uint64_t done)
{
    struct watch *watch = state;
    watch->drive->progress(watch->drive->progress_state, done, watch->board->to_do);
}

static void tell(const struct ofr_sweep_drive *drive, const struct ofr_sweep *sweep,
                 const struct ofr_journal_state *state)
{
    char line[256];
    if (!drive->say || (!state->runs && !state->dropped))
        return;
    int used = snprintf(line, sizeof line, "%s: resumed, %" PRIu64 " of %" PRIu64 " runs are there",
                        drive->folder, state->runs, sweep->runs);
    if (state->dropped && used > 0 && (size_t)used < sizeof line)
        snprintf(line + used, sizeof line - (size_t)used,
                 "; %" PRIu64 " bytes of an unfinished record dropped", state->dropped);
    drive->say(drive->say_state, line);
}

static int work(const struct ofr_sweep *sweep, const struct ofr_sweep_drive *drive,
                struct ofr_sweep_inputs *inputs, struct ofr_sweep_runs *runs, struct ofr_journal *journal,
                struct ofr_error *err)
{
    struct ofr_board board;
    ofr_board_init(&board, sweep, inputs, runs, journal);
    struct watch watch = {.drive = drive, .board = &board};
    board.progress = drive->progress ? show : NULL;
    board.progress_state = &watch;
    int rc = drive->ranks ? drive->ranks->lead(&board, drive->threads, err)
                          : ofr_crew_threads(&board, drive->threads, err);
    ofr_board_release(&board);
    return rc;
}

static int finish(const struct ofr_sweep *sweep, const struct ofr_sweep_drive *drive,
                  const struct ofr_sweep_runs *runs, struct ofr_sweep_results *results, struct ofr_error *err)
{
    int rc = ofr_sweep_results_make(results, sweep, runs, err);
    if (rc)
        return rc;
    rc = ofr_sweep_results_write(results, drive->folder, err);
    if (rc)
        ofr_sweep_results_release(results);
    return rc;
}

static int do_sweep(const struct ofr_sweep *sweep, const struct ofr_sweep_drive *drive,
                    struct ofr_sweep_inputs *inputs, struct ofr_sweep_runs *runs,
                    struct ofr_sweep_results *results, struct ofr_error *err)
{
    char path[OFFRAMP_TEXT_SIZE + 16];
    bool made = false;
    struct ofr_journal *journal = NULL;
    struct ofr_journal_state state;
    int rc = ofr_sweep_check(sweep, inputs, err);
    if (!rc)
        rc = make_folder(drive->folder, &made, err);
    if (rc)
        return rc;
    snprintf(path, sizeof path, "%s/journal", drive->folder);
    rc = ofr_journal_open(&journal, path, sweep, drive->resume, runs, &state, err);
    if (rc && made)
        rmdir(drive->folder);
    if (rc)
        return rc;
    remove_partial(drive->folder);
    tell(drive, sweep, &state);
    rc = work(sweep, drive, inputs, runs, journal, err);
    if (!rc)
        rc = finish(sweep, drive, runs, results,
                    err); /* the journal stays locked while the files are written */
    struct ofr_error own = OFR_ERROR_INIT;
    int closed = ofr_journal_close(journal, &own);
    if (!rc && closed) {
        ofr_sweep_results_release(results);
        rc = ofr_fail(err, closed, "%s", own.text);
    }
    return rc;
}

int ofr_sweep_drive(const struct ofr_sweep *sweep, const struct ofr_sweep_drive *drive,
                    struct ofr_sweep_runs *runs, struct ofr_sweep_results *results, struct ofr_error *err)
{
    struct ofr_sweep_inputs inputs;
    int rc = ofr_sweep_runs_init(runs, sweep, err);
    if (rc)
        return rc;
    ofr_sweep_inputs_init(&inputs);
    rc = do_sweep(sweep, drive, &inputs, runs, results, err);
    ofr_sweep_inputs_release(&inputs);
    if (rc)
        ofr_sweep_runs_release(runs, sweep);
    return rc;
}

int ofr_sweep_follow(const struct ofr_sweep *sweep, const struct ofr_ranks_ops *ranks, uint32_t threads,
                     struct ofr_error *err)
{
    struct ofr_sweep_inputs inputs;
    ofr_sweep_inputs_init(&inputs);
    int rc = ranks->follow(sweep, &inputs, threads, err);
    ofr_sweep_inputs_release(&inputs);
    return rc;
}
