#include "replay/cuda/check/check_gpu.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of a site's logits, relative to the largest the reference has there for any of the inputs. Relative to the largest of
 * one pass alone would say little: of two classes and one input both logits can lie near zero, where the sums they are
 * cancel. */
#define BOUND 2e-2

enum {
    THREADS = 4 /* several networks are compared at once */
};

struct pair {
    const struct ofr_device_ops *ops[2]; /* cuda, cpu */
    void *state[2];
    float *logits; /* [2][OFR_CHECK_INPUTS][classes] */
    double *scale; /* [sites + 1] largest of the reference so far */
};

struct finding {
    double worst, largest; /* difference; logit of the reference */
    uint32_t other;        /* rows with another answer */
};

static struct finding find(const float *a, const float *b, uint32_t rows, uint32_t classes)
{
    struct finding found = {0, 0, 0};
    for (uint32_t r = 0; r < rows; ++r) {
        uint32_t of_a = 0, of_b = 0;
        for (uint32_t k = 0; k < classes; ++k) {
            const float x = a[r * classes + k], y = b[r * classes + k];
            found.worst = isfinite(x) ? fmax(found.worst, fabs((double)x - y)) : INFINITY;
            found.largest = fmax(found.largest, fabs((double)y));
            of_a = x > a[r * classes + of_a] ? k : of_a;
            of_b = y > b[r * classes + of_b] ? k : of_b;
        }
        found.other += of_a != of_b;
    }
    return found;
}

static int compare_batch(struct pair *pair, const struct ofr_net *net, uint32_t ticket, uint32_t rows,
                         uint32_t *missed, struct ofr_error *err)
{
    const size_t half = (size_t)OFR_CHECK_INPUTS * net->classes;
    int code = OFR_OK;
    for (int i = 0; i < 2 && !code; ++i)
        code = ofr_check_pass(pair->ops[i], pair->state[i], net, ticket, rows, 0, err);
    for (uint32_t site = 0; site <= net->sites && !code; ++site) {
        for (int i = 0; i < 2 && !code; ++i)
            code = pair->ops[i]->logits(pair->state[i], ticket % pair->ops[i]->lanes, site,
                                        pair->logits + half * (size_t)i, rows, err);
        if (code)
            return code;
        const struct finding found = find(pair->logits, pair->logits + half, rows, net->classes);
        pair->scale[site] = fmax(pair->scale[site], found.largest);
        const double worst = found.worst / pair->scale[site];
        *missed += !(worst <= BOUND);
        printf("compare\t%s\t%u\t%s\t%.2e\tof this pass's largest %.2e\t%u other answers\t%s\n", net->name,
               rows, site < net->sites ? net->site[site].name : "full", worst, found.worst / found.largest,
               found.other, worst <= BOUND ? "ok" : "MISSED");
    }
    return code;
}

static int compare(const struct ofr_check_net *all, struct ofr_error *err)
{
    static const uint32_t batch[] = {1, 3, OFR_CHECK_INPUTS};
    const struct ofr_device_setup setup = {.net = all->net,
                                           .weights = all->weights,
                                           .inputs = all->inputs,
                                           .batch = batch,
                                           .batches = 3,
                                           .threads = THREADS};
    struct pair pair = {.logits = calloc((size_t)2 * OFR_CHECK_INPUTS * all->net->classes, sizeof(float)),
                        .scale = calloc(all->net->sites + 1, sizeof(double))};
    uint32_t missed = 0;
    int32_t index;
    int code = pair.logits && pair.scale ? OFR_OK : ofr_fail_nomem(err, "logits");
    for (int i = 0; i < 2 && !code; ++i) {
        pair.ops[i] = ofr_device_find(i ? "cpu" : "cuda", &index, err);
        code = pair.ops[i] ? pair.ops[i]->create(&pair.state[i], &setup, err) : OFR_E_BUG;
    }
    for (uint32_t k = 3; k-- > 0 && !code;) /* all inputs first: the scale */
        code = compare_batch(&pair, all->net, 3 - k, batch[k], &missed, err);
    for (int i = 0; i < 2; ++i)
        if (pair.state[i])
            pair.ops[i]->destroy(pair.state[i]);
    free(pair.logits);
    free(pair.scale);
    return code || !missed
               ? code
               : ofr_fail(err, OFR_E_GATE, "%s: logits of %u sites differ by more than %g of the largest",
                          all->net->name, missed, BOUND);
}

int ofr_check_compare(char **argument, struct ofr_error *err)
{
    struct ofr_net_options options = {.classes = (uint32_t)strtoul(argument[1], NULL, 10)};
    const uint32_t size = (uint32_t)strtoul(argument[2], NULL, 10);
    const bool text = strstr(argument[0], "bert") || strstr(argument[0], "gpt");
    struct ofr_check_net all;
    *(text ? &options.tokens : &options.image_size) = size;
    int code = ofr_check_net_init(&all, argument[0], &options, err);
    if (!code)
        code = compare(&all, err);
    ofr_check_net_release(&all);
    return code;
}
