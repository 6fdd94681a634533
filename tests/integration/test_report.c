/* `offramp report`: a timeline that a trace viewer reads, with every batch of every run in it; a page that a real browser
 * draws without an error, with the run's own numbers under its plots; figures for papers. */
#include "analysis/report/draw.h"
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

#define NO_PLOTS    "no plotting library"
#define NO_FIGURES  "cannot draw figures"
#define NO_CHROMIUM "no Chromium on this machine"

/* Ends the test as skipped; Criterion then leaves out its end, which would remove the files. */
static void skip(const char *why)
{
    tool_teardown();
    cr_skip_test("SKIPPED: %s", why);
}

/* Runs a report; skips the test where this build refuses with `cannot`. */
static void report_or_skip(const char *line, const char *cannot)
{
    struct tool_result result = tool_run(line);
    if (result.status == 2 && strstr(result.err, cannot))
        skip(result.err);
    cr_assert_eq(result.status, 0, "%s", result.err);
    cr_assert_eq(result.out_size, 0, "%s", result.out);
    tool_release(&result);
}

/* The page's document after its script has run in Chromium; NULL without Chromium. Owned. */
static char *browse(const char *page, char *log, size_t log_size)
{
    static char document[1 << 23];
    char command[1024];
    size_t size = 0;
    if (system("command -v chromium >/dev/null 2>&1") != 0)
        return NULL;
    snprintf(command, sizeof command,
             "timeout 60 chromium --headless=new --no-sandbox --disable-gpu --no-first-run --disable-sync "
             "--disable-background-networking --disable-component-update --user-data-dir=%s "
             "--enable-logging=stderr --dump-dom file://%s 2>%s",
             files_path("browser"), page, files_path("browser.log"));
    FILE *pipe = popen(command, "r");
    cr_assert_not_null(pipe);
    size = fread(document, 1, sizeof document - 1, pipe);
    cr_expect_eq(pclose(pipe), 0);
    document[size] = '\0';
    FILE *file = fopen(files_path("browser.log"), "rb");
    size = file ? fread(log, 1, log_size - 1, file) : 0;
    log[size] = '\0';
    if (file)
        fclose(file);
    snprintf(command, sizeof command, "rm -rf %s", files_path("browser"));
    cr_expect_eq(system(command), 0);
    return document;
}

/* Fails when the page asks the network for anything, its script stops, a figure is missing, or its numbers are not the
 * run's. */
Test(report, page_in_a_browser, .timeout = 120)
{
    char log[1 << 16], agreement[64];
    tool_make_log();
    report_or_skip("report run.olog -o p.html", NO_PLOTS);
    char *document = browse(files_path("p.html"), log, sizeof log);
    if (!document)
        skip(NO_CHROMIUM);
    cr_expect_not_null(strstr(document, ">none<"),
                       "the page does not say that the policy knew nothing before");
    cr_expect_not_null(strstr(document, "data-figures=\"12\""), "not all figures were drawn");
    cr_expect_null(strstr(document, "data-error=\""), "the script failed");
    cr_expect_null(strstr(log, "CONSOLE"), "the console says: %s", log);
    static const char *const figure[] = {"latency-cdf", "latency-percentiles", "queue", "exits",
                                         "agreement-window"};
    for (size_t i = 0; i < sizeof figure / sizeof *figure; ++i)
        cr_expect_not_null(strstr(document, figure[i]), "no figure %s", figure[i]);
    cr_expect_not_null(strstr(document, "<svg"), "nothing was plotted");
    struct tool_result result = tool_run("sim s.yaml --json");
    json_t *summary = json_loads(result.out, 0, NULL);
    snprintf(agreement, sizeof agreement, ">%.4f<",
             100.0 * json_number_value(json_object_get(summary, "agreement")));
    cr_expect_not_null(strstr(document, agreement), "the page does not say %s", agreement);
    json_decref(summary);
    tool_release(&result);
}

/* What a reader does by keyboard: every link leads to a figure, and a button of the legend hides a run and shows it
 * again. The answers become attributes of the document. */
