/* All seeds are fixed: a test passes always or never. Draws are mapped through GSL's distribution functions
 * and must then be uniform: by Kolmogorov-Smirnov (shape) and by chi-square over 400 cells (grain). With p >
 * 1e-4 in each of some 100 tests a good generator fails a new set of seeds once in 100. */
#include "sim/engine/random.h"

#include <criterion/criterion.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SEEDS = 5,
    DRAWS = 40000,
    CELLS = 400
};

static const double LEAST_P = 1e-4;

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Kolmogorov's limiting distribution with Stephens' correction for finite n. */
static double kolmogorov_p(double *u, size_t n)
{
    qsort(u, n, sizeof *u, compare_doubles);
    double distance = 0.0;
    for (size_t i = 0; i < n; i++) {
        distance = fmax(distance, u[i] - (double)i / (double)n);
        distance = fmax(distance, (double)(i + 1) / (double)n - u[i]);
    }
    double root = sqrt((double)n);
    double lambda = (root + 0.12 + 0.11 / root) * distance;
    double p = 0.0;
    for (int k = 1; k < 100; k++)
        p += (k % 2 ? 2.0 : -2.0) * exp(-2.0 * k * k * lambda * lambda);
    return lambda < 0.2 ? 1.0 : p;
}

static double chi_square_p(const double *counts, const double *expected, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += (counts[i] - expected[i]) * (counts[i] - expected[i]) / expected[i];
    return gsl_cdf_chisq_Q(sum, (double)n - 1.0);
}

static double cells_p(const double *u, size_t n)
{
    double counts[CELLS] = {0};
    double expected[CELLS];
    for (size_t i = 0; i < CELLS; i++)
        expected[i] = (double)n / CELLS;
    for (size_t i = 0; i < n; i++)
        counts[(size_t)fmin(u[i] * CELLS, CELLS - 1)] += 1.0;
    return chi_square_p(counts, expected, CELLS);
}

/* `draw` answers a draw mapped through its distribution function. */
static void assert_uniform(const char *name, double (*draw)(struct ofr_random *random))
{
    double *u = malloc(DRAWS * sizeof *u);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct ofr_random random;
        ofr_random_init(&random, seed, OFR_RANDOM_TEST, 0);
        for (size_t i = 0; i < DRAWS; i++)
            u[i] = draw(&random);
        double cells = cells_p(u, DRAWS);
        double kolmogorov = kolmogorov_p(u, DRAWS);
        cr_expect_geq(cells, LEAST_P, "%s, seed %d: chi-square p = %g", name, (int)seed, cells);
        cr_expect_geq(kolmogorov, LEAST_P, "%s, seed %d: KS p = %g", name, (int)seed, kolmogorov);
    }
    free(u);
}

static double map_uniform(struct ofr_random *random)
{
    return ofr_random_uniform(random);
}

static double map_uniform_pos(struct ofr_random *random)
{
    return ofr_random_uniform_pos(random);
}

static double map_below(struct ofr_random *random)
{
    return ((double)ofr_random_below(random, 1000003) + ofr_random_uniform(random)) / 1000003.0;
}

static double map_exponential(struct ofr_random *random)
{
    return gsl_cdf_exponential_P(ofr_random_exponential(random, 3.0), 3.0);
}

static double map_normal(struct ofr_random *random)
{
    return gsl_cdf_gaussian_P(ofr_random_normal(random, 5.0, 2.0) - 5.0, 2.0);
}

static double map_gamma_half(struct ofr_random *random)
{
    return gsl_cdf_gamma_P(ofr_random_gamma(random, 0.5, 2.0), 0.5, 2.0);
}

static double map_gamma_one(struct ofr_random *random)
{
    return gsl_cdf_gamma_P(ofr_random_gamma(random, 1.0, 2.0), 1.0, 2.0);
}

static double map_gamma_seven(struct ofr_random *random)
{
    return gsl_cdf_gamma_P(ofr_random_gamma(random, 7.3, 0.1), 7.3, 0.1);
}

static double map_weibull_half(struct ofr_random *random)
{
    return gsl_cdf_weibull_P(ofr_random_weibull(random, 0.5, 2.0), 2.0, 0.5);
}

static double map_weibull_three(struct ofr_random *random)
{
    return gsl_cdf_weibull_P(ofr_random_weibull(random, 3.0, 2.0), 2.0, 3.0);
}

static double map_gsl_beta(struct ofr_random *random)
{
    gsl_rng rng = ofr_random_gsl(random);
    return gsl_cdf_beta_P(gsl_ran_beta(&rng, 2.0, 3.0), 2.0, 3.0);
}

