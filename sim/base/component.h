/* What every table of named, configurable parts (batchers, policies, arrival processes) has in common. The
 * ops struct of each kind begins with it, so that lookup, option parsing, `list` and `help` are written once.
 */
#ifndef OFR_BASE_COMPONENT_H
#define OFR_BASE_COMPONENT_H

#include "sim/offramp_option.h"

struct ofr_component {
    const char *name;                     /* as written in a scenario */
    const char *help;                     /* one line */
    const struct offramp_option *options; /* option_count rows; NULL when 0 */
    uint32_t option_count;
    size_t options_size; /* sizeof the option struct; 0 when there are no options */
};

enum {
    OFR_OPTIONS_MAX =
        16384 /* upper bound of options_size, so that an options blob can live in a scenario by value */
};

#endif
