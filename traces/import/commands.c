#include "traces/import/commands.h"

#include "sim/base/json.h"
#include "traces/import/recording_import.h"

/* Prints an object and drops the reference; NULL (out of memory) is an error. */
static int print_json(json_t *object, FILE *out, struct ofr_error *err)
{
    int rc = ofr_json_write(out, object, err);
    json_decref(object);
    return rc;
}

static int report_trace(const struct ofr_import_request *request, const struct ofr_quality *quality,
                        const struct ofr_import_report *report, struct ofr_error *err)
{
    fprintf(report->chatter, "%s: ", request->output);
    ofr_quality_print(report->chatter, quality);
    fputc('\n', report->chatter);
    if (!report->json)
        return 0;
    json_t *object = ofr_quality_json(quality);
    if (object) {
        json_object_set_new(object, "format", json_string(request->importer->component.name));
        json_object_set_new(object, "output", json_string(request->output));
    }
    return print_json(object, report->out, err);
}

int ofr_import_trace_command(const struct ofr_import_request *request, const struct ofr_import_report *report,
                             struct ofr_error *err)
{
    struct ofr_quality quality;
    int rc = ofr_import_trace(request, &quality, err);
    return rc ? rc : report_trace(request, &quality, report, err);
}

static int report_recording(const struct ofr_folder *folder, const char *output,
                            const struct ofr_import_report *report, struct ofr_error *err)
{
    if (folder->ignored[0] != '\0')
        fprintf(report->chatter, "warning: arrays not known and left out: %s\n", folder->ignored);
    fprintf(report->chatter, "%s: %s, %u samples, %u sites, %u classes, %s%s\n", output,
            folder->name[0] ? folder->name : "(no name)", folder->samples, folder->sites, folder->classes,
            folder->half ? "f16" : "f32", folder->agreement ? ", agreement only" : "");
    if (!report->json)
        return 0;
    return print_json(json_pack("{s:s, s:s, s:I, s:I, s:I, s:b, s:b, s:I, s:s}", "output", output, "name",
                                folder->name, "samples", (json_int_t)folder->samples, "sites",
                                (json_int_t)folder->sites, "classes", (json_int_t)folder->classes,
                                "agreement", folder->agreement, "half", folder->half, "requests",
                                (json_int_t)folder->requests, "ignored", folder->ignored),
                      report->out, err);
}

int ofr_import_recording_command(const char *folder, const char *output, const char *command,
                                 const struct ofr_import_report *report, struct ofr_error *err)
{
    struct ofr_folder read;
    int rc = ofr_folder_load(&read, folder, err);
    if (rc)
        return rc;
    rc = ofr_folder_write(&read, output, folder, command, err);
    if (rc == 0)
        rc = report_recording(&read, output, report, err);
    ofr_folder_release(&read);
    return rc;
}

int ofr_import_profile_command(const struct ofr_profile_request *request,
                               const struct ofr_import_report *report, struct ofr_error *err)
{
    struct ofr_profile_summary summary;
    int rc = ofr_profile_import(request, &summary, err);
    if (rc)
        return rc;
    fprintf(report->chatter, "%s: %s, %u sites, %u batch sizes %u to %u, ramps in line\n", request->output,
            request->model, summary.sites, summary.batches, summary.batch_min, summary.batch_max);
    if (!report->json)
        return 0;
    return print_json(json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "output", request->output, "model",
                                request->model, "sites", (json_int_t)summary.sites, "batches",
                                (json_int_t)summary.batches, "batch_min", (json_int_t)summary.batch_min,
                                "batch_max", (json_int_t)summary.batch_max),
                      report->out, err);
}

void ofr_importers_list(FILE *out)
{
    for (const struct ofr_importer *const *importer = ofr_importers(); *importer; ++importer)
        fprintf(out, "%-22s %s\n", (*importer)->component.name, (*importer)->component.help);
}
