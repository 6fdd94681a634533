/* The option tables of a scenario's sections, for sim/run and for what is made of tables (manual, completion). */
#ifndef OFR_RUN_SCENARIO_TABLES_H
#define OFR_RUN_SCENARIO_TABLES_H

#include "sim/offramp_option.h"

struct ofr_section {
    const char *name; /* key of the section; "" for the top level */
    const struct offramp_option *options;
    uint32_t option_count;
};

extern const struct ofr_section ofr_section_top;
extern const struct ofr_section ofr_section_model;
extern const struct ofr_section ofr_section_stream; /* of an entry of arrivals.streams */
extern const struct ofr_section ofr_section_batching;
extern const struct ofr_section ofr_section_exits;

#endif
