/* Networks and their weights: shapes, sites, what published counts say, files read as they are written. */
#include "replay/nets/half.h"
#include "replay/nets/net.h"
#include "replay/nets/weights.h"
#include "tests/support/files.h"

#include <criterion/criterion.h>
#include <math.h>
#include <sched.h>
#include <string.h>

static struct ofr_net *build(const char *name, const struct ofr_net_options *options)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_net *net;
    cr_assert_eq(ofr_net_build(&net, name, options, &err), 0, "%s", err.text);
    return net;
}

/* Weights without the ramps; batch norms folded, so that gamma and beta count as the bias that replaces them. */
static double parameters(const struct ofr_net *net)
{
    double count = 0.0;
    for (uint32_t i = 0; i < net->weights; ++i) {
        const struct ofr_weight *w = &net->weight[i];
        if (strncmp(w->name, "ramp.", 5) == 0)
            continue;
        count += (double)w->rows * w->columns;
        if (w->norm[0])
            count += 2.0 * w->rows;
        if (w->bias)
            count += w->kind == OFR_WEIGHT_SCALE ? w->columns : w->rows;
    }
    return count;
}

/* Falls when any layer is missing, doubled or of another width: torchvision's and Hugging Face's own numbers of
 * parameters (num_labels = 2 for text). */
