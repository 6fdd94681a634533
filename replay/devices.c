#include "replay/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct ofr_device_ops ofr_device_cpu, ofr_device_null;
#ifdef OFFRAMP_HAVE_CUDA
extern const struct ofr_device_ops ofr_device_cuda;
#endif

const struct ofr_device_ops *const ofr_devices[] = {
    &ofr_device_null,
    &ofr_device_cpu,
#ifdef OFFRAMP_HAVE_CUDA
    &ofr_device_cuda,
#endif
    NULL,
};

static const struct ofr_device_ops *by_name(const char *name, size_t length)
{
    for (const struct ofr_device_ops *const *each = ofr_devices; *each; ++each)
        if (strlen((*each)->name) == length && strncmp((*each)->name, name, length) == 0)
            return *each;
    return NULL;
}

const struct ofr_device_ops *ofr_device_find(const char *text, int32_t *index, struct ofr_error *err)
{
    size_t length = strcspn(text, ":");
    const struct ofr_device_ops *ops = by_name(text, length);
    char *end = NULL;
    long number = text[length] ? strtol(text + length + 1, &end, 10) : 0;
    bool numbered = !text[length] || (end != text + length + 1 && !*end && number >= 0 && number <= 1024);
    if (ops && numbered) {
        *index = (int32_t)number;
        return ops;
    }
    char known[256] = "";
    for (const struct ofr_device_ops *const *each = ofr_devices; *each; ++each) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used ? " " : "", (*each)->name);
    }
    ofr_fail(err, OFR_E_USAGE, "device: found '%s', this build has: %s (NAME or NAME:NUMBER)%s", text, known,
             by_name("cuda", 4) ? "" : "; cuda is built where the CUDA toolkit is installed");
    return NULL;
}

void ofr_device_state_text(char out[static OFR_DEVICE_STATE_SIZE], const struct ofr_device_state *state)
{
    snprintf(out, OFR_DEVICE_STATE_SIZE, "clock %.0f MHz, memory %.0f MHz, %.0f C, %.0f W, throttle %s",
             state->sm_clock_mhz, state->memory_clock_mhz, state->temperature_c, state->power_w,
             state->throttle ? state->throttle_text : "none");
}
