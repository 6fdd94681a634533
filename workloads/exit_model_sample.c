/* Drawing from an exit model. */
#include "workloads/exit_model.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK = 1024 /* samples written at a time */
};

static void enter(struct ofr_exit_sampler *sampler, uint32_t stretch)
{
    sampler->stretch = stretch;
    sampler->left = sampler->model->schedule[stretch].samples;
}

static int make_decks(struct ofr_exit_sampler *sampler, struct ofr_error *err)
{
    const struct ofr_exit_model *model = sampler->model;
    uint32_t runs = 0;
    for (uint32_t r = 0; r < model->regimes; r++)
        runs += model->regime[r].runs;
    sampler->deck = calloc(model->regimes, sizeof *sampler->deck);
    sampler->order = malloc((runs + 1) * sizeof *sampler->order);
    if (!sampler->deck || !sampler->order) {
        ofr_exit_sampler_release(sampler);
        return ofr_fail_nomem(err, "the runs of an exit model");
    }
    uint32_t *order = sampler->order;
    for (uint32_t r = 0; r < model->regimes; order += model->regime[r++].runs) {
        sampler->deck[r].order = order;
        for (uint32_t i = 0; i < model->regime[r].runs; i++)
            order[i] = i;
    }
    return OFR_OK;
}

void ofr_exit_sampler_release(struct ofr_exit_sampler *sampler)
{
    free(sampler->deck);
    free(sampler->order);
    sampler->deck = NULL;
    sampler->order = NULL;
}

int ofr_exit_sampler_init(struct ofr_exit_sampler *sampler, const struct ofr_exit_model *model, uint64_t seed,
                          struct ofr_error *err)
{
    *sampler = (struct ofr_exit_sampler){.model = model};
    int code = make_decks(sampler, err);
    if (code)
        return code;
    ofr_random_init(&sampler->random, seed, OFR_RANDOM_WORKLOAD, 1);
    sampler->level = ofr_random_normal(&sampler->random, 0, 1);
    enter(sampler, model->head.order ? (uint32_t)ofr_random_below(&sampler->random, model->stretches) : 0);
    return OFR_OK;
}

/* A stretch of the schedule that stands behind one of the same regime as now; the first stands behind the
 * last. */
static uint32_t draw_next(struct ofr_exit_sampler *sampler)
{
    const struct ofr_exit_model *model = sampler->model;
    uint32_t now = model->schedule[sampler->stretch].regime, like = 0;
    for (uint32_t i = 0; i < model->stretches; i++)
        like += model->schedule[i].regime == now;
    uint64_t pick = ofr_random_below(&sampler->random, like);
    for (uint32_t i = 0; i < model->stretches; i++)
        if (model->schedule[i].regime == now && pick-- == 0)
            return (i + 1) % model->stretches;
    return 0;
}

static void next_stretch(struct ofr_exit_sampler *sampler)
{
    uint32_t stretches = sampler->model->stretches;
    enter(sampler, sampler->model->head.order ? draw_next(sampler) : (sampler->stretch + 1) % stretches);
}

static void from_row(const struct ofr_exit_model *model, const struct ofr_exit_regime *regime, uint32_t row,
                     struct ofr_exit_sample *sample)
{
    uint32_t sites = model->head.sites.count;
    const uint16_t *value = regime->value + (size_t)row * (sites + 2);
    sample->final_answer = value[0];
    sample->label = value[1];
    memcpy(sample->answer, value + 2, sites * sizeof *value);
    memcpy(sample->top1, regime->top1 + (size_t)row * sites, sites * sizeof *sample->top1);
    if (regime->entropy)
        memcpy(sample->entropy, regime->entropy + (size_t)row * sites, sites * sizeof *sample->entropy);
}

/* P^-1 of a probability that may be 0 or 1. */
static double quantile(double p)
{
    return gsl_cdf_ugaussian_Pinv(fmin(fmax(p, 1e-12), 1 - 1e-12));
}