Test(nets, parameters_are_the_published_ones)
{
    static const struct {
        const char *name;
        double parameters;
        uint32_t sites;
        const char *first, *last;
    } known[] = {
        {"resnet18", 11689512, 8, "stem", "layer4.0"},
        {"resnet50", 25557032, 16, "stem", "layer4.1"},
        {"resnet101", 44549160, 33, "stem", "layer4.1"},
        {"vgg11", 132863336, 7, "relu1", "relu7"},
        {"vgg11_bn", 132868840, 7, "relu1", "relu7"},
        {"vgg13", 133047848, 9, "relu1", "relu9"},
        {"vgg16", 138357544, 12, "relu1", "relu12"},
        {"distilbert-base", 66955010, 5, "layer.0", "layer.4"},
        {"bert-base", 109483778, 11, "layer.0", "layer.10"},
        {"bert-large", 335143938, 23, "layer.0", "layer.22"},
        {"gpt2-medium", 354825216, 23, "layer.0", "layer.22"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; ++i) {
        struct ofr_net *net = build(known[i].name, NULL);
        cr_expect_float_eq(parameters(net), known[i].parameters, 0.5, "%s: %.0f", net->name, parameters(net));
        cr_expect_eq(net->sites, known[i].sites, "%s", net->name);
        cr_expect_str_eq(net->site[0].name, known[i].first);
        cr_expect_str_eq(net->site[net->sites - 1].name, known[i].last);
        ofr_net_free(net);
    }
}

/* Falls when an operator refers to a tensor that is not made yet or a weight of another width. */
Test(nets, every_network_hangs_together)
{
    for (uint32_t k = 0; ofr_net_names[k]; ++k) {
        struct ofr_net *net = build(ofr_net_names[k], NULL);
        int32_t made = 0;
        for (uint32_t i = 0; i < net->ops; ++i) {
            const struct ofr_op *op = &net->op[i];
            cr_assert(op->in >= 0 && op->in <= made && op->add <= made && op->out == made + 1, "%s op %u",
                      net->name, i);
            made = op->out;
            if (op->kind == OFR_OP_LINEAR)
                cr_assert_eq(net->weight[op->weight].columns, net->tensor[op->in].c);
            if (op->add >= 0)
                cr_assert_eq(memcmp(&net->tensor[op->add], &net->tensor[op->out], sizeof(struct ofr_tensor)),
                             0);
        }
        cr_assert_eq((uint32_t)made, net->tensors - 1);
        cr_assert_eq(net->tensor[made].c, net->classes);
        for (uint32_t s = 0; s < net->sites; ++s) {
            cr_assert_eq(net->op[net->site[s].op].out, net->site[s].tensor);
            cr_assert_eq(net->weight[net->site[s].weight].columns, net->tensor[net->site[s].tensor].c);
        }
        ofr_net_free(net);
    }
}

/* Falls when multiply-adds are miscounted: torchvision gives 1.814, 4.089 and 15.470 GFLOPs (multiply-adds). */
Test(nets, work_is_the_published_one)
{
    double bytes, operations;
    struct ofr_net *net = build("resnet18", NULL);
    ofr_net_work(net, 2, &bytes, &operations);
    cr_expect_float_eq(operations, 2 * 2 * 1.814e9, 4e6);
    ofr_net_free(net);
    net = build("resnet50", NULL);
    ofr_net_work(net, 1, &bytes, &operations);
    cr_expect_float_eq(operations, 2 * 4.089e9, 4e6);
    ofr_net_free(net);
    net = build("vgg16", NULL);
    ofr_net_work(net, 1, &bytes, &operations);
    cr_expect_float_eq(operations, 2 * 15.470e9, 4e7);
    cr_expect(bytes > 2 * 138.3e6);
    ofr_net_free(net);
}

Test(nets, bad_options_are_refused)
{
    struct ofr_net *net;
    const struct {
        const char *name;
        struct ofr_net_options options;
        const char *says;
    } bad[] = {
        {"resnet19", {0}, "expected one of: resnet18"},      {"resnet18", {.tokens = 12}, "does not have"},
        {"bert-base", {.image_size = 12}, "does not have"},  {"bert-base", {.tokens = 513}, "at most 512"},
        {"resnet18", {.classes = 1}, "expected 2 to 65536"}, {"resnet18", {.image_size = 5000}, "1 to 1024"},
        {"vgg16", {.image_size = 31}, "too small"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
        struct ofr_error err = OFR_ERROR_INIT;
        cr_expect_eq(ofr_net_build(&net, bad[i].name, &bad[i].options, &err), OFR_E_INPUT);
        cr_expect(strstr(err.text, bad[i].says), "%s", err.text);
        cr_expect_null(net);
    }
}

/* Falls when rounding is not to nearest even, or a half does not survive the way there and back. */
Test(nets, halves)
{
    for (uint32_t h = 0; h < 0x7c00; ++h)
        cr_assert_eq(ofr_half_from_float(ofr_half_to_float((uint16_t)h)), h);
    cr_expect_eq(ofr_half_from_float(1.0f + 0x1p-11f), 0x3c00);
    cr_expect_eq(ofr_half_from_float(1.0f + 3 * 0x1p-11f), 0x3c02);
    cr_expect_eq(ofr_half_from_float(-65519.0f), 0xfbff);
    cr_expect_eq(ofr_half_from_float(65520.0f), 0x7c00);
    cr_expect_eq(ofr_half_from_float(0x1.8p-24f), 2);
    cr_expect_eq(ofr_half_from_float(0x1p-25f), 0);
}

Test(nets, random_weights_repeat_and_have_the_right_spread)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_net *net = build("resnet18-small", NULL);
    struct ofr_weights *a, *b;
    cr_assert_eq(ofr_weights_random(&a, net, 1, &err), 0);
    cr_assert_eq(ofr_weights_random(&b, net, 1, &err), 0);
    uint32_t w = (uint32_t)net->op[1].weight; /* the stem: ReLU follows */
    size_t count = (size_t)net->weight[w].rows * net->weight[w].columns;
    cr_expect_eq(memcmp(a->value[w], b->value[w], count * 2), 0);
    double squares = 0;
    for (size_t i = 0; i < count; ++i)
        squares += pow((double)ofr_half_to_float(a->value[w][i]), 2.0);
    cr_expect_float_eq(squares / (double)count * net->weight[w].columns, 2.0, 0.2);
    cr_expect_str_eq(a->source, "seed 1");
    ofr_weights_free(a);
    ofr_weights_free(b);
    ofr_net_free(net);
}

/* Fails when values depend on how many threads draw them, or two pieces of one weight are drawn alike. */
Test(nets, random_weights_do_not_depend_on_threads)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_net *net = build("resnet18", NULL);
    struct ofr_weights *many, *one;
    cr_assert_eq(ofr_weights_random(&many, net, 1, &err), 0);
    cpu_set_t single;
    CPU_ZERO(&single);
    CPU_SET((size_t)sched_getcpu(), &single);
    cr_assert_eq(sched_setaffinity(0, sizeof single, &single), 0);
    cr_assert_eq(ofr_weights_random(&one, net, 1, &err), 0);
    uint32_t largest = 0;
    for (uint32_t i = 0; i < net->weights; ++i) {
        size_t count = (size_t)net->weight[i].rows * net->weight[i].columns;
        cr_expect_eq(memcmp(many->value[i], one->value[i], count * 2), 0, "weight %u", i);
        if (count > (size_t)net->weight[largest].rows * net->weight[largest].columns)
            largest = i;
    }
    cr_expect_neq(memcmp(one->value[largest], one->value[largest] + (1 << 20), 1 << 20), 0);
    ofr_weights_free(many);
    ofr_weights_free(one);
    ofr_net_free(net);
}

/* ---- files ---- */

/* A convolution 2 x 2 with batch norm, a linear layer of two parts after a flatten of 2 pixels, one transposed. */
static struct ofr_weight needed[] = {
    {.name = "c", .norm = "n", .kind = OFR_WEIGHT_CONV, .rows = 1, .columns = 8, .kernel = 2},
    {.name = "l.{a,b}", .kind = OFR_WEIGHT_LINEAR, .rows = 2, .columns = 4, .pixels = 2, .bias = true},
    {.name = "t", .kind = OFR_WEIGHT_LINEAR_TRANSPOSED, .rows = 2, .columns = 3},
};
static const struct ofr_net tiny = {.name = "tiny", .weight = needed, .weights = 3};

