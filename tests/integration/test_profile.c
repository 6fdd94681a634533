/* `offramp profile MODEL`: the cpu device measured through the real program, and what it refuses. */
#include "replay/profiling.h"
#include "sim/model/profile.h"
#include "tests/support/tool.h"

#include <criterion/criterion.h>

TestSuite(profile, .init = tool_setup, .fini = tool_teardown);

/* Ten samples of the path are asked for: two in each of six rounds. Passes after idling are as many; of a load's end
 * up to three times as many are kept; of passes with ramps those that come out well after the policy's thread has changed
 * whose turn it is. */
static void expect_path_counted(const struct ofr_profile_samples *samples)
{
    enum {
        ASKED = 2 * 12 /* of two batch sizes */
    };
    uint32_t count[OFR_QUANTITIES] = {0}, waiting = 0;
    for (size_t i = 0; i < samples->count; ++i) {
        count[samples->row[i].quantity]++;
        waiting += samples->row[i].quantity == OFR_QUANTITY_PASS && samples->row[i].site == 0;
    }
    cr_expect(waiting >= ASKED && waiting <= 3 * ASKED, "%u", waiting);
    cr_expect_eq(count[OFR_QUANTITY_PASS] - waiting, (count[OFR_QUANTITY_IDLE] - 1) * ASKED);
    cr_expect_geq(count[OFR_QUANTITY_RAMP_PASS], 8 * ASKED);
    cr_expect_geq(count[OFR_QUANTITY_RAMPS_PASS], ASKED / 2);
    cr_expect_eq(count[OFR_QUANTITY_SEEN], count[OFR_QUANTITY_RAMP_PASS] + waiting);
    cr_expect(count[OFR_QUANTITY_AHEAD] >= ASKED && count[OFR_QUANTITY_AHEAD] <= 3 * ASKED);
    cr_expect_eq(count[OFR_QUANTITY_NOTICE], waiting);
    cr_expect_eq(count[OFR_QUANTITY_REPLY], waiting);
    cr_expect_eq(count[OFR_QUANTITY_NOTICE_RAMPS], count[OFR_QUANTITY_RAMPS_PASS]);
    cr_expect_eq(count[OFR_QUANTITY_START], 1);
    cr_expect_eq(count[OFR_QUANTITY_COLD], 0, "a quick look does not wait until the device has settled");
    cr_expect_eq(count[OFR_QUANTITY_SETTLED], 0);
    cr_expect_eq(count[OFR_QUANTITY_SETTLING], 0);
}

/* As many samples of the path as by default tell how the device settles, in every round. */
static void expect_settling_measured(void)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct tool_result result =
        tool_run("profile resnet18-small --device cpu --batch 4 --samples 50 --path-samples 90 -o w.oprof");
    cr_assert_eq(result.status, 0, "%s", result.err);
    struct ofr_profile_samples samples;
    cr_assert_eq(ofr_profile_samples_load(&samples, files_path("w.oprof"), &err), 0, "%s", err.text);
    uint32_t count[OFR_QUANTITIES] = {0};
    for (size_t i = 0; i < samples.count; ++i)
        count[samples.row[i].quantity]++;
    cr_expect_eq(count[OFR_QUANTITY_COLD], OFR_PROFILING_PATH_ROUNDS);
    cr_expect_eq(count[OFR_QUANTITY_SETTLED], OFR_PROFILING_PATH_ROUNDS);
    cr_expect_eq(count[OFR_QUANTITY_SETTLING], OFR_PROFILING_PATH_ROUNDS);
    cr_expect_eq(count[OFR_QUANTITY_START], 1);
    ofr_profile_samples_release(&samples);
    struct ofr_profile *profile;
    cr_assert_eq(ofr_profile_load(&profile, files_path("w.oprof"), &err), 0, "%s", err.text);
    cr_assert_not_null(profile->path.slower);
    cr_expect(profile->path.settle_ns >= 20e6 && profile->path.settle_ns <= 450e6, "%g",
              profile->path.settle_ns);
    cr_expect_gt(profile->path.slower[0], -1.0);
    ofr_profile_free(profile);
    tool_release(&result);
}

