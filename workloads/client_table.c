#include "workloads/client_table.h"

#include "sim/base/units.h"
#include "traces/import/number.h"
#include "traces/import/text_source.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

enum {
    COLUMNS = 6,
    RATE_MAX = 1000000000,
    TAR_BLOCK = 512,
};

struct bytes {
    char *at; /* owned */
    size_t size;
};

/* ---- one row ---- */

struct row {
    const char *path;
    int line;
    char *field[COLUMNS];
    int column[COLUMNS]; /* 1-based */
};

static int split(struct row *row, char *line, struct ofr_error *err)
{
    int count = 0;
    for (char *at = line; at; ++count) {
        char *comma = strchr(at, ',');
        if (comma)
            *comma = '\0';
        if (count < COLUMNS) {
            row->field[count] = at;
            row->column[count] = (int)(at - line) + 1;
        }
        at = comma ? comma + 1 : NULL;
    }
    if (count != COLUMNS)
        return ofr_fail_at(err, OFR_E_INPUT, row->path, row->line, 0,
                           "found %d columns, expected start,rate,cv,pattern,shape,scale", count);
    return OFR_OK;
}

static int row_fail(const struct row *row, int which, const char *expected, struct ofr_error *err)
{
    char quoted[OFR_QUOTE_SIZE];
    return ofr_fail_at(err, OFR_E_INPUT, row->path, row->line, row->column[which], "found %s, expected %s",
                       ofr_quote(quoted, row->field[which], strlen(row->field[which])), expected);
}

static int read_positive(const struct row *row, int which, double max, const char *expected, double *out,
                         struct ofr_error *err)
{
    if (ofr_read_real(row->field[which], out) || !(*out >= 0 && *out <= max))
        return row_fail(row, which, expected, err);
    return OFR_OK;
}

static int read_pattern(const struct row *row, struct ofr_client_window *window, struct ofr_error *err)
{
    double scale = 0;
    if (strcmp(row->field[3], "") == 0)
        window->pattern = OFR_CLIENT_NO_FIT;
    else if (strcmp(row->field[3], "Gamma") == 0)
        window->pattern = OFR_CLIENT_GAMMA;
    else if (strcmp(row->field[3], "Weibull") == 0)
        window->pattern = OFR_CLIENT_WEIBULL;
    else
        return row_fail(row, 3, "Gamma, Weibull or nothing", err);
    int code = read_positive(row, 4, 1e9, "a shape from 0 to 1e9", &window->shape, err);
    if (!code)
        code = read_positive(row, 5, 1e300, "a scale of 0 or more", &scale, err);
    if (!code && window->pattern != OFR_CLIENT_NO_FIT && window->shape < OFR_CLIENT_SHAPE_MIN)
        return row_fail(row, 4, "a shape of at least 0.001", err);
    return code;
}

static int read_row(const struct row *row, const struct ofr_client *client, struct ofr_client_window *window,
                    struct ofr_error *err)
{
    enum ofr_number number =
        ofr_number_time(row->field[0], strlen(row->field[0]), OFR_SCALE_S, &window->start_ns);
    if (number != OFR_NUMBER_OK || window->start_ns > (int64_t)1 << 61)
        return row_fail(row, 0, "a time in seconds", err);
    if (client->windows > 0 && window->start_ns <= client->window[client->windows - 1].start_ns)
        return row_fail(row, 0, "a window after the one of the row before", err);
    int code = read_positive(row, 1, RATE_MAX, "a rate from 0 to 1e9", &window->rate, err);
    if (!code)
        code = read_positive(row, 2, 1e9, "a coefficient of variation", &window->cv, err);
    return code ? code : read_pattern(row, window, err);
}

/* ---- one client ---- */

static int add_window(struct ofr_client *client, const struct row *row, struct ofr_error *err)
{
    if (client->windows == OFR_CLIENT_WINDOWS_MAX)
        return ofr_fail_at(err, OFR_E_INPUT, row->path, row->line, 0, "found more than %d windows",
                           OFR_CLIENT_WINDOWS_MAX);
    /* grows at powers of two */
    if ((client->windows & (client->windows - 1)) == 0) {
        size_t capacity = client->windows ? 2 * (size_t)client->windows : 1;
        struct ofr_client_window *window = realloc(client->window, capacity * sizeof *window);
        if (!window)
            return ofr_fail_nomem(err, "a client table");
        client->window = window;
    }
    struct ofr_client_window window = {0};
    int code = read_row(row, client, &window, err);
    if (!code)
        client->window[client->windows++] = window;
    return code;
}

