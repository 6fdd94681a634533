/* I7: with exponential or constant service, one request a batch and Poisson arrivals, mean waits are those of
 * queueing theory. 30 seeds; the mean over seeds must lie within 3 standard errors of the formula (and the
 * standard error must be small enough to mean something). Broken on purpose by dispatching the newest request
 * first (the mean stays, the variance test fails), by a service time of twice the mean, or by drawing noise
 * twice per batch. */
#include "tests/support/fixture.h"

#include <gsl/gsl_statistics_double.h>
#include <math.h>

enum {
    SEEDS = 30,
    REQUESTS = 200000
};

/* Mean wait in ms of one run. */
static double mean_wait(const char *noise, int servers, double rate, int seed, double *variance)
{
    uint32_t batch = 1;
    struct ofr_inputs inputs = {.profile = fixture_profile(0, &batch, 1, 0, 1000000, 0)};
    char text[512];
    snprintf(text, sizeof text,
             "requests: %d\nservers: %d\nseed: %d\nmodel: {profile: memory, noise: %s}\n"
             "arrivals: {process: poisson, rate: %.3f/s}\n",
             REQUESTS, servers, seed, noise, rate);
    struct ofr_run run;
    fixture_run(&run, text, &inputs, NULL);
    double wait = ofr_histogram_mean(&run.summary.queueing) / 1e6;
    if (variance)
        *variance = ofr_histogram_percentile(&run.summary.queueing, 0.95) / 1e6;
    ofr_run_release(&run);
    ofr_inputs_release(&inputs);
    return wait;
}

static void check_mean(const char *what, const char *noise, int servers, double rate, double expected)
{
    double wait[SEEDS];
    for (int seed = 0; seed < SEEDS; ++seed)
        wait[seed] = mean_wait(noise, servers, rate, seed + 1, NULL);
    double mean = gsl_stats_mean(wait, 1, SEEDS);
    double error = gsl_stats_sd(wait, 1, SEEDS) / sqrt(SEEDS);
    cr_expect_lt(error, 0.02 * expected, "%s: standard error %.5f is too large to test with", what, error);
    cr_expect_lt(fabs(mean - expected), 3.0 * error,
                 "%s: mean wait %.5f ms, theory %.5f, standard error %.5f", what, mean, expected, error);
}

/* Wq = rho / (mu - lambda), mu = 1 per ms */
Test(queueing, mm1)
{
    check_mean("M/M/1 at 0.5", "exponential", 1, 500.0, 0.5 / 0.5);
    check_mean("M/M/1 at 0.8", "exponential", 1, 800.0, 0.8 / 0.2);
}

/* Pollaczek-Khinchine with no variance: half of M/M/1 */
Test(queueing, md1)
{
    check_mean("M/D/1 at 0.8", "none", 1, 800.0, 0.8 / 0.2 / 2.0);
}

/* Erlang C for 3 servers at offered load a = 2.4: Wq = C / (3 mu - lambda) */
Test(queueing, mm3)
{
    double a = 2.4;
    double top = a * a * a / 6.0 * 3.0 / (3.0 - a);
    double wait_probability = top / (1.0 + a + a * a / 2.0 + top);
    check_mean("M/M/3 at 0.8", "exponential", 3, 2400.0, wait_probability / (3.0 - a));
}

/* Order of service: in M/M/1 with first come first served the wait is 0 with probability 1 - rho, else
 * exponential with rate mu - lambda, so its 95th percentile is ln(rho / 0.05) / (mu - lambda). */
Test(queueing, mm1_is_first_come_first_served)
{
    double p95[SEEDS];
    for (int seed = 0; seed < SEEDS; ++seed)
        mean_wait("exponential", 1, 500.0, seed + 1, &p95[seed]);
    double mean = gsl_stats_mean(p95, 1, SEEDS);
    double error = gsl_stats_sd(p95, 1, SEEDS) / sqrt(SEEDS);
    double expected = log(0.5 / 0.05) / 0.5;
    cr_expect_lt(fabs(mean - expected), 3.0 * error + 0.0005 * expected,
                 "p95 %.5f ms, theory %.5f, standard error %.5f", mean, expected, error);
}

/* A cascade on one server, batches of one: whoever goes on is served again at once, so the server sees one job of X1 + B X2
 * with B the share p that goes on, X1 and X2 exponential with means a and b: M/G/1. Pollaczek-Khinchine gives the wait
 * before the first model, lambda E[S^2] / (2 (1 - rho)); all the rest of the latency is service, so the mean latency is
 * that plus E[S] = a + p b, with E[S^2] = 2 a^2 + p (2 b^2 + 2 a b). Ask the first queue first and it no longer holds. */
Test(queueing, a_cascade_is_mg1)
{
    enum {
        SAMPLES = 1000
    };
    uint32_t batch = 1;
    struct ofr_inputs inputs = {.profile = fixture_profile(1, &batch, 1, 0, 1000000, 0),
                                .recording = fixture_recording(SAMPLES, 1, 3)};
    double a = 0.25, b = 1.0, p = 0.4, rate = 1.2, latency[SEEDS];
    inputs.profile->until_ns[0] = 250000;
    for (uint32_t i = 0; i < SAMPLES; ++i)
        inputs.recording->top1[i] = i < SAMPLES * p ? 0.5F : 0.99F;
    for (int seed = 0; seed < SEEDS; ++seed) {
        char text[512];
        snprintf(text, sizeof text,
                 "requests: %d\nseed: %d\n"
                 "model: {profile: memory, recording: memory, noise: exponential, samples: random}\n"
                 "arrivals: {process: poisson, rate: %.0f/s}\n"
                 "exits: {policy: twolayer, mode: cascade, ramp: 0, threshold: 0.1}\n",
                 REQUESTS, seed + 1, rate * 1000.0);
        struct ofr_run run;
        fixture_run(&run, text, &inputs, NULL);
        latency[seed] = ofr_histogram_mean(&run.summary.latency) / 1e6;
        ofr_run_release(&run);
    }
    double service = a + p * b, square = 2.0 * a * a + p * (2.0 * b * b + 2.0 * a * b);
    double expected = service + rate * square / (2.0 * (1.0 - rate * service));
    double mean = gsl_stats_mean(latency, 1, SEEDS);
    double error = gsl_stats_sd(latency, 1, SEEDS) / sqrt(SEEDS);
    cr_expect_lt(error, 0.02 * expected, "standard error %.5f is too large to test with", error);
    cr_expect_lt(fabs(mean - expected), 3.0 * error, "mean latency %.5f ms, theory %.5f, standard error %.5f",
                 mean, expected, error);
    ofr_inputs_release(&inputs);
}
