/* Folders of .npy arrays as recordings, and measured tables as profiles. */
#include "sim/model/profile.h"
#include "tests/support/import_fixture.h"
#include "traces/import/profile_import.h"
#include "traces/import/recording_import.h"

#include <dirent.h>
#include <sys/stat.h>

TestSuite(import_npy, .init = fixture_setup, .fini = fixture_teardown);
TestSuite(import_profile, .init = fixture_setup, .fini = fixture_teardown);

/* Writes an array of version 1.0 (or `version`) whose header holds `dictionary`. */
static void write_npy(const char *name, int version, const char *dictionary, const void *data, size_t size)
{
    unsigned char bytes[1024];
    char header[512];
    size_t preamble = version == 1 ? 10 : 12;
    int length = snprintf(header, sizeof header, "%s", dictionary);
    while ((preamble + (size_t)length + 1) % 64 != 0)
        header[length++] = ' ';
    header[length++] = '\n';
    memcpy(bytes, "\x93NUMPY", 6);
    bytes[6] = (unsigned char)version;
    memset(bytes + 7, 0, 5);
    bytes[8] = (unsigned char)length;
    bytes[9] = (unsigned char)(length >> 8);
    memcpy(bytes + preamble, header, (size_t)length);
    memcpy(bytes + preamble + length, data, size);
    fixture_write(name, bytes, preamble + (size_t)length + size);
}

static void write_array(const char *name, const char *descr, const char *shape, const void *data, size_t size)
{
    char dictionary[256];
    snprintf(dictionary, sizeof dictionary, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr,
             shape);
    write_npy(name, 1, dictionary, data, size);
}

/* 1, 0.5, 0.25 and the smallest subnormal, as f16. */
static const uint16_t conf[6] = {0x3c00, 0x3800, 0x3400, 0x0001, 0x3800, 0x3c00};
static const uint8_t pred[6] = {0, 1, 2, 2, 1, 0};
static const uint8_t final_pred[3] = {0, 2, 1};

static void write_small_folder(void)
{
    static const char meta[] = "{\"model\": \"m\", \"task\": \"t\", \"stream\": \"s\", \"classes\": 3, "
                               "\"sites\": [\"stem\", \"body\"]}";
    write_array("conf.npy", "<f2", "(3, 2)", conf, sizeof conf);
    write_array("pred.npy", "|u1", "(3, 2)", pred, sizeof pred);
    write_array("final_pred.npy", "|u1", "(3,)", final_pred, sizeof final_pred);
    fixture_write("meta.json", meta, sizeof meta - 1);
}

static int import_folder(const char *path, struct ofr_folder *folder, struct ofr_error *err)
{
    int rc = ofr_folder_load(folder, path, err);
    if (rc == 0)
        rc = ofr_folder_write(folder, fixture_path("out.orec"), path, "test", err);
    return rc;
}

static struct ofr_recording *load_output(void)
{
    struct ofr_recording *recording = NULL;
    struct ofr_error err = OFR_ERROR_INIT;
    cr_assert_eq(ofr_recording_load(&recording, fixture_path("out.orec"), &err), 0, "%s", err.text);
    return recording;
}

Test(import_npy, small_folder)
{
    static const uint32_t group[3] = {7, 7, 70000};
    static const int64_t label[3] = {2, 1, 0};
    struct ofr_folder folder;
    struct ofr_error err = OFR_ERROR_INIT;
    write_small_folder();
    write_array("group.npy", "<u4", "(3,)", group, sizeof group);
    write_array("label.npy", "<i8", "(3,)", label, sizeof label);
    write_array("extra.npy", "|u1", "(3,)", final_pred, sizeof final_pred);
    cr_assert_eq(import_folder(fixture_folder, &folder, &err), 0, "%s", err.text);
    cr_assert_str_eq(folder.ignored, "'extra.npy'");
    cr_assert(folder.half);
    ofr_folder_release(&folder);
    struct ofr_recording *recording = load_output();
    cr_assert_eq(recording->samples, 3);
    cr_assert_eq(recording->sites, 2);
    cr_assert_eq(recording->classes, 3);
    cr_assert_str_eq(recording->name, "m-t-s");
    cr_assert_str_eq(recording->site_name[1], "body");
    cr_assert_eq(recording->top1[1], 0.5f);
    cr_assert_eq(recording->top1[3], 0x1p-24f);
    cr_assert_eq(recording->answer[2], 2);
    cr_assert_eq(recording->final_answer[1], 2);
    cr_assert_eq(recording->label[0], 2);
    cr_assert_null(recording->entropy);
    cr_assert_not(recording->agreement);
    ofr_recording_free(recording);
}

