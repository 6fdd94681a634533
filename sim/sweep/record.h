/* Private to sweeps: what a run leaves behind, as the journal keeps it and as ranks send it to each other.
 *
 *   u32 size of the whole   u32 kind (0 run, 1 head)   u64 run (head: the sweep's fingerprint)   i32 code   u32 count
 *   count f64 values (code 0) or count bytes of message   u64 XXH64 of all before
 *
 * all little-endian.
 */
#ifndef OFR_SWEEP_RECORD_H
#define OFR_SWEEP_RECORD_H

#include "sim/base/error.h"
#include "sim/offramp_option.h"

enum ofr_sweep_record_kind {
    OFR_SWEEP_RECORD_RUN,
    OFR_SWEEP_RECORD_HEAD,
};

enum {
    OFR_SWEEP_RECORD_MOST = 32 + OFFRAMP_MAX_SITES * 8 + OFR_ERROR_TEXT
};

struct ofr_sweep_record {
    uint32_t kind;
    uint64_t run;
    int32_t code;
    uint32_t count;
    double value[OFFRAMP_MAX_SITES];
    char text[OFR_ERROR_TEXT];
};

/* Bytes written to `out` (OFR_SWEEP_RECORD_MOST). */
uint32_t ofr_sweep_record_write(unsigned char *out, const struct ofr_sweep_record *record);
/* Bytes taken from `in`; 0 = there is no whole, sound record. */
uint32_t ofr_sweep_record_read(const unsigned char *in, size_t size, struct ofr_sweep_record *record);

#endif
