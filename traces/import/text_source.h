/* Foreign text, plain or gzip, read in place and in one pass.
 *
 * Concept. A source hands out either lines or blank-separated tokens, with their line number. Gzip is
 * recognised by its first two bytes, whatever the file is called; several members one after the other are one
 * text. The raw bytes (as they lie in the file) are hashed on the way, for the provenance of what is made.
 *
 * Text. LF and CRLF end a line, the last one needs no end; a UTF-8 byte order mark at the start is skipped; a
 * NUL byte is an error, and so is a line longer than OFR_TEXT_LINE_MAX (the buffer grows no further).
 *
 * Errors: OFR_E_INPUT with file:line:column, or with the offset in the file for gzip damage; OFR_E_IO;
 * OFR_E_NOMEM. After an error the source can only be closed. One source, one thread.
 */
#ifndef OFR_IMPORT_TEXT_SOURCE_H
#define OFR_IMPORT_TEXT_SOURCE_H

#include "sim/base/error.h"

#include <stddef.h>
#include <stdint.h>

enum {
    OFR_TEXT_LINE_MAX = 16 << 20, /* bytes */
    OFR_TEXT_TOKEN_MAX = 63,      /* bytes */
};

struct ofr_text; /* opaque */

/* A line without its end, NUL-terminated. `text` is borrowed and may be edited; valid until the next call. */
struct ofr_line {
    char *text;
    size_t length;
    uint64_t number; /* 1-based */
};

/* A run of bytes between blanks or line ends. */
struct ofr_token {
    char text[OFR_TEXT_TOKEN_MAX + 1];
    size_t length;
    uint64_t line, column; /* 1-based */
};

int ofr_text_open(struct ofr_text **out, const char *path, struct ofr_error *err);
void ofr_text_close(struct ofr_text *text); /* NULL is allowed */

/* 1 = a line, 0 = end of text, negative = error. */
int ofr_text_line(struct ofr_text *text, struct ofr_line *line, struct ofr_error *err);
/* Appends a newline and the next line to the one handed out last (a quoted CSV field may span lines); the
 * number stays that of the first. Returns as ofr_text_line. */
int ofr_text_join(struct ofr_text *text, struct ofr_line *line, struct ofr_error *err);
/* 1 = a token, 0 = end of text, negative = error. Not to be mixed with lines. */
int ofr_text_token(struct ofr_text *text, struct ofr_token *token, struct ofr_error *err);

/* Reads what is left, so that damage there is found and the hash covers the whole file. */
int ofr_text_finish(struct ofr_text *text, struct ofr_error *err);
uint64_t ofr_text_hash(const struct ofr_text *text);  /* XXH64, seed 0, of the raw bytes read so far */
uint64_t ofr_text_bytes(const struct ofr_text *text); /* raw bytes read so far */
const char *ofr_text_path(const struct ofr_text *text);

/* Line numbers are 64 bits, those of the error object are ints. */
static inline int ofr_text_place(uint64_t number)
{
    return number > INT32_MAX ? INT32_MAX : (int)number;
}

/* Foreign bytes for a message: at most 40, in quotes, what is not printable ASCII as \xNN. Returns `out`. */
enum {
    OFR_QUOTE_SIZE = 192
};
const char *ofr_quote(char out[OFR_QUOTE_SIZE], const char *text, size_t length);

/* Makes a message that may hold pieces of a foreign file one line of plain text: other bytes become `?`. */
void ofr_plain_text(char *text);

#endif
