#include "workloads/arrival_write.h"

#include "traces/trace.h"

enum {
    RUN = 1024 /* arrivals asked for at a time */
};

static uint32_t wanted(const struct ofr_arrival_write *how, uint64_t done)
{
    uint64_t left = how->requests ? how->requests - done : RUN;
    return left < RUN ? (uint32_t)left : RUN;
}

/* 1 = all taken, 0 = one lies at or after the end, negative = error. */
static int append(struct ofr_trace_writer *writer, const struct ofr_arrival *run, int count,
                  const struct ofr_arrival_write *how, struct ofr_arrival_written *written,
                  struct ofr_error *err)
{
    for (int i = 0; i < count; i++) {
        if (how->duration_ns >= 0 && run[i].time_ns >= how->duration_ns)
            return 0;
        struct ofr_trace_row row = {.arrival_ns = run[i].time_ns};
        int code = ofr_trace_append(writer, &row, err);
        if (code)
            return code;
        written->requests++;
        written->last_ns = run[i].time_ns;
    }
    return 1;
}

static int write_all(const struct ofr_arrival_source *source, struct ofr_trace_writer *writer,
                     const struct ofr_arrival_write *how, struct ofr_arrival_written *written,
                     struct ofr_error *err)
{
    struct ofr_arrival run[RUN];
    int more = 1;
    while (more > 0) {
        uint32_t most = wanted(how, written->requests);
        int got = most ? source->ops->next(source->state, run, most, err) : 0;
        more = got > 0 ? append(writer, run, got, how, written, err) : got;
        if (how->progress)
            how->progress(how->progress_state, written->requests);
    }
    if (more == 0 && written->requests == 0)
        return ofr_fail(err, OFR_E_INPUT, "%s: nothing arrives before the end, expected at least one request",
                        how->path);
    return more;
}

int ofr_arrival_write(const struct ofr_arrival_source *source, const struct ofr_arrival_write *how,
                      struct ofr_arrival_written *written, struct ofr_error *err)
{
    struct ofr_trace_writer *writer = NULL;
    *written = (struct ofr_arrival_written){0};
    int code = ofr_trace_create(&writer, how->path, 0, how->provenance, err);
    if (code)
        return code;
    code = write_all(source, writer, how, written, err);
    if (code) {
        ofr_trace_abort(writer);
        return code;
    }
    return ofr_trace_finish(writer, err);
}
