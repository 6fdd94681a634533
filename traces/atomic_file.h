/* Output files that appear whole or not at all.
 *
 * Bytes go to a temporary file beside the target (`TARGET.partial-XXXXXX`); commit flushes it to the disk and
 * renames it over the target, so that a reader sees the old file or the new one. Abort, and any failure of
 * commit, removes the temporary and leaves the target as it was. A target that exists and is no regular file
 * (a device, a pipe) is written to directly, because a rename would replace it. A symbolic link is followed.
 *
 * Errors: OFR_E_IO naming the target and the system's reason, OFR_E_NOMEM.
 */
#ifndef OFR_TRACES_ATOMIC_FILE_H
#define OFR_TRACES_ATOMIC_FILE_H

#include "sim/base/error.h"

#include <stddef.h>
#include <stdio.h>

struct ofr_atomic_file;

int ofr_atomic_open(struct ofr_atomic_file **out, const char *path, struct ofr_error *err);
int ofr_atomic_write(struct ofr_atomic_file *file, const void *data, size_t size, struct ofr_error *err);
/* Both free `file`; NULL is allowed for abort. */
int ofr_atomic_commit(struct ofr_atomic_file *file, struct ofr_error *err);
void ofr_atomic_abort(struct ofr_atomic_file *file);

/* Prints what a file is to hold; 0 or an error, which leaves the file as it was. Failures of `out` are seen to. */
typedef int ofr_atomic_printer(FILE *out, const void *state, struct ofr_error *err);
/* Opens a file, has it printed and commits it. The first error counts, be it the printer's or the disk's. */
int ofr_atomic_print(const char *path, ofr_atomic_printer *print, const void *state, struct ofr_error *err);

#endif
