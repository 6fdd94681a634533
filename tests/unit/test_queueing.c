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