#define PAGE_CHECKS                                                                                          \
    "<script>(() => { const say = (name, value) => document.body.setAttribute('data-' + name, value);\n"     \
    "const links = [...document.querySelectorAll('nav a')];\n"                                               \
    "say('links', links.filter((a) => document.querySelector(a.getAttribute('href'))).length);\n"            \
    "const plot = document.querySelector('#latency-cdf .plot');\n"                                           \
    "const drawn = () => echarts.getInstanceByDom(plot).getZr().storage.getDisplayList(true)"                \
    ".filter((shape) => shape.type === 'ec-polyline').length;\n"                                             \
    "const button = document.querySelector('#latency-cdf .legend button');\n"                                \
    "button.focus(); say('focus', document.activeElement === button);\n"                                     \
    "say('all', drawn()); button.click(); say('hidden', drawn() + button.getAttribute('aria-pressed'));\n"   \
    "button.click(); say('again', drawn() + button.getAttribute('aria-pressed')); })()</script>\n"

/* Fails when a link leads nowhere or the legend's buttons do not do what they say. */
Test(report, page_by_keyboard, .timeout = 120)
{
    static char log[1 << 16];
    char command[512];
    tool_make_log();
    report_or_skip("report run.olog run.olog -o p.html", NO_PLOTS);
    FILE *page = fopen(files_path("p.html"), "ab");
    fputs(PAGE_CHECKS, page);
    fclose(page);
    snprintf(command, sizeof command, "%s", files_path("p.html"));
    char *document = browse(command, log, sizeof log);
    if (!document)
        skip(NO_CHROMIUM);
    static const char *const expected[] = {"data-links=\"17\"", "data-focus=\"true\"", "data-all=\"2\"",
                                           "data-hidden=\"1false\"", "data-again=\"2true\""};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; ++i)
        cr_expect_not_null(strstr(document, expected[i]), "the page does not say %s", expected[i]);
    cr_expect_null(strstr(log, "CONSOLE"), "the console says: %s", log);
}

/* Whether the shell finds a program. */
static bool there(const char *program)
{
    char command[128];
    snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", program);
    return system(command) == 0;
}

/* Removes what a test left in a folder of its own. */
static void remove_folder(const char *name)
{
    char command[256];
    snprintf(command, sizeof command, "rm -rf %s", files_path(name));
    cr_expect_eq(system(command), 0);
}

/* The exit status of a Python program that gets the folder of figures as its argument. */
static int python(const char *program, const char *folder)
{
    char command[1024];
    snprintf(command, sizeof command, "python3 -c '%s' %s", program, files_path(folder));
    return system(command);
}

/* A page that loads every SVG of a folder and says how many came out with a size. */
static void write_gallery(const char *page, const char *folder)
{
    char command[1024];
    snprintf(command, sizeof command,
             "cd %s && { for f in %s/*.svg; do echo \"<img src='$f'>\"; done; echo '<script>"
             "window.onload = () => document.body.setAttribute(\"data-drawn\", [...document.images]"
             ".filter((image) => image.naturalWidth > 300).length)</script>'; } >%s",
             files_path("."), folder, page);
    cr_assert_eq(system(command), 0);
}

/* Fails when a browser cannot draw an SVG. */
Test(report, figures_in_a_browser, .timeout = 120)
{
    static char log[1 << 16];
    tool_make_log();
    report_or_skip("report run.olog --figures drawn", NO_FIGURES);
    write_gallery("gallery.html", "drawn");
    char *document = browse(files_path("gallery.html"), log, sizeof log);
    remove_folder("drawn");
    if (!document)
        skip(NO_CHROMIUM);
    cr_expect_not_null(strstr(document, "data-drawn=\"11\""), "not every SVG was drawn");
}

