/* Private to workloads/: client tables in the form ServeGen publishes them.
 *
 * One table a client, no header, six comma-separated columns a row: start of the window (s), request rate
 * (1/s), coefficient of variation of the gaps, pattern (`Gamma`, `Weibull` or blank), and the pattern's shape
 * and scale (s). Rows are in order of time; what a window does not cover is silence.
 *
 * A source is one table (.csv), a folder of them, or a tar archive of them, each plain or gzip. The tar
 * reader is our own because all it takes is a header of 512 bytes a member: ustar and GNU archives, regular
 * members whose name ends in .csv, each header's checksum checked. Clients are in order of their file names
 * (without folders), so that an archive and the folder it was made from give the same.
 */
#ifndef OFR_WORKLOADS_CLIENT_TABLE_H
#define OFR_WORKLOADS_CLIENT_TABLE_H

#include "sim/base/error.h"

#include <stddef.h>
#include <stdint.h>

enum ofr_client_pattern {
    OFR_CLIENT_NO_FIT, /* blank */
    OFR_CLIENT_GAMMA,
    OFR_CLIENT_WEIBULL,
};

struct ofr_client_window {
    int64_t start_ns;
    double rate;  /* 1/s */
    double cv;    /* of the gaps as measured; 0 = unknown */
    double shape; /* of the pattern; its scale follows from shape and rate */
    enum ofr_client_pattern pattern;
};

struct ofr_client {
    char *name;                       /* owned; of its file, without folders */
    struct ofr_client_window *window; /* owned; [windows], ascending */
    uint32_t windows;
};

struct ofr_client_tables {
    struct ofr_client *client; /* owned; [clients] */
    uint32_t clients;
};

enum {
    OFR_CLIENTS_MAX = 4096,
    OFR_CLIENT_WINDOWS_MAX = 1 << 20, /* a client */
    OFR_CLIENT_BYTES_MAX = 1 << 28,   /* a file, unpacked */
};

#define OFR_CLIENT_SHAPE_MIN 0.001

/* Errors: OFR_E_INPUT with file:line:column, OFR_E_IO, OFR_E_NOMEM; then nothing is left of `tables`. */
int ofr_client_tables_load(struct ofr_client_tables *tables, const char *path, struct ofr_error *err);
void ofr_client_tables_release(struct ofr_client_tables *tables);

#endif