/* One array of floats makes all reals floats, with the same values. */
Test(import_npy, mixed_reals)
{
    static const double entropy[6] = {0, 0.125, 1.5, 2, 0.1, 0.6931471805599453};
    struct ofr_folder folder;
    struct ofr_error err = OFR_ERROR_INIT;
    write_small_folder();
    remove(fixture_path("meta.json"));
    write_npy("entropy.npy", 2, "{\"shape\": (3, 2), 'fortran_order': False, 'descr': '<f8'}", entropy,
              sizeof entropy);
    cr_assert_eq(import_folder(fixture_folder, &folder, &err), 0, "%s", err.text);
    cr_assert_not(folder.half);
    ofr_folder_release(&folder);
    struct ofr_recording *recording = load_output();
    cr_assert_eq(recording->top1[1], 0.5f);
    cr_assert_eq(recording->entropy[4], 0.1f);
    cr_assert_str_eq(recording->site_name[1], "site1");
    ofr_recording_free(recording);
}

static void put(const char *name, const char *descr, const char *shape, size_t size)
{
    static const unsigned char zeros[256];
    write_array(name, descr, shape, zeros, size);
}

static void bad_magic(void)
{
    fixture_write("conf.npy", "\x93NUMPX\x01\0\x02\0{}", 12);
}
static void bad_version(void)
{
    fixture_write("conf.npy", "\x93NUMPY\x04\0\x02\0{}", 12);
}
static void short_magic(void)
{
    fixture_write("conf.npy", "\x93NUM", 4);
}
static void no_conf(void)
{
    remove(fixture_path("conf.npy"));
}
static void many_rows(void)
{
    put("conf.npy", "<f2", "(1000000000000, 2)", 12);
}
static void overflowing_rows(void)
{
    put("conf.npy", "<f2", "(9223372036854775807, 4)", 12);
}
static void cut_data(void)
{
    put("conf.npy", "<f2", "(3, 2)", 11);
}
static void long_data(void)
{
    put("conf.npy", "<f2", "(3, 2)", 13);
}
static void fortran(void)
{
    write_npy("conf.npy", 1, "{'descr': '<f2', 'fortran_order': True, 'shape': (3, 2), }", conf, sizeof conf);
}
static void big_endian(void)
{
    put("conf.npy", ">f2", "(3, 2)", 12);
}
static void line_break_in_type(void)
{
    put("conf.npy", "<f\n", "(3, 2)", 12);
}
static void no_shape(void)
{
    write_npy("conf.npy", 1, "{'descr': '<f2', 'fortran_order': False}", conf, sizeof conf);
}
static void three_dimensions(void)
{
    put("conf.npy", "<f2", "(3, 2, 1)", 12);
}
static void one_dimension(void)
{
    put("conf.npy", "<f2", "(3,)", 6);
}
static void too_many_sites(void)
{
    put("conf.npy", "<f2", "(1, 65)", 130);
}
static void conf_nan(void)
{
    static const uint16_t nan[6] = {0x3c00, 0x3c00, 0x3c00, 0x7e00, 0, 0};
    write_array("conf.npy", "<f2", "(3, 2)", nan, sizeof nan);
}
static void conf_above_one(void)
{
    static const float value[6] = {0, 0.5f, 1.0f, 1.0f, 1.5f, 0};
    write_array("conf.npy", "<f4", "(3, 2)", value, sizeof value);
}
static void conf_integers(void)
{
    put("conf.npy", "|u1", "(3, 2)", 6);
}
static void entropy_negative(void)
{
    static const float value[6] = {0, 0, 0, 0, 0, -0.25f};
    write_array("entropy.npy", "<f4", "(3, 2)", value, sizeof value);
}
static void entropy_rows(void)
{
    put("entropy.npy", "<f2", "(4, 2)", 16);
}
static void pred_columns(void)
{
    put("pred.npy", "|u1", "(3, 3)", 9);
}
static void pred_class(void)
{
    static const uint8_t value[6] = {0, 1, 2, 3, 0, 0};
    write_array("pred.npy", "|u1", "(3, 2)", value, sizeof value);
}
static void label_negative(void)
{
    static const int16_t value[3] = {0, -1, 0};
    write_array("label.npy", "<i2", "(3,)", value, sizeof value);
}
static void pred_reals(void)
{
    put("pred.npy", "<f4", "(3, 2)", 24);
}
static void no_answers(void)
{
    remove(fixture_path("pred.npy"));
}
static void both_answers(void)
{
    put("pred_agree.npy", "|b1", "(3, 2)", 6);
}
static void no_final(void)
{
    remove(fixture_path("final_pred.npy"));
}
static void sites_count(void)
{
    fixture_write("meta.json", "{\"sites\": [\"a\"]}", 16);
}
static void meta_syntax(void)
{
    fixture_write("meta.json", "{\"sites\":", 9);
}
static void lengths_half(void)
{
    put("prompt_tokens.npy", "<u2", "(2,)", 4);
}

