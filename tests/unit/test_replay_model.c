/* What a device of a replay runs: networks, weights and inputs have to fit profile and recording. */
#include "replay/model.h"
#include "tests/support/files.h"
#include "tests/support/fixture.h"

TestSuite(replay_model, .fini = files_remove);

static const uint32_t sizes[] = {1, 2};

struct given {
    const char *net, *images;
    uint32_t sites;
};

static int load(struct ofr_replay_model *model, const struct given *given, struct ofr_error *err)
{
    struct ofr_profile *profile = fixture_profile(given->sites, sizes, 2, 1000, 100, 10);
    struct ofr_replay_model_options options = {
        .net = given->net, .weights = "", .images = given->images ? given->images : "", .seed = 3};
    snprintf(profile->model, sizeof profile->model, "resnet18-small");
    int rc = ofr_replay_model_load(model, &options, profile, NULL, err);
    ofr_profile_free(profile);
    return rc;
}

static char *write_npy(const char *name, const char *descr, const char *shape, size_t bytes)
{
    char header[128], *path = files_path(name);
    int length = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n",
                          descr, shape);
    unsigned char *file = calloc(10 + (size_t)length + bytes, 1);
    memcpy(file, "\x93NUMPY\x01\x00", 8);
    file[8] = (unsigned char)length;
    memcpy(file + 10, header, (size_t)length);
    for (size_t i = 0; i < bytes; ++i)
        file[10 + (size_t)length + i] = (unsigned char)i;
    files_write(path, file, 10 + (size_t)length + bytes);
    free(file);
    return path;
}

static void expect_refused(const struct given *given, const char *words)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_replay_model model;
    cr_expect_eq(load(&model, given, &err), OFR_E_INPUT);
    cr_expect_not_null(strstr(err.text, words), "'%s' not in '%s'", words, err.text);
    ofr_replay_model_release(&model);
}

/* Without files: the profile's network, weights and inputs from the seed. */
Test(replay_model, random)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_replay_model model;
    cr_assert_eq(load(&model, &(struct given){.net = "", .sites = 8}, &err), 0, "%s", err.text);
    cr_expect_str_eq(model.net->name, "resnet18-small");
    cr_expect_eq(model.inputs.bytes, 3 * 32 * 32);
    cr_expect_gt(model.inputs.count, 0);
    cr_expect_not_null(model.weights);
    ofr_replay_model_release(&model);
    cr_assert_eq(load(&model, &(struct given){.net = "bert-tiny", .sites = 1}, &err), 0, "%s", err.text);
    const int32_t *token = model.inputs.data;
    bool differ = false;
    for (size_t i = 0; i < model.inputs.count * model.inputs.bytes / 4; ++i) {
        cr_assert(token[i] >= 0 && token[i] < (int32_t)model.net->weight[model.net->op[0].weight].rows);
        differ |= token[i] != token[0];
    }
    cr_expect(differ);
    ofr_replay_model_release(&model);
}

/* Images of the network's own size, and of another, which it then scales. */
Test(replay_model, images)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_replay_model model;
    struct given given = {.net = "", .sites = 8};
    given.images = write_npy("own.npy", "|u1", "(4, 3, 32, 32)", 4 * 3 * 32 * 32);
    cr_assert_eq(load(&model, &given, &err), 0, "%s", err.text);
    cr_expect_eq(model.inputs.count, 4);
    cr_expect_eq(((const uint8_t *)model.inputs.data)[1000], 1000 % 256);
    ofr_replay_model_release(&model);
    given.images = write_npy("other.npy", "|u1", "(2, 3, 48, 48)", 2 * 3 * 48 * 48);
    cr_assert_eq(load(&model, &given, &err), 0, "%s", err.text);
    cr_expect_eq(model.net->tensor[0].h, 48);
    cr_expect_eq(model.inputs.bytes, 3 * 48 * 48);
    ofr_replay_model_release(&model);
}

Test(replay_model, what_does_not_fit_is_refused)
{
    struct given given = {.net = "", .sites = 8};
    expect_refused(&(struct given){.net = "resnet18-small", .sites = 4}, "8 ramp sites");
    expect_refused(&(struct given){.net = "resnet-9000", .sites = 8}, "expected one of");
    given.images = write_npy("flat.npy", "|u1", "(2, 3, 48, 47)", 2 * 3 * 48 * 47);
    expect_refused(&given, "takes 3072");
    given.images = write_npy("real.npy", "<f4", "(2, 3, 32, 32)", 4 * 2 * 3 * 32 * 32);
    expect_refused(&given, "expected u8 images");
    given.images = write_npy("none.npy", "|u1", "(0, 3, 32, 32)", 0);
    expect_refused(&given, "found 0 inputs");
    given.images = write_npy("huge.npy", "|u1", "(2, 4294967296, 4294967296, 3)", 64);
    expect_refused(&given, "huge.npy");
    given = (struct given){.net = "bert-tiny", .sites = 1};
    given.images = write_npy("tokens.npy", "<i4", "(1, 128)", 4 * 128);
    expect_refused(&given, "element 0 is 50462976, expected 0 to");
    given.images = files_path("nothing.npy");
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_replay_model model;
    cr_expect_eq(load(&model, &given, &err), OFR_E_IO);
    ofr_replay_model_release(&model);
}
