#include "sim/sweep/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct ofr_journal {
    int fd;
    char *path;       /* owned, for messages */
    int64_t synced_s; /* when the disk was last told */
};

static int64_t now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

bool ofr_sweep_is_machine(int code)
{
    return code == OFR_E_IO || code == OFR_E_NOMEM || code == OFR_E_DEVICE;
}

int ofr_sweep_runs_keep(struct ofr_sweep_runs *runs, const struct ofr_sweep *sweep,
                        const struct ofr_sweep_record *record, struct ofr_error *err)
{
    if (record->run >= sweep->runs || (record->code == 0 && record->count != sweep->metrics) ||
        record->code > 0)
        return ofr_fail(err, OFR_E_INPUT, "found a record of a run this sweep does not have");
    if (runs->code[record->run] <= 0)
        return 0;
    if (record->code) {
        runs->error[record->run] = strdup(record->text);
        if (!runs->error[record->run])
            return ofr_fail_nomem(err, "a message");
    } else {
        memcpy(runs->value + record->run * sweep->metrics, record->value, sweep->metrics * sizeof(double));
    }
    runs->code[record->run] = (int8_t)record->code;
    return 0;
}

/* ---- reading ---- */

static int read_whole(const struct ofr_journal *journal, unsigned char **out, size_t *size,
                      struct ofr_error *err)
{
    struct stat st;
    if (fstat(journal->fd, &st))
        return ofr_fail_errno(err, "cannot read", journal->path);
    unsigned char *bytes = malloc((size_t)st.st_size + 1);
    if (!bytes)
        return ofr_fail_nomem(err, "a journal");
    *size = 0;
    while (*size < (size_t)st.st_size) {
        ssize_t got = pread(journal->fd, bytes + *size, (size_t)st.st_size - *size, (off_t)*size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            free(bytes);
            return ofr_fail_errno(err, "cannot read", journal->path);
        }
        if (got == 0)
            break;
        *size += (size_t)got;
    }
    *out = bytes;
    return 0;
}

/* A sweep killed while it wrote its very first bytes. */
static bool is_torn_head(const unsigned char *bytes, size_t size, const struct ofr_sweep *sweep)
{
    unsigned char head[OFR_SWEEP_RECORD_MOST];
    struct ofr_sweep_record record = {.kind = OFR_SWEEP_RECORD_HEAD, .run = sweep->fingerprint};
    return size < ofr_sweep_record_write(head, &record) && memcmp(bytes, head, size) == 0;
}

/* Takes in every sound record; *sound = bytes they fill. */
static int take_records(const struct ofr_journal *journal, const unsigned char *bytes, size_t size,
                        const struct ofr_sweep *sweep, struct ofr_sweep_runs *runs,
                        struct ofr_journal_state *state, size_t *sound, struct ofr_error *err)
{
    struct ofr_sweep_record record;
    uint32_t taken = ofr_sweep_record_read(bytes, size, &record);
    *sound = taken;
    if (!taken && !is_torn_head(bytes, size, sweep))
        return ofr_fail(err, OFR_E_INPUT, "%s: is not the journal of a sweep, or its head is damaged",
                        journal->path);
    if (taken && (record.kind != OFR_SWEEP_RECORD_HEAD || record.run != sweep->fingerprint))
        return ofr_fail(
            err, OFR_E_INPUT,
            "%s: was written by another sweep: the sweep file, a file it names, --set or the tool's "
            "version has changed since; expected the same ones, or another folder",
            journal->path);
    while (taken && (taken = ofr_sweep_record_read(bytes + *sound, size - *sound, &record))) {
        struct ofr_error own = OFR_ERROR_INIT;
        if (record.kind != OFR_SWEEP_RECORD_RUN || ofr_sweep_runs_keep(runs, sweep, &record, &own))
            return ofr_fail(err, OFR_E_INPUT, "%s: offset %zu: %s", journal->path, *sound,
                            own.code ? own.text : "found a second head");
        *sound += taken;
        state->runs++;
    }
    state->dropped = size - *sound;
    return 0;
}

