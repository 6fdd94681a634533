/* What a machine with a GPU shows: the cuda device against the cpu device on the same weights and inputs, and times.
 *
 *   offramp_check_gpu compare NET CLASSES SIZE   largest difference of every site's logits, relative to the largest
 *   offramp_check_gpu time NET                   whole model by batch size, ramps alone, what three of them add
 *
 * SIZE is the image's side, or tokens. Tables go to stdout; the exit status is 1 where a bound is missed. */
#include "replay/device.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOUND 2e-2 /* of logits, relative to the largest */

enum {
    INPUTS = 8,
    SAMPLES = 31,
};

static int by_value(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double median_us(int64_t *sample, uint32_t count)
{
    qsort(sample, count, sizeof *sample, by_value);
    return (double)sample[count / 2] / 1000.;
}

static void *make_inputs(const struct ofr_net *net, struct ofr_device_inputs *inputs)
{
    const struct ofr_tensor *in = &net->tensor[0];
    const bool image = in->element == OFR_ELEMENT_U8;
    const size_t values = (size_t)in->h * in->w * in->c, bytes = values * (image ? 1 : 4);
    uint8_t *data = malloc(bytes * INPUTS);
    uint64_t state = 1;
    for (size_t i = 0; data && i < values * INPUTS; ++i) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        const uint32_t value = (uint32_t)(state >> 33);
        if (image)
            data[i] = (uint8_t)value;
        else
            ((int32_t *)data)[i] = (int32_t)(value % 30000);
    }
    *inputs = (struct ofr_device_inputs){data, INPUTS, bytes};
    return data;
}

static int run_pass(const struct ofr_device_ops *ops, void *state, const struct ofr_net *net, uint32_t ticket,
                    uint32_t rows, struct ofr_error *err)
{
    static const uint32_t sample[] = {0, 1, 2, 3, 4, 5, 6, 7};
    struct offramp_exit_config config = {.ramps = net->sites};
    struct ofr_lane_view view;
    const uint32_t lane = ticket % ops->lanes;
    for (uint32_t i = 0; i < net->sites; ++i) {
        config.site[i] = (uint16_t)i;
        config.threshold[i] = 0.5;
    }
    const struct ofr_pass pass = {ticket, lane, rows, rows, sample, &config};
    ops->lane(state, lane, &view);
    int code = ops->submit(state, &pass, err);
    while (!code && atomic_load_explicit(view.ended, memory_order_acquire) != ticket)
        code = ops->check(state, err);
    for (uint32_t i = 0; i < net->sites && !code; ++i)
        for (uint32_t r = 0; r < rows && !code; ++r)
            if (!ofr_cell_is_of(view.ramp[i * view.stride + r], ticket))
                code =
                    ofr_fail(err, OFR_E_GATE, "%s: site %u, row %u: no cell of this pass", ops->name, i, r);
    return code;
}

/* Largest difference of the logits of a site over the largest of the reference; counts other answers. */
static double difference(const float *a, const float *b, uint32_t rows, uint32_t classes, uint32_t *other)
{
    double worst = 0, largest = 0;
    for (uint32_t r = 0; r < rows; ++r) {
        uint32_t of_a = 0, of_b = 0;
        for (uint32_t k = 0; k < classes; ++k) {
            const float x = a[r * classes + k], y = b[r * classes + k];
            worst = isfinite(x) ? fmax(worst, fabs((double)x - y)) : INFINITY;
            largest = fmax(largest, fabs((double)y));
            of_a = x > a[r * classes + of_a] ? k : of_a;
            of_b = y > b[r * classes + of_b] ? k : of_b;
        }
        *other += of_a != of_b;
    }
    return worst / (largest > 0 ? largest : 1);
}

static int compare(const struct ofr_net *net, const struct ofr_device_setup *setup, struct ofr_error *err)
{
    const struct ofr_device_ops *ops[2];
    void *state[2] = {NULL, NULL};
    int32_t index;
    int code = OFR_OK;
    float *logits = calloc((size_t)2 * INPUTS * net->classes, sizeof *logits);
    ops[0] = ofr_device_find("cuda", &index, err);
    ops[1] = ofr_device_find("cpu", &index, err);
    for (int i = 0; i < 2 && !code; ++i)
        code = ops[i] && logits ? ops[i]->create(&state[i], setup, err) : OFR_E_BUG;
    for (uint32_t k = 0; k < setup->batches && !code; ++k) {
        const uint32_t rows = setup->batch[k];
        for (int i = 0; i < 2 && !code; ++i)
            code = run_pass(ops[i], state[i], net, k + 1, rows, err);
        for (uint32_t site = 0; site <= net->sites && !code; ++site) {
            uint32_t other = 0;
            for (int i = 0; i < 2 && !code; ++i)
                code = ops[i]->logits(state[i], (k + 1) % ops[i]->lanes, site,
                                      logits + (size_t)i * INPUTS * net->classes, rows, err);
            const double worst =
                difference(logits, logits + (size_t)INPUTS * net->classes, rows, net->classes, &other);
            printf("compare\t%s\t%u\t%s\t%.2e\t%u\n", net->name, rows,
                   site < net->sites ? net->site[site].name : "full", worst, other);
            if (!code && !(worst <= BOUND))
                ofr_fail(err, OFR_E_GATE, "%s: logits differ by %.2e of the largest at site %u, batch %u",
                         net->name, worst, site, rows);
        }
    }
    for (int i = 0; i < 2; ++i)
        if (state[i])
            ops[i]->destroy(state[i]);
    free(logits);
    return code ? code : err->code;
}

