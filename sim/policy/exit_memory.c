#include "sim/policy/exit_memory.h"

#include <stdlib.h>

double ofr_score_bin_edge(uint32_t bin)
{
    if (bin == 0)
        return 0.0;
    uint32_t bits = (bin - 1 + ((127U - 11U) << 3)) << 20;
    float edge;
    memcpy(&edge, &bits, sizeof edge);
    return (double)edge;
}

int ofr_exit_memory_init(struct ofr_exit_memory *memory, uint32_t capacity, uint32_t most_stride,
                         uint32_t sites)
{
    *memory = (struct ofr_exit_memory){
        .capacity = capacity, .stride = 1, .most_stride = most_stride, .sites = sites};
    memory->bin = calloc(capacity, OFFRAMP_MAX_SITES);
    memory->wrong = calloc(capacity, sizeof *memory->wrong);
    if (memory->bin && memory->wrong)
        return 0;
    ofr_exit_memory_release(memory);
    return -1;
}

void ofr_exit_memory_release(struct ofr_exit_memory *memory)
{
    free(memory->bin);
    free(memory->wrong);
    memory->bin = NULL;
    memory->wrong = NULL;
}

void ofr_exit_memory_copy(struct ofr_exit_memory *memory, const struct ofr_exit_memory *from)
{
    uint8_t *bin = memory->bin;
    uint64_t *wrong = memory->wrong;
    memcpy(bin, from->bin, (size_t)from->count * OFFRAMP_MAX_SITES);
    memcpy(wrong, from->wrong, from->count * sizeof *wrong);
    *memory = *from;
    memory->bin = bin;
    memory->wrong = wrong;
}

static uint8_t *row_of(const struct ofr_exit_memory *memory, uint32_t record)
{
    return memory->bin + (size_t)record * OFFRAMP_MAX_SITES;
}

static void halve(struct ofr_exit_memory *memory)
{
    for (uint32_t i = 0; i < memory->capacity / 2; ++i) {
        memcpy(row_of(memory, i), row_of(memory, 2 * i), memory->sites);
        memory->wrong[i] = memory->wrong[2 * i];
    }
    memory->count = memory->next = memory->capacity / 2;
    memory->stride *= 2;
}

void ofr_exit_memory_add(struct ofr_exit_memory *memory, const struct ofr_ramp_set *set, const float *score,
                         const uint16_t *answer, uint16_t final_answer)
{
    uint8_t *row = row_of(memory, memory->next);
    uint64_t wrong = 0;
    if (set->ramps < memory->sites)
        memset(row, OFR_BIN_NEVER, memory->sites);
    for (uint32_t k = 0; k < set->ramps; ++k) {
        row[set->site[k]] = ofr_score_bin(score[k]);
        wrong |= (uint64_t)(answer[k] != final_answer) << set->site[k];
    }
    memory->wrong[memory->next++] = wrong;
    if (memory->count < memory->next)
        memory->count = memory->next;
    if (memory->next < memory->capacity)
        return;
    if (memory->stride < memory->most_stride)
        halve(memory);
    else
        memory->next = 0;
}

void ofr_exit_memory_clear(struct ofr_exit_memory *memory)
{
    memory->count = memory->next = memory->phase = 0;
    memory->stride = 1;
}