static void from_exits(struct ofr_exit_sampler *sampler, const struct ofr_exit_regime *regime,
                       double difficulty, struct ofr_exit_sample *sample)
{
    const struct ofr_exit_model_head *head = &sampler->model->head;
    struct ofr_random *random = &sampler->random;
    double rest = sqrt(1 - head->loading * head->loading), err = ofr_random_uniform(random);
    double centre = log(head->threshold / (1 - head->threshold));
    uint16_t classes = (uint16_t)(head->classes ? head->classes : 2);
    bool agreement = head->answers == 1;
    sample->final_answer = agreement ? 1 : (uint16_t)ofr_random_below(random, classes);
    sample->label = sample->final_answer;
    for (uint32_t k = 0; k < head->sites.count; k++) {
        double z = head->loading * difficulty + rest * ofr_random_normal(random, 0, 1);
        double from_edge = z - quantile(regime->exit[k]);
        bool agrees = err < (from_edge < 0 ? regime->agreement[k] : regime->otherwise[k]);
        sample->top1[k] = (float)(1 / (1 + exp(centre + head->spread * from_edge)));
        sample->entropy[k] = 0;
        uint16_t wrong = (uint16_t)(agreement ? 0 : (sample->final_answer + 1) % classes);
        sample->answer[k] = agrees ? sample->final_answer : wrong;
    }
}

static void step_level(struct ofr_exit_sampler *sampler)
{
    const struct ofr_exit_model_head *head = &sampler->model->head;
    double fresh = ofr_random_normal(&sampler->random, 0, 1);
    if (head->changes == 0)
        sampler->level = head->memory * sampler->level + sqrt(1 - head->memory * head->memory) * fresh;
    else if (ofr_random_uniform(&sampler->random) >= head->memory)
        sampler->level = fresh;
}

/* Fisher and Yates. */
static void shuffle(struct ofr_random *random, uint32_t *order, uint32_t count)
{
    for (uint32_t i = count - 1; i > 0; i--) {
        uint32_t j = (uint32_t)ofr_random_below(random, i + 1), moved = order[i];
        order[i] = order[j];
        order[j] = moved;
    }
}

/* The next row of a regime's runs. */
static uint32_t next_step(struct ofr_exit_sampler *sampler, const struct ofr_exit_regime *regime,
                          struct ofr_exit_deck *deck)
{
    if (deck->dealt == 0 || deck->at == regime->start[deck->order[deck->dealt - 1] + 1]) {
        if (deck->dealt == regime->runs)
            deck->dealt = 0;
        if (deck->dealt == 0)
            shuffle(&sampler->random, deck->order, regime->runs);
        deck->at = regime->start[deck->order[deck->dealt++]];
    }
    return regime->step[deck->at++];
}

/* The row at the quantile of the difficulty. */
static uint32_t row_at(const struct ofr_exit_regime *regime, double difficulty)
{
    uint32_t row = (uint32_t)(gsl_cdf_ugaussian_P(difficulty) * regime->rows);
    return row < regime->rows ? row : regime->rows - 1;
}

void ofr_exit_sampler_next(struct ofr_exit_sampler *sampler, struct ofr_exit_sample *sample)
{
    const struct ofr_exit_model_head *head = &sampler->model->head;
    if (sampler->left == 0)
        next_stretch(sampler);
    sampler->left--;
    uint32_t which = sampler->model->schedule[sampler->stretch].regime;
    const struct ofr_exit_regime *regime = &sampler->model->regime[which];
    sample->regime = (uint8_t)which;
    if (regime->runs > 0) {
        from_row(sampler->model, regime, next_step(sampler, regime, &sampler->deck[which]), sample);
        return;
    }
    step_level(sampler);
    double difficulty = sqrt(head->persistence) * sampler->level +
                        sqrt(1 - head->persistence) * ofr_random_normal(&sampler->random, 0, 1);
    if (regime->rows > 0)
        from_row(sampler->model, regime, row_at(regime, difficulty), sample);
    else
        from_exits(sampler, regime, difficulty, sample);
}

