#include "traces/import/importers.h"

#include "traces/import/sink.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct ofr_importer *const importers[] = {
    &ofr_importer_azure_llm,
    &ofr_importer_azure_functions_2019,
    &ofr_importer_azure_functions_2021,
    &ofr_importer_mooncake,
    &ofr_importer_twitter_counts,
    &ofr_importer_twitter_arrivals,
    &ofr_importer_csv,
    NULL,
};

const struct ofr_importer *const *ofr_importers(void)
{
    return importers;
}

const struct ofr_importer *ofr_importer_find(const char *name, struct ofr_error *err)
{
    char there[256] = "";
    size_t used = 0;
    for (size_t i = 0; importers[i]; ++i) {
        const char *known = importers[i]->component.name;
        if (strcmp(known, name) == 0)
            return importers[i];
        if (used + strlen(known) + 2 < sizeof there)
            used += (size_t)snprintf(there + used, sizeof there - used, " %s", known);
    }
    ofr_fail(err, OFR_E_USAGE, "found no trace format '%.60s', expected one of%s", name, there);
    return NULL;
}

/* What can be told of the source once it has been read. */
static int describe(struct ofr_import *import, const struct ofr_import_request *request,
                    struct ofr_error *err)
{
    struct ofr_notes *notes = &import->provenance;
    const struct ofr_quality *quality = &import->quality;
    int rc = request->command ? ofr_notes_set(notes, "command", request->command, err) : 0;
    if (rc == 0)
        rc = ofr_notes_set(notes, "source_format", request->importer->component.name, err);
    if (rc == 0)
        rc = ofr_notes_set(notes, "source", request->input, err);
    if (rc == 0)
        rc = ofr_notes_setf(notes, err, "source_xxh64", "%016" PRIx64, ofr_text_hash(import->text));
    if (rc == 0)
        rc = ofr_notes_setf(notes, err, "source_origin_ns", "%" PRId64, quality->origin_ns);
    if (rc == 0)
        rc = ofr_notes_setf(notes, err, "rows_refused", "%" PRIu64, quality->refused);
    if (rc == 0 && quality->note[0] != '\0')
        rc = ofr_notes_set(notes, "note", quality->note, err);
    return rc;
}

static int read_and_write(struct ofr_import *import, const struct ofr_import_request *request,
                          struct ofr_error *err)
{
    int rc = request->importer->run(import, err);
    if (rc == 0)
        rc = ofr_text_finish(import->text, err);
    if (rc == 0)
        rc = ofr_sink_flush(import->sink, err);
    if (rc == 0)
        rc = describe(import, request, err);
    if (rc == 0)
        rc = ofr_sink_commit(import->sink, &import->provenance, err);
    return rc;
}

int ofr_import_trace(const struct ofr_import_request *request, struct ofr_quality *quality,
                     struct ofr_error *err)
{
    struct ofr_import import = {.path = request->input,
                                .options = request->options,
                                .skip_bad = request->skip_bad,
                                .provenance = OFR_NOTES_INIT};
    int rc = ofr_text_open(&import.text, request->input, err);
    if (rc == 0)
        rc = ofr_sink_create(&import.sink, request->input, request->output, &import.quality, err);
    if (rc == 0)
        rc = read_and_write(&import, request, err);
    ofr_sink_free(import.sink);
    ofr_text_close(import.text);
    ofr_notes_release(&import.provenance);
    *quality = import.quality;
    return rc;
}
