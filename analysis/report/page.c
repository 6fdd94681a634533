#include "analysis/report/page.h"

#include "traces/atomic_file.h"

#include <stdlib.h>
#include <string.h>

/* Files of page/ as they are, between two symbols. */
#define EMBED(name, path)                                                                                    \
    __asm__(".pushsection .rodata\n.balign 16\n.global ofr_page_" #name "\nofr_page_" #name                  \
            ":\n.incbin \"" path "\"\n.global ofr_page_" #name "_end\nofr_page_" #name                       \
            "_end:\n.byte 0\n.popsection\n");                                                                \
    extern const char ofr_page_##name[], ofr_page_##name##_end[]

EMBED(style, OFR_PAGE_FOLDER "/report.css");
EMBED(script, OFR_PAGE_FOLDER "/report.js");
#ifdef OFR_PLOT_LIBRARY
EMBED(library, OFR_PLOT_LIBRARY);
#endif

struct page {
    struct ofr_atomic_file *file;
    struct ofr_error *err;
    int rc;
};

static void put_bytes(struct page *page, const char *bytes, size_t size)
{
    if (!page->rc)
        page->rc = ofr_atomic_write(page->file, bytes, size, page->err);
}

static void put(struct page *page, const char *text)
{
    put_bytes(page, text, strlen(text));
}

/* Text between tags. */
static void put_escaped(struct page *page, const char *text)
{
    for (const char *at = text; *at; ++at) {
        if (*at == '<')
            put(page, "&lt;");
        else if (*at == '&')
            put(page, "&amp;");
        else
            put_bytes(page, at, 1);
    }
}

/* JSON inside a script element must not close it: "</" becomes "<\/". */
static void put_json(struct page *page, const char *json)
{
    for (const char *at = json; *at;) {
        const char *close = strstr(at, "</");
        size_t size = close ? (size_t)(close - at) + 1 : strlen(at);
        put_bytes(page, at, size);
        if (close)
            put(page, "\\");
        at += size;
    }
}

static void put_data(struct page *page, const struct ofr_figures *figures)
{
    json_t *root = json_object();
    json_object_set_new(root, "palette", ofr_palette_json());
    json_object_set_new(root, "figures", ofr_figures_json(figures));
    char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(7));
    json_decref(root);
    if (!text && !page->rc)
        page->rc = ofr_fail_nomem(page->err, "a report");
    put(page, "<script type=\"application/json\" id=\"data\">");
    if (text)
        put_json(page, text);
    put(page, "</script>\n");
    free(text);
}

static void put_texts(struct page *page, const struct ofr_page_text *text, uint32_t texts)
{
    put(page, "<section id=\"scenarios\"><h2>What was asked for</h2>\n");
    for (uint32_t i = 0; i < texts; ++i) {
        put(page, "<details><summary>");
        put_escaped(page, text[i].label);
        put(page, " (");
        put_escaped(page, text[i].path);
        put(page, ")</summary><pre>");
        put_escaped(page, text[i].text);
        put(page, "</pre></details>\n");
    }
    put(page, "</section>\n");
}

#ifdef OFR_PLOT_LIBRARY

bool ofr_report_has_page(void)
{
    return true;
}

static void put_library(struct page *page)
{
    put(page, "<script>");
    put_bytes(page, ofr_page_library, (size_t)(ofr_page_library_end - ofr_page_library));
    put(page, "</script>\n");
}

#else

bool ofr_report_has_page(void)
{
    return false;
}

static void put_library(struct page *page)
{
    (void)page;
}

#endif

int ofr_report_page(const char *path, const struct ofr_figures *figures, const struct ofr_page_text *text,
                    uint32_t texts, struct ofr_error *err)
{
    struct page page = {.err = err};
    if (!ofr_report_has_page())
        return ofr_fail(
            err, OFR_E_USAGE,
            "this build has no plotting library for pages: npm was missing or offline when it was made");
    int rc = ofr_atomic_open(&page.file, path, err);
    if (rc)
        return rc;
    put(&page, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
               "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src "
               "'unsafe-inline'; "
               "style-src 'unsafe-inline'; img-src data:\">\n<title>Offramp report</title>\n<style>");
    put_bytes(&page, ofr_page_style, (size_t)(ofr_page_style_end - ofr_page_style));
    put(&page, "</style></head><body>\n<header><h1>Offramp report</h1></header>\n"
               "<nav aria-label=\"Figures\"><ul id=\"contents\"></ul></nav>\n<main id=\"figures\"></main>\n");
    put_texts(&page, text, texts);
    put_data(&page, figures);
    put_library(&page);
    put(&page, "<script>");
    put_bytes(&page, ofr_page_script, (size_t)(ofr_page_script_end - ofr_page_script));
    put(&page, "</script>\n</body></html>\n");
    if (page.rc) {
        ofr_atomic_abort(page.file);
        return page.rc;
    }
    return ofr_atomic_commit(page.file, err);
}
