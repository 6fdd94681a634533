/* Exit recordings (.orec): for every sample of a stream, what each ramp and the full model answered and how
 * sure they were. The simulator's ground truth: it holds enough to replay any exit rule offline.
 */
#ifndef OFR_TRACES_RECORDING_H
#define OFR_TRACES_RECORDING_H

#include "sim/base/error.h"
#include "traces/notes.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    OFR_NAME_SIZE = 48
};

/* A recording in memory, row-major: [sample][site]. Owned; release with ofr_recording_free. */
struct ofr_recording {
    uint32_t samples, sites;
    uint32_t classes;                 /* 0 = unknown */
    char name[OFR_NAME_SIZE];         /* model-task-stream */
    char (*site_name)[OFR_NAME_SIZE]; /* [sites] shallow to deep */
    float *top1;            /* [samples][sites] top softmax probability, 0..1 (f16 sources are exact) */
    float *entropy;         /* [samples][sites] nats; NULL when the source has none */
    uint16_t *answer;       /* [samples][sites] class chosen by the ramp (1/0 = agrees when `agreement`) */
    uint16_t *final_answer; /* [samples] class chosen by the full model (1 when `agreement`) */
    float *final_top1;      /* [samples]; NULL when unknown */
    uint16_t *label;        /* [samples] ground truth; NULL when unknown */
    bool agreement;         /* the source recorded only whether ramp and full model agree */
    struct ofr_notes provenance;
};

/* Loads a whole recording. Errors: OFR_E_INPUT with the file and offset, OFR_E_IO, OFR_E_NOMEM. A truncated
 * file is an error here (its whole chunks can be saved with `recording cut`). */
int ofr_recording_load(struct ofr_recording **out, const char *path, struct ofr_error *err);
void ofr_recording_free(struct ofr_recording *recording); /* NULL is allowed */

/* Writing: samples are appended in blocks, in order of time; the file appears when it is finished. Columns
 * beyond those of struct ofr_recording are carried through by `recording cut` and shown by `print`. */

/* Optional columns of a recording. */
enum ofr_recording_columns {
    OFR_RECORDING_ENTROPY = 1u << 0,
    OFR_RECORDING_FINAL_TOP1 = 1u << 1,
    OFR_RECORDING_LABEL = 1u << 2,
    OFR_RECORDING_GROUP = 1u << 3,    /* track or document the sample belongs to */
    OFR_RECORDING_EPISODE = 1u << 4,  /* regime of the stream, 0 = normal */
    OFR_RECORDING_TOKENS = 1u << 5,   /* length of a text input */
    OFR_RECORDING_REQUEST = 1u << 6,  /* generation: the request a token belongs to */
    OFR_RECORDING_POSITION = 1u << 7, /* generation: its place in the output */
};

struct ofr_recording_layout {
    const char *name;             /* model-task-stream; shorter than OFR_NAME_SIZE */
    uint32_t sites, classes;      /* 1..OFFRAMP_MAX_SITES; 0 = unknown */
    const char *const *site_name; /* [sites], each shorter than OFR_NAME_SIZE, no line break */
    uint32_t columns;             /* set of enum ofr_recording_columns */
    bool agreement;               /* answers are 1 = agrees, 0 = does not; final_answer is 1 */
    bool half;    /* probabilities and entropies are f16, given as bit patterns; false: float */
    bool lengths; /* has the per-request table of ofr_recording_append_lengths */
};

/* A run of samples, row-major; borrowed for the call. Arrays of columns the layout lacks are ignored. */
struct ofr_recording_block {
    uint32_t rows;
    const void *top1;             /* [rows][sites] uint16_t (half) or float */
    const void *entropy;          /* [rows][sites] same */
    const void *final_top1;       /* [rows] same */
    const uint16_t *answer;       /* [rows][sites] */
    const uint16_t *final_answer; /* [rows] */
    const uint16_t *label;        /* [rows] */
    const uint32_t *group;        /* [rows] */
    const uint8_t *episode;       /* [rows] */
    const uint32_t *tokens;       /* [rows] */
    const uint32_t *request;      /* [rows] */
    const uint32_t *position;     /* [rows] */
};

struct ofr_recording_writer;

int ofr_recording_create(struct ofr_recording_writer **out, const char *path,
                         const struct ofr_recording_layout *layout, const struct ofr_notes *provenance,
                         struct ofr_error *err);
int ofr_recording_append(struct ofr_recording_writer *writer, const struct ofr_recording_block *block,
                         struct ofr_error *err);
/* Requests of a generative recording, numbered as they come from 0; any time before finish. */
int ofr_recording_append_lengths(struct ofr_recording_writer *writer, uint32_t rows,
                                 const uint32_t *prompt_tokens, const uint32_t *output_tokens,
                                 struct ofr_error *err);
int ofr_recording_note(struct ofr_recording_writer *writer, const char *name, const char *text,
                       struct ofr_error *err);
/* Both free the writer; NULL is allowed for abort. After a failure nothing is left behind. */
int ofr_recording_finish(struct ofr_recording_writer *writer, struct ofr_error *err);
void ofr_recording_abort(struct ofr_recording_writer *writer);

/* Exact: every half is a float. */
float ofr_half_to_float(uint16_t half);

#endif