/* Fails when an SVG has not the run's numbers or a second call writes other bytes. */
Test(report, figures_for_papers, .timeout = 120)
{
    char agreement[64], command[256];
    tool_make_log();
    report_or_skip("report run.olog --figures one", NO_FIGURES);
    struct tool_result result =
        tool_run("report run.olog run.olog --figures one"); /* an old folder is written over */
    cr_assert_eq(result.status, 0, "%s", result.err);
    tool_release(&result);
    remove_folder("one");
    for (int i = 0; i < 2; ++i) {
        result = tool_run(i ? "report run.olog --figures two" : "report run.olog --figures one");
        cr_assert_eq(result.status, 0, "%s", result.err);
        tool_release(&result);
    }
    snprintf(command, sizeof command, "diff -r %s %s", files_path("one"), files_path("two"));
    cr_expect_eq(system(command), 0, "not the same bytes");
    result = tool_run("sim s.yaml --json");
    json_t *summary = json_loads(result.out, 0, NULL);
    snprintf(agreement, sizeof agreement, "%.4f",
             100.0 * json_number_value(json_object_get(summary, "agreement")));
    size_t size;
    char path[128];
    snprintf(path, sizeof path, "%s/agreement-window.svg", files_path("one"));
    unsigned char *svg = files_read(path, &size);
    cr_expect_not_null(strstr((char *)svg, agreement), "the figure does not say %s", agreement);
    free(svg);
    json_decref(summary);
    tool_release(&result);
    remove_folder("one");
    remove_folder("two");
}

/* Fails when an SVG is no XML or has no title, a PNG is not one column wide or a figure is missing. */
Test(report, figures_in_python, .timeout = 120)
{
    tool_make_log();
    report_or_skip("report run.olog --figures drawn", NO_FIGURES);
    if (!there("python3")) {
        remove_folder("drawn");
        skip("no python3 to read the SVG files with");
    }
    int status =
        python("import glob, struct, sys, xml.dom.minidom as dom\n"
               "svgs = glob.glob(sys.argv[1] + \"/*.svg\")\n"
               "assert len(svgs) == 11, svgs\n"
               "for svg in svgs:\n"
               "    root = dom.parse(svg).documentElement\n"
               "    assert root.getAttribute(\"width\") == \"237.6pt\", root.getAttribute(\"width\")\n"
               "    assert root.getElementsByTagName(\"title\")[0].firstChild.data\n"
               "    assert root.getElementsByTagName(\"path\")\n"
               "    png = open(svg[:-3] + \"png\", \"rb\").read()\n"
               "    width, height = struct.unpack(\">II\", png[16:24])\n"
               "    assert width == 990 and 400 < height < 900, (svg, width, height)\n",
               "drawn");
    cr_expect_eq(status, 0);
    remove_folder("drawn");
}

Test(report, refusals)
{
    static const struct {
        const char *line, *words;
        int status;
    } bad[] = {
        {"report --trace t.json", "found 0", 2},
        {"report run.olog", "expected -o PAGE.html, --figures FOLDER", 2},
        {"report t.otrace --trace t.json", "expected a run log (.olog)", 2},
        {"report nothing.olog --trace t.json", "nothing.olog", 2},
        {"report run.olog rec.orec --trace t.json", "expected a run log (.olog)", 2},
        {"report run.olog --trace nowhere/t.json", "nowhere/t.json", 3},
        {"report run.olog --trace /dev/full", "No space left", 3},
        {"report run.olog --figures", "--figures", 2},
        {"report nothing.olog -o p.html", "nothing.olog", 2},
        {"report t.otrace -o p.html", "expected a run log (.olog)", 2},
        {"report run.olog run.olog run.olog run.olog run.olog run.olog run.olog run.olog run.olog -o p.html",
         "at most 8", 2},
    };
    tool_make_log();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i)
        tool_expect_refused(&(struct tool_limits){0}, bad[i].line, bad[i].status, bad[i].words);
}

Test(report, refusals_of_figures)
{
    static const struct {
        const char *line, *words;
        int status;
    } bad[] = {
        {"report run.olog --figures run.olog", "found a file, expected a folder", 2},
        {"report run.olog -o p.html --figures run.olog", "found a file, expected a folder", 2},
        {"report nothing.olog --figures x", "nothing.olog", 2},
        {"report run.olog --figures nowhere/x", "nowhere/x", 3},
        {"report run.olog --figures run.olog/x", "run.olog/x", 3},
    };
    tool_make_log();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i)
        if (ofr_report_draws())
            tool_expect_refused(&(struct tool_limits){0}, bad[i].line, bad[i].status, bad[i].words);
        else
            tool_expect_refused(&(struct tool_limits){0}, bad[i].line, 2, "cannot draw figures");
}

