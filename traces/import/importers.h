/* The table of foreign trace formats: one file and one row each.
 *
 * To add a format: write traces/import/FORMAT.c with a `static int run(struct ofr_import *, struct ofr_error
 * *)` that calls ofr_import_begin, then ofr_import_row for every row (see import.h), and a
 * `const struct ofr_importer`; declare it below and add it to the table in importers.c. `trace import`,
 * `list formats` and `help` read the table.
 */
#ifndef OFR_IMPORT_IMPORTERS_H
#define OFR_IMPORT_IMPORTERS_H

#include "sim/base/component.h"
#include "traces/import/import.h"

struct ofr_importer {
    struct ofr_component component; /* name, help and the format's own options */
    /* Reads `import->text` to its end. */
    int (*run)(struct ofr_import *import, struct ofr_error *err);
};

extern const struct ofr_importer ofr_importer_azure_llm;
extern const struct ofr_importer ofr_importer_azure_functions_2019;
extern const struct ofr_importer ofr_importer_azure_functions_2021;
extern const struct ofr_importer ofr_importer_mooncake;
extern const struct ofr_importer ofr_importer_twitter_counts;
extern const struct ofr_importer ofr_importer_twitter_arrivals;
extern const struct ofr_importer ofr_importer_csv;

/* NULL-terminated, in the order they are listed. */
const struct ofr_importer *const *ofr_importers(void);
/* NULL when there is none, with an error that names those there are. */
const struct ofr_importer *ofr_importer_find(const char *name, struct ofr_error *err);

/* An import as the command line asks for it. All borrowed. */
struct ofr_import_request {
    const struct ofr_importer *importer;
    const char *input, *output;
    const void *options; /* component.options_size bytes */
    bool skip_bad;
    const char *command; /* as typed, for the provenance; NULL = unknown */
};

/* Reads `input` and writes the trace `output`; fills `quality` also when rows were refused. */
int ofr_import_trace(const struct ofr_import_request *request, struct ofr_quality *quality,
                     struct ofr_error *err);

#endif
