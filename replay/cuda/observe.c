/* Clocks, temperature, power and throttling through the driver's management library, loaded when there is one: the
 * product neither needs its header nor links it. */
#include "replay/cuda/state.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int query_fn(void *device, unsigned int *out);
typedef int query_of_fn(void *device, unsigned int which, unsigned int *out);

struct ofr_cuda_observer {
    void *library, *device;
    query_of_fn *clock, *temperature;
    query_fn *power;
    int (*reasons)(void *device, unsigned long long *out);
    int (*driver)(char *out, unsigned int size);
    int (*shutdown)(void);
};

enum { /* of the library's enumerations */
    CLOCK_SM = 1,
    CLOCK_MEMORY = 2,
    SENSOR_GPU = 0,
};

/* nvmlClocksEventReason*: idle and application settings are no throttling. */
static const struct {
    uint64_t bit;
    const char *text;
} throttles[] = {
    {0x4, "power cap"},         {0x8, "hardware slowdown"}, {0x20, "software thermal slowdown"},
    {0x40, "hardware thermal"}, {0x80, "power brake"},
};

struct ofr_cuda_observer *ofr_cuda_observer_open(const char *bus)
{
    void *library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    struct ofr_cuda_observer *observer = library ? calloc(1, sizeof *observer) : NULL;
    if (!observer) {
        if (library)
            dlclose(library);
        return NULL;
    }
    int (*init)(void) = NULL, (*find)(const char *, void **) = NULL;
    *observer = (struct ofr_cuda_observer){.library = library};
    *(void **)&init = dlsym(library, "nvmlInit_v2");
    *(void **)&find = dlsym(library, "nvmlDeviceGetHandleByPciBusId_v2");
    *(void **)&observer->clock = dlsym(library, "nvmlDeviceGetClockInfo");
    *(void **)&observer->temperature = dlsym(library, "nvmlDeviceGetTemperature");
    *(void **)&observer->power = dlsym(library, "nvmlDeviceGetPowerUsage");
    *(void **)&observer->reasons = dlsym(library, "nvmlDeviceGetCurrentClocksThrottleReasons");
    *(void **)&observer->driver = dlsym(library, "nvmlSystemGetDriverVersion");
    *(void **)&observer->shutdown = dlsym(library, "nvmlShutdown");
    if (!init || !find || init() != 0) {
        dlclose(library);
        free(observer);
        return NULL;
    }
    if (find(bus, &observer->device) != 0)
        observer->device = NULL;
    return observer;
}

void ofr_cuda_observer_close(struct ofr_cuda_observer *observer)
{
    if (!observer)
        return;
    if (observer->shutdown)
        (void)observer->shutdown();
    dlclose(observer->library);
    free(observer);
}

void ofr_cuda_observe(struct ofr_cuda_observer *observer, struct ofr_device_state *out)
{
    unsigned int value = 0;
    unsigned long long reasons = 0;
    *out = (struct ofr_device_state){NAN, NAN, NAN, NAN, 0, ""};
    if (!observer || !observer->device)
        return;
    if (observer->clock && observer->clock(observer->device, CLOCK_SM, &value) == 0)
        out->sm_clock_mhz = value;
    if (observer->clock && observer->clock(observer->device, CLOCK_MEMORY, &value) == 0)
        out->memory_clock_mhz = value;
    if (observer->temperature && observer->temperature(observer->device, SENSOR_GPU, &value) == 0)
        out->temperature_c = value;
    if (observer->power && observer->power(observer->device, &value) == 0)
        out->power_w = value / 1000.;
    if (!observer->reasons || observer->reasons(observer->device, &reasons) != 0)
        return;
    for (size_t i = 0; i < sizeof throttles / sizeof *throttles; ++i) {
        if (!(reasons & throttles[i].bit))
            continue;
        const size_t used = strlen(out->throttle_text);
        out->throttle |= throttles[i].bit;
        snprintf(out->throttle_text + used, sizeof out->throttle_text - used, "%s%s", used ? ", " : "",
                 throttles[i].text);
    }
}

void ofr_cuda_observer_driver(struct ofr_cuda_observer *observer, char *out, size_t size)
{
    if (!observer || !observer->driver || observer->driver(out, (unsigned int)size) != 0)
        snprintf(out, size, "unknown");
}
