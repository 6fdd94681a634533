/* Random streams: one per purpose, all derived from the run's seed.
 *
 * Concept. Each purpose draws from its own stream, so that changing what one part draws (a policy that
 * explores, say) leaves the arrivals and samples of the run as they were: common random numbers across
 * policies.
 *
 * Generator. xoshiro256++ (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021): 256
 * bits of state, period 2^256-1. The state of stream (seed, purpose, index) is four outputs of splitmix64
 * started at mix(mix(seed + G) ^ (purpose << 32 | index)) where mix is splitmix64's output function, G its
 * increment.
 *
 * Determinism. Same seed, same numbers, in every build type and on every thread count. Integers, uniforms and
 * the ziggurat's fast path (98.9 % of exponentials, 99.3 % of normals) use only exact or correctly rounded
 * operations and the same on every machine; the rest calls log, exp, pow of the machine's libm.
 *
 * Units: whatever the mean or scale is in. Parameters are the caller's duty (positive and finite); none of
 * these functions can fail. Threads: one stream, one thread. Ownership: a stream is a plain value.
 */
#ifndef OFR_ENGINE_RANDOM_H
#define OFR_ENGINE_RANDOM_H

#include <gsl/gsl_rng.h>
#include <stdint.h>

/* X(name, value, text). Values are part of the seed's meaning: append, never renumber. */
#define OFR_RANDOM_PURPOSE_MAP(X)                                                                            \
    X(OFR_RANDOM_ARRIVALS, 0, "arrivals")                                                                    \
    X(OFR_RANDOM_SAMPLES, 1, "samples")                                                                      \
    X(OFR_RANDOM_EXECUTION, 2, "execution")                                                                  \
    X(OFR_RANDOM_POLICY, 3, "policy")                                                                        \
    X(OFR_RANDOM_WORKLOAD, 4, "workload")                                                                    \
    X(OFR_RANDOM_ANALYSIS, 5, "analysis")                                                                    \
    X(OFR_RANDOM_TEST, 6, "test")                                                                            \
    X(OFR_RANDOM_START, 7, "start")

enum ofr_random_purpose {
#define X(name, value, text) name = value,
    OFR_RANDOM_PURPOSE_MAP(X)
#undef X
};

const char *ofr_random_purpose_name(enum ofr_random_purpose purpose);

struct ofr_random {
    uint64_t s[4]; /* never all zero */
};

/* Stream `index` (a server, a replication, 0 where there is only one) of a purpose. */
void ofr_random_init(struct ofr_random *random, uint64_t seed, enum ofr_random_purpose purpose,
                     uint32_t index);

/* A GSL generator that draws from this very stream, for GSL's distributions outside the hot path; it borrows
 * `random` and needs no free:  gsl_rng rng = ofr_random_gsl(random);  gsl_ran_beta(&rng, a, b); */
gsl_rng ofr_random_gsl(struct ofr_random *random);

/* Private: tables and slow paths of the ziggurats; x falls with the layer, f = density at x. */
enum {
    OFR_ZIGGURAT_LAYERS = 256
};
struct ofr_ziggurat {
    double x[OFR_ZIGGURAT_LAYERS + 1];
    double f[OFR_ZIGGURAT_LAYERS + 1];
};
extern const struct ofr_ziggurat ofr_ziggurat__exponential;
extern const struct ofr_ziggurat ofr_ziggurat__normal;
double ofr_random__exponential_slow(struct ofr_random *random, uint64_t bits);
double ofr_random__normal_slow(struct ofr_random *random, uint64_t bits);

static inline uint64_t ofr_random__rotate(uint64_t value, int by)
{
    return value << by | value >> (64 - by);
}

/* 64 random bits. */
static inline uint64_t ofr_random_u64(struct ofr_random *random)
{
    uint64_t *s = random->s;
    uint64_t result = ofr_random__rotate(s[0] + s[3], 23) + s[0];
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = ofr_random__rotate(s[3], 45);
    return result;
}

/* The upper 53 bits as a multiple of 2^-53 in [0, 1). */
static inline double ofr_random__unit(uint64_t bits)
{
    return (double)(int64_t)(bits >> 11) * 0x1p-53;
}

/* [0, 1) */
static inline double ofr_random_uniform(struct ofr_random *random)
{
    return ofr_random__unit(ofr_random_u64(random));
}

/* (0, 1]: safe under log and division */
static inline double ofr_random_uniform_pos(struct ofr_random *random)
{
    return (double)(int64_t)((ofr_random_u64(random) >> 11) + 1) * 0x1p-53;
}

/* 0 .. n-1 without bias, by multiplication (Lemire 2019); n > 0. */
static inline uint64_t ofr_random_below(struct ofr_random *random, uint64_t n)
{
    __extension__ typedef unsigned __int128 u128;
    u128 product = (u128)ofr_random_u64(random) * n;
    if ((uint64_t)product < n) {
        uint64_t unfair = (0 - n) % n;
        while ((uint64_t)product < unfair)
            product = (u128)ofr_random_u64(random) * n;
    }
    return (uint64_t)(product >> 64);
}

/* Exponential. Ziggurat of 256 layers (Marsaglia and Tsang 2000): the low 8 bits choose a layer, the upper 53
 * a place in it, which nearly always lies wholly under the density. */
static inline double ofr_random_exponential(struct ofr_random *random, double mean)
{
    uint64_t bits = ofr_random_u64(random);
    const double *layer = &ofr_ziggurat__exponential.x[bits % OFR_ZIGGURAT_LAYERS];
    double x = ofr_random__unit(bits) * layer[0];
    if (__builtin_expect(x >= layer[1], 0))
        x = ofr_random__exponential_slow(random, bits);
    return mean * x;
}

/* Normal. As above; bit 8 is the sign. */
static inline double ofr_random_normal(struct ofr_random *random, double mean, double deviation)
{
    uint64_t bits = ofr_random_u64(random);
    const double *layer = &ofr_ziggurat__normal.x[bits % OFR_ZIGGURAT_LAYERS];
    double x = ofr_random__unit(bits) * layer[0];
    if (__builtin_expect(x >= layer[1], 0))
        x = ofr_random__normal_slow(random, bits);
    return mean + deviation * (bits & OFR_ZIGGURAT_LAYERS ? -x : x);
}

/* Gamma with mean shape * scale (Marsaglia and Tsang 2000); any shape > 0. */
double ofr_random_gamma(struct ofr_random *random, double shape, double scale);

/* Weibull: scale * E^(1/shape) with E standard exponential. */
double ofr_random_weibull(struct ofr_random *random, double shape, double scale);

/* Poisson count (GSL's method, this stream's bits). */
uint64_t ofr_random_poisson(struct ofr_random *random, double mean);

#endif