static int parse_lines(struct ofr_client *client, const char *path, char *text, size_t size,
                       struct ofr_error *err)
{
    struct row row = {.path = path};
    char *end = text + size;
    for (char *line = text; line < end;) {
        char *stop = memchr(line, '\n', (size_t)(end - line));
        char *next = stop ? stop + 1 : end;
        stop = stop ? stop : end;
        if (stop > line && stop[-1] == '\r')
            stop--;
        row.line++;
        *stop = '\0'; /* the text has room for one byte more */
        if (strlen(line) != (size_t)(stop - line))
            return ofr_fail_at(err, OFR_E_INPUT, path, row.line, 0, "found a NUL byte, expected text");
        int code = *line ? split(&row, line, err) : OFR_OK;
        if (!code && *line)
            code = add_window(client, &row, err);
        if (code)
            return code;
        line = next;
    }
    if (client->windows == 0)
        return ofr_fail(err, OFR_E_INPUT, "%s: found no window, expected start,rate,cv,pattern,shape,scale",
                        path);
    return OFR_OK;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int add_client(struct ofr_client_tables *tables, const char *path, char *text, size_t size,
                      struct ofr_error *err)
{
    if (tables->clients == OFR_CLIENTS_MAX)
        return ofr_fail(err, OFR_E_INPUT, "%s: found more than %d clients", path, OFR_CLIENTS_MAX);
    struct ofr_client *client = realloc(tables->client, (tables->clients + 1) * sizeof *client);
    if (!client)
        return ofr_fail_nomem(err, "client tables");
    tables->client = client;
    client += tables->clients++;
    *client = (struct ofr_client){.name = strdup(base_name(path))};
    if (!client->name)
        return ofr_fail_nomem(err, "client tables");
    return parse_lines(client, path, text, size, err);
}

/* ---- whole files ---- */

static int gz_fail(gzFile file, const char *path, struct ofr_error *err)
{
    int status = Z_OK;
    const char *text = gzerror(file, &status);
    if (status == Z_ERRNO)
        return ofr_fail_errno(err, "cannot read", path);
    return ofr_fail(err, OFR_E_INPUT, "%s: gzip data is damaged or cut off (%s)", path, text);
}

static int read_some(gzFile file, const char *path, struct bytes *bytes, struct ofr_error *err)
{
    size_t capacity = 1 << 16;
    for (;;) {
        char *at = realloc(bytes->at, capacity + 1);
        if (!at)
            return ofr_fail_nomem(err, path);
        bytes->at = at;
        int got = gzread(file, bytes->at + bytes->size, (unsigned)(capacity - bytes->size));
        if (got < 0)
            return gz_fail(file, path, err);
        bytes->size += (size_t)got;
        if (bytes->size < capacity)
            break;
        if (capacity >= OFR_CLIENT_BYTES_MAX)
            return ofr_fail(err, OFR_E_INPUT, "%s: found more than %d bytes", path, OFR_CLIENT_BYTES_MAX);
        capacity *= 2;
    }
    return OFR_OK;
}

/* One byte more than `size` belongs to the bytes. */
static int read_whole(const char *path, struct bytes *bytes, struct ofr_error *err)
{
    *bytes = (struct bytes){0};
    errno = 0;
    gzFile file = gzopen(path, "rb");
    if (!file)
        return errno ? ofr_fail_errno(err, "cannot open", path) : ofr_fail_nomem(err, path);
    int code = read_some(file, path, bytes, err);
    int closed = gzclose(file); /* says when the last member was cut off */
    if (!code && closed != Z_OK)
        code = ofr_fail(err, OFR_E_INPUT, "%s: gzip data is cut off, expected more bytes", path);
    if (code) {
        free(bytes->at);
        *bytes = (struct bytes){0};
    }
    return code;
}

/* ---- tar ---- */

/* Octal digits, blanks around. False when there is anything else. */
static bool read_octal(const char *text, size_t width, uint64_t *value)
{
    size_t i = 0;
    *value = 0;
    while (i < width && text[i] == ' ')
        i++;
    for (; i < width && text[i] >= '0' && text[i] <= '7'; i++)
        *value = *value * 8 + (uint64_t)(text[i] - '0');
    return i == width || text[i] == '\0' || text[i] == ' ';
}

/* The sum of a header's bytes, those of the sum itself taken for blanks. */
static bool header_is_sound(const char *header)
{
    uint64_t claimed, sum = 0;
    for (int i = 0; i < TAR_BLOCK; i++)
        sum += i >= 148 && i < 156 ? ' ' : (unsigned char)header[i];
    return read_octal(header + 148, 8, &claimed) && claimed == sum;
}

static bool is_tar(const struct bytes *bytes)
{
    return bytes->size >= TAR_BLOCK && memcmp(bytes->at + 257, "ustar", 5) == 0;
}

static bool ends_in(const char *name, const char *end)
{
    size_t length = strlen(name), tail = strlen(end);
    return length > tail && strcmp(name + length - tail, end) == 0;
}

static bool is_table_name(const char *name)
{
    return ends_in(name, ".csv") || ends_in(name, ".csv.gz");
}

static int add_member(struct ofr_client_tables *tables, const char *path, const char *header, char *data,
                      size_t size, struct ofr_error *err)
{
    char name[101] = "", where[1200];
    memcpy(name, header, 100);
    bool regular = header[156] == '0' || header[156] == '\0';
    if (!regular || !ends_in(name, ".csv"))
        return OFR_OK;
    snprintf(where, sizeof where, "%s(%s)", path, name);
    ofr_plain_text(where);
    /* The byte behind the data is needed for the end of the text; it belongs to the next header or the
     * padding. */
    char behind = data[size];
    int code = add_client(tables, where, data, size, err);
    data[size] = behind;
    if (code)
        return code;
    free(tables->client[tables->clients - 1].name);
    tables->client[tables->clients - 1].name = strdup(base_name(name));
    return tables->client[tables->clients - 1].name ? OFR_OK : ofr_fail_nomem(err, "client tables");
}

static int read_tar(struct ofr_client_tables *tables, const char *path, struct bytes *bytes,
                    struct ofr_error *err)
{
    static const char nothing[TAR_BLOCK];
    for (size_t at = 0; at + TAR_BLOCK <= bytes->size;) {
        char *header = bytes->at + at;
        uint64_t size;
        if (memcmp(header, nothing, TAR_BLOCK) == 0)
            return OFR_OK;
        if (!header_is_sound(header) || !read_octal(header + 124, 12, &size))
            return ofr_fail(err, OFR_E_INPUT, "%s: offset %zu: found a damaged tar header", path, at);
        at += TAR_BLOCK;
        if (size > bytes->size - at)
            return ofr_fail(err, OFR_E_INPUT, "%s: offset %zu: the archive is cut off, expected %llu bytes",
                            path, at, (unsigned long long)size);
        int code = add_member(tables, path, header, bytes->at + at, size, err);
        if (code)
            return code;
        at += (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
    }
    return OFR_OK;
}

/* ---- any source ---- */

static int read_file(struct ofr_client_tables *tables, const char *path, struct ofr_error *err)
{
    struct bytes bytes;
    int code = read_whole(path, &bytes, err);
    if (code)
        return code;
    code = is_tar(&bytes) ? read_tar(tables, path, &bytes, err)
                          : add_client(tables, path, bytes.at, bytes.size, err);
    free(bytes.at);
    return code;
}

static int read_folder(struct ofr_client_tables *tables, const char *path, struct ofr_error *err)
{
    DIR *folder = opendir(path);
    if (!folder)
        return ofr_fail_errno(err, "cannot open", path);
    int code = OFR_OK;
    struct dirent *entry;
    while (!code && (entry = readdir(folder))) {
        char *file = NULL;
        if (!is_table_name(entry->d_name))
            continue;
        if (asprintf(&file, "%s/%s", path, entry->d_name) < 0)
            code = ofr_fail_nomem(err, path);
        else
            code = read_file(tables, file, err);
        if (file)
            free(file);
    }
    closedir(folder);
    return code;
}

static int by_name(const void *left, const void *right)
{
    const struct ofr_client *a = left, *b = right;
    return strcmp(a->name, b->name);
}

int ofr_client_tables_load(struct ofr_client_tables *tables, const char *path, struct ofr_error *err)
{
    struct stat about;
    *tables = (struct ofr_client_tables){0};
    if (stat(path, &about))
        return ofr_fail_errno(err, "cannot open", path);
    int code = S_ISDIR(about.st_mode) ? read_folder(tables, path, err) : read_file(tables, path, err);
    if (!code && tables->clients == 0)
        code = ofr_fail(err, OFR_E_INPUT, "%s: found no client table, expected files named *.csv", path);
    if (code)
        ofr_client_tables_release(tables);
    else
        qsort(tables->client, tables->clients, sizeof *tables->client, by_name);
    return code;
}

void ofr_client_tables_release(struct ofr_client_tables *tables)
{
    for (uint32_t i = 0; i < tables->clients; i++) {
        free(tables->client[i].name);
        free(tables->client[i].window);
    }
    free(tables->client);
    *tables = (struct ofr_client_tables){0};
}