static const struct {
    void (*spoil)(void);
    const char *message; /* after the folder's path */
} bad_folders[] = {
    {bad_magic, "/conf.npy: offset 0: wrong magic, expected a NumPy .npy file"},
    {bad_version, "/conf.npy: offset 6: found .npy version 4.0, expected 1.0, 2.0 or 3.0"},
    {short_magic, "/conf.npy: offset 4: file is cut off, expected 4 more bytes of the .npy magic"},
    {no_conf, "/conf.npy: found no such file, expected the ramps' top probabilities [N, R]"},
    {many_rows, "/conf.npy: offset 128: header claims 1000000000000 x 2 elements of 2 bytes, found 12 bytes"},
    {overflowing_rows,
     "/conf.npy: offset 128: header claims 9223372036854775807 x 4 elements of 2 bytes, found 12 bytes"},
    {cut_data, "/conf.npy: offset 128: header claims 3 x 2 elements of 2 bytes, found 11 bytes"},
    {long_data, "/conf.npy: offset 128: header claims 3 x 2 elements of 2 bytes, found 13 bytes"},
    {fortran, "/conf.npy: found Fortran order, expected C order (numpy.ascontiguousarray)"},
    {big_endian,
     "/conf.npy: found elements of type '>f2', expected little-endian <f2 <f4 <f8 |b1 |u1 <u2 <u4 |i1 "
     "<i2 <i4 <i8"},
    {line_break_in_type, "/conf.npy: found elements of type '<f?', expected little-endian"},
    {no_shape, "/conf.npy: offset 64: bad .npy header, expected all of 'descr', 'fortran_order' and 'shape'"},
    {three_dimensions, "/conf.npy: found more than two dimensions, expected one or two"},
    {one_dimension, "/conf.npy: found 1 dimensions, 3 rows; expected samples x sites"},
    {too_many_sites, "/conf.npy: found 1 x 65, expected at most 4294967295 samples and 64 sites"},
    {conf_nan, "/conf.npy: row 1, column 1: found nan, expected 0 to 1"},
    {conf_above_one, "/conf.npy: row 2, column 0: found 1.5, expected 0 to 1"},
    {conf_integers, "/conf.npy: found integers, expected <f2, <f4 or <f8"},
    {entropy_negative, "/entropy.npy: row 2, column 1: found -0.25, expected 0 to 64"},
    {entropy_rows, "/entropy.npy: found 4 rows, expected 3 as in the other arrays"},
    {pred_columns, "/pred.npy: found 3 columns, expected 2 sites as in conf.npy"},
    {pred_class, "/pred.npy: row 1, column 1: found 3, expected 0 to 2"},
    {pred_reals, "/pred.npy: found real numbers, expected integers"},
    {label_negative, "/label.npy: row 1, column 0: found -1, expected 0 to 2"},
    {no_answers, ": found neither, expected one of pred.npy and pred_agree.npy"},
    {both_answers, ": found both pred.npy and pred_agree.npy, expected one of pred.npy and pred_agree.npy"},
    {no_final, "/final_pred.npy: found no such file, expected it beside pred.npy"},
    {sites_count, "/meta.json: found 1 sites, expected 2 as conf.npy has columns"},
    {meta_syntax, "/meta.json:1:9: bad JSON: "},
    {lengths_half, ": found one of prompt_tokens.npy and output_tokens.npy, expected both or neither"},
};

