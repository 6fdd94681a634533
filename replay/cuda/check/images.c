#include "replay/cuda/check/check_gpu.h"
#include "replay/model.h"
#include "traces/import/npy.h"

#include <math.h>
#include <stdlib.h>

#define BOUND        2e-2 /* of logits: see struct tally */
#define SAME_ANSWERS .995 /* least share */

enum {
    BATCH = 8,
    PATH_SIZE = 4096
};

/* One site's logits over all images against the reference: squares of differences, and the largest. */
struct tally {
    double squares, against, off, largest;
    double margin; /* largest lead of the reference's answer over ours where they differ */
    uint32_t rows, same;
};

struct reference {
    struct ofr_npy ramps, full; /* [images][sites x classes], [images][classes] */
};

static int load(struct reference *reference, const char *folder, const struct ofr_net *net, uint32_t images,
                struct ofr_error *err)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/ramp_logits.npy", folder);
    int code = ofr_npy_load_rows(&reference->ramps, path, err);
    if (code)
        return code;
    snprintf(path, sizeof path, "%s/logits.npy", folder);
    code = ofr_npy_load_rows(&reference->full, path, err);
    if (code)
        return code;
    if (reference->ramps.shape[0] != images || reference->full.shape[0] != images ||
        reference->ramps.shape[1] != (uint64_t)net->sites * net->classes ||
        reference->full.shape[1] != net->classes)
        return ofr_fail(err, OFR_E_INPUT, "%s: logits are not of %u images, %u sites and %u classes", folder,
                        images, net->sites, net->classes);
    return OFR_OK;
}

static void add(struct tally *tally, const float *found, const struct ofr_npy *npy, size_t at,
                uint32_t classes)
{
    uint32_t best = 0, wanted = 0;
    for (uint32_t k = 0; k < classes; ++k) {
        const double other = (double)ofr_npy_real(npy, at + k), off = fabs((double)found[k] - other);
        tally->squares += off * off;
        tally->against += other * other;
        tally->off = isfinite(found[k]) ? fmax(tally->off, off) : INFINITY;
        tally->largest = fmax(tally->largest, fabs(other));
        best = found[k] > found[best] ? k : best;
        wanted = other > (double)ofr_npy_real(npy, at + wanted) ? k : wanted;
    }
    ++tally->rows;
    tally->same += best == wanted;
    tally->margin =
        fmax(tally->margin, (double)ofr_npy_real(npy, at + wanted) - (double)ofr_npy_real(npy, at + best));
}

static uint32_t print(const struct tally *tally, const char *site, bool answers)
{
    const double rms = sqrt(tally->squares / tally->against), worst = tally->off / tally->largest;
    const bool good =
        rms <= BOUND && worst <= BOUND && (!answers || tally->same >= SAME_ANSWERS * tally->rows);
    printf("images\t%s\trms %.2e\tworst %.2e\tsame answer %u of %u\tmargin of the others %.1e\t%s\n", site,
           rms, worst, tally->same, tally->rows, tally->margin / tally->largest, good ? "ok" : "MISSED");
    return !good;
}

/* Logits site by site; answers of the full model, and of all ramps together: the reference was computed in f32 from
 * other roundings, and one image whose two best classes tie is 0.2 % of a site's. */
static uint32_t judge(const struct tally *tally, const struct ofr_net *net)
{
    struct tally ramps = {0};
    uint32_t missed = 0;
    for (uint32_t site = 0; site < net->sites; ++site) {
        missed += print(&tally[site], net->site[site].name, false);
        ramps.squares += tally[site].squares;
        ramps.against += tally[site].against;
        ramps.off = fmax(ramps.off, tally[site].off);
        ramps.largest = fmax(ramps.largest, tally[site].largest);
        ramps.margin = fmax(ramps.margin, tally[site].margin);
        ramps.rows += tally[site].rows;
        ramps.same += tally[site].same;
    }
    missed += print(&ramps, "all ramps", true);
    return missed + print(&tally[net->sites], "full", true);
}

static int run(const struct ofr_device_ops *ops, void *state, const struct ofr_replay_model *model,
               const struct reference *reference, struct tally *tally, struct ofr_error *err)
{
    const struct ofr_net *net = model->net;
    float *found = malloc((size_t)BATCH * net->classes * sizeof *found);
    int code = found ? OFR_OK : ofr_fail_nomem(err, "logits");
    for (uint32_t first = 0, ticket = 1; first + BATCH <= model->inputs.count && !code;
         first += BATCH, ++ticket) {
        code = ofr_check_pass(ops, state, net, ticket, BATCH, first, err);
        for (uint32_t site = 0; site <= net->sites && !code; ++site) {
            code = ops->logits(state, ticket % ops->lanes, site, found, BATCH, err);
            for (uint32_t r = 0; r < BATCH && !code; ++r) {
                const size_t row = first + r;
                add(&tally[site], found + (size_t)r * net->classes,
                    site < net->sites ? &reference->ramps : &reference->full,
                    (site < net->sites ? row * net->sites + site : row) * net->classes, net->classes);
            }
        }
    }
    free(found);
    return code;
}

static int check(const struct ofr_replay_model *model, const struct reference *reference,
                 struct ofr_error *err)
{
    static const uint32_t batch = BATCH;
    const struct ofr_device_setup setup = {
        .net = model->net, .weights = model->weights, .inputs = model->inputs, .batch = &batch, .batches = 1};
    struct tally *tally = calloc(model->net->sites + 1, sizeof *tally);
    void *state = NULL;
    int32_t index;
    const struct ofr_device_ops *ops = ofr_device_find("cuda", &index, err);
    int code = !tally ? ofr_fail_nomem(err, "sums") : ops ? ops->create(&state, &setup, err) : OFR_E_BUG;
    if (!code)
        code = run(ops, state, model, reference, tally, err);
    const uint32_t missed = code ? 0 : judge(tally, model->net);
    if (missed)
        code = ofr_fail(err, OFR_E_GATE, "%u bounds missed: logits within %g, %g of the answers the same",
                        missed, BOUND, SAME_ANSWERS);
    if (state)
        ops->destroy(state);
    free(tally);
    return code;
}

int ofr_check_images(char **argument, struct ofr_error *err)
{
    char images[PATH_SIZE];
    snprintf(images, sizeof images, "%s/images.npy", argument[1]);
    const struct ofr_replay_model_options options = {
        .net = "resnet18", .weights = argument[0], .images = images, .classes = 10};
    struct ofr_replay_model model;
    struct reference reference = {.ramps = {.data = NULL}, .full = {.data = NULL}};
    int code = ofr_replay_model_load(&model, &options, NULL, NULL, err);
    if (!code)
        code = load(&reference, argument[1], model.net, model.inputs.count, err);
    if (!code)
        code = check(&model, &reference, err);
    ofr_npy_release(&reference.ramps);
    ofr_npy_release(&reference.full);
    ofr_replay_model_release(&model);
    return code;
}
