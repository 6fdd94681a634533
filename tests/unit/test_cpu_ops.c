/* The cpu device's operators: tiny cases by hand, odd sizes against the fast path, a whole network against its twin. */
#include "replay/cpu/product.h"
#include "replay/nets/half.h"
#include "sim/engine/random.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct ofr_op op(enum ofr_op_kind kind)
{
    return (struct ofr_op){.kind = kind, .add = -1, .sum = -1, .weight = -1, .table = -1, .every = -1};
}

static void expect(const float *found, const float *wanted, size_t count, float within)
{
    for (size_t i = 0; i < count; ++i)
        cr_expect(fabsf(found[i] - wanted[i]) <= within, "%zu: found %g, expected %g", i, (double)found[i],
                  (double)wanted[i]);
}

/* The fast path, its convolution prepared. */
static void run_fast(struct ofr_cpu_task *task)
{
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_cpu_engine engine;
    struct ofr_cpu_product product = {0};
    cr_assert_eq(ofr_cpu_engine_init(&engine, &err), 0, "%s", err.text);
    if (task->op->kind == OFR_OP_CONV) {
        cr_assert_eq(ofr_cpu_product_init(&product, &engine, task, NULL, &err), 0, "%s", err.text);
        task->product = &product;
    }
    ofr_cpu_fast[task->op->kind](task);
    ofr_cpu_product_release(&product);
    ofr_cpu_engine_release(&engine);
}

/* 3 x 3 picture, kernel 2, stride 2, pad 1: four windows at the corners, one pixel, two, two and four inside.
 * Falls when padding, stride, residual or activation are wrong. */
