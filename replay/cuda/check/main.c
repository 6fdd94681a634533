/* What a machine with a GPU shows; replay/check_gpu.sh runs all of it. See check_gpu.h for the modes. */
#include "replay/cuda/check/check_gpu.h"

#include <stdlib.h>
#include <string.h>

static const struct mode {
    const char *name, *arguments;
    int least, most;
    int (*run)(char **argument, struct ofr_error *err);
} modes[] = {
    {"kernels", "[small]", 0, 1, ofr_check_kernels},
    {"compare", "NET CLASSES SIZE", 3, 3, ofr_check_compare},
    {"images", "WEIGHTS FOLDER", 2, 2, ofr_check_images},
    {"time", "NET", 1, 1, ofr_check_time},
    {"steps", "NET BATCH", 2, 2, ofr_check_steps},
    {"anatomy", "NET", 1, 1, ofr_check_anatomy},
    {"delay", "NET BATCH", 2, 2, ofr_check_delay},
    {"speeds", "NET BATCH SECONDS", 3, 3, ofr_check_speeds},
    {"levels", "BATCH DEVICES PROFILE", 3, 3, ofr_check_levels},
    {"loads", "NET SECONDS", 2, 2, ofr_check_loads},
    {"failures", "", 0, 0, ofr_check_failures},
};

int ofr_check_net_init(struct ofr_check_net *all, const char *name, const struct ofr_net_options *options,
                       struct ofr_error *err)
{
    *all = (struct ofr_check_net){.net = NULL};
    int code = ofr_net_build(&all->net, name, options, err);
    if (!code)
        code = ofr_weights_random(&all->weights, all->net, 1, err);
    if (code)
        return code;
    const struct ofr_tensor *in = &all->net->tensor[0];
    const bool image = in->element == OFR_ELEMENT_U8;
    const size_t values = (size_t)in->h * in->w * in->c, bytes = values * (image ? 1 : 4);
    all->data = malloc(bytes * OFR_CHECK_INPUTS);
    if (!all->data)
        return ofr_fail_nomem(err, "inputs");
    uint64_t state = 1;
    for (size_t i = 0; i < values * OFR_CHECK_INPUTS; ++i) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        const uint32_t value = (uint32_t)(state >> 33);
        if (image)
            ((uint8_t *)all->data)[i] = (uint8_t)value;
        else
            ((int32_t *)all->data)[i] = (int32_t)(value % 30000);
    }
    all->inputs = (struct ofr_device_inputs){all->data, OFR_CHECK_INPUTS, bytes};
    return OFR_OK;
}

void ofr_check_net_release(struct ofr_check_net *all)
{
    free(all->data);
    ofr_weights_free(all->weights);
    ofr_net_free(all->net);
}

int ofr_check_pass(const struct ofr_device_ops *ops, void *state, const struct ofr_net *net, uint32_t ticket,
                   uint32_t rows, uint32_t first, struct ofr_error *err)
{
    uint32_t sample[64];
    struct offramp_exit_config config = {.ramps = net->sites};
    struct ofr_lane_view view;
    const uint32_t lane = ticket % ops->lanes;
    for (uint32_t i = 0; i < rows; ++i)
        sample[i] = first + i;
    for (uint32_t i = 0; i < net->sites; ++i) {
        config.site[i] = (uint16_t)i;
        config.threshold[i] = 0.5;
    }
    const struct ofr_pass pass = {
        .ticket = ticket, .lane = lane, .rows = rows, .padded = rows, .sample = sample, .config = &config};
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

static int by_value(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

double ofr_check_quantile_us(int64_t *sample_ns, uint32_t count, double quantile)
{
    qsort(sample_ns, count, sizeof *sample_ns, by_value);
    return (double)sample_ns[(uint32_t)(quantile * (count - 1) + 0.5)] / 1000.;
}

static int usage(const char *program)
{
    for (size_t i = 0; i < sizeof modes / sizeof *modes; ++i)
        fprintf(stderr, "%s %s %s %s\n", i ? "      " : "usage:", program, modes[i].name, modes[i].arguments);
    return 2;
}

int main(int argc, char **argv)
{
    struct ofr_error err = OFR_ERROR_INIT;
    for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof *modes; ++i) {
        if (strcmp(argv[1], modes[i].name) != 0)
            continue;
        if (argc - 2 < modes[i].least || argc - 2 > modes[i].most)
            return usage(argv[0]);
        const int code = modes[i].run(argv + 2, &err);
        if (code)
            fprintf(stderr, "offramp_check_gpu: %s\n", err.text);
        return ofr_exit_status(code);
    }
    return usage(argv[0]);
}
