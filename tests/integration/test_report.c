/* `offramp report --trace`: a timeline that a trace viewer reads, with every batch of every run in it. */
#include "tests/support/tool.h"

#include <jansson.h>
#include <math.h>

TestSuite(report, .init = tool_setup, .fini = tool_teardown);

struct counts {
    size_t batches, requests, exits, processes;
    double last_us;
};

static struct counts count_events(json_t *events, json_int_t process)
{
    struct counts counts = {0};
    size_t i;
    json_t *event;
    json_array_foreach(events, i, event)
    {
        const char *phase = json_string_value(json_object_get(event, "ph"));
        if (json_integer_value(json_object_get(event, "pid")) != process)
            continue;
        counts.processes += strcmp(phase, "M") == 0;
        if (strcmp(phase, "X") != 0)
            continue;
        json_t *arguments = json_object_get(event, "args");
        const char *const site[] = {"a", "b", "c", "d", "full model"};
        counts.batches++;
        counts.requests +=
            strtoul(json_string_value(json_object_get(event, "name")) + strlen("batch of "), NULL, 10);
        for (size_t k = 0; k < 5; ++k)
            counts.exits += (size_t)json_integer_value(json_object_get(arguments, site[k]));
        counts.last_us = json_number_value(json_object_get(event, "ts")) +
                         json_number_value(json_object_get(event, "dur"));
    }
    return counts;
}

/* Fails when a batch or a request is missing, an exit is counted twice, or times are in another unit. */
Test(report, timeline_holds_every_batch_of_every_run)
{
    tool_make_log();
    struct tool_result result = tool_run("report run.olog run.olog --trace t.json");
    cr_assert_eq(result.status, 0, "%s", result.err);
    tool_release(&result);
    json_t *root = json_load_file(files_path("t.json"), 0, NULL);
    cr_assert_not_null(root, "no JSON");
    result = tool_run("log info run.olog --json");
    json_t *info = json_loads(result.out, 0, NULL);
    tool_release(&result);
    for (json_int_t process = 0; process < 2; ++process) {
        struct counts counts = count_events(json_object_get(root, "traceEvents"), process);
        cr_expect_eq(counts.processes, 1);
        cr_expect_eq((json_int_t)counts.batches,
                     json_integer_value(json_object_get(json_object_get(info, "batches"), "total")));
        cr_expect_eq(counts.requests, 3000);
        cr_expect_eq(counts.exits, 3000);
        cr_expect_float_eq(counts.last_us * 1e3, json_number_value(json_object_get(info, "last_end_ns")),
                           2.0);
    }
    json_decref(root);
    json_decref(info);
}

Test(report, refusals)
{
    static const struct {
        const char *line, *words;
        int status;
    } bad[] = {
        {"report --trace t.json", "found 0", 2},
        {"report run.olog", "--trace is missing", 2},
        {"report t.otrace --trace t.json", "expected a run log (.olog)", 2},
        {"report nothing.olog --trace t.json", "nothing.olog", 2},
        {"report run.olog rec.orec --trace t.json", "expected a run log (.olog)", 2},
        {"report run.olog --trace nowhere/t.json", "nowhere/t.json", 3},
        {"report run.olog --trace /dev/full", "No space left", 3},
        {"report run.olog --figures x --trace t.json", "--figures", 2},
    };
    tool_make_log();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i)
        tool_expect_refused(&(struct tool_limits){0}, bad[i].line, bad[i].status, bad[i].words);
}
