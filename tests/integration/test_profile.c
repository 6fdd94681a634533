/* `offramp profile MODEL`: the cpu device measured through the real program, and what it refuses. */
#include "sim/model/profile.h"
#include "tests/support/tool.h"

#include <criterion/criterion.h>

TestSuite(profile, .init = tool_setup, .fini = tool_teardown);

/* Falls when a quantity is missing, samples are not kept, or the header lacks what a reader has to know. */
Test(profile, a_measured_profile_holds_samples_and_provenance)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct tool_result result =
        tool_run("profile resnet18-small --device cpu --batch 1,3 --samples 12 --path-samples 10 -o m.oprof");
    cr_assert_eq(result.status, 0, "%s", result.err);
    cr_expect(strstr(result.err, "estimated"));
    cr_expect(strstr(result.err, "took"));
    struct ofr_profile_samples samples;
    cr_assert_eq(ofr_profile_samples_load(&samples, files_path("m.oprof"), &err), 0, "%s", err.text);
    uint32_t count[OFR_QUANTITIES] = {0}, took = 0;
    for (size_t i = 0; i < samples.count; ++i)
        count[samples.row[i].quantity]++;
    took = count[OFR_QUANTITY_DISPATCH]; /* 20, more where the machine is noisy */
    cr_expect(took >= 20 && took % 20 == 0, "%u", took);
    cr_expect_eq(count[OFR_QUANTITY_UNTIL], 2 * 9 * took);
    cr_expect_eq(count[OFR_QUANTITY_RAMP_ADD], 2 * 8 * took);
    cr_expect_eq(count[OFR_QUANTITY_RAMP_DELAY], 2 * 8 * took);
    cr_expect_eq(count[OFR_QUANTITY_RAMP_ALONE], 2 * 8 * took);
    cr_expect_eq(count[OFR_QUANTITY_RAMP_IN_LINE], 2 * 8 * took);
    cr_expect_eq(count[OFR_QUANTITY_COPY_IN], 2 * took);
    cr_expect_eq(count[OFR_QUANTITY_COPY_OUT], 2 * took);
    cr_expect_eq(count[OFR_QUANTITY_RELEASE], took);
    cr_expect_eq(count[OFR_QUANTITY_RAMP_PASS], 2 * 8 * 18, "18: two in each of nine rounds");
    cr_expect_eq(count[OFR_QUANTITY_SEEN], 2 * 9 * 18);
    cr_expect_eq(count[OFR_QUANTITY_RAMPS_PASS], 2 * 18);
    cr_expect_eq(count[OFR_QUANTITY_AHEAD], 2 * 18);
    cr_expect_eq(count[OFR_QUANTITY_NOTICE], 2 * 18);
    cr_expect_eq(count[OFR_QUANTITY_REPLY], 2 * 18);
    cr_expect_eq(count[OFR_QUANTITY_PASS], count[OFR_QUANTITY_IDLE] * 2 * 18);
    cr_expect_eq(count[OFR_QUANTITY_DECIDE], 1);
    static const char *const facts[] = {"tool",    "command", "device",        "libraries",    "memory",
                                        "weights", "inputs",  "clocks_before", "clocks_after", "measured"};
    for (size_t i = 0; i < sizeof facts / sizeof *facts; ++i)
        cr_expect(ofr_notes_get(&samples.provenance, facts[i]), "%s", facts[i]);
    ofr_profile_samples_release(&samples);
    struct ofr_profile *profile;
    cr_assert_eq(ofr_profile_load(&profile, files_path("m.oprof"), &err), 0, "%s", err.text);
    cr_expect_str_eq(profile->site_name[0], "stem");
    cr_expect_geq(profile->path.rungs, 1);
    cr_expect(ofr_profile_has_ahead(profile), "the cpu device takes inputs ahead");
    for (uint32_t b = 0; b < profile->batches; ++b) {
        size_t full = (size_t)b * (profile->sites + 1) + profile->sites;
        int64_t pass_ns = profile->path.pass_ns[(size_t)b * profile->path.rungs];
        cr_expect(pass_ns > profile->until_ns[full] / 2, "%lld ns", (long long)pass_ns);
        cr_expect_leq(profile->path.seen_ns[full], pass_ns, "answers come before the end");
    }
    cr_expect_eq(profile->feedback_ns, 0, "what is measured beside is not taken for another quantity");
    ofr_profile_free(profile);
    tool_release(&result);
}

Test(profile, bad_input_is_refused)
{
    static const struct {
        const char *line;
        int status;
        const char *says;
    } bad[] = {
        {"profile resnet19 --device cpu -o x.oprof", 2, "expected one of: resnet18"},
        {"profile resnet18-small --device null -o x.oprof", 2, "nothing to measure"},
        {"profile resnet18-small --device tpu -o x.oprof", 2, "this build has"},
        {"profile resnet18-small -o x.oprof", 2, "device"},
        {"profile resnet18-small --device cpu", 2, "out"},
        {"profile --device cpu -o x.oprof", 2, "expected MODEL"},
        {"profile resnet18-small --device cpu -o x.oprof --batch 2,1", 2, "expected ascending sizes"},
        {"profile resnet18-small --device cpu -o x.oprof --batch 0", 2, "expected ascending sizes"},
        {"profile resnet18-small --device cpu -o x.oprof --batch 1,", 2, "expected ascending sizes"},
        {"profile resnet18-small --device cpu -o x.oprof --samples 0", 2, "samples"},
        {"profile resnet18-small --device cpu -o x.oprof --weights rec.orec", 2, "safetensors"},
        {"profile resnet18-small --device cpu -o x.oprof --tokens 9", 2, "does not have"},
        {"profile resnet18-small --device cpu -o x.oprof --images none.npy", 3, "none.npy"},
        {"profile resnet18-small --device cpu -o none/x.oprof --samples 10 --batch 1", 3, "none/x.oprof"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i)
        tool_expect_refused(&(struct tool_limits){0}, bad[i].line, bad[i].status, bad[i].says);
}
