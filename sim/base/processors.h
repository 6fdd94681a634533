/* How many processors this process may use. */
#ifndef OFR_BASE_PROCESSORS_H
#define OFR_BASE_PROCESSORS_H

#include <stdint.h>

/* Those it is bound to (taskset, a container's set); where the system does not say, all that are online. At least 1. */
uint32_t ofr_processors(void);

#endif
