#include "traces/import/text_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zlib.h>

enum {
    RAW_SIZE = 64 << 10,
    PLAIN_SIZE = 256 << 10,
    INFLATE_GZIP = 15 + 16, /* zlib: largest window, gzip wrapper */
};

struct ofr_text {
    char *path; /* owned */
    FILE *file; /* owned */
    XXH64_state_t *hash;
    uint64_t raw_bytes;
    bool gzip, member_open, raw_end;
    z_stream inflate;
    unsigned char raw[RAW_SIZE]; /* as it lies in the file */
    unsigned char *plain;        /* unpacked; owned; NULL for plain text, which is read where it lies */
    const unsigned char *next;   /* unread text: next .. end */
    const unsigned char *end;
    char *line; /* owned */
    size_t line_length, line_capacity;
    uint64_t number, column; /* of the line handed out last; of the token reader's place */
    bool started;
};

static int fill_raw(struct ofr_text *text, size_t *got, struct ofr_error *err)
{
    *got = fread(text->raw, 1, sizeof text->raw, text->file);
    if (*got < sizeof text->raw) {
        if (ferror(text->file))
            return ofr_fail_errno(err, "cannot read", text->path);
        text->raw_end = true;
    }
    XXH64_update(text->hash, text->raw, *got);
    text->raw_bytes += *got;
    return 0;
}

static uint64_t raw_offset(const struct ofr_text *text)
{
    return text->raw_bytes - text->inflate.avail_in;
}

static int refill_input(struct ofr_text *text, struct ofr_error *err)
{
    size_t got = 0;
    if (text->inflate.avail_in > 0 || text->raw_end)
        return 0;
    int rc = fill_raw(text, &got, err);
    text->inflate.next_in = text->raw;
    text->inflate.avail_in = (uInt)got;
    return rc;
}

/* Between members: another one may follow, or zero bytes that pad the file (tapes, block devices). */
static int next_member(struct ofr_text *text, struct ofr_error *err)
{
    while (text->inflate.avail_in > 0 && *text->inflate.next_in == 0) {
        ++text->inflate.next_in;
        --text->inflate.avail_in;
    }
    if (text->inflate.avail_in == 0)
        return 0;
    if (*text->inflate.next_in != 0x1f)
        return ofr_fail(
            err, OFR_E_INPUT,
            "%s: offset %llu: found bytes after the end of the gzip data, expected the end of the "
            "file or another gzip member",
            text->path, (unsigned long long)raw_offset(text));
    inflateReset(&text->inflate);
    text->member_open = true;
    return 0;
}

static int inflate_some(struct ofr_text *text, struct ofr_error *err)
{
    text->inflate.next_out = text->plain;
    text->inflate.avail_out = PLAIN_SIZE;
    int status = inflate(&text->inflate, Z_NO_FLUSH);
    if (status == Z_STREAM_END)
        text->member_open = false;
    else if (status != Z_OK && status != Z_BUF_ERROR)
        return ofr_fail(err, status == Z_MEM_ERROR ? OFR_E_NOMEM : OFR_E_INPUT,
                        "%s: offset %llu: gzip data is damaged (%s)", text->path,
                        (unsigned long long)raw_offset(text),
                        text->inflate.msg ? text->inflate.msg : zError(status));
    text->next = text->plain;
    text->end = text->inflate.next_out;
    return 0;
}

static int fill_gzip(struct ofr_text *text, struct ofr_error *err)
{
    while (text->next == text->end) {
        int rc = refill_input(text, err);
        if (rc == 0 && !text->member_open)
            rc = next_member(text, err);
        if (rc)
            return rc;
        if (text->inflate.avail_in == 0 && text->raw_end) {
            if (!text->member_open)
                return 0;
            return ofr_fail(err, OFR_E_INPUT, "%s: offset %llu: gzip data is cut off, expected more bytes",
                            text->path, (unsigned long long)text->raw_bytes);
        }
        if (text->member_open && (rc = inflate_some(text, err)) != 0)
            return rc;
    }
    return 1;
}