Test(cpu_ops, conv_by_hand)
{
    struct ofr_op conv = op(OFR_OP_CONV);
    conv.kernel = conv.stride = 2;
    conv.pad = 1;
    conv.act = OFR_ACT_RELU;
    const float in[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, weight[4] = {1, 10, 100, 1000}, bias[1] = {-5};
    const float add[4] = {0, 0, 0, -20000};
    float out[4];
    struct ofr_cpu_task task = {.op = &conv,
                                .from = {3, 3, 1, OFR_ELEMENT_F16},
                                .to = {2, 2, 1, OFR_ELEMENT_F16},
                                .n = 1,
                                .columns = 4,
                                .in = in,
                                .add = add,
                                .out = out,
                                .weight = weight,
                                .bias = bias};
    const float wanted[4] = {995, 3195, 7035, 0};
    ofr_cpu_conv(&task);
    expect(out, wanted, 4, 0);
    run_fast(&task);
    expect(out, wanted, 4, 0);
}

Test(cpu_ops, pooling_by_hand)
{
    struct ofr_op pool = op(OFR_OP_MAXPOOL);
    pool.kernel = 3;
    pool.stride = 2;
    pool.pad = 1;
    const float in[9] = {-1, -2, -3, -4, -5, -6, -7, -8, -9};
    float out[4];
    struct ofr_cpu_task task = {.op = &pool,
                                .from = {3, 3, 1, OFR_ELEMENT_F16},
                                .to = {2, 2, 1, OFR_ELEMENT_F16},
                                .n = 1,
                                .in = in,
                                .out = out};
    ofr_cpu_maxpool(&task); /* padding counts as nothing, not as 0 */
    expect(out, (float[]){-1, -2, -4, -5}, 4, 0);
    struct ofr_op mean = op(OFR_OP_MEAN);
    task.op = &mean;
    ofr_cpu_mean(&task);
    expect(out, (float[]){-5}, 1, 1e-6f);
}

/* Doubling with corners not aligned: 1/4 and 3/4 between neighbours, the edge held. */
Test(cpu_ops, preprocess_by_hand)
{
    struct ofr_op pre = op(OFR_OP_PREPROCESS);
    const uint8_t in[2] = {0, 255};
    float out[4];
    struct ofr_cpu_task task = {.op = &pre,
                                .from = {1, 2, 1, OFR_ELEMENT_U8},
                                .to = {1, 4, 1, OFR_ELEMENT_F16},
                                .n = 1,
                                .in = in,
                                .out = out};
    ofr_cpu_preprocess(&task);
    float wanted[4] = {0.0f, 0.25f, 0.75f, 1.0f};
    for (int i = 0; i < 4; ++i)
        wanted[i] = (wanted[i] - 0.485f) / 0.229f;
    expect(out, wanted, 4, 1e-5f);
}

Test(cpu_ops, norm_and_activations_by_hand)
{
    struct ofr_op norm = op(OFR_OP_LAYERNORM);
    const float in[4] = {1, 2, 3, 4}, add[4] = {1, 0, 1, 0}, weight[4] = {1, 1, 2, 1}, bias[4] = {0, 0, 0, 1};
    float out[4], sum[4];
    struct ofr_cpu_task task = {.op = &norm,
                                .from = {1, 1, 4, OFR_ELEMENT_F16},
                                .to = {1, 1, 4, OFR_ELEMENT_F16},
                                .n = 1,
                                .in = in,
                                .add = add,
                                .out = out,
                                .sum = sum,
                                .weight = weight,
                                .bias = bias};
    ofr_cpu_layernorm(&task); /* of 2 2 4 4: mean 3, deviation 1 */
    expect(out, (float[]){-1, -1, 2, 2}, 4, 1e-5f);
    expect(sum, (float[]){2, 2, 4, 4}, 4, 0);
    const float zero[1] = {0};
    float x[1] = {1.5f};
    ofr_cpu_finish(x, NULL, zero, 1, 1, OFR_ACT_GELU);
    expect(x, (float[]){1.3997892f}, 1, 1e-5f);
    x[0] = 1.5f;
    ofr_cpu_finish(x, NULL, zero, 1, 1, OFR_ACT_GELU_TANH);
    expect(x, (float[]){1.3995715f}, 1, 1e-5f);
}

/* Two tokens, one head of width 1: q = (0, ln 3), k = (0, 1), v = (10, 20). The second query weighs 1 : 3. */
Test(cpu_ops, attention_by_hand)
{
    struct ofr_op attention = op(OFR_OP_ATTENTION);
    attention.heads = 1;
    const float in[6] = {0, 0, 10, logf(3.0f), 1, 20};
    float out[2];
    struct ofr_cpu_task task = {.op = &attention,
                                .from = {2, 1, 3, OFR_ELEMENT_F16},
                                .to = {2, 1, 1, OFR_ELEMENT_F16},
                                .n = 1,
                                .in = in,
                                .out = out};
    ofr_cpu_attention(&task);
    expect(out, (float[]){15, 17.5f}, 2, 1e-4f);
    attention.causal = true;
    ofr_cpu_attention(&task);
    expect(out, (float[]){10, 17.5f}, 2, 1e-4f);
}

Test(cpu_ops, verdict_by_hand)
{
    struct ofr_cpu_verdict verdict = ofr_cpu_judge((float[]){0, logf(3.0f), 0, -INFINITY}, 4);
    cr_expect_eq(verdict.answer, 1);
    cr_expect_float_eq(verdict.top, 0.4f, 1e-6f);
    cr_expect_float_eq(verdict.entropy, -0.6f * logf(0.6f) - 0.4f * logf(0.2f), 1e-5f);
    verdict = ofr_cpu_judge((float[]){2, 2}, 2);
    cr_expect_eq(verdict.answer, 0, "ties go to the lower class");
    verdict = ofr_cpu_judge((float[]){40, 0}, 2);
    cr_expect(verdict.top > 0.0f && verdict.top < 1e-17f, "digits of near certainty are kept: %g",
              (double)verdict.top);
}

/* ---- twins and the fast path ---- */

static void *random_halves(struct ofr_random *random, size_t count)
{
    uint16_t *half = malloc((count + 1) * sizeof *half);
    for (size_t i = 0; i < count; ++i)
        half[i] = ofr_half_from_float((float)ofr_random_normal(random, 0.0, 1.0));
    return half;
}

/* One operator of odd sizes by twin and by fast path; largest difference over the largest value. */
static float distance(struct ofr_op *what, struct ofr_tensor from, struct ofr_tensor to,
                      struct ofr_weight *weight, uint32_t n)
{
    struct ofr_random random;
    struct ofr_error err = OFR_ERROR_INIT;
    ofr_random_init(&random, 5, OFR_RANDOM_TEST, 0);
    struct ofr_tensor tensors[3] = {from, to, to};
    what->in = 0;
    what->add = 1;
    what->out = 2;
    what->weight = 0;
    struct ofr_net net = {
        .tensor = tensors, .weight = weight, .op = what, .tensors = 3, .weights = 1, .ops = 1};
    size_t in_count = (size_t)n * from.h * from.w * from.c, out_count = (size_t)n * to.h * to.w * to.c;
    size_t weights = (size_t)weight->rows * weight->columns;
    uint16_t *value = random_halves(&random, weights), *bias = random_halves(&random, weight->rows);
    struct ofr_weights given = {.value = &value, .bias = &bias, .weights = 1};
    void *tensor[3] = {random_halves(&random, in_count), random_halves(&random, out_count),
                       random_halves(&random, out_count)};
    cr_assert_eq(ofr_cpu_twin(&net, &given, what, n, tensor, &err), 0);

    float *in = calloc(in_count, 4), *add = calloc(out_count, 4), *out = calloc(out_count, 4),
          *w = calloc(weights, 4);
    float *b = calloc(weight->rows, 4);
    for (size_t i = 0; i < in_count; ++i)
        in[i] = ofr_half_to_float(((uint16_t *)tensor[0])[i]);
    for (size_t i = 0; i < out_count; ++i)
        add[i] = ofr_half_to_float(((uint16_t *)tensor[1])[i]);
    for (size_t i = 0; i < weights; ++i)
        w[i] = ofr_half_to_float(value[i]);
    for (size_t i = 0; i < weight->rows; ++i)
        b[i] = ofr_half_to_float(bias[i]);
    struct ofr_cpu_task task = {.op = what,
                                .from = from,
                                .to = to,
                                .n = n,
                                .columns = weight->columns,
                                .in = in,
                                .add = add,
                                .out = out,
                                .weight = w,
                                .bias = b};
    run_fast(&task);
    float worst = 0.0f, largest = 0.0f;
    for (size_t i = 0; i < out_count; ++i) {
        float twin = ofr_half_to_float(((uint16_t *)tensor[2])[i]);
        worst = fmaxf(worst, fabsf(twin - out[i]));
        largest = fmaxf(largest, fabsf(twin));
    }
    void *all[] = {in, add, out, w, b, value, bias, tensor[0], tensor[1], tensor[2]};
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i)
        free(all[i]);
    return worst / largest;
}

