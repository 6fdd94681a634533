/* What offramp_check_gpu is made of: one mode a file. A mode prints a table to stdout, one tab-separated row a finding,
 * and returns OFR_E_GATE where a bound is missed, after the whole table.
 *
 *   kernels [small]               every kernel against its twin on random inputs of odd sizes   kernels.c, ramps.c
 *   compare NET CLASSES SIZE      a network against the cpu device, same weights and inputs     compare.c
 *   images WEIGHTS FOLDER         resnet18 on FOLDER's images against FOLDER's logits           images.c
 *   failures                      no memory left, device lost                                   failures.c
 *   time NET                      whole model by batch size, every ramp, three ramps at once    times.c
 *   steps NET BATCH               every kind of operator of one batch size, and how it runs     steps.c
 *   anatomy NET                   what a ramp's time is made of                                 steps.c
 *   speeds NET BATCH SECONDS      pass times and the SM's clock over time                       speeds.c
 *   levels BATCH DEVICES PROFILE  pass times of the same device made anew, beside the SM's clock speeds.c
 *   loads NET SECONDS             pass times once a load sets in, by batch size and load       loads.c
 *   delay NET BATCH               what three ramps cost a pass, and which of their parts does   delay.c
 */
#ifndef OFR_REPLAY_CUDA_CHECK_GPU_H
#define OFR_REPLAY_CUDA_CHECK_GPU_H

#include "replay/device.h"

#include <stdio.h>

enum {
    OFR_CHECK_INPUTS = 8,
    OFR_CHECK_SAMPLES = 31,
};

int ofr_check_kernels(char **argument, struct ofr_error *err);
int ofr_check_ramps(bool small, uint32_t *missed,
                    struct ofr_error *err); /* part of kernels; counts missed bounds */
int ofr_check_compare(char **argument, struct ofr_error *err);
int ofr_check_images(char **argument, struct ofr_error *err);
int ofr_check_failures(char **argument, struct ofr_error *err);
int ofr_check_time(char **argument, struct ofr_error *err);
int ofr_check_steps(char **argument, struct ofr_error *err);
int ofr_check_anatomy(char **argument, struct ofr_error *err);
int ofr_check_speeds(char **argument, struct ofr_error *err);
int ofr_check_levels(char **argument, struct ofr_error *err);
int ofr_check_loads(char **argument, struct ofr_error *err);
int ofr_check_delay(char **argument, struct ofr_error *err);
struct ofr_cuda;
int ofr_check_delays(struct ofr_cuda *cuda, struct ofr_error *err); /* part of delay */

/* A network with random weights and inputs. Release in any case. */
struct ofr_check_net {
    struct ofr_net *net;
    struct ofr_weights *weights;
    void *data;
    struct ofr_device_inputs inputs;
};
int ofr_check_net_init(struct ofr_check_net *all, const char *name, const struct ofr_net_options *options,
                       struct ofr_error *err);
void ofr_check_net_release(struct ofr_check_net *all);

/* Submits one pass with every ramp on, of inputs first .. first + rows - 1, and waits for its end. */
int ofr_check_pass(const struct ofr_device_ops *ops, void *state, const struct ofr_net *net, uint32_t ticket,
                   uint32_t rows, uint32_t first, struct ofr_error *err);

double ofr_check_quantile_us(int64_t *sample_ns, uint32_t count, double quantile); /* sorts the samples */

#endif