/* 1 = there is unread text, 0 = end. */
static int fill(struct ofr_text *text, struct ofr_error *err)
{
    if (text->next < text->end)
        return 1;
    if (text->gzip)
        return fill_gzip(text, err);
    size_t got = 0;
    if (text->raw_end)
        return 0;
    int rc = fill_raw(text, &got, err);
    text->next = text->raw;
    text->end = text->raw + got;
    return rc ? rc : got > 0;
}

/* The first bytes decide: gzip or not; with or without a byte order mark. */
static int start(struct ofr_text *text, struct ofr_error *err)
{
    size_t got = 0;
    int rc = fill_raw(text, &got, err);
    if (rc)
        return rc;
    text->gzip = got >= 2 && text->raw[0] == 0x1f && text->raw[1] == 0x8b;
    text->next = text->end = text->raw;
    if (text->gzip) {
        text->plain = malloc(PLAIN_SIZE);
        if (!text->plain || inflateInit2(&text->inflate, INFLATE_GZIP) != Z_OK)
            return ofr_fail_nomem(err, "unpacking");
        text->inflate.next_in = text->raw;
        text->inflate.avail_in = (uInt)got;
        text->member_open = text->started = true;
        if ((rc = fill(text, err)) < 0)
            return rc;
    } else {
        text->end = text->raw + got;
    }
    if (text->end - text->next >= 3 && memcmp(text->next, "\xef\xbb\xbf", 3) == 0)
        text->next += 3;
    return 0;
}

int ofr_text_open(struct ofr_text **out, const char *path, struct ofr_error *err)
{
    struct ofr_text *text = calloc(1, sizeof *text);
    *out = NULL;
    if (!text)
        return ofr_fail_nomem(err, path);
    text->path = strdup(path);
    text->hash = XXH64_createState();
    text->column = 1;
    int rc = 0;
    if (!text->path || !text->hash || XXH64_reset(text->hash, 0) != XXH_OK)
        rc = ofr_fail_nomem(err, path);
    else if (!(text->file = fopen(path, "rb")))
        rc = ofr_fail_errno(err, "cannot open", path);
    else
        rc = start(text, err);
    if (rc) {
        ofr_text_close(text);
        return rc;
    }
    *out = text;
    return 0;
}

void ofr_text_close(struct ofr_text *text)
{
    if (!text)
        return;
    if (text->started)
        inflateEnd(&text->inflate);
    if (text->file)
        fclose(text->file);
    XXH64_freeState(text->hash);
    free(text->plain);
    free(text->line);
    free(text->path);
    free(text);
}

static int grow_line(struct ofr_text *text, size_t more, struct ofr_error *err)
{
    size_t need = text->line_length + more + 1;
    if (need > OFR_TEXT_LINE_MAX)
        return ofr_fail_at(err, OFR_E_INPUT, text->path, ofr_text_place(text->number), 0,
                           "found a line longer than %d MiB, expected shorter lines",
                           OFR_TEXT_LINE_MAX >> 20);
    if (need <= text->line_capacity)
        return 0;
    size_t capacity = text->line_capacity ? text->line_capacity : 4096;
    while (capacity < need)
        capacity *= 2;
    char *line = realloc(text->line, capacity);
    if (!line)
        return ofr_fail_nomem(err, "a line");
    text->line = line;
    text->line_capacity = capacity;
    return 0;
}

/* Appends unread text up to the line's end; *done when the end was seen. */
static int append_piece(struct ofr_text *text, bool *done, struct ofr_error *err)
{
    size_t left = (size_t)(text->end - text->next);
    const unsigned char *newline = memchr(text->next, '\n', left);
    size_t length = newline ? (size_t)(newline - text->next) : left;
    const unsigned char *nul = memchr(text->next, 0, length);
    if (nul)
        return ofr_fail_at(err, OFR_E_INPUT, text->path, ofr_text_place(text->number),
                           ofr_text_place(text->line_length + (size_t)(nul - text->next) + 1),
                           "found a NUL byte, expected text");
    int rc = grow_line(text, length, err);
    if (rc)
        return rc;
    memcpy(text->line + text->line_length, text->next, length);
    text->line_length += length;
    text->next += length + (newline != NULL);
    *done = newline != NULL;
    return 0;
}

