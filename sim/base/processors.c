#include "sim/base/processors.h"

#include <sched.h>
#include <unistd.h>

uint32_t ofr_processors(void)
{
    cpu_set_t set;
    long count = sched_getaffinity(0, sizeof set, &set) ? sysconf(_SC_NPROCESSORS_ONLN) : CPU_COUNT(&set);
    return count > 0 ? (uint32_t)count : 1;
}