static int take(const struct ofr_device_ops *ops, void *state, enum ofr_measure_kind kind, uint32_t batch,
                uint32_t site, double *us, struct ofr_error *err)
{
    int64_t sample[SAMPLES];
    const struct ofr_measure what = {kind, batch, site, false};
    const int code = ops->measure(state, &what, sample, SAMPLES, err);
    *us = code ? 0 : median_us(sample, SAMPLES);
    return code;
}

static int times(const struct ofr_net *net, const struct ofr_device_setup *setup, struct ofr_error *err)
{
    int32_t index;
    void *state = NULL;
    double us;
    const struct ofr_device_ops *ops = ofr_device_find("cuda", &index, err);
    struct ofr_notes notes = OFR_NOTES_INIT;
    int code = ops ? ops->create(&state, setup, err) : OFR_E_BUG;
    if (!code)
        code = ops->info(state, &notes, err);
    for (uint32_t i = 0; i < notes.count; ++i)
        printf("info\t%s\t%s\t%s\n", net->name, notes.item[i].name, notes.item[i].text);
    for (uint32_t i = 0; i < setup->batches && !code; ++i) {
        double bytes, operations;
        ofr_net_work(net, setup->batch[i], &bytes, &operations);
        code = take(ops, state, OFR_MEASURE_UNTIL, setup->batch[i], net->sites, &us, err);
        printf("full\t%s\t%u\t%.2f us\t%.2f TB/s\t%.1f TFLOP/s\n", net->name, setup->batch[i], us,
               bytes / us * 1e-6, operations / us * 1e-6);
    }
    for (uint32_t site = 0; site < net->sites && !code; ++site) {
        double delay = 0, add = 0;
        code = take(ops, state, OFR_MEASURE_RAMP_ALONE, setup->batch[0], site, &us, err);
        if (!code)
            code = take(ops, state, OFR_MEASURE_RAMP_ADD, setup->batch[0], site, &add, err);
        if (!code)
            code = take(ops, state, OFR_MEASURE_RAMP_DELAY, setup->batch[0], site, &delay, err);
        printf("ramp\t%s\t%s\talone %.2f us\tadds %.2f us\tdelay %.2f us\n", net->name, net->site[site].name,
               us, add, delay);
    }
    static const char *const names[] = {"release", "copy-out", "dispatch", "copy-in"};
    static const enum ofr_measure_kind kinds[] = {OFR_MEASURE_RELEASE, OFR_MEASURE_COPY_OUT,
                                                  OFR_MEASURE_DISPATCH, OFR_MEASURE_COPY_IN};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !code; ++i) {
        code = take(ops, state, kinds[i], setup->batch[0], 0, &us, err);
        printf("%s\t%s\t%.2f us\n", names[i], net->name, us);
    }
    ofr_notes_release(&notes);
    if (state)
        ops->destroy(state);
    return code;
}

int main(int argc, char **argv)
{
    static const uint32_t few[] = {1, 3, 8}, all[] = {1, 2, 4, 8, 16, 32, 64};
    const bool comparing = argc == 5 && !strcmp(argv[1], "compare");
    if (!comparing && !(argc == 3 && !strcmp(argv[1], "time"))) {
        fprintf(stderr, "usage: %s compare NET CLASSES SIZE | time NET\n", argv[0]);
        return 2;
    }
    struct ofr_error err = OFR_ERROR_INIT;
    struct ofr_net_options options = {0};
    struct ofr_net *net = NULL;
    struct ofr_weights *weights = NULL;
    struct ofr_device_inputs inputs = {0};
    if (comparing) {
        options.classes = (uint32_t)strtoul(argv[3], NULL, 10);
        const uint32_t size = (uint32_t)strtoul(argv[4], NULL, 10);
        const bool text = strstr(argv[2], "bert") || strstr(argv[2], "gpt");
        *(text ? &options.tokens : &options.image_size) = size;
    }
    int code = ofr_net_build(&net, argv[2], &options, &err);
    if (!code)
        code = ofr_weights_random(&weights, net, 1, &err);
    void *data = code ? NULL : make_inputs(net, &inputs);
    const struct ofr_device_setup setup = {.net = net,
                                           .weights = weights,
                                           .inputs = inputs,
                                           .batch = comparing ? few : all,
                                           .batches = comparing ? 3 : 7};
    if (!code)
        code = comparing ? compare(net, &setup, &err) : times(net, &setup, &err);
    if (code)
        fprintf(stderr, "offramp_check_gpu: %s\n", err.text);
    free(data);
    ofr_weights_free(weights);
    ofr_net_free(net);
    return ofr_exit_status(code);
}
