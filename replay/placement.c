#include "replay/placement.h"

#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int32_t processor[OFR_PLACEMENTS]; /* of each place; valid where `placed` */
static bool placed;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static _Thread_local cpu_set_t before;
static _Thread_local bool taken;

bool ofr_placement_may_pair(int32_t a, int32_t b, int32_t count)
{
    int32_t apart = a < b ? b - a : a - b;
    return a / 2 == b / 2 || 2 * apart == count;
}

/* A number the system keeps of a processor; -1 where it keeps none. */
static int32_t topology(int32_t of, const char *what)
{
    char path[128];
    int32_t value = -1;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/%s", of, what);
    FILE *file = fopen(path, "r");
    if (!file)
        return -1;
    if (fscanf(file, "%d", &value) != 1)
        value = -1;
    fclose(file);
    return value;
}

static bool go_together(int32_t a, int32_t b, int32_t count)
{
    if (topology(a, "physical_package_id") != topology(b, "physical_package_id"))
        return false;
    int32_t core = topology(a, "core_id");
    return (core < 0 || core != topology(b, "core_id")) && !ofr_placement_may_pair(a, b, count);
}

/* Held until the process ends; -1 when another one has it. */
static int claim(int32_t wanted)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int length = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "offramp processor %d", wanted);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (bind(fd, (const struct sockaddr *)&name,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Takes `candidate` for the next place if it goes with those there are. */
static bool consider(int32_t candidate, const cpu_set_t *allowed, int32_t count, uint32_t *places, int *held)
{
    if (!CPU_ISSET((size_t)candidate, allowed))
        return false;
    for (uint32_t i = 0; i < *places; ++i)
        if (!go_together(processor[i], candidate, count))
            return false;
    held[*places] = claim(candidate);
    if (held[*places] < 0)
        return false;
    processor[(*places)++] = candidate;
    return *places == OFR_PLACEMENTS;
}

static void look(void)
{
    cpu_set_t allowed;
    int held[OFR_PLACEMENTS];
    uint32_t places = 0;
    if (sched_getaffinity(0, sizeof allowed, &allowed) || CPU_COUNT(&allowed) < OFR_PLACEMENT_ENOUGH)
        return;
    int32_t count = (int32_t)sysconf(_SC_NPROCESSORS_CONF);
    count = count < CPU_SETSIZE ? count : CPU_SETSIZE;
    for (int32_t candidate = 2; candidate < count && !placed; ++candidate)
        placed = consider(candidate, &allowed, count, &places, held);
    for (int32_t candidate = 1; candidate >= 0 && !placed; --candidate)
        placed = consider(candidate, &allowed, count, &places, held);
    for (uint32_t i = 0; i < places && !placed; ++i)
        close(held[i]);
}

int32_t ofr_placement_processor(enum ofr_placement place)
{
    pthread_once(&once, look);
    return placed ? processor[place] : -1;
}

bool ofr_placement_take(enum ofr_placement place)
{
    int32_t wanted = ofr_placement_processor(place);
    cpu_set_t own;
    if (wanted < 0 || (!taken && pthread_getaffinity_np(pthread_self(), sizeof before, &before)))
        return false;
    CPU_ZERO(&own);
    CPU_SET((size_t)wanted, &own);
    if (pthread_setaffinity_np(pthread_self(), sizeof own, &own))
        return false;
    taken = true;
    return true;
}

void ofr_placement_leave(void)
{
    if (taken)
        (void)pthread_setaffinity_np(pthread_self(), sizeof before, &before);
    taken = false;
}
