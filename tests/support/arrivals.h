/* Arrival processes made from YAML options, and what they hand out. Header-only. */
#ifndef OFR_TESTS_SUPPORT_ARRIVALS_H
#define OFR_TESTS_SUPPORT_ARRIVALS_H

#include "sim/base/config.h"
#include "workloads/arrivals.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static inline int try_create(struct ofr_arrival_source *out, const char *process, const char *yaml,
                             uint64_t seed, uint32_t stream, struct ofr_error *err)
{
    static union {
        max_align_t align;
        unsigned char bytes[OFR_OPTIONS_MAX];
    } values;
    const struct ofr_arrival_ops *ops = ofr_arrival_find(process);
    struct ofr_config *config = NULL;
    struct ofr_arrival_setup setup = {.seed = seed, .stream = stream};
    *out = (struct ofr_arrival_source){.ops = ops};
    int code = ofr_config_parse(&config, "test.yaml", yaml, strlen(yaml), err);
    if (!code)
        code = ofr_options_bind(ops->component.options, ops->component.option_count, &values,
                                ops->component.options_size, ofr_config_root(config), err);
    if (!code)
        code = ops->create(&out->state, &setup, &values, err);
    ofr_config_free(config);
    return code;
}

static inline struct ofr_arrival_source create(const char *process, const char *yaml, uint64_t seed,
                                               uint32_t stream)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_arrival_source source;
    cr_assert_eq(try_create(&source, process, yaml, seed, stream, &err), 0, "%s %s: %s", process, yaml,
                 err.text);
    return source;
}

static inline void destroy(struct ofr_arrival_source *source)
{
    source->ops->destroy(source->state);
}

/* Reads until `max` arrivals, the end or an error, at most `run` at a time; returns how many. */
static inline uint32_t drain(const struct ofr_arrival_source *source, struct ofr_arrival *out, uint32_t max,
                             uint32_t run, struct ofr_error *err)
{
    uint32_t done = 0;
    int got = 1;
    while (done < max && got > 0) {
        uint32_t left = max - done;
        got = source->ops->next(source->state, out + done, left < run ? left : run, err);
        done += got > 0 ? (uint32_t)got : 0;
    }
    return done;
}

static inline struct ofr_arrival *take(const struct ofr_arrival_source *source, uint32_t count)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_arrival *out = calloc(count, sizeof *out);
    cr_assert_eq(drain(source, out, count, 256, &err), count, "%s", err.text);
    return out;
}

static inline struct ofr_arrival *generate(const char *process, const char *yaml, uint64_t seed,
                                           uint32_t count)
{
    struct ofr_arrival_source source = create(process, yaml, seed, 0);
    struct ofr_arrival *out = take(&source, count);
    destroy(&source);
    return out;
}

static inline bool same(const struct ofr_arrival *a, const struct ofr_arrival *b)
{
    return a->time_ns == b->time_ns && a->stream == b->stream;
}

static inline void assert_refused(const char *process, const char *yaml, const char *expected)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_arrival_source source;
    cr_assert_eq(try_create(&source, process, yaml, 1, 0, &err), OFR_E_INPUT, "%s %s was taken", process,
                 yaml);
    cr_assert(strstr(err.text, expected), "%s %s: %s", process, yaml, err.text);
    cr_assert_null(strchr(err.text, '\n'));
}

#endif