/* Rows of one batch size (0: that have none), quantity and place, in file order. */
static const struct ofr_profile_row *next_row(const struct ofr_profile_samples *samples, size_t *at,
                                              const struct ofr_profile_row *like)
{
    for (; *at < samples->count; ++*at) {
        const struct ofr_profile_row *row = &samples->row[*at];
        if (row->quantity == like->quantity && row->batch == like->batch && row->site == like->site) {
            ++*at;
            return row;
        }
    }
    return NULL;
}

static double pace_of(const struct ofr_profile *was, const struct ofr_profile *is, uint32_t batch)
{
    const int32_t b = batch ? ofr_profile_batch_index(was, batch) : -1;
    return b < 0 ? 1.0
                 : (double)is->path.pass_ns[(size_t)b * is->path.rungs] /
                       (double)was->path.pass_ns[(size_t)b * was->path.rungs];
}

/* All samples of what is not measured anew, times the pace. */
static void expect_scaled(const struct ofr_profile_samples *was, const struct ofr_profile_samples *is,
                          const struct ofr_profile *from, const struct ofr_profile *to)
{
    static const enum ofr_quantity kept[] = {
        OFR_QUANTITY_UNTIL,     OFR_QUANTITY_RAMP_ADD,   OFR_QUANTITY_RAMP_DELAY,   OFR_QUANTITY_COPY_IN,
        OFR_QUANTITY_COPY_OUT,  OFR_QUANTITY_DISPATCH,   OFR_QUANTITY_RELEASE,      OFR_QUANTITY_RAMP_ALONE,
        OFR_QUANTITY_RAMP_PASS, OFR_QUANTITY_DECIDE,     OFR_QUANTITY_NOTICE_RAMPS, OFR_QUANTITY_AHEAD,
        OFR_QUANTITY_TUNE,      OFR_QUANTITY_RAMPS_PASS, OFR_QUANTITY_COLD,         OFR_QUANTITY_SETTLED};
    size_t rows = 0;
    for (size_t k = 0; k < sizeof kept / sizeof *kept; ++k)
        for (size_t i = 0, at = 0; i < was->count; ++i) {
            const struct ofr_profile_row *old = &was->row[i];
            if (old->quantity != kept[k])
                continue;
            if (i == 0 || old->batch != was->row[i - 1].batch || old->site != was->row[i - 1].site)
                at = 0;
            const struct ofr_profile_row *now = next_row(is, &at, old);
            const double want = (double)old->value_ns * pace_of(from, to, old->batch);
            cr_assert_not_null(now, "%s of %u is lost", ofr_quantity_name((int)kept[k]), old->batch);
            cr_assert_float_eq((double)now->value_ns, want, 1.0 + 1e-4 * want, "%s of %u: %lld, expected %g",
                               ofr_quantity_name((int)kept[k]), old->batch, (long long)now->value_ns, want);
            rows++;
        }
    cr_expect_gt(rows, 1000);
}

/* m.oprof as if its device were half as slow again when it is cold. */
static void make_cold(const char *name)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_profile_samples samples;
    struct ofr_profile_writer *writer;
    const char *site[OFFRAMP_MAX_SITES];
    cr_assert_eq(ofr_profile_samples_load(&samples, files_path("m.oprof"), &err), 0, "%s", err.text);
    for (uint32_t i = 0; i < samples.sites; ++i)
        site[i] = samples.site_name[i];
    cr_assert_eq(ofr_profile_create(&writer, files_path(name), samples.model, samples.sites, site,
                                    &samples.provenance, &err),
                 0);
    for (size_t i = 0; i < samples.count; ++i)
        ofr_profile_append(writer, &samples.row[i], &err);
    static const struct ofr_profile_row cold[] = {{1, 0, OFR_QUANTITY_COLD, 150000},
                                                  {3, 0, OFR_QUANTITY_COLD, 150000},
                                                  {1, 0, OFR_QUANTITY_SETTLED, 100000},
                                                  {3, 0, OFR_QUANTITY_SETTLED, 100000},
                                                  {0, 0, OFR_QUANTITY_SETTLING, 100000000}};
    for (size_t i = 0; i < sizeof cold / sizeof *cold; ++i)
        ofr_profile_append(writer, &cold[i], &err);
    cr_assert_eq(ofr_profile_finish(writer, &err), 0, "%s", err.text);
    ofr_profile_samples_release(&samples);
}

/* Takes m.oprof to this machine once more. Fails when something is lost, keeps its old speed, is measured no more or at
 * another speed than a settled device's. */