static void clear_folder(void)
{
    fixture_teardown();
    cr_assert_eq(mkdir(fixture_folder, 0700), 0);
}

static void expect_no_output(const char *what)
{
    DIR *folder = opendir(fixture_folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        cr_assert_neq(strncmp(entry->d_name, "out", 3), 0, "%s: left behind %s", what, entry->d_name);
    closedir(folder);
}

Test(import_npy, bad_folders)
{
    for (size_t i = 0; i < sizeof bad_folders / sizeof bad_folders[0]; ++i) {
        struct ofr_folder folder;
        struct ofr_error err = OFR_ERROR_INIT;
        const char *message = bad_folders[i].message;
        size_t path = strlen(fixture_folder);
        clear_folder();
        write_small_folder();
        bad_folders[i].spoil();
        cr_assert_eq(import_folder(fixture_folder, &folder, &err), OFR_E_INPUT, "%s: %s", message, err.text);
        cr_assert_eq(strncmp(err.text, fixture_folder, path), 0, "%s", err.text);
        cr_assert_eq(strncmp(err.text + path, message, strlen(message)), 0, "found    %s\nexpected %s",
                     err.text + path, message);
        cr_assert_null(strchr(err.text, '\n'));
        expect_no_output(message);
    }
}

/* Any cut of an array is refused. */
Test(import_npy, cut_everywhere)
{
    unsigned char bytes[256];
    write_small_folder();
    size_t size = fixture_read(fixture_path("conf.npy"), bytes, sizeof bytes);
    for (size_t cut = 0; cut < size; ++cut) {
        struct ofr_npy npy;
        struct ofr_error err = OFR_ERROR_INIT;
        fixture_write("cut.npy", bytes, cut);
        cr_assert_eq(ofr_npy_load(&npy, fixture_path("cut.npy"), &err), OFR_E_INPUT, "cut at %zu", cut);
    }
}

Test(import_npy, real_folders)
{
    static const struct {
        const char *name;
        uint32_t samples, sites, classes;
        bool agreement;
    } real[] = {
        {"resnet18-cifar10-drift", 25000, 8, 10, false}, {"resnet18-gtsrb-tracks", 13318, 8, 43, false},
        {"bert12-imdb-shuffled", 25000, 11, 2, false},   {"gpt12-imdb-decode", 88450, 11, 0, true},
        {"resnet18-vehicle-video", 108000, 8, 2, false},
    };
    for (size_t i = 0; i < sizeof real / sizeof real[0]; ++i) {
        struct ofr_folder folder;
        struct ofr_error err = OFR_ERROR_INIT;
        char name[128];
        snprintf(name, sizeof name, "recordings/%s", real[i].name);
        const char *path = fixture_shared(name);
        if (!path)
            continue;
        cr_assert_eq(import_folder(path, &folder, &err), 0, "%s", err.text);
        cr_assert_str_eq(folder.ignored, "");
        struct ofr_recording *recording = load_output();
        cr_assert_str_eq(recording->name, real[i].name);
        cr_assert_eq(recording->samples, real[i].samples);
        cr_assert_eq(recording->sites, real[i].sites);
        cr_assert_eq(recording->classes, real[i].classes);
        cr_assert_eq(recording->agreement, real[i].agreement);
        size_t last = (size_t)recording->samples * recording->sites - 1;
        cr_assert_eq(recording->top1[last],
                     ofr_half_to_float(((uint16_t *)folder.real[OFR_FOLDER_TOP1])[last]));
        cr_assert_eq(recording->answer[last], folder.answer[last]);
        ofr_recording_free(recording);
        ofr_folder_release(&folder);
    }
}

#define HEAD "model\tbatch\tindex\tsite\tuntil_ms\tramp_ms\n"
#define GOOD                                                                                                 \
    HEAD "m\t1\t0\tstem\t0.04595\t0.0000005\nm\t1\t1\tfull\t0.35\t\nn\t1\t0\tfull\t1\t\n"                    \
         "m\t4\t1\tfull\t0.7\t\nm\t4\t0\tstem\t0.1\t0.02\n"

static int import_profile(const char *text, const char *model, struct ofr_error *err)
{
    struct ofr_profile_summary summary;
    struct ofr_profile_request request = {.input = fixture_write("source.tsv", text, strlen(text)),
                                          .output = fixture_path("out.oprof"),
                                          .model = model,
                                          .dispatch_ns = 5000,
                                          .copy_in_ns = 700,
                                          .feedback_ns = 9};
    return ofr_profile_import(&request, &summary, err);
}

Test(import_profile, small_table)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_profile *profile = NULL;
    cr_assert_eq(import_profile(GOOD, "m", &err), 0, "%s", err.text);
    cr_assert_eq(ofr_profile_load(&profile, fixture_path("out.oprof"), &err), 0, "%s", err.text);
    cr_assert_str_eq(profile->model, "m");
    cr_assert_eq(profile->sites, 1);
    cr_assert_eq(profile->batches, 2);
    cr_assert_eq(profile->batch[1], 4);
    cr_assert_eq(profile->until_ns[0], 45950);
    cr_assert_eq(profile->until_ns[1], 350000);
    cr_assert_eq(profile->until_ns[3], 700000);
    cr_assert_eq(profile->ramp_add_ns[0], 1);
    cr_assert_eq(profile->ramp_delay_ns[1], 20000);
    cr_assert_eq(profile->dispatch_ns, 5000);
    cr_assert_eq(profile->copy_in_ns[1], 700);
    cr_assert_eq(profile->copy_out_ns[0], 0);
    cr_assert_eq(profile->feedback_ns, 9);
    ofr_profile_free(profile);
}