static int write_bytes(struct ofr_journal *journal, const unsigned char *bytes, size_t size,
                       struct ofr_error *err)
{
    while (size) {
        ssize_t done = write(journal->fd, bytes, size);
        if (done < 0 && errno != EINTR)
            return ofr_fail_errno(err, "cannot write", journal->path);
        if (done > 0) {
            bytes += done;
            size -= (size_t)done;
        }
    }
    return 0;
}

static int write_record(struct ofr_journal *journal, const struct ofr_sweep_record *record,
                        struct ofr_error *err)
{
    unsigned char bytes[OFR_SWEEP_RECORD_MOST];
    return write_bytes(journal, bytes, ofr_sweep_record_write(bytes, record), err);
}

static int take_up(struct ofr_journal *journal, const struct ofr_sweep *sweep, bool resume,
                   struct ofr_sweep_runs *runs, struct ofr_journal_state *state, struct ofr_error *err)
{
    unsigned char *bytes = NULL;
    size_t size = 0, sound = 0;
    int rc = read_whole(journal, &bytes, &size, err);
    if (!rc && size && !resume)
        rc = ofr_fail(
            err, OFR_E_INPUT,
            "%s: there is a sweep in this folder already: expected --resume to go on with it, or another "
            "folder",
            journal->path);
    if (!rc && size)
        rc = take_records(journal, bytes, size, sweep, runs, state, &sound, err);
    free(bytes);
    if (!rc && (ftruncate(journal->fd, (off_t)sound) || lseek(journal->fd, (off_t)sound, SEEK_SET) < 0))
        rc = ofr_fail_errno(err, "cannot write", journal->path);
    if (!rc && !sound) {
        struct ofr_sweep_record head = {.kind = OFR_SWEEP_RECORD_HEAD, .run = sweep->fingerprint};
        rc = write_record(journal, &head, err);
    }
    return rc;
}

/* ---- the journal ---- */

static void release(struct ofr_journal *journal)
{
    if (journal->fd >= 0)
        close(journal->fd);
    free(journal->path);
    free(journal);
}

int ofr_journal_open(struct ofr_journal **out, const char *path, const struct ofr_sweep *sweep, bool resume,
                     struct ofr_sweep_runs *runs, struct ofr_journal_state *state, struct ofr_error *err)
{
    *state = (struct ofr_journal_state){0};
    struct ofr_journal *journal = calloc(1, sizeof *journal);
    if (!journal || !(journal->path = strdup(path))) {
        free(journal);
        return ofr_fail_nomem(err, "a journal");
    }
    int rc = 0;
    journal->synced_s = now_s();
    journal->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (journal->fd < 0)
        rc = ofr_fail_errno(err, "cannot open", path);
    else if (flock(journal->fd, LOCK_EX | LOCK_NB) &&
             errno == EWOULDBLOCK) /* some file systems cannot lock */
        rc = ofr_fail(err, OFR_E_INPUT, "%s: another sweep is writing this folder", path);
    if (!rc)
        rc = take_up(journal, sweep, resume, runs, state, err);
    if (rc)
        release(journal);
    else
        *out = journal;
    return rc;
}

int ofr_journal_append(struct ofr_journal *journal, const struct ofr_sweep_record *record,
                       struct ofr_error *err)
{
    int rc = write_record(journal, record, err);
    int64_t now = now_s();
    if (!rc && now > journal->synced_s) {
        journal->synced_s = now;
        if (fdatasync(journal->fd) && errno != EINVAL)
            rc = ofr_fail_errno(err, "cannot write", journal->path);
    }
    return rc;
}

int ofr_journal_close(struct ofr_journal *journal, struct ofr_error *err)
{
    int rc =
        fdatasync(journal->fd) && errno != EINVAL ? ofr_fail_errno(err, "cannot write", journal->path) : 0;
    release(journal);
    return rc;
}