/* Falls when patches, blocks or the product's order are wrong at sizes that fit nothing. */
Test(cpu_ops, fast_products_agree_with_their_twins)
{
    static const struct {
        uint32_t n, h, w, c, c_out, kernel, stride, pad;
    } sizes[] = {{1, 7, 5, 3, 13, 3, 2, 1},
                 {3, 9, 9, 17, 5, 1, 1, 0},
                 {2, 11, 13, 3, 7, 7, 2, 3},
                 {1, 1, 1, 5, 3, 3, 1, 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
        struct ofr_op conv = op(OFR_OP_CONV);
        conv.kernel = sizes[i].kernel;
        conv.stride = sizes[i].stride;
        conv.pad = sizes[i].pad;
        conv.act = OFR_ACT_RELU;
        struct ofr_tensor from = {sizes[i].h, sizes[i].w, sizes[i].c, OFR_ELEMENT_F16}, to = from;
        to.h = (from.h + 2 * conv.pad - conv.kernel) / conv.stride + 1;
        to.w = (from.w + 2 * conv.pad - conv.kernel) / conv.stride + 1;
        to.c = sizes[i].c_out;
        struct ofr_weight weight = {.kind = OFR_WEIGHT_CONV,
                                    .rows = to.c,
                                    .columns = conv.kernel * conv.kernel * from.c,
                                    .kernel = conv.kernel};
        cr_expect_lt(distance(&conv, from, to, &weight, sizes[i].n), OFR_CPU_BOUND_PRODUCT, "conv %zu", i);
    }
    struct ofr_op linear = op(OFR_OP_LINEAR);
    linear.act = OFR_ACT_GELU;
    struct ofr_weight weight = {.kind = OFR_WEIGHT_LINEAR, .rows = 31, .columns = 77};
    cr_expect_lt(distance(&linear, (struct ofr_tensor){5, 1, 77, OFR_ELEMENT_F16},
                          (struct ofr_tensor){5, 1, 31, OFR_ELEMENT_F16}, &weight, 3),
                 OFR_CPU_BOUND_PRODUCT);
}