static const struct {
    const char *text, *model, *message;
} bad_tables[] = {
    {"", "m",
     ":1: found an empty file, expected the header model batch index site until_ms ramp_ms between tabs"},
    {HEAD, "m", ": found no model 'm', expected one of (the table has no rows)"},
    {GOOD, "resnet", ": found no model 'resnet', expected one of m n"},
    {"model\tbatch\tindex\tsite\tuntil_ms\n", "m",
     ":1: found no column 'ramp_ms', expected it among 'model' 'batch' 'index' 'site' 'until_ms'"},
    {HEAD "m\t1\t0\tstem\t1\t1\n", "m",
     ":2: found no row `full` after this one, expected it (batch 1, index 0, site stem)"},
    {HEAD "m\t1\t0\tstem\t1\t1\nm\t1\t0\tstem\t1\t1\nm\t1\t1\tfull\t1\t\n", "m",
     ":3: found the same batch and index twice, expected once (batch 1, index 0, site stem)"},
    {HEAD "m\t1\t0\tstem\t2\t1\nm\t1\t1\tfull\t1.5\t\n", "m",
     ":3: found a time before that of the site ahead, expected later (batch 1, index 1, site full)"},
    {HEAD "m\t1\t0\tstem\t2\t1\nm\t1\t2\tfull\t2.5\t\n", "m",
     ":3: found a hole before this index, expected 0, 1, 2, ... (batch 1, index 2, site full)"},
    {HEAD "m\t1\t0\tfull\t2\t\nm\t1\t1\tstem\t2.5\t1\n", "m",
     ":3: found a site after `full`, expected `full` last (batch 1, index 1, site stem)"},
    {HEAD "m\t1\t0\ta\t2\t1\nm\t1\t1\tfull\t3\t\nm\t2\t0\tb\t2\t1\nm\t2\t1\tfull\t3\t\n", "m",
     ":4: found another site than at the first batch size (batch 2, index 0, site b)"},
    {HEAD "m\t1\t0\tstem\tNaN\t1\n", "m",
     ":2:12: found 'NaN' (NaN or infinity) for until_ms, expected milliseconds"},
    {HEAD "m\t1\t0\tstem\t-1\t1\n", "m",
     ":2:12: found '-1' (a negative number) for until_ms, expected milliseconds"},
    {HEAD "m\t1\t0\tstem\t1\t\n", "m", ":2:14: found '' (nothing) for ramp_ms, expected milliseconds"},
    {HEAD "m\t0\t0\tfull\t1\t\n", "m",
     ":2:3: found '0' (a number out of range) for batch, expected a batch size from 1"},
    {HEAD "m\t1\t0\tfull\t1\n", "m", ":2: found 5 fields, expected 6"},
    {HEAD "m\t1\t0\tfull\t0\t\n", "m", ":2: found a model that takes no time (batch 1, index 0, site full)"},
};