/* Fails when, for instance, a ziggurat accepts x against layer[0], a wedge compares with the wrong density,
 * the normal's sign shares a bit with the layer, or gamma forgets its boost below shape 1. */
Test(random, draws_follow_their_distributions)
{
    assert_uniform("uniform", map_uniform);
    assert_uniform("uniform_pos", map_uniform_pos);
    assert_uniform("below", map_below);
    assert_uniform("exponential", map_exponential);
    assert_uniform("normal", map_normal);
    assert_uniform("gamma 0.5", map_gamma_half);
    assert_uniform("gamma 1", map_gamma_one);
    assert_uniform("gamma 7.3", map_gamma_seven);
    assert_uniform("weibull 0.5", map_weibull_half);
    assert_uniform("weibull 3", map_weibull_three);
    assert_uniform("beta through GSL", map_gsl_beta);
}

/* Half-layers of a ziggurat as cells, by their lower edges: cell 0 is the tail from x[1], cells 2i-1 and 2i
 * are the outer and inner half of [x[i + 1], x[i]]. */
enum {
    HALF_LAYERS = 2 * OFR_ZIGGURAT_LAYERS - 1,
    LAYER_DRAWS = 4000000,
    MOST_TAIL = 10000
};

static double half_layer_edge(const struct ofr_ziggurat *z, int cell)
{
    int layer = (cell + 1) / 2;
    return cell % 2 ? (z->x[layer] + z->x[layer + 1]) / 2.0 : z->x[layer + 1];
}

