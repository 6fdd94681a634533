#include "sim/cli/man_pages.h"

#include "sim/base/config.h"
#include "sim/base/version.h"
#include "sim/cli/registry.h"
#include "sim/cli/verbs.h"
#include "sim/run/scenario_tables.h"
#include "sim/sweep/sweep.h"
#include "traces/atomic_file.h"
#include "traces/container.h"

#include <stdlib.h>
#include <string.h>

/* ---- roff, with the macros of man(7) ---- */

enum {
    FULL_LINE = 60 /* a longer one goes on below, at a blank */
};

/* Text as it is: no character of it commands. `at_start` = it begins a line; then it may take several. */
static void put_text(FILE *out, const char *text, bool at_start)
{
    int column = 0;
    for (; *text; ++text, ++column) {
        if (at_start && column == 0 && (*text == '.' || *text == '\''))
            fputs("\\&", out);
        if (at_start && column >= FULL_LINE && *text == ' ') {
            fputc('\n', out);
            column = -1;
            continue;
        }
        switch (*text) {
        case '\\':
            fputs("\\e", out);
            break;
        case '-':
            fputs("\\-", out);
            break;
        case '`':
            fputs("\\(ga", out);
            break;
        case '\'':
            fputs("\\(aq", out);
            break;
        case '~':
            fputs("\\(ti", out);
            break;
        case '^':
            fputs("\\(ha", out);
            break;
        case '"':
            fputs("\\(dq", out);
            break;
        default:
            fputc(*text, out);
        }
    }
}

static void put_bold(FILE *out, const char *text)
{
    fputs("\\fB", out);
    put_text(out, text, false);
    fputs("\\fR", out);
}

static void put_title(FILE *out, const char *name, int section)
{
    fputs(".TH ", out);
    for (; *name; ++name)
        fputc(*name >= 'a' && *name <= 'z' ? *name - 'a' + 'A' : *name, out);
    fprintf(out, " %d \"\" \"offramp %s\" \"Offramp\"\n", section, OFR_VERSION);
}

static void put_name(FILE *out, const char *name, const char *help)
{
    fputs(".SH NAME\n", out);
    put_text(out, name, false);
    fputs(" \\- ", out);
    put_text(out, help, false);
    fputc('\n', out);
}

static void put_reference(FILE *out, const char *name, int section, const char *after)
{
    fputs(".BR ", out);
    put_text(out, name, false);
    fprintf(out, " (%d)%s\n", section, after);
}

/* ---- rows ---- */

static void put_choices_and_default(FILE *out, const struct offramp_option *option)
{
    if (option->type == OFFRAMP_OPT_CHOICE) {
        fputs("\nOne of", out);
        for (int i = 0; option->choices[i]; ++i) {
            fputs(i ? ", " : " ", out);
            put_bold(out, option->choices[i]);
        }
        fputc('.', out);
    }
    if (!option->fallback) {
        fputs("\nRequired.", out);
    } else if (*option->fallback && option->type != OFFRAMP_OPT_BOOL && strcmp(option->fallback, "[]") != 0) {
        fputs("\nDefault: ", out);
        put_bold(out, option->fallback);
        fputc('.', out);
    }
    fputc('\n', out);
}

static void put_help(FILE *out, const struct offramp_option *option)
{
    fputc('\n', out);
    put_text(out, option->help, true);
    fputc('.', out);
    put_choices_and_default(out, option);
}

static void put_flag(FILE *out, const struct offramp_option *option)
{
    char flag[OFR_CLI_FLAG_SIZE], dashed[OFR_CLI_FLAG_SIZE + 4];
    ofr_cli_flag_name(flag, option);
    fputs(".TP\n", out);
    if (ofr_cli_flag_letter(flag)) {
        snprintf(dashed, sizeof dashed, "-%c", ofr_cli_flag_letter(flag));
        put_bold(out, dashed);
        fputs(", ", out);
    }
    snprintf(dashed, sizeof dashed, "--%s", flag);
    put_bold(out, dashed);
    if (option->type != OFFRAMP_OPT_BOOL)
        fprintf(out, " \\fI%s\\fR", ofr_option_type_name(option->type));
    put_help(out, option);
}

static void put_key(FILE *out, const struct offramp_option *option)
{
    fputs(".TP\n", out);
    put_bold(out, option->name);
    fprintf(out, " (\\fI%s\\fR)", ofr_option_type_name(option->type));
    if (option->alias) {
        fputs(", also ", out);
        put_bold(out, option->alias);
    }
    put_help(out, option);
}

/* ---- pages ---- */

