/* offramp profile info. */
#include "sim/cli/file_verbs.h"
#include "sim/cli/verbs.h"
#include "traces/info_print.h"

static int run_info(const struct ofr_cli_call *call, struct ofr_error *err)
{
    const struct ofr_json_option *options = call->values;
    struct ofr_profile *profile;
    int rc = ofr_profile_load(&profile, call->positional[0], err);
    if (rc)
        return rc;
    if (options->json)
        rc = ofr_print_json(call->out, ofr_profile_info_json(profile), err);
    else
        ofr_profile_info_text(call->out, profile);
    ofr_profile_free(profile);
    return rc;
}

const struct ofr_cli_verb ofr_verb_profile_info = {
    .name = "info",
    .help = "sites, batch sizes, what the model and its ramps take",
    .usage = "PROFILE.oprof",
    .least = 1,
    .most = 1,
    .options = ofr_json_options,
    .option_count = 1,
    .options_size = sizeof(struct ofr_json_option),
    .run = run_info,
};
