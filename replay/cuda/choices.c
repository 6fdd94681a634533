#include "replay/cuda/choices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int append(struct ofr_cuda_choices *choices, const char *word, struct ofr_error *err)
{
    size_t length = strlen(word);
    if (choices->used + length + 2 > choices->size) {
        size_t size = 2 * choices->size + length + 256;
        char *grown = realloc(choices->text, size);
        if (!grown)
            return ofr_fail_nomem(err, "the kernels chosen");
        choices->text = grown;
        choices->size = size;
    }
    if (choices->used)
        choices->text[choices->used++] = ' ';
    memcpy(choices->text + choices->used, word, length + 1);
    choices->used += length;
    return OFR_OK;
}

int ofr_cuda_choices_begin(struct ofr_cuda_choices *choices, uint32_t batch, struct ofr_error *err)
{
    char word[16];
    size_t length = (size_t)snprintf(word, sizeof word, "b%u", (unsigned)batch);
    const char *from = choices->given;
    choices->at = NULL;
    while (from && (from = strstr(from, word)) != NULL) {
        bool whole = (from == choices->given || from[-1] == ' ') && (from[length] == ' ' || !from[length]);
        from += length;
        if (whole) {
            choices->at = from;
            break;
        }
    }
    choices->refused |= choices->given && !choices->at;
    return append(choices, word, err);
}

bool ofr_cuda_choices_next(struct ofr_cuda_choices *choices, uint32_t ways, uint32_t *index)
{
    if (!choices->at)
        return false;
    char *end = NULL;
    unsigned long chosen = strtoul(choices->at, &end, 10);
    bool fits = end != choices->at && *end == '/' && chosen < ways && strtoul(end + 1, &end, 10) == ways;
    choices->at = fits ? end : NULL;
    choices->refused |= !fits;
    *index = (uint32_t)chosen;
    return fits;
}

int ofr_cuda_choices_add(struct ofr_cuda_choices *choices, uint32_t index, uint32_t ways,
                         struct ofr_error *err)
{
    char word[32];
    snprintf(word, sizeof word, "%u/%u", (unsigned)index, (unsigned)ways);
    return append(choices, word, err);
}

void ofr_cuda_choices_release(struct ofr_cuda_choices *choices)
{
    free(choices->text);
    *choices = (struct ofr_cuda_choices){0};
}
