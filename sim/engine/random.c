#include "sim/engine/random.h"

#include <gsl/gsl_randist.h>
#include <math.h>

#define SPLITMIX_INCREMENT UINT64_C(0x9e3779b97f4a7c15)

static uint64_t splitmix_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Mixing is a bijection and the increment nonzero, so the four words are distinct: never all zero. */
static void seed_state(struct ofr_random *random, uint64_t start)
{
    for (int i = 0; i < 4; i++) {
        start += SPLITMIX_INCREMENT;
        random->s[i] = splitmix_mix(start);
    }
}

void ofr_random_init(struct ofr_random *random, uint64_t seed, enum ofr_random_purpose purpose,
                     uint32_t index)
{
    uint64_t stream = (uint64_t)purpose << 32 | index;
    seed_state(random, splitmix_mix(splitmix_mix(seed + SPLITMIX_INCREMENT) ^ stream));
}

const char *ofr_random_purpose_name(enum ofr_random_purpose purpose)
{
    switch (purpose) {
#define X(name, value, text)                                                                                 \
    case name:                                                                                               \
        return text;
        OFR_RANDOM_PURPOSE_MAP(X)
#undef X
    default:
        return "unknown";
    }
}

/* Layer 0 of both ziggurats stands for the base strip: the rectangle up to x[1], then the tail beyond it. An
 * exponential tail is the exponential again, shifted. */
double ofr_random__exponential_slow(struct ofr_random *random, uint64_t bits)
{
    const struct ofr_ziggurat *z = &ofr_ziggurat__exponential;
    double shift = 0.0;
    for (;;) {
        unsigned layer = (unsigned)(bits % OFR_ZIGGURAT_LAYERS);
        double x = ofr_random__unit(bits) * z->x[layer];
        if (x < z->x[layer + 1])
            return shift + x;
        if (layer == 0)
            shift += z->x[1];
        else if (z->f[layer] + ofr_random_uniform(random) * (z->f[layer + 1] - z->f[layer]) < exp(-x))
            return shift + x;
        bits = ofr_random_u64(random);
    }
}

/* The normal's tail by Marsaglia's method (1964); the sign is the caller's. */
static double normal_tail(struct ofr_random *random, double from)
{
    double x;
    double y;
    do {
        x = -log(ofr_random_uniform_pos(random)) / from;
        y = -log(ofr_random_uniform_pos(random));
    } while (y + y < x * x);
    return from + x;
}

double ofr_random__normal_slow(struct ofr_random *random, uint64_t bits)
{
    const struct ofr_ziggurat *z = &ofr_ziggurat__normal;
    for (;;) {
        unsigned layer = (unsigned)(bits % OFR_ZIGGURAT_LAYERS);
        double x = ofr_random__unit(bits) * z->x[layer];
        if (x < z->x[layer + 1])
            return x;
        if (layer == 0)
            return normal_tail(random, z->x[1]);
        if (z->f[layer] + ofr_random_uniform(random) * (z->f[layer + 1] - z->f[layer]) < exp(-0.5 * x * x))
            return x;
        bits = ofr_random_u64(random);
    }
}

double ofr_random_gamma(struct ofr_random *random, double shape, double scale)
{
    /* Gamma(a) = Gamma(a + 1) * U^(1/a) carries the method, made for a >= 1, below 1. */
    double boost = shape < 1.0 ? pow(ofr_random_uniform_pos(random), 1.0 / shape) : 1.0;
    double d = (shape < 1.0 ? shape + 1.0 : shape) - 1.0 / 3.0;
    double c = 1.0 / sqrt(9.0 * d);
    for (;;) {
        double x = ofr_random_normal(random, 0.0, 1.0);
        double v = 1.0 + c * x;
        if (v <= 0.0)
            continue;
        v = v * v * v;
        double u = ofr_random_uniform_pos(random);
        double x2 = x * x;
        if (u < 1.0 - 0.0331 * x2 * x2 || log(u) < 0.5 * x2 + d * (1.0 - v + log(v)))
            return scale * boost * d * v;
    }
}

double ofr_random_weibull(struct ofr_random *random, double shape, double scale)
{
    return scale * pow(ofr_random_exponential(random, 1.0), 1.0 / shape);
}

uint64_t ofr_random_poisson(struct ofr_random *random, double mean)
{
    gsl_rng rng = ofr_random_gsl(random);
    return gsl_ran_poisson(&rng, mean);
}

static void gsl_seed(void *state, unsigned long seed)
{
    ofr_random_init(state, seed, OFR_RANDOM_TEST, 0);
}

static unsigned long gsl_bits(void *state)
{
    return ofr_random_u64(state);
}

static double gsl_uniform(void *state)
{
    return ofr_random_uniform(state);
}

static const gsl_rng_type stream_type = {
    .name = "offramp-xoshiro256++",
    .max = UINT64_MAX,
    .min = 0,
    .size = sizeof(struct ofr_random),
    .set = gsl_seed,
    .get = gsl_bits,
    .get_double = gsl_uniform,
};

gsl_rng ofr_random_gsl(struct ofr_random *random)
{
    return (gsl_rng){.type = &stream_type, .state = random};
}
