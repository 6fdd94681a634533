/* Error codes and the error object every fallible function fills.
 *
 * A function that can fail returns 0 or a negative code from OFR_ERROR_MAP and writes one complete line for
 * the user into the `struct ofr_error` it was given. The first error wins: later failures while unwinding do
 * not overwrite it. Library code never prints, exits or aborts.
 *
 * Message form: `source:line:column: what was found, what was expected` for text, `source: offset N: ...` for
 * binary data, `source: ...` otherwise. No trailing newline or full stop; control
 * characters of whatever is quoted become `?`.
 */
#ifndef OFR_BASE_ERROR_H
#define OFR_BASE_ERROR_H

#include <stdbool.h>

/* X(name, value, process exit status, text). Exit statuses are part of the command-line contract. */
#define OFR_ERROR_MAP(X)                                                                                     \
    X(OFR_E_GATE, -1, 1, "a gate failed")                                                                    \
    X(OFR_E_INPUT, -2, 2, "bad input")                                                                       \
    X(OFR_E_USAGE, -3, 2, "bad usage")                                                                       \
    X(OFR_E_IO, -4, 3, "input or output failed")                                                             \
    X(OFR_E_NOMEM, -5, 3, "out of memory")                                                                   \
    X(OFR_E_DEVICE, -6, 3, "device failed")                                                                  \
    X(OFR_E_BUG, -7, 70, "internal error")

enum ofr_code {
    OFR_OK = 0,
#define X(name, value, status, text) name = value,
    OFR_ERROR_MAP(X)
#undef X
};

enum {
    OFR_ERROR_TEXT = 1024
};

struct ofr_error {
    int code;                  /* 0 or the first OFR_E_* reported */
    char text[OFR_ERROR_TEXT]; /* one line, NUL-terminated; cut at the end when longer */
};

#define OFR_ERROR_INIT                                                                                       \
    {                                                                                                        \
        .code = OFR_OK, .text = ""                                                                           \
    }

/* Records `code` with a printf-style message unless an error is already held. Returns the code held, so that
 * `return ofr_fail(err, ...)` works. `err` may be NULL (then only the code travels). */
int ofr_fail(struct ofr_error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* As ofr_fail, with the message prefixed by `source:line:column: `; a line or column of 0 is left out. */
int ofr_fail_at(struct ofr_error *err, int code, const char *source, int line, int column, const char *format,
                ...) __attribute__((format(printf, 6, 7)));

/* Records OFR_E_IO with strerror(errno) appended: `what path: reason`. */
int ofr_fail_errno(struct ofr_error *err, const char *what, const char *path);

/* Records OFR_E_NOMEM naming what was being allocated. */
int ofr_fail_nomem(struct ofr_error *err, const char *what);

void ofr_error_clear(struct ofr_error *err);

const char *ofr_strerror(int code); /* general text of a code */
const char *ofr_err_name(int code); /* "OFR_E_INPUT" ... */
int ofr_exit_status(int code);      /* process exit status of a code; 0 for OFR_OK */

#endif
