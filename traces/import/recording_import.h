/* A folder of NumPy arrays as an exit recording.
 *
 *   conf [N,R]  top softmax probability 0..1; the one array that must be there
 *   pred [N,R] with final_pred [N], or pred_agree [N,R] where only agreement was recorded (0/1)
 *   entropy [N,R]  nats, >= 0      final_conf [N]  0..1      label [N]
 *   episode group tokens request position [N]      prompt_tokens output_tokens [requests]
 *
 * meta.json (optional) names the recording (model, task, stream), its classes and its sites. Rows are samples
 * in order of time, columns are sites from shallow to deep. NaN, values outside their range and arrays that
 * disagree on rows or columns are refused, with the file, row and column. Other .npy files are named in
 * `ignored`.
 *
 * Errors: OFR_E_INPUT, OFR_E_IO, OFR_E_NOMEM.
 */
#ifndef OFR_IMPORT_RECORDING_IMPORT_H
#define OFR_IMPORT_RECORDING_IMPORT_H

#include "sim/offramp_option.h"
#include "traces/import/npy.h"
#include "traces/recording.h"

/* X(name): integer arrays that are carried along; those up to `position` have a row per sample, the others
 * one per request. */
#define OFR_FOLDER_MAP(X)                                                                                    \
    X(episode)                                                                                               \
    X(group)                                                                                                 \
    X(tokens)                                                                                                \
    X(request)                                                                                               \
    X(position)                                                                                              \
    X(prompt_tokens)                                                                                         \
    X(output_tokens)

enum {
#define X(name) OFR_FOLDER_##name,
    OFR_FOLDER_MAP(X)
#undef X
    OFR_FOLDER_EXTRAS,
};

/* Arrays of reals. */
enum {
    OFR_FOLDER_TOP1,
    OFR_FOLDER_ENTROPY,
    OFR_FOLDER_FINAL_TOP1,
    OFR_FOLDER_REALS
};

/* What a folder holds. Owned; release with ofr_folder_release. */
struct ofr_folder {
    uint32_t samples, sites, classes;
    char name[OFR_NAME_SIZE];
    char site_name[OFFRAMP_MAX_SITES][OFR_NAME_SIZE];
    bool agreement;
    bool half;                    /* all reals came as f16 and are kept as its bit patterns (uint16_t) */
    void *real[OFR_FOLDER_REALS]; /* [samples][sites] (final_top1: [samples]) uint16_t or float */
    uint16_t *answer;             /* [samples][sites] */
    uint16_t *final_answer;       /* [samples] */
    uint16_t *label;              /* [samples] or NULL */
    uint32_t requests;            /* rows of prompt_tokens and output_tokens; 0 = none */
    uint32_t *extra[OFR_FOLDER_EXTRAS]; /* [samples] or [requests]; NULL = not there */
    char ignored[512];                  /* .npy files that are not known, blank-separated; "" = none */
    uint64_t hash;                      /* XXH64 over the elements of all arrays taken */
};

int ofr_folder_load(struct ofr_folder *out, const char *path, struct ofr_error *err);
void ofr_folder_release(struct ofr_folder *folder);

/* Writes the recording. `source` and `command` go into its provenance; `command` may be NULL. */
int ofr_folder_write(const struct ofr_folder *folder, const char *path, const char *source,
                     const char *command, struct ofr_error *err);

#endif
