#include "traces/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct ofr_atomic_file {
    int fd;
    char *path;      /* owned: as given, for messages */
    char *target;    /* owned: symbolic links resolved */
    char *temporary; /* owned; NULL when the target is written directly */
};

static void release(struct ofr_atomic_file *file)
{
    free(file->path);
    free(file->target);
    free(file->temporary);
    free(file);
}

/* mkostemp makes private files; give the mode any other new file would have. */
static int open_temporary(struct ofr_atomic_file *file)
{
    int fd = mkostemp(file->temporary, O_CLOEXEC);
    if (fd < 0)
        return -1;
    mode_t mask = umask(0);
    umask(mask);
    if (fchmod(fd, 0666 & ~mask) == 0)
        return fd;
    int saved = errno;
    close(fd);
    unlink(file->temporary);
    errno = saved;
    return -1;
}

static int open_file(struct ofr_atomic_file *file, struct ofr_error *err)
{
    struct stat st;
    bool exists = stat(file->path, &st) == 0;
    if (exists && S_ISDIR(st.st_mode))
        return ofr_fail(err, OFR_E_INPUT, "cannot create %s: it is a directory", file->path);
    file->target = exists ? realpath(file->path, NULL) : strdup(file->path);
    if (!file->target)
        return ofr_fail_errno(err, "cannot create", file->path);
    bool direct = exists && !S_ISREG(st.st_mode);
    if (!direct && asprintf(&file->temporary, "%s.partial-XXXXXX", file->target) < 0) {
        file->temporary = NULL;
        return ofr_fail_nomem(err, "a file name");
    }
    file->fd = direct ? open(file->target, O_WRONLY | O_CLOEXEC) : open_temporary(file);
    return file->fd < 0 ? ofr_fail_errno(err, "cannot create", file->path) : OFR_OK;
}

int ofr_atomic_open(struct ofr_atomic_file **out, const char *path, struct ofr_error *err)
{
    *out = NULL;
    struct ofr_atomic_file *file = calloc(1, sizeof *file);
    if (!file || !(file->path = strdup(path))) {
        free(file);
        return ofr_fail_nomem(err, "an output file");
    }
    int rc = open_file(file, err);
    if (rc) {
        release(file);
        return rc;
    }
    *out = file;
    return OFR_OK;
}

int ofr_atomic_write(struct ofr_atomic_file *file, const void *data, size_t size, struct ofr_error *err)
{
    const char *at = data;
    while (size) {
        ssize_t done = write(file->fd, at, size);
        if (done < 0 && errno != EINTR)
            return ofr_fail_errno(err, "cannot write", file->path);
        if (done > 0) {
            at += done;
            size -= (size_t)done;
        }
    }
    return OFR_OK;
}

/* The rename itself has to survive a crash too. Some file systems cannot sync a folder: not an error. */
static void sync_folder(const char *target)
{
    char *copy = strdup(target);
    if (!copy)
        return;
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    free(copy);
}

int ofr_atomic_commit(struct ofr_atomic_file *file, struct ofr_error *err)
{
    bool direct = !file->temporary;
    bool failed = fsync(file->fd) && !(direct && (errno == EINVAL || errno == EROFS || errno == ENOTSUP));
    if (failed)
        ofr_fail_errno(err, "cannot write", file->path);
    if (close(file->fd) && !failed) {
        ofr_fail_errno(err, "cannot write", file->path);
        failed = true;
    }
    if (!failed && !direct && rename(file->temporary, file->target)) {
        ofr_fail_errno(err, "cannot replace", file->path);
        failed = true;
    }
    if (!direct && failed)
        unlink(file->temporary);
    else if (!direct)
        sync_folder(file->target);
    release(file);
    return failed ? OFR_E_IO : OFR_OK;
}

void ofr_atomic_abort(struct ofr_atomic_file *file)
{
    if (!file)
        return;
    close(file->fd);
    if (file->temporary)
        unlink(file->temporary);
    release(file);
}

/* ---- printing ---- */

struct printing {
    struct ofr_atomic_file *file;
    int rc; /* of the first write that failed */
    struct ofr_error *err;
};

static ssize_t write_through(void *cookie, const char *bytes, size_t size)
{
    struct printing *printing = cookie;
    if (!printing->rc)
        printing->rc = ofr_atomic_write(printing->file, bytes, size, printing->err);
    return printing->rc ? 0 : (ssize_t)size;
}

int ofr_atomic_print(const char *path, ofr_atomic_printer *print, const void *state, struct ofr_error *err)
{
    struct printing printing = {.err = err};
    int rc = ofr_atomic_open(&printing.file, path, err);
    if (rc)
        return rc;
    FILE *out = fopencookie(&printing, "w", (cookie_io_functions_t){.write = write_through});
    if (!out) {
        ofr_atomic_abort(printing.file);
        return ofr_fail_nomem(err, path);
    }
    rc = print(out, state, err);
    if (fclose(out) && !rc && !printing.rc)
        rc = ofr_fail_errno(err, "cannot write", path);
    if (!rc)
        rc = printing.rc;
    if (!rc)
        return ofr_atomic_commit(printing.file, err);
    ofr_atomic_abort(printing.file);
    return rc;
}