static int append_line(struct ofr_text *text, struct ofr_error *err)
{
    bool done = false;
    int more = fill(text, err);
    if (more <= 0)
        return more;
    while (more > 0 && !done) {
        int rc = append_piece(text, &done, err);
        if (rc)
            return rc;
        if (!done)
            more = fill(text, err);
    }
    if (more < 0)
        return more;
    if (text->line_length > 0 && text->line[text->line_length - 1] == '\r')
        --text->line_length;
    text->line[text->line_length] = '\0';
    return 1;
}

int ofr_text_line(struct ofr_text *text, struct ofr_line *line, struct ofr_error *err)
{
    text->line_length = 0;
    ++text->number;
    int rc = append_line(text, err);
    *line = (struct ofr_line){.text = text->line, .length = text->line_length, .number = text->number};
    return rc;
}

int ofr_text_join(struct ofr_text *text, struct ofr_line *line, struct ofr_error *err)
{
    int rc = grow_line(text, 1, err);
    if (rc)
        return rc;
    text->line[text->line_length++] = '\n';
    ++text->number;
    rc = append_line(text, err);
    line->text = text->line;
    line->length = text->line_length;
    return rc;
}

static bool is_blank(unsigned char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static void step(struct ofr_text *text)
{
    if (*text->next++ == '\n') {
        ++text->number;
        text->column = 1;
    } else {
        ++text->column;
    }
}

static int token_fail(const struct ofr_token *token, const struct ofr_text *text, const char *what,
                      struct ofr_error *err)
{
    return ofr_fail_at(err, OFR_E_INPUT, text->path, ofr_text_place(token->line),
                       ofr_text_place(token->column), "%s", what);
}

int ofr_text_token(struct ofr_text *text, struct ofr_token *token, struct ofr_error *err)
{
    int more = fill(text, err);
    token->length = 0;
    for (; more > 0 && is_blank(*text->next); more = fill(text, err))
        step(text);
    token->line = text->number + 1; /* counts the line ends passed */
    token->column = text->column;
    for (; more > 0 && !is_blank(*text->next); more = fill(text, err)) {
        if (*text->next == 0)
            return token_fail(token, text, "found a NUL byte, expected text", err);
        if (token->length == OFR_TEXT_TOKEN_MAX)
            return token_fail(token, text, "found more than 63 bytes without a blank, expected a number",
                              err);
        token->text[token->length++] = (char)*text->next;
        step(text);
    }
    token->text[token->length] = '\0';
    return more < 0 ? more : token->length > 0;
}

int ofr_text_finish(struct ofr_text *text, struct ofr_error *err)
{
    int more = fill(text, err);
    while (more > 0) {
        text->next = text->end;
        more = fill(text, err);
    }
    return more;
}

uint64_t ofr_text_hash(const struct ofr_text *text)
{
    return XXH64_digest(text->hash);
}

uint64_t ofr_text_bytes(const struct ofr_text *text)
{
    return text->raw_bytes;
}

const char *ofr_text_path(const struct ofr_text *text)
{
    return text->path;
}

const char *ofr_quote(char out[OFR_QUOTE_SIZE], const char *text, size_t length)
{
    enum {
        SHOWN = 40
    };
    char *to = out;
    *to++ = '\'';
    for (size_t i = 0; i < length && i < SHOWN; ++i) {
        unsigned char byte = (unsigned char)text[i];
        if (byte >= 0x20 && byte < 0x7f)
            *to++ = (char)byte;
        else
            to += sprintf(to, "\\x%02x", byte);
    }
    strcpy(to, length > SHOWN ? "...'" : "'");
    return out;
}

void ofr_plain_text(char *text)
{
    for (char *at = text; *at; ++at)
        if ((unsigned char)*at < 0x20 || (unsigned char)*at > 0x7e)
            *at = '?';
}
