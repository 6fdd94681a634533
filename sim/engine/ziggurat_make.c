/* Writes ziggurat_tables.c: cut a decreasing density f into N strips of equal area v. Strip 0 is the
 * rectangle up to r = x[1] plus the tail beyond; x[i+1] is where f reaches f(x[i]) + v / x[i]; r is right
 * when the last strip ends at f(0). x[0] = v / f(r) makes strip 0 a rectangle of the same area for the first
 * test. Build and run: cmake --build BUILD --target ziggurat_make && BUILD/sim/engine/ziggurat_make >
 * sim/engine/ziggurat_tables.c */
#include <math.h>
#include <stdio.h>

enum {
    LAYERS = 256
};

struct density {
    const char *name;
    const char *formula;
    long double (*f)(long double x);
    long double (*inverse)(long double y);
    long double (*tail)(long double r); /* area beyond r */
};

static long double exponential_f(long double x)
{
    return expl(-x);
}

static long double exponential_inverse(long double y)
{
    return -logl(y);
}

static long double normal_f(long double x)
{
    return expl(-0.5L * x * x);
}

static long double normal_inverse(long double y)
{
    return sqrtl(-2.0L * logl(y));
}

static long double normal_tail(long double r)
{
    return sqrtl(acosl(-1.0L) / 2.0L) * erfcl(r / sqrtl(2.0L));
}

/* Fills x[1..LAYERS-1] for a base of width r; returns by how much the top strip's end overshoots f(0) = 1. */
static long double cut(const struct density *d, long double r, long double *x)
{
    long double area = r * d->f(r) + d->tail(r);
    x[0] = area / d->f(r);
    x[1] = r;
    for (int i = 1; i < LAYERS - 1; i++) {
        long double y = d->f(x[i]) + area / x[i];
        if (y >= 1.0L)
            return 1.0L;
        x[i + 1] = d->inverse(y);
    }
    x[LAYERS] = 0.0L;
    return d->f(x[LAYERS - 1]) + area / x[LAYERS - 1] - 1.0L;
}

static void print_column(const char *name, const long double *values)
{
    printf("    .%s = {", name);
    for (int i = 0; i <= LAYERS; i++)
        printf("%s%a,", i % 4 == 0 ? "\n        " : " ", (double)values[i]);
    printf("\n    },\n");
}

static void print_table(const struct density *d)
{
    long double x[LAYERS + 1];
    long double f[LAYERS + 1];
    long double low = 1.0L;
    long double high = 20.0L;
    for (int step = 0; step < 200; step++) {
        long double middle = (low + high) / 2.0L;
        if (cut(d, middle, x) > 0.0L)
            low = middle;
        else
            high = middle;
    }
    cut(d, high, x);
    for (int i = 0; i <= LAYERS; i++)
        f[i] = d->f(x[i]);
    printf("\n/* %s */\nconst struct ofr_ziggurat ofr_ziggurat__%s = {\n", d->formula, d->name);
    print_column("x", x);
    print_column("f", f);
    printf("};\n");
}

int main(void)
{
    static const struct density densities[] = {
        {"exponential", "f(x) = exp(-x)", exponential_f, exponential_inverse, exponential_f},
        {"normal", "f(x) = exp(-x^2/2), x >= 0", normal_f, normal_inverse, normal_tail},
    };
    printf("/* Made by ziggurat_make.c; do not edit. */\n/* clang-format off */\n#include "
           "\"sim/engine/random.h\"\n");
    for (int i = 0; i < 2; i++)
        print_table(&densities[i]);
    return 0;
}