static const char header[] = "{\"c.weight\":{\"dtype\":\"F32\",\"shape\":[1,2,2,2],\"data_offsets\":[0,32]},"
                             "\"n.weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[32,36]},"
                             "\"n.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[36,40]},"
                             "\"n.running_mean\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[40,44]},"
                             "\"n.running_var\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[44,48]},"
                             "\"l.a.weight\":{\"dtype\":\"F32\",\"shape\":[1,4],\"data_offsets\":[48,64]},"
                             "\"l.b.weight\":{\"dtype\":\"F32\",\"shape\":[1,4],\"data_offsets\":[64,80]},"
                             "\"l.a.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[80,84]},"
                             "\"l.b.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[84,88]},"
                             "\"t.weight\":{\"dtype\":\"BF16\",\"shape\":[3,2],\"data_offsets\":[88,100]}}";

static const float data[22] = {0, 1, 2, 3, 4, 5, 6, 7, /* c */ 3,        10, 2, 2.25f - 1e-5f, /* n */
                               1, 2, 3, 4, 5, 6, 7, 8, /* l.a, l.b */ 9, 10 /* biases */};
static const uint16_t brains[6] = {0x3f80, 0x4000, 0x4040, 0x4080, 0x40a0, 0x40c0}; /* 1 .. 6 */

static const char *write_file(const char *text, size_t cut)
{
    char *path = files_path("w.safetensors");
    unsigned char bytes[2048] = {0};
    size_t length = strlen(text);
    bytes[0] = (unsigned char)length;
    bytes[1] = (unsigned char)(length >> 8);
    memcpy(bytes + 8, text, length);
    memcpy(bytes + 8 + length, data, sizeof data);
    memcpy(bytes + 8 + length + sizeof data, brains, sizeof brains);
    files_write(path, bytes, 8 + length + sizeof data + sizeof brains - cut);
    return path;
}

static void expect(const uint16_t *half, const float *value, size_t count)
{
    for (size_t i = 0; i < count; ++i)
        cr_expect_float_eq(ofr_half_to_float(half[i]), value[i], 1e-3, "%zu: %g", i,
                           (double)ofr_half_to_float(half[i]));
}

/* Falls when a permutation, the transposition, the stacking of parts or the folding is wrong. */
Test(nets, a_file_is_read_into_the_operators_order)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_weights *weights;
    cr_assert_eq(ofr_weights_load(&weights, &tiny, write_file(header, 0), &err), 0, "%s", err.text);
    expect(weights->value[0], (float[]){0, 8, 2, 10, 4, 12, 6, 14},
           8);                                 /* [c][pixels] -> [pixels][c], times 3 / 1.5 */
    expect(weights->bias[0], (float[]){6}, 1); /* 10 + (0 - 2) * 2 */
    expect(weights->value[1], (float[]){1, 3, 2, 4, 5, 7, 6, 8}, 8);
    expect(weights->bias[1], (float[]){9, 10}, 2);
    expect(weights->value[2], (float[]){1, 3, 5, 2, 4, 6}, 6);
    expect(weights->bias[2], (float[]){0, 0}, 2);
    ofr_weights_free(weights);
    files_remove();
}

static void refuse(const char *find, const char *by, size_t cut, const char *says)
{
    char text[2048];
    const char *at = strstr(header, find);
    cr_assert(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - header), header, by, at + strlen(find));
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_weights *weights;
    cr_expect_eq(ofr_weights_load(&weights, &tiny, write_file(text, cut), &err), OFR_E_INPUT);
    cr_expect(strstr(err.text, says), "%s", err.text);
    cr_expect_null(weights);
}

Test(nets, damaged_files_are_refused)
{
    refuse("t.weight", "u.weight", 0, "no tensor 't.weight'");
    refuse("\"BF16\"", "\"I8\"", 0, "expected F16, BF16 or F32");
    refuse("[3,2]", "[2,3]", 0, "found the shape 2 x 3, expected 3 x 2");
    refuse("[3,2]", "[3,2,1]", 0, "found the shape 3 x 2 x 1");
    refuse("[88,100]", "[88,98]", 0, "found 10 bytes, expected 12");
    refuse("[88,100]", "[88,1000]", 0, "do not lie in the file");
    refuse("[88,100]", "[-4,8]", 0, "do not lie in the file");
    refuse("[3,2]", "[4611686018427387904,4]", 0, "bad shape");
    refuse("[3,2]", "[3,2", 0, "bad header");
    refuse("l.b.bias", "l.a.bias", 0, "bad header");
    refuse("t.weight", "t.weight", 1, "do not lie in the file");
    refuse("t.weight", "t.weight", 700, "expected a whole safetensors file");
    files_remove();
}