/* A run that answered nobody has no latencies: its figures say so, and nothing is divided by zero. */
Test(report, a_run_without_answers)
{
    tool_make_log();
    struct tool_result result = tool_run(
        "sim s.yaml --set slo=95us --set batching.policy=clockwork --set requests=50 --set exits=vanilla "
        "--log none.olog --json");
    cr_assert_eq(result.status, 0, "%s", result.err);
    json_t *summary = json_loads(result.out, 0, NULL);
    cr_assert_eq(json_integer_value(json_object_get(json_object_get(summary, "requests"), "ok")), 0, "%s",
                 result.out);
    json_decref(summary);
    tool_release(&result);
    report_or_skip("report none.olog run.olog --figures drawn", NO_FIGURES);
    char command[256];
    snprintf(command, sizeof command, "cat %s/*.svg | grep -E '(^|[ (+-])nan' >&2", files_path("drawn"));
    cr_expect_neq(system(command), 0, "a number that is none");
    remove_folder("drawn");
}

/* ---- comparisons ---- */

static double number_at(json_t *root, const char *one, const char *two, const char *three)
{
    json_t *at = json_object_get(json_object_get(json_object_get(root, one), two), three);
    cr_assert(json_is_number(at), "no %s.%s.%s", one, two, three);
    return json_number_value(at);
}

/* Fails when the figures of a comparison say something else than `offramp compare`. */
Test(report, figures_of_a_comparison_say_what_compare_says)
{
    char path[128], expected[160];
    size_t size;
    tool_make_log();
    struct tool_result result = tool_run("sim s.yaml --set exits=vanilla --log vanilla.olog");
    tool_release(&result);
    report_or_skip("report vanilla.olog run.olog --figures drawn", NO_FIGURES);
    result = tool_run("compare vanilla.olog run.olog --json");
    json_t *root = json_loads(result.out, 0, NULL);
    tool_release(&result);
    snprintf(path, sizeof path, "%s/request-errors.svg", files_path("drawn"));
    char *svg = (char *)files_read(path, &size);
    snprintf(expected, sizeof expected, "latency | 3000 | %+.4f | %.4f | %.4f |",
             number_at(root, "latency_ms", "paired", "bias_us") / 1e3,
             number_at(root, "latency_ms", "paired", "mean_abs_us") / 1e3,
             number_at(root, "latency_ms", "paired", "p50_abs_us") / 1e3);
    cr_expect_not_null(strstr(svg, expected), "request-errors.svg does not say %s", expected);
    free(svg);
    snprintf(path, sizeof path, "%s/errors.svg", files_path("drawn"));
    svg = (char *)files_read(path, &size);
    snprintf(expected, sizeof expected, "p99 | %+.3f %% (",
             number_at(root, "latency_ms", "p99", "error_pct"));
    cr_expect_not_null(strstr(svg, expected), "errors.svg does not say %s", expected);
    free(svg);
    json_decref(root);
    remove_folder("drawn");
}

/* ---- sweeps ---- */

#define SWEEP                                                                                                \
    "name: small-sweep\nscenario: s.yaml\naxes:\n  exits: [vanilla, {policy: static, thresholds: 0.2}]\n"    \
    "  arrivals.rate: [500/s, 1k/s, 1500/s]\n  slo: {from: 2ms, to: 20ms, count: 2}\nreplications: 2\n"      \
    "constraints: [agreement >= 50%]\nobjective: minimize latency.mean\npareto: [latency.mean, agreement]\n"

static void make_sweep(void)
{
    tool_write("sweep.yaml", SWEEP);
    struct tool_result result = tool_run("sweep sweep.yaml -o swept");
    cr_assert_eq(result.status, 0, "%s", result.err);
    tool_release(&result);
}

/* The best configuration's mean latency with its interval, as the page writes it, from what the sweep itself prints. */
static void best_latency(char *out, size_t size)
{
    struct tool_result result = tool_run("sweep sweep.yaml -o swept --resume --json");
    json_t *root = json_loads(result.out, 0, NULL), *best = json_object_get(root, "best");
    const char *const part[] = {"mean", "low", "high"};
    double value[3];
    for (int i = 0; i < 3; ++i)
        value[i] = json_number_value(
            json_object_get(json_object_get(json_object_get(best, "metrics"), "latency_ms.mean"), part[i]));
    cr_assert_gt(value[0], 0.0, "no best configuration in %s", result.out);
    snprintf(out, size, ">%.6g (%.6g to %.6g)<", value[0], value[1], value[2]);
    json_decref(root);
    tool_release(&result);
}