/* ---- to a recording ---- */

struct block {
    float top1[BLOCK * OFFRAMP_MAX_SITES], entropy[BLOCK * OFFRAMP_MAX_SITES];
    uint16_t answer[BLOCK * OFFRAMP_MAX_SITES], final_answer[BLOCK], label[BLOCK];
    uint8_t episode[BLOCK];
};

static int append(struct ofr_recording_writer *writer, struct ofr_exit_sampler *sampler, struct block *block,
                  uint32_t rows, struct ofr_error *err)
{
    uint32_t sites = sampler->model->head.sites.count;
    for (uint32_t i = 0; i < rows; i++) {
        struct ofr_exit_sample sample;
        ofr_exit_sampler_next(sampler, &sample);
        memcpy(block->top1 + i * sites, sample.top1, sites * sizeof *sample.top1);
        memcpy(block->entropy + i * sites, sample.entropy, sites * sizeof *sample.entropy);
        memcpy(block->answer + i * sites, sample.answer, sites * sizeof *sample.answer);
        block->final_answer[i] = sample.final_answer;
        block->label[i] = sample.label;
        block->episode[i] = sample.regime;
    }
    struct ofr_recording_block out = {.rows = rows,
                                      .top1 = block->top1,
                                      .entropy = block->entropy,
                                      .answer = block->answer,
                                      .final_answer = block->final_answer,
                                      .label = block->label,
                                      .episode = block->episode};
    return ofr_recording_append(writer, &out, err);
}

static int open_writer(const struct ofr_exit_model *model, const char *path,
                       const struct ofr_notes *provenance, struct ofr_recording_writer **writer,
                       struct ofr_error *err)
{
    const char *name[OFFRAMP_MAX_SITES];
    for (uint32_t k = 0; k < model->head.sites.count; k++)
        name[k] = model->head.sites.item[k];
    struct ofr_recording_layout layout = {
        .name = model->head.name,
        .sites = model->head.sites.count,
        .classes = (uint32_t)model->head.classes,
        .site_name = name,
        .columns = OFR_RECORDING_EPISODE | (model->labels ? (uint32_t)OFR_RECORDING_LABEL : 0) |
                   (model->head.entropy ? (uint32_t)OFR_RECORDING_ENTROPY : 0),
        .agreement = model->head.answers == 1,
    };
    return ofr_recording_create(writer, path, &layout, provenance, err);
}

static int write_all(const struct ofr_exit_model *model, struct ofr_exit_sampler *sampler, uint64_t samples,
                     const char *path, const struct ofr_notes *provenance, struct ofr_error *err)
{
    struct ofr_recording_writer *writer = NULL;
    struct block *block = malloc(sizeof *block);
    if (!block)
        return ofr_fail_nomem(err, "samples");
    int code = open_writer(model, path, provenance, &writer, err);
    for (uint64_t done = 0; done < samples && !code; done += BLOCK)
        code =
            append(writer, sampler, block, samples - done < BLOCK ? (uint32_t)(samples - done) : BLOCK, err);
    free(block);
    if (code) {
        ofr_recording_abort(writer);
        return code;
    }
    return ofr_recording_finish(writer, err);
}

int ofr_exit_model_generate(const struct ofr_exit_model *model, uint64_t seed, uint64_t samples,
                            const char *path, const struct ofr_notes *provenance, struct ofr_error *err)
{
    struct ofr_exit_sampler sampler;
    int code = ofr_exit_sampler_init(&sampler, model, seed, err);
    if (code)
        return code;
    code = write_all(model, &sampler, samples, path, provenance, err);
    ofr_exit_sampler_release(&sampler);
    return code;
}
