/* Private to recordings: the columns of a .orec file, as its reader, writer and operations know them. */
#ifndef OFR_TRACES_RECORDING_FORMAT_H
#define OFR_TRACES_RECORDING_FORMAT_H

#include "traces/container.h"
#include "traces/recording.h"

/* X(NAME, name, types, unit, per site, bit of enum ofr_recording_columns or 0) */
#define OFR_SAMPLE_COLUMN_MAP(X)                                                                             \
    X(TOP1, "top1", OFR_REAL_TYPES, "", true, 0)                                                             \
    X(ENTROPY, "entropy", OFR_REAL_TYPES, "nats", true, OFR_RECORDING_ENTROPY)                               \
    X(ANSWER, "answer", 1u << OFR_TYPE_U16, "", true, 0)                                                     \
    X(FINAL_ANSWER, "final_answer", 1u << OFR_TYPE_U16, "", false, 0)                                        \
    X(FINAL_TOP1, "final_top1", OFR_REAL_TYPES, "", false, OFR_RECORDING_FINAL_TOP1)                         \
    X(LABEL, "label", 1u << OFR_TYPE_U16, "", false, OFR_RECORDING_LABEL)                                    \
    X(GROUP, "group", 1u << OFR_TYPE_U32, "", false, OFR_RECORDING_GROUP)                                    \
    X(EPISODE, "episode", 1u << OFR_TYPE_U8, "", false, OFR_RECORDING_EPISODE)                               \
    X(TOKENS, "tokens", 1u << OFR_TYPE_U32, "tokens", false, OFR_RECORDING_TOKENS)                           \
    X(REQUEST, "request", 1u << OFR_TYPE_U32, "", false, OFR_RECORDING_REQUEST)                              \
    X(POSITION, "position", 1u << OFR_TYPE_U32, "", false, OFR_RECORDING_POSITION)

#define OFR_REAL_TYPES (1u << OFR_TYPE_F16 | 1u << OFR_TYPE_F32)

enum ofr_sample_column {
#define X(name, text, types, unit, per_site, bit) OFR_SAMPLE_##name,
    OFR_SAMPLE_COLUMN_MAP(X)
#undef X
    OFR_SAMPLE_COLUMNS
};

#define OFR_SAMPLE_TABLE  "samples"
#define OFR_LENGTHS_TABLE "requests" /* columns request, prompt_tokens, output_tokens */

#endif