/* Points at a configuration and says what the page shows of it. */
#define POINT_AT                                                                                             \
    "<script>(() => { const plot = document.querySelector('[id=\"front-latency_ms.mean-agreement\"] "        \
    ".plot');\n"                                                                                             \
    "const chart = echarts.getInstanceByDom(plot);\n"                                                        \
    "chart.dispatchAction({type: 'showTip', seriesIndex: chart.getOption().series.length - 1, dataIndex: "   \
    "0});\n"                                                                                                 \
    "document.body.setAttribute('data-pointed', plot.lastElementChild.innerText); })()</script>\n"

/* Fails when a sweep's page lacks the front, the best configuration's numbers or a metric along an axis, or does not say
 * what a configuration is when pointed at. */
Test(report, sweep_in_a_browser, .timeout = 120)
{
    static char log[1 << 16];
    static const char *const figure[] = {"front-latency_ms.mean-agreement", "along-0-exits-latency_ms.mean",
                                         "along-1-arrivals.rate-agreement", "The best configuration"};
    char latency[96];
    make_sweep();
    struct tool_result result = tool_run("report swept -o p.html");
    bool without = result.status == 2 && strstr(result.err, NO_PLOTS);
    cr_assert(without || result.status == 0, "%s", result.err);
    tool_release(&result);
    FILE *page = without ? NULL : fopen(files_path("p.html"), "ab");
    if (page) {
        fputs(POINT_AT, page);
        fclose(page);
    }
    char *document = page ? browse(files_path("p.html"), log, sizeof log) : NULL;
    if (!document) {
        remove_folder("swept");
        skip(without ? NO_PLOTS : NO_CHROMIUM);
    }
    char pointed[512] = "";
    const char *at = strstr(document, "data-pointed=\"");
    cr_assert_not_null(at);
    sscanf(at, "data-pointed=\"%511[^\"]", pointed);
    cr_expect(pointed[0] == '#' && strstr(pointed, "arrivals.rate = ") && strstr(pointed, "agreement "),
              "pointed at: '%s'", pointed);
    best_latency(latency, sizeof latency);
    cr_expect_not_null(strstr(document, latency), "the page does not say %s", latency);
    for (size_t i = 0; i < sizeof figure / sizeof *figure; ++i)
        cr_expect_not_null(strstr(document, figure[i]), "no %s", figure[i]);
    cr_expect_not_null(strstr(document, "data-figures=\"10\""), "not all figures were drawn");
    cr_expect_null(strstr(document, "data-error=\""), "the script failed");
    cr_expect_null(strstr(log, "CONSOLE"), "the console says: %s", log);
    remove_folder("swept");
}

Test(report, refusals_of_sweeps)
{
    static const struct {
        const char *line, *words;
    } bad[] = {
        {"report swept run.olog -o p.html", "found the sweep swept among others"},
        {"report swept swept -o p.html", "found the sweep swept among others"},
        {"report swept --trace t.json -o p.html", "no timeline"},
        {"report swept --trace t.json", "no timeline"},
        {"report . -o p.html", "without results.osweep"},
        {"report run.osweep -o p.html", "is a run log (.olog)"},
        {"report cut.osweep -o p.html", "cut.osweep"},
        {"report nothing.osweep -o p.html", "nothing.osweep"},
    };
    size_t size;
    char path[128];
    tool_make_log();
    make_sweep();
    snprintf(path, sizeof path, "%s/results.osweep", files_path("swept"));
    unsigned char *bytes = files_read(path, &size);
    files_write(files_path("cut.osweep"), bytes, size - 20);
    free(bytes);
    bytes = files_read(files_path("run.olog"), &size);
    files_write(files_path("run.osweep"), bytes, size);
    free(bytes);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i)
        tool_expect_refused(&(struct tool_limits){0}, bad[i].line, 2, bad[i].words);
    remove_folder("swept");
}
