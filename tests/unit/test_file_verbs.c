/* trace, recording, profile and log on the command line: results, warnings and refusals. */
#include "sim/cli/cli.h"
#include "tests/support/files.h"
#include "traces/trace.h"

#include <criterion/criterion.h>

static char *out_text, *chatter_text;
static struct ofr_error err;

/* Runs a command whose words are separated by single spaces; the code it returns. */
static int run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int run(const char *format, ...)
{
    char line[2048];
    char *argv[32] = {(char[]){"offramp"}};
    int argc = 1;
    size_t size;
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    for (char *word = strtok(line, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    free(out_text);
    free(chatter_text);
    FILE *out = open_memstream(&out_text, &size);
    FILE *chatter = open_memstream(&chatter_text, &size);
    err = (struct ofr_error)OFR_ERROR_INIT;
    int rc = ofr_cli_main(argc, argv, out, chatter, &err);
    fclose(out);
    fclose(chatter);
    return rc;
}

#define OK(...)     cr_assert_eq(run(__VA_ARGS__), 0, "%s", err.text)
#define SAYS(words) cr_assert(strstr(out_text, words), "'%s' not in '%s'", words, out_text)
#define BAD(expected, words, ...)                                                                            \
    do {                                                                                                     \
        cr_assert(run(__VA_ARGS__) < 0 && err.code == expected, "%s", err.text);                             \
        cr_assert(strstr(err.text, words), "'%s' not in '%s'", words, err.text);                             \
    } while (0)

/* One arrival a second, `rows` of them. */
static char *make_trace(const char *name, uint32_t rows)
{
    struct ofr_trace_writer *writer;
    char *path = files_path(name);
    cr_assert_eq(ofr_trace_create(&writer, path, OFR_TRACE_PROMPT, NULL, &err), 0);
    for (uint32_t i = 0; i < rows; i++)
        cr_assert_eq(ofr_trace_append(
                         writer,
                         &(struct ofr_trace_row){.arrival_ns = (int64_t)i * 1000000000, .prompt_tokens = i},
                         &err),
                     0);
    cr_assert_eq(ofr_trace_finish(writer, &err), 0);
    return path;
}

Test(file_verbs, trace)
{
    char *in = make_trace("in.otrace", 601);
    char *out = files_path("out.otrace");
    OK("trace info --json %s", in);
    SAYS("\"requests\": 601");
    SAYS("\"span_s\": 600.0");
    SAYS("\"rate_peak\": 1.0");
    OK("trace cut %s --from 1min --to 2min -o %s", in, out);
    OK("trace print %s --limit 2", out);
    cr_assert_str_eq(out_text, "arrival_ns,prompt_tokens\n0,60\n1000000000,61\n");
    OK("trace cut %s --from 599s --keep-time --out=%s", in, out);
    OK("trace print --json %s", out);
    cr_assert_str_eq(out_text, "[\n{\"arrival_ns\":599000000000,\"prompt_tokens\":599},\n"
                               "{\"arrival_ns\":600000000000,\"prompt_tokens\":600}\n]\n");
    OK("trace scale %s --speed 2x -o %s", in, out);
    OK("trace info %s", out);
    SAYS("span           300.000000 s");
    OK("trace merge %s %s -o %s", in, in, out);
    OK("trace print %s --limit 3", out);
    cr_assert_str_eq(out_text, "arrival_ns,prompt_tokens,stream\n0,0,0\n0,0,1\n1000000000,1,0\n");
    cr_assert_eq(files_count(), 2);
    files_remove();
}

Test(file_verbs, refusals)
{
    char *in = make_trace("in.otrace", 10);
    char *out = files_path("out.otrace");
    BAD(OFR_E_INPUT, "No such file", "trace info %s.not", in);
    BAD(OFR_E_INPUT, "is a request trace (.otrace), expected an exit recording (.orec)", "recording info %s",
        in);
    BAD(OFR_E_INPUT, "expected a latency profile (.oprof)", "profile info %s", in);
    BAD(OFR_E_INPUT, "expected a run log (.olog)", "log info %s", in);
    BAD(OFR_E_INPUT, "expected a run log (.olog)", "log print %s", in);
    BAD(OFR_E_USAGE, "--out is missing", "trace cut %s", in);
    BAD(OFR_E_USAGE, "from", "trace cut %s --from 10 -o %s", in, out);
    BAD(OFR_E_USAGE, "0 <= from < to", "trace cut %s --from 2s --to 1s -o %s", in, out);
    BAD(OFR_E_USAGE, "no arrival", "trace cut %s --from 1h -o %s", in, out);
    BAD(OFR_E_USAGE, "either --speed", "trace scale %s -o %s", in, out);
    BAD(OFR_E_USAGE, "either --speed", "trace scale %s --speed 2x --rate 1/s -o %s", in, out);
    BAD(OFR_E_USAGE, "found '900'", "trace scale %s --rate 900 -o %s", in, out);
    BAD(OFR_E_USAGE, "found a speed of 0", "trace scale %s --speed 0x -o %s", in, out);
    BAD(OFR_E_USAGE, "both --csv and --json", "trace print %s --csv --json", in);
    BAD(OFR_E_IO, "No space left", "trace cut %s -o /dev/full", in);
    BAD(OFR_E_IO, "cannot create", "trace scale %s --speed 2x -o /nonexistent/x.otrace", in);
    cr_assert_eq(files_count(), 1, "a refusal left a file behind");
    files_remove();
}

Test(file_verbs, cut_short)
{
    char *in = make_trace("in.otrace", 70000);
    char *out = files_path("out.otrace");
    size_t size;
    unsigned char *bytes = files_read(in, &size);
    files_write(in, bytes, size - 20);
    OK("trace info --json %s", in);
    SAYS("\"partial\": true");
    SAYS("\"requests\": 65536");
    cr_assert(strstr(chatter_text, "cut short"));
    OK("trace cut %s -o %s", in, out);
    cr_assert(strstr(chatter_text, "cut short"));
    OK("trace info --json %s", out);
    SAYS("\"partial\": false");
    BAD(OFR_E_INPUT, "cut short", "trace scale %s --speed 2x -o %s", in, out);
    free(bytes);
    files_remove();
}

/* The files the repository ships, through every verb that reads them; and a log of a run on them. */
Test(file_verbs, bundled)
{
    const char *data = OFR_TEST_SOURCE_DIR "/workloads/data";
    char *cut = files_path("cut.orec");
    char *log = files_path("run.olog");
    OK("profile info --json %s/h200-resnet18.oprof", data);
    SAYS("\"model\": \"resnet18\"");
    OK("recording info --json %s/resnet18-vehicle-video.orec", data);
    SAYS("\"agreement\"");
    OK("recording cut %s/resnet18-vehicle-video.orec --from 100 --count 3 -o %s", data, cut);
    OK("recording info --json %s", cut);
    SAYS("\"samples\": 3");
    BAD(OFR_E_USAGE, "none from 3 on", "recording cut %s --from 3 -o %s", cut, files_path("none.orec"));
    OK("recording print --limit 1 %s", cut);
    SAYS("top1.0,top1.1");
    OK("sim %s/../scenarios/demo.yaml --set requests=500 --log %s", data, log);
    OK("log info --json %s", log);
    SAYS("\"offered\": 500");
    OK("log print --table decisions --limit 1 %s", log);
    SAYS("initial");
    files_remove();
}