static int half_layer_of(const struct ofr_ziggurat *z, double x)
{
    int low = 0; /* the cell lies in [low, high] */
    int high = HALF_LAYERS - 1;
    while (low < high) {
        int middle = (low + high) / 2;
        if (x >= half_layer_edge(z, middle))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* `survival` is the upper tail of the distribution that `draw` follows; x >= 0. */
static void assert_layers(const struct ofr_ziggurat *z, double (*draw)(struct ofr_random *random),
                          double (*survival)(double x))
{
    static double counts[HALF_LAYERS];
    static double expected[HALF_LAYERS];
    static double tail[MOST_TAIL];
    size_t in_tail = 0;
    struct ofr_random random;
    ofr_random_init(&random, 11, OFR_RANDOM_TEST, 0);
    for (int i = 0; i < HALF_LAYERS; i++) {
        double inner = survival(half_layer_edge(z, i));
        double outer = i > 0 ? survival(half_layer_edge(z, i - 1)) : 0.0;
        counts[i] = 0.0;
        expected[i] = LAYER_DRAWS * (inner - outer);
    }
    for (int i = 0; i < LAYER_DRAWS; i++) {
        double x = draw(&random);
        counts[half_layer_of(z, x)] += 1.0;
        if (x >= z->x[1] && in_tail < MOST_TAIL)
            tail[in_tail++] = survival(x) / survival(z->x[1]);
    }
    cr_expect_geq(chi_square_p(counts, expected, HALF_LAYERS), LEAST_P);
    cr_expect_geq(kolmogorov_p(tail, in_tail), LEAST_P);
}

static double draw_exponential(struct ofr_random *random)
{
    return ofr_random_exponential(random, 1.0);
}

static double exponential_survival(double x)
{
    return gsl_cdf_exponential_Q(x, 1.0);
}

static double draw_half_normal(struct ofr_random *random)
{
    return fabs(ofr_random_normal(random, 0.0, 1.0));
}

static double half_normal_survival(double x)
{
    return 2.0 * gsl_cdf_ugaussian_Q(x);
}

/* Layer by layer, and the tail (1 draw in 2200 and 3800) by itself. Fails when a ziggurat accepts x against
 * layer[0], when a wedge compares with a density 2 % off in the exponent, and when a tail is not shifted. */
Test(random, ziggurats_are_right_in_every_layer)
{
    assert_layers(&ofr_ziggurat__exponential, draw_exponential, exponential_survival);
    assert_layers(&ofr_ziggurat__normal, draw_half_normal, half_normal_survival);
}

/* What the tables must be: all strips of one area, ending at the density's top. Fails for any changed digit.
 */
static void assert_strips(const struct ofr_ziggurat *z, double (*density)(double x), double tail)
{
    double area = z->x[1] * z->f[1] + tail;
    cr_expect_float_eq(z->x[0] * z->f[1] / area, 1.0, 1e-13);
    for (int i = 1; i <= OFR_ZIGGURAT_LAYERS; i++) {
        cr_expect_float_eq(z->f[i], density(z->x[i]), 1e-15);
        if (i < OFR_ZIGGURAT_LAYERS)
            cr_expect_float_eq(z->x[i] * (z->f[i + 1] - z->f[i]) / area, 1.0, 1e-10, "strip %d", i);
    }
    cr_expect_eq(z->x[OFR_ZIGGURAT_LAYERS], 0.0);
    cr_expect_eq(z->f[OFR_ZIGGURAT_LAYERS], 1.0);
}

static double exponential_density(double x)
{
    return exp(-x);
}

static double normal_density(double x)
{
    return exp(-0.5 * x * x);
}

Test(random, ziggurat_strips_have_one_area)
{
    const struct ofr_ziggurat *e = &ofr_ziggurat__exponential;
    const struct ofr_ziggurat *n = &ofr_ziggurat__normal;
    assert_strips(e, exponential_density, exp(-e->x[1]));
    assert_strips(n, normal_density, sqrt(2.0 * M_PI) * gsl_cdf_ugaussian_Q(n->x[1]));
}

Test(random, poisson_counts_follow_their_distribution)
{
    const double means[] = {0.7, 9.0, 250.0};
    for (int m = 0; m < 3; m++) {
        double counts[CELLS] = {0};
        double expected[CELLS] = {0};
        struct ofr_random random;
        ofr_random_init(&random, 3, OFR_RANDOM_ARRIVALS, 0);
        for (int i = 0; i < DRAWS; i++)
            counts[ofr_random_poisson(&random, means[m]) % CELLS] += 1.0;
        size_t cells = 0; /* neighbours joined until 10 are expected; the remainder goes to the last */
        double count = 0.0;
        double expect = 0.0;
        for (unsigned k = 0; k < CELLS; k++) {
            count += counts[k];
            expect += DRAWS * gsl_ran_poisson_pdf(k, means[m]);
            if (expect >= 10.0) {
                counts[cells] = count;
                expected[cells++] = expect;
                count = expect = 0.0;
            }
        }
        counts[cells - 1] += count;
        expected[cells - 1] += expect;
        cr_expect_geq(chi_square_p(counts, expected, cells), LEAST_P, "mean %g", means[m]);
    }
    struct ofr_random random;
    ofr_random_init(&random, 3, OFR_RANDOM_ARRIVALS, 0);
    cr_expect_eq(ofr_random_poisson(&random, 0.0), 0);
}

/* The published algorithm: first outputs from state {1, 2, 3, 4}, computed by hand for the first two and
 * equal to those in other implementations' tests. Fails when a shift or rotation changes. */
Test(random, generator_is_xoshiro256plusplus)
{
    struct ofr_random random = {{1, 2, 3, 4}};
    const uint64_t want[] = {UINT64_C(41943041),
                             UINT64_C(58720359),
                             UINT64_C(3588806011781223),
                             UINT64_C(3591011842654386),
                             UINT64_C(9228616714210784205),
                             UINT64_C(9973669472204895162)};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        cr_expect_eq(ofr_random_u64(&random), want[i], "output %zu", i);
}

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* The seeding is as random.h documents it. Fails when the hash, a purpose's number or the index's place
 * changes. */
Test(random, seeding_is_as_documented)
{
    uint64_t known = 1234567; /* outputs known from other implementations */
    cr_expect_eq(splitmix(&known), UINT64_C(6457827717110365317));
    cr_expect_eq(splitmix(&known), UINT64_C(3203168211198807973));
    struct ofr_random random;
    ofr_random_init(&random, 42, OFR_RANDOM_POLICY, 7);
    uint64_t state = 42;
    state = (splitmix(&state) ^ (UINT64_C(3) << 32 | 7)) - UINT64_C(0x9e3779b97f4a7c15);
    state = splitmix(&state);
    for (int i = 0; i < 4; i++)
        cr_expect_eq(random.s[i], splitmix(&state));
}

/* Pinned: any change of generator, seeding or tables shows here, and would change every published result. */
Test(random, first_draws_are_pinned)
{
    struct ofr_random random;
    ofr_random_init(&random, 1, OFR_RANDOM_ARRIVALS, 0);
    const uint64_t bits[] = {UINT64_C(0x79b5934e8167bbe7), UINT64_C(0x39a9326bfb154def),
                             UINT64_C(0x5560d3e6b2f1b07a), UINT64_C(0x5edfa644e3e2423b)};
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
        cr_expect_eq(ofr_random_u64(&random), bits[i], "bits %zu", i);
    const double exponentials[] = {0x1.b4f457f1d351ap-8, 0x1.b10229999c5bap+1, 0x1.66660414c6217p-1,
                                   0x1.392d0083983e2p+0};
    for (size_t i = 0; i < sizeof exponentials / sizeof *exponentials; i++)
        cr_expect_eq(ofr_random_exponential(&random, 1.0), exponentials[i], "exponential %zu", i);
    const double normals[] = {0x1.4a06e98d96ceep+0, 0x1.156e7978ba6a7p-2, 0x1.94c55c8af9d6bp-1,
                              -0x1.cd4665fafc241p-4};
    for (size_t i = 0; i < sizeof normals / sizeof *normals; i++)
        cr_expect_eq(ofr_random_normal(&random, 0.0, 1.0), normals[i], "normal %zu", i);
    cr_expect_eq(ofr_random_below(&random, 1000), 321);
}

/* I5. */
Test(random, same_seed_same_numbers)
{
    struct ofr_random a;
    struct ofr_random b;
    ofr_random_init(&a, 9, OFR_RANDOM_SAMPLES, 2);
    ofr_random_init(&b, 9, OFR_RANDOM_SAMPLES, 2);
    gsl_rng rng = ofr_random_gsl(&b);
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(ofr_random_gamma(&a, 0.7, 1.0), ofr_random_gamma(&b, 0.7, 1.0));
        cr_assert_eq(ofr_random_u64(&a), gsl_rng_get(&rng));
        cr_assert_eq(ofr_random_uniform(&a), gsl_rng_uniform(&rng));
    }
}

/* Streams of different purpose, index or seed share no number in 1000 and are uncorrelated (|r| sqrt(n)
 * normal). Fails when the purpose or the index does not reach the seed, or reaches it by addition to the
 * splitmix state. */
Test(random, purposes_are_independent)
{
    enum {
        STREAMS = 12,
        LENGTH = 4000
    };
    static struct ofr_random streams[STREAMS];
    static uint64_t draws[STREAMS][LENGTH];
    for (uint32_t i = 0; i < STREAMS; i++) {
        ofr_random_init(&streams[i], i / 8, i / 2 % 4, i % 2);
        for (int j = 0; j < LENGTH; j++)
            draws[i][j] = ofr_random_u64(&streams[i]);
    }
    for (int a = 0; a < STREAMS; a++) {
        for (int b = 0; b < a; b++) {
            double sum = 0.0;
            for (int j = 0; j < LENGTH; j++)
                sum += ((double)draws[a][j] * 0x1p-64 - 0.5) * ((double)draws[b][j] * 0x1p-64 - 0.5);
            cr_expect_lt(fabs(sum * 12.0 / sqrt(LENGTH)), 4.5, "streams %d and %d", a, b);
            for (int j = 0; j < 8; j++)
                for (int k = 0; k < 1000; k++)
                    cr_assert_neq(draws[a][j], draws[b][k], "streams %d and %d overlap", a, b);
        }
    }
}

/* 2^64 words do not spread evenly over 3 * 2^62 numbers: without rejection, multiples of 3 come twice as
 * often. Fails when the loop in below() goes. */
Test(random, below_has_no_bias)
{
    struct ofr_random random;
    double counts[3] = {0};
    const double expected[3] = {DRAWS / 3.0, DRAWS / 3.0, DRAWS / 3.0};
    ofr_random_init(&random, 5, OFR_RANDOM_TEST, 0);
    for (int i = 0; i < DRAWS; i++)
        counts[ofr_random_below(&random, UINT64_C(3) << 62) % 3] += 1.0;
    cr_expect_geq(chi_square_p(counts, expected, 3), LEAST_P);
}

/* Edges: below(1) is 0, below(n) is under n for a large n, uniform_pos is never 0. */
Test(random, edges)
{
    struct ofr_random random;
    ofr_random_init(&random, 5, OFR_RANDOM_TEST, 0);
    uint64_t n = (UINT64_C(1) << 63) + 1;
    for (int i = 0; i < 10000; i++) {
        cr_assert_eq(ofr_random_below(&random, 1), 0);
        cr_assert_lt(ofr_random_below(&random, n), n);
        double u = ofr_random_uniform_pos(&random);
        cr_assert(u > 0.0 && u <= 1.0);
        u = ofr_random_uniform(&random);
        cr_assert(u >= 0.0 && u < 1.0);
    }
    cr_expect_str_eq(ofr_random_purpose_name(OFR_RANDOM_EXECUTION), "execution");
}
