#include "sim/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Pieces of the user's files may be in a message: one line it stays. */
static void plain(char *text)
{
    for (; *text; ++text)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

static int record(struct ofr_error *err, int code, const char *prefix, const char *format, va_list args)
{
    if (!err)
        return code;
    if (err->code != OFR_OK)
        return err->code;
    err->code = code;
    int used = snprintf(err->text, sizeof err->text, "%s", prefix);
    if (used >= 0 && (size_t)used < sizeof err->text)
        vsnprintf(err->text + used, sizeof err->text - (size_t)used, format, args);
    plain(err->text);
    return code;
}

int ofr_fail(struct ofr_error *err, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int held = record(err, code, "", format, args);
    va_end(args);
    return held;
}

int ofr_fail_at(struct ofr_error *err, int code, const char *source, int line, int column, const char *format,
                ...)
{
    char prefix[OFR_ERROR_TEXT / 2];
    if (line > 0 && column > 0)
        snprintf(prefix, sizeof prefix, "%s:%d:%d: ", source, line, column);
    else if (line > 0)
        snprintf(prefix, sizeof prefix, "%s:%d: ", source, line);
    else
        snprintf(prefix, sizeof prefix, "%s: ", source);
    va_list args;
    va_start(args, format);
    int held = record(err, code, prefix, format, args);
    va_end(args);
    return held;
}

int ofr_fail_errno(struct ofr_error *err, const char *what, const char *path)
{
    return ofr_fail(err, OFR_E_IO, "%s %s: %s", what, path, strerror(errno));
}

int ofr_fail_nomem(struct ofr_error *err, const char *what)
{
    return ofr_fail(err, OFR_E_NOMEM, "out of memory for %s", what);
}

void ofr_error_clear(struct ofr_error *err)
{
    err->code = OFR_OK;
    err->text[0] = '\0';
}

const char *ofr_strerror(int code)
{
    switch (code) {
#define X(name, value, status, text)                                                                         \
    case name:                                                                                               \
        return text;
        OFR_ERROR_MAP(X)
#undef X
    default:
        return code == OFR_OK ? "ok" : "unknown error";
    }
}

const char *ofr_err_name(int code)
{
    switch (code) {
#define X(name, value, status, text)                                                                         \
    case name:                                                                                               \
        return #name;
        OFR_ERROR_MAP(X)
#undef X
    default:
        return code == OFR_OK ? "OFR_OK" : "OFR_E_UNKNOWN";
    }
}

int ofr_exit_status(int code)
{
    switch (code) {
#define X(name, value, status, text)                                                                         \
    case name:                                                                                               \
        return status;
        OFR_ERROR_MAP(X)
#undef X
    default:
        return code == OFR_OK ? 0 : 70;
    }
}