static void put_usage(FILE *out, const char *path, const struct ofr_cli_verb *verb, bool first)
{
    if (verb->run) {
        if (!first)
            fputs(".br\n", out);
        fputs("\\fBofframp ", out);
        put_text(out, path, false);
        fprintf(out, "\\fR%s%s", verb->option_count ? " [flags]" : "", verb->usage[0] ? " " : "");
        put_text(out, verb->usage, false);
        fputc('\n', out);
        first = false;
    }
    for (const struct ofr_cli_verb *const *sub = verb->sub; sub && *sub; ++sub) {
        char name[64];
        snprintf(name, sizeof name, "%.30s %.30s", path, (*sub)->name);
        put_usage(out, name, *sub, first);
        first = false;
    }
}

/* The flags every format of `trace import` brings. */
static void put_formats(FILE *out, const struct ofr_registry *registry)
{
    struct ofr_component part;
    for (uint32_t i = 0; registry->at(i, &part); ++i) {
        fprintf(out, ".SS Format ");
        put_text(out, part.name, false);
        fputc('\n', out);
        put_text(out, part.help, true);
        fputs(".\n", out);
        for (uint32_t k = 0; k < part.option_count; ++k)
            put_flag(out, &part.options[k]);
    }
}

static void put_flags(FILE *out, const char *title, const struct ofr_cli_verb *verb)
{
    fprintf(out, "%s\n", title);
    if (verb->sub || strncmp(title, ".SS", 3) == 0) {
        put_text(out, verb->help, true);
        fputs(".\n", out);
    }
    for (uint32_t i = 0; i < verb->option_count; ++i)
        put_flag(out, &verb->options[i]);
}

static void verb_page(FILE *out, const char *name, const void *subject)
{
    const struct ofr_cli_verb *verb = subject;
    put_title(out, name, 1);
    put_name(out, name, verb->help);
    fputs(".SH SYNOPSIS\n", out);
    put_usage(out, verb->name, verb, true);
    if (verb->run && verb->option_count)
        put_flags(out, ".SH OPTIONS", verb);
    if (verb->sub)
        fputs(".SH SUB\\-VERBS\n", out);
    for (const struct ofr_cli_verb *const *sub = verb->sub; sub && *sub; ++sub) {
        char title[64];
        snprintf(title, sizeof title, ".SS %.20s %.20s", verb->name, (*sub)->name);
        put_flags(out, title, *sub);
        if (*sub == &ofr_verb_trace_import)
            put_formats(out, ofr_registry_find("format"));
    }
    fputs(".SH SEE ALSO\n", out);
    put_reference(out, "offramp", 1, " ,");
    if (verb == &ofr_verb_sweep)
        put_reference(out, "offramp-sweep-file", 5, " ,");
    put_reference(out, "offramp-scenario", 5, "");
}

static void files_section(FILE *out)
{
    static const char *const extension[] = {
#define X(name, value, stored, text, extension, version) extension,
        OFR_FILE_KIND_MAP(X)
#undef X
    };
    fputs(".SH FILES\n", out);
    for (int kind = 0; kind < OFR_FILE_KINDS; ++kind) {
        fputs(".TP\n", out);
        put_bold(out, extension[kind]);
        fputc('\n', out);
        put_text(out, ofr_file_kind_text((enum ofr_file_kind)kind), true);
        fputs(".\n", out);
    }
}

static void main_page(FILE *out, const char *name, const void *subject)
{
    (void)subject;
    put_title(out, name, 1);
    put_name(out, name, "simulate and replay early-exit model serving");
    fputs(".SH SYNOPSIS\n\\fBofframp\\fR \\fIverb\\fR [\\fIsub\\-verb\\fR] [flags] [arguments]\n.br\n"
          "\\fBofframp\\fR \\fB\\-\\-version\\fR\n.SH DESCRIPTION\n",
          out);
    put_text(
        out,
        "A scenario file names a model's latency profile, a recording of what its exit ramps answer, "
        "traffic, "
        "a batcher and an exit policy; offramp serves the traffic in simulated time, or in real time on a "
        "device. Results go to standard output, everything else to standard error. --help after a verb "
        "explains it.",
        true);
    fputs("\n.SH VERBS\n", out);
    for (const struct ofr_cli_verb *const *verb = ofr_cli_verbs; *verb; ++verb) {
        char page[64];
        snprintf(page, sizeof page, "offramp-%.40s", (*verb)->name);
        fputs(".TP\n", out);
        put_reference(out, page, 1, "");
        put_text(out, (*verb)->help, true);
        fputs(".\n", out);
    }
    files_section(out);
    fputs(".SH EXIT STATUS\n.TP\n.B 0\nFine.\n.TP\n.B 1\nA gate failed.\n.TP\n.B 2\nUsage or bad input.\n"
          ".TP\n.B 3\nThe machine failed.\n.TP\n.B 70\nInternal error.\n.SH SEE ALSO\n",
          out);
    put_reference(out, "offramp-scenario", 5, " ,");
    put_reference(out, "offramp-sweep-file", 5, "");
}

