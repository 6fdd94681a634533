/* Profiles measured along the whole path, and the terms a simulation makes of them. */
#include "sim/serve/pass_model.h"
#include "tests/support/files.h"
#include "traces/profile_file.h"

#include <criterion/criterion.h>

TestSuite(latency_terms, .fini = files_remove);

enum {
    ALL = -1
};

/* One batch size, two sites. Parts: dispatch 5, copies 10 and 4, passes 100, so 119; the whole pass takes 125. The row
 * number `skip` is left out. */
static const struct ofr_profile_row rows[] = {
    {1, 0, OFR_QUANTITY_UNTIL, 40000},       {1, 1, OFR_QUANTITY_UNTIL, 70000},
    {1, 2, OFR_QUANTITY_UNTIL, 100000},      {1, 0, OFR_QUANTITY_RAMP_ADD, 500},
    {1, 1, OFR_QUANTITY_RAMP_ADD, 500},      {1, 0, OFR_QUANTITY_RAMP_DELAY, 3000},
    {1, 1, OFR_QUANTITY_RAMP_DELAY, 3000},   {1, 0, OFR_QUANTITY_COPY_IN, 10000},
    {1, 0, OFR_QUANTITY_COPY_OUT, 4000},     {0, 0, OFR_QUANTITY_DISPATCH, 5000},
    {0, 0, OFR_QUANTITY_RELEASE, 1000},      {0, 0, OFR_QUANTITY_IDLE, 1000},
    {0, 1, OFR_QUANTITY_IDLE, 1000000},      {1, 0, OFR_QUANTITY_PASS, 125000},
    {1, 1, OFR_QUANTITY_PASS, 131000},       {1, 0, OFR_QUANTITY_RAMP_PASS, 127000},
    {1, 1, OFR_QUANTITY_RAMP_PASS, 129000},  {1, 0, OFR_QUANTITY_SEEN, 66000},
    {1, 1, OFR_QUANTITY_SEEN, 96000},        {1, 2, OFR_QUANTITY_SEEN, 123000},
    {0, 0, OFR_QUANTITY_NOTICE, 700},        {0, 0, OFR_QUANTITY_DECIDE, 2000},
    {0, 0, OFR_QUANTITY_TUNE, 150000},       {0, 0, OFR_QUANTITY_REPLY, 6700},
    {1, 0, OFR_QUANTITY_RAMPS_PASS, 130000},
};

static int load(struct ofr_profile **profile, int skip, struct ofr_error *err)
{
    static const char *const sites[] = {"a", "b"};
    struct ofr_profile_writer *writer;
    cr_assert_eq(ofr_profile_create(&writer, files_path("p.oprof"), "net", 2, sites, NULL, err), 0);
    for (int i = 0; i < (int)(sizeof rows / sizeof *rows); ++i)
        if (i != skip)
            cr_assert_eq(ofr_profile_append(writer, &rows[i], err), 0, "%s", err->text);
    cr_assert_eq(ofr_profile_finish(writer, err), 0);
    return ofr_profile_load(profile, files_path("p.oprof"), err);
}

static struct ofr_pass_model make(const struct ofr_profile *profile, uint32_t without)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_pass_model model;
    cr_assert_eq(ofr_pass_model_init(&model, profile, without, false, &err), 0);
    return model;
}

/* End of a pass without ramps, by the model. */
static int64_t pass_ns(const struct ofr_profile *profile, const struct ofr_pass_model *model)
{
    return model->times[0].start_ns + profile->until_ns[2] + model->times[0].end_ns;
}

Test(latency_terms, with_every_term_a_pass_takes_what_was_measured)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_profile *profile;
    cr_assert_eq(load(&profile, ALL, &err), 0, "%s", err.text);
    struct ofr_pass_model model = make(profile, 0);
    const struct ofr_pass_times *times = &model.times[0];
    cr_expect_eq(pass_ns(profile, &model), 125000);
    cr_expect_eq(times->answers_ns, 2000);
    for (uint32_t site = 0; site < 2; ++site) {
        int64_t seen_ns =
            times->start_ns + profile->until_ns[site] + times->delay_ns[site] + times->release_ns;
        cr_expect_eq(seen_ns, profile->path.seen_ns[site]);
        cr_expect_eq(times->add_ns[site], site == 0 ? 2000 : 4000);
    }
    /* All ramps add 5 us, the dearest alone 4: of the other's 2 us one half counts. */
    cr_expect_float_eq(times->further, 0.5, 1e-9);
    cr_expect_eq(profile->path.notice_ns, 700);
    cr_expect_eq(profile->path.reply_ns, 6000, "from the loop's notice on");
    ofr_pass_model_release(&model);
    ofr_profile_free(profile);
}