static void expect_probed(void)
{
    struct ofr_error err = OFR_ERROR_INIT;
    make_cold("c.oprof");
    struct tool_result result =
        tool_run("profile probe c.oprof --device cpu --path-samples 24 -o h.oprof --json");
    cr_assert_eq(result.status, 0, "%s", result.err);
    cr_expect(strstr(result.err, "took"));
    cr_expect(strstr(result.out, "\"pace\""));
    struct ofr_profile_samples was, is;
    struct ofr_profile *from, *to;
    cr_assert_eq(ofr_profile_samples_load(&was, files_path("c.oprof"), &err), 0, "%s", err.text);
    cr_assert_eq(ofr_profile_samples_load(&is, files_path("h.oprof"), &err), 0, "%s", err.text);
    cr_assert_eq(ofr_profile_load(&from, files_path("c.oprof"), &err), 0, "%s", err.text);
    cr_assert_eq(ofr_profile_load(&to, files_path("h.oprof"), &err), 0, "%s", err.text);
    expect_scaled(&was, &is, from, to);
    uint32_t anew[OFR_QUANTITIES] = {0}, waiting = 0, seen = 0;
    for (size_t i = 0; i < is.count; ++i) {
        anew[is.row[i].quantity]++;
        waiting += is.row[i].quantity == OFR_QUANTITY_PASS && is.row[i].site == 0;
        seen += is.row[i].quantity == OFR_QUANTITY_SEEN && is.row[i].site == is.sites;
    }
    cr_expect(waiting >= 2 * 24 && waiting <= 3 * 2 * 24, "%u", waiting);
    cr_expect_eq(anew[OFR_QUANTITY_PASS] - waiting, (anew[OFR_QUANTITY_IDLE] - 1) * 2 * 24);
    cr_expect_eq(anew[OFR_QUANTITY_NOTICE], waiting);
    cr_expect_eq(anew[OFR_QUANTITY_REPLY], waiting);
    cr_expect_eq(seen, waiting);
    cr_expect_eq(anew[OFR_QUANTITY_START], 1);
    static const char *const facts[] = {"tool",    "command",       "device",          "input",
                                        "weights", "clocks_before", "measured",        "pace",
                                        "profile", "profiled",      "profiled_command"};
    for (size_t i = 0; i < sizeof facts / sizeof *facts; ++i)
        cr_expect(ofr_notes_get(&is.provenance, facts[i]), "%s", facts[i]);
    cr_expect_str_eq(ofr_notes_get(&is.provenance, "profile"), "c.oprof");
    cr_expect_float_eq(from->path.slower[0], 0.5, 1e-9);
    ofr_profile_samples_release(&was);
    ofr_profile_samples_release(&is);
    ofr_profile_free(from);
    ofr_profile_free(to);
    tool_release(&result);
    tool_expect_refused(
        &(struct tool_limits){0}, "profile probe m.oprof --device cpu --classes 3 -o x.oprof", 2,
        "m.oprof: was measured with inputs of 32 x 32 x 3, 10 classes, found 32 x 32 x 3, 3 classes");
    tool_expect_refused(&(struct tool_limits){0},
                        "profile probe m.oprof --device cpu -o none/x.oprof --path-samples 1", 3,
                        "none/x.oprof");
}

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
    expect_path_counted(&samples);
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
    cr_expect_gt(profile->path.start_ns, 0);
    cr_expect_null(profile->path.slower);
    cr_expect_eq(profile->feedback_ns, 0, "what is measured beside is not taken for another quantity");
    ofr_profile_free(profile);
    tool_release(&result);
    expect_probed();
    expect_settling_measured(); /* not in a test of its own, which would run beside and disturb this one */
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
        {"profile probe model.oprof --device cpu -o x.oprof", 2,
         "model.oprof: found no whole passes, expected a profile that was measured along the path"},
        {"profile probe none.oprof --device cpu -o x.oprof", 2, "none.oprof"},
        {"profile probe rec.orec --device cpu -o x.oprof", 2, "rec.orec"},
        {"profile probe model.oprof --device cpu", 2, "out"},
        {"profile probe model.oprof -o x.oprof", 2, "device"},
        {"profile probe --device cpu -o x.oprof", 2, "PROFILE.oprof"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i)
        tool_expect_refused(&(struct tool_limits){0}, bad[i].line, bad[i].status, bad[i].says);
}