static void put_section(FILE *out, const char *title, const struct ofr_section *section)
{
    fprintf(out, ".SS %s\n", title);
    for (uint32_t i = 0; i < section->option_count; ++i)
        put_key(out, &section->options[i]);
}

static void put_parts(FILE *out, const struct ofr_registry *registry)
{
    struct ofr_component part;
    fputs(".SH ", out);
    put_text(out, registry->plural, false);
    fputc('\n', out);
    for (uint32_t i = 0; registry->at(i, &part); ++i) {
        fputs(".SS ", out);
        put_text(out, part.name, false);
        fputc('\n', out);
        put_text(out, part.help, true);
        fputs(".\n", out);
        for (uint32_t k = 0; k < part.option_count; ++k)
            put_key(out, &part.options[k]);
    }
}

static void scenario_page(FILE *out, const char *name, const void *subject)
{
    (void)subject;
    put_title(out, name, 5);
    put_name(out, name, "what one run is, as a YAML file");
    fputs(".SH DESCRIPTION\n", out);
    put_text(out,
             "Every number carries its unit; unknown keys are refused. On the command line --set KEY=VALUE "
             "overrides a key, written with dots: --set exits.accuracy_loss=2%.",
             true);
    fputs("\n.SH KEYS\n", out);
    put_section(out, "Top level", &ofr_section_top);
    put_section(out, "model", &ofr_section_model);
    put_section(out, "An entry of arrivals.streams, beside its process and the options of the process",
                &ofr_section_stream);
    put_section(out, "exits, beside policy and the options of the policy", &ofr_section_exits);
    for (const struct ofr_registry *registry = ofr_registries; registry->kind; ++registry)
        if (strcmp(registry->kind, "format") != 0) /* those are flags of `trace import` */
            put_parts(out, registry);
    fputs(".SH SEE ALSO\n", out);
    put_reference(out, "offramp", 1, " ,");
    put_reference(out, "offramp-sim", 1, "");
}

static void put_lines(FILE *out, char *text)
{
    fputs(".nf\n", out);
    for (char *line; (line = strsep(&text, "\n")) && (text || *line);) {
        if (*line == '.' || *line == '\'')
            fputs("\\&", out);
        put_text(out, line, false);
        fputc('\n', out);
    }
    fputs(".fi\n", out);
}

/* As `offramp help sweep-file` prints it. */
static void sweep_page(FILE *out, const char *name, const void *subject)
{
    (void)subject;
    char *text = NULL;
    size_t size = 0;
    FILE *help = open_memstream(&text, &size);
    put_title(out, name, 5);
    put_name(out, name, "many configurations of a scenario, as a YAML file");
    fputs(".SH KEYS\n", out);
    if (help) {
        ofr_sweep_help(help);
        if (fclose(help) == 0)
            put_lines(out, text);
    }
    free(text);
    fputs(".SH SEE ALSO\n", out);
    put_reference(out, "offramp-sweep", 1, " ,");
    put_reference(out, "offramp-scenario", 5, "");
}

typedef void page_writer(FILE *out, const char *name, const void *subject);

struct page {
    const char *name;
    page_writer *write;
    const void *subject;
};

static int print_page(FILE *out, const void *state, struct ofr_error *err)
{
    (void)err;
    const struct page *page = state;
    page->write(out, page->name, page->subject);
    return 0;
}

static int write_page(const char *folder, const char *name, int section, page_writer *write,
                      const void *subject, struct ofr_error *err)
{
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/%s.%d", folder, name, section) >= sizeof path)
        return ofr_fail(err, OFR_E_USAGE, "the name of the folder is too long");
    struct page page = {.name = name, .write = write, .subject = subject};
    return ofr_atomic_print(path, print_page, &page, err);
}

int ofr_man_pages(const char *folder, struct ofr_error *err)
{
    int rc = write_page(folder, "offramp", 1, main_page, NULL, err);
    if (!rc)
        rc = write_page(folder, "offramp-scenario", 5, scenario_page, NULL, err);
    if (!rc)
        rc = write_page(folder, "offramp-sweep-file", 5, sweep_page, NULL, err);
    for (const struct ofr_cli_verb *const *verb = ofr_cli_verbs; !rc && *verb; ++verb) {
        char name[64];
        snprintf(name, sizeof name, "offramp-%.40s", (*verb)->name);
        rc = write_page(folder, name, 1, verb_page, *verb, err);
    }
    return rc;
}
