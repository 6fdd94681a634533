/* Option tables: one row describes an option once, and the parser, the range check, `offramp help`, `offramp
 * list`, the resolved scenario and the documentation all read that row.
 *
 * A component (policy, batcher, arrival process, scenario section) declares a plain struct for its values and
 * a `static const struct offramp_option[]` whose rows name a member by offset. Values are plain data: no
 * pointers, no ownership, so an option struct may be copied with `=` and compared with memcmp after zeroing.
 *
 * Part of the public ABI of policy plug-ins (see offramp_policy.h).
 */
#ifndef OFFRAMP_OPTION_H
#define OFFRAMP_OPTION_H

#include <stddef.h>
#include <stdint.h>

enum {
    OFFRAMP_MAX_SITES = 64, /* ramp sites a model may have; the full model is one more exit */
    OFFRAMP_TEXT_SIZE = 1024,
};

/* Type of the member an option row writes, and how its text is read. A number without its unit is an error
 * where a unit exists. */
enum offramp_option_type {
    OFFRAMP_OPT_COUNT, /* uint64_t; plain integer, also 10k, 2M, 1e6 */
    OFFRAMP_OPT_TIME,  /* int64_t nanoseconds; ns us ms s min h; `none` = -1 where the row allows it (min < 0)
                        */
    OFFRAMP_OPT_RATE, /* double per second; 900/s, 30/min, 5k/s; `none` = -1 where the row allows it (min < 0)
                        */
    OFFRAMP_OPT_SHARE,  /* double 0..1; `1%` or `0.01` */
    OFFRAMP_OPT_FACTOR, /* double; `2x` or `2` */
    OFFRAMP_OPT_REAL,   /* double, no unit */
    OFFRAMP_OPT_BOOL,   /* uint8_t 0 or 1; true/false/yes/no/on/off */
    OFFRAMP_OPT_CHOICE, /* int32_t index into `choices` */
    OFFRAMP_OPT_TEXT,   /* char[OFFRAMP_TEXT_SIZE] */
    OFFRAMP_OPT_PATH,   /* char[OFFRAMP_TEXT_SIZE]; relative to the scenario file that names it */
    OFFRAMP_OPT_REALS,  /* struct offramp_reals; a scalar or a list */
    OFFRAMP_OPT_TEXTS,  /* struct offramp_texts; a scalar or a list */
    OFFRAMP_OPT_ARGS,   /* struct offramp_args; repeatable flags of the command line only, of any length */
};

/* A list of numbers. */
struct offramp_reals {
    uint32_t count;
    double item[OFFRAMP_MAX_SITES];
};

/* A list of short texts: names of sites, say. */
struct offramp_texts {
    uint32_t count;
    char item[OFFRAMP_MAX_SITES][48];
};

/* What a repeatable flag was given. */
struct offramp_args {
    uint32_t count;
    const char *item[OFFRAMP_MAX_SITES]; /* borrowed from the command line */
};

/* One row. */
struct offramp_option {
    const char *name; /* key in the scenario file, lower case with underscores */
    enum offramp_option_type type;
    size_t offset;              /* of the member in the component's option struct */
    const char *fallback;       /* default, as it would be written in a file; NULL = must be given */
    double min, max;            /* inclusive range in the member's unit (ns, 1/s, share, ...); both 0 = any */
    const char *const *choices; /* OFFRAMP_OPT_CHOICE: NULL-terminated names */
    const char *help;           /* one line */
    const char *alias;          /* a second key it answers to: its name in the source system; or NULL */
};

#endif