Test(import_profile, bad_tables)
{
    for (size_t i = 0; i < sizeof bad_tables / sizeof bad_tables[0]; ++i) {
        struct ofr_error err = OFR_ERROR_INIT;
        size_t path = strlen(fixture_path("source.tsv"));
        cr_assert_eq(import_profile(bad_tables[i].text, bad_tables[i].model, &err), OFR_E_INPUT, "%s",
                     bad_tables[i].message);
        cr_assert_gt(strlen(err.text), path);
        cr_assert_str_eq(err.text + path, bad_tables[i].message);
        expect_no_output(bad_tables[i].message);
    }
}

Test(import_profile, real_table)
{
    static const struct {
        const char *model;
        uint32_t sites;
        int64_t full_first_ns; /* of batch 1 */
    } real[] = {{"resnet18", 8, 347010}, {"bert-base", 11, 548700}, {"vgg16", 12, 433150}};
    const char *shared = fixture_shared("anchors/profile-pytorch-h200-fp16.tsv");
    if (!shared)
        return;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", shared);
    for (size_t i = 0; i < sizeof real / sizeof real[0]; ++i) {
        struct ofr_error err = OFR_ERROR_INIT;
        struct ofr_profile *profile = NULL;
        struct ofr_profile_summary summary;
        struct ofr_profile_request request = {
            .input = path, .output = fixture_path("out.oprof"), .model = real[i].model};
        cr_assert_eq(ofr_profile_import(&request, &summary, &err), 0, "%s", err.text);
        cr_assert_eq(summary.sites, real[i].sites, "%s: %u sites", real[i].model, summary.sites);
        cr_assert_eq(summary.batches, 7);
        cr_assert_eq(ofr_profile_load(&profile, request.output, &err), 0, "%s", err.text);
        cr_assert_eq(profile->batch[6], 64);
        cr_assert_eq(profile->until_ns[profile->sites], real[i].full_first_ns);
        ofr_profile_free(profile);
    }
}