Test(latency_terms, a_term_left_out_takes_its_own_time_away)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_profile *profile;
    cr_assert_eq(load(&profile, ALL, &err), 0, "%s", err.text);
    static const struct {
        enum ofr_term term;
        int64_t pass_ns;
    } one[] = {{OFR_TERM_DISPATCH, 120000}, {OFR_TERM_COPIES, 111000}, {OFR_TERM_LAUNCH, 119000}};
    for (size_t i = 0; i < sizeof one / sizeof *one; ++i) {
        struct ofr_pass_model model = make(profile, 1u << one[i].term);
        cr_expect_eq(pass_ns(profile, &model), one[i].pass_ns, "%s", ofr_term_names[one[i].term]);
        ofr_pass_model_release(&model);
    }
    struct ofr_pass_model model = make(profile, 1u << OFR_TERM_RAMPS | 1u << OFR_TERM_ANSWERS);
    cr_expect_eq(model.times[0].add_ns[1], 500, "what the ramp adds by itself");
    cr_expect_eq(model.times[0].delay_ns[0], 3000);
    cr_expect_float_eq(model.times[0].further, 1.0, 1e-9);
    cr_expect_eq(model.times[0].answers_ns, 0);
    ofr_pass_model_release(&model);
    ofr_profile_free(profile);
}

Test(latency_terms, idling_slows_by_the_logarithm_of_its_length)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_profile *profile;
    struct ofr_random random;
    cr_assert_eq(load(&profile, ALL, &err), 0, "%s", err.text);
    ofr_random_init(&random, 1, OFR_RANDOM_EXECUTION, 0);
    struct ofr_pass_model model = make(profile, 0), still = make(profile, 1u << OFR_TERM_IDLE);
    cr_expect_eq(ofr_pass_model_shift(&model, &random, 0, 0), 0);
    cr_expect_eq(ofr_pass_model_shift(&model, &random, 0, 1000), 0);
    cr_expect_eq(ofr_pass_model_shift(&model, &random, 0, 1000000), 6000);
    cr_expect_eq(ofr_pass_model_shift(&model, &random, 0, INT64_MAX), 6000, "nothing is extrapolated");
    int64_t middle_ns = ofr_pass_model_shift(&model, &random, 0, 31622);
    cr_expect(middle_ns > 2900 && middle_ns < 3100, "%lld", (long long)middle_ns);
    cr_expect_eq(ofr_pass_model_shift(&still, &random, 0, 1000000), 0);
    ofr_pass_model_release(&model);
    ofr_pass_model_release(&still);
    ofr_profile_free(profile);
}

Test(latency_terms, a_path_measured_in_part_is_refused)
{
    for (int i = 0; i < (int)(sizeof rows / sizeof *rows); ++i) {
        enum ofr_quantity quantity = rows[i].quantity;
        bool needed = quantity == OFR_QUANTITY_PASS || quantity == OFR_QUANTITY_RAMP_PASS ||
                      quantity == OFR_QUANTITY_SEEN;
        if (!needed)
            continue;
        struct ofr_error err = OFR_ERROR_INIT;
        struct ofr_profile *profile = NULL;
        cr_expect_eq(load(&profile, i, &err), OFR_E_INPUT, "row %d", i);
        cr_expect(strstr(err.text, "p.oprof: was measured along the whole path, but has no"), "%s", err.text);
        ofr_profile_free(profile);
    }
}

Test(latency_terms, names_are_read_and_others_refused)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct offramp_texts names = {.count = 2, .item = {"idle", "control"}};
    uint32_t without = 0;
    cr_assert_eq(ofr_terms_read(&without, &names, &err), 0);
    cr_expect_eq(without, 1u << OFR_TERM_IDLE | 1u << OFR_TERM_CONTROL);
    strcpy(names.item[1], "magic");
    cr_expect_eq(ofr_terms_read(&without, &names, &err), OFR_E_INPUT);
    cr_expect_str_eq(err.text,
                     "found the term 'magic', expected of dispatch copies release launch ramps answers "
                     "notice idle jitter runs feedback control");
}
