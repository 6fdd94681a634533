/* Arrivals of many clients, drawn from the client tables that ServeGen publishes, merged by time.
 *
 * Formula: in each window of its table a client is a renewal process of the window's rate r: gaps have mean 1 /
 * r and the shape k of the window's fit, gamma with scale 1 / (r k), or Weibull with scale 1 / (r Gamma(1 +
 * 1/k)). So the fit gives the form of the gaps and the counted rate their mean; the fit's own scale, a maximum
 * likelihood estimate, gives nearly the same mean (within 1 % in 87 % of the gamma windows of m-small). A
 * window that has a rate but no fit (blank pattern) has gamma gaps of the cv measured, k = 1 / cv^2, or is
 * Poisson where cv is 0, too. A rate of 0 is silence.
 *
 * Each window is drawn by itself, as a stationary process looked at from the window's start: the first gap has
 * the density P(gap > t) r, drawn as U times a gap of length-biased distribution (gamma: shape k + 1; Weibull:
 * scale * G^(1/k), G gamma of shape 1 + 1/k). So the expected count of a window is rate times length exactly,
 * however bursty it is; a process that began with a whole gap would be off by (cv^2 - 1) / 2 arrivals.
 *
 * A window lasts `window`, or until the next row's start when that is earlier. `from` and `to` choose a part
 * of the tables' time, `from` becomes time 0; `rate` scales all clients alike so that the mean over that part
 * is as given.
 *
 * Source: Xiang et al., "ServeGen: Workload Characterization and Generation of Large Language Model Serving in
 * Production", arXiv 2505.09999, 2025: clients composed, each with a rate over time and a fitted gap
 * distribution scaled to it.
 *
 * Memory is the tables (40 bytes a window) and 2 KiB a client.
 */
#include "sim/engine/random.h"
#include "workloads/arrival_internal.h"
#include "workloads/client_table.h"

#include <gsl/gsl_sf_gamma.h>
#include <math.h>
#include <stdlib.h>

struct servegen_options {
    char tables[OFFRAMP_TEXT_SIZE];
    double rate; /* 0 = as recorded */
    int64_t window_ns;
    int64_t from_ns, to_ns; /* to_ns -1 = to the end */
};

/* What the clients of one process share. */
struct shared {
    struct ofr_client_tables tables; /* owned */
    struct servegen_options chosen;  /* to_ns resolved */
    double factor;                   /* on every rate */
};

struct client {
    const struct shared *shared;    /* borrowed */
    const struct ofr_client *table; /* borrowed */
    struct ofr_random random;
    uint32_t window;  /* next of the table */
    int64_t start_ns; /* of the window at hand, process time */
    double at_ns;     /* next arrival, from start_ns */
    double length_ns; /* of the window at hand; 0 = none yet */
    double shape, scale_ns;
    bool weibull;
    uint32_t stream;
};

struct servegen {
    struct shared shared;
    struct client *client;            /* owned; [tables.clients] */
    struct ofr_arrival_source merged; /* owned */
};

/* The part of a window inside [from, to); false = none of it. */
static bool clip(const struct shared *shared, const struct ofr_client *table, uint32_t index,
                 int64_t *start_ns, int64_t *end_ns)
{
    const struct ofr_client_window *window = &table->window[index];
    int64_t end = window->start_ns + shared->chosen.window_ns;
    if (index + 1 < table->windows && table->window[index + 1].start_ns < end)
        end = table->window[index + 1].start_ns;
    *start_ns = window->start_ns > shared->chosen.from_ns ? window->start_ns : shared->chosen.from_ns;
    *end_ns = end < shared->chosen.to_ns ? end : shared->chosen.to_ns;
    return *start_ns < *end_ns;
}

/* ---- one client ---- */

static void set_gaps(struct client *client, const struct ofr_client_window *window)
{
    double mean_ns = 1e9 / (window->rate * client->shared->factor);
    client->weibull = window->pattern == OFR_CLIENT_WEIBULL;
    client->shape = window->shape;
    if (window->pattern == OFR_CLIENT_NO_FIT)
        client->shape = window->cv > 0 ? fmax(1 / (window->cv * window->cv), OFR_CLIENT_SHAPE_MIN) : 1;
    client->scale_ns =
        client->weibull ? mean_ns * exp(-gsl_sf_lngamma(1 + 1 / client->shape)) : mean_ns / client->shape;
}

static double draw_first(struct client *client)
{
    struct ofr_random *random = &client->random;
    double k = client->shape;
    double biased = client->weibull ? client->scale_ns * pow(ofr_random_gamma(random, 1 + 1 / k, 1), 1 / k)
                                    : ofr_random_gamma(random, k + 1, client->scale_ns);
    return ofr_random_uniform(random) * biased;
}

static double draw_gap(struct client *client)
{
    return client->weibull ? ofr_random_weibull(&client->random, client->shape, client->scale_ns)
                           : ofr_random_gamma(&client->random, client->shape, client->scale_ns);
}

/* Enters the next window with arrivals; false when there is none. */
static bool next_window(struct client *client)
{
    while (client->window < client->table->windows) {
        uint32_t index = client->window++;
        int64_t start_ns, end_ns;
        if (client->table->window[index].rate <= 0 ||
            !clip(client->shared, client->table, index, &start_ns, &end_ns))
            continue;
        set_gaps(client, &client->table->window[index]);
        client->start_ns = start_ns - client->shared->chosen.from_ns;
        client->length_ns = (double)(end_ns - start_ns);
        client->at_ns = draw_first(client);
        return true;
    }
    client->length_ns = 0;
    return false;
}

static int client_next(void *state, struct ofr_arrival *out, uint32_t max, struct ofr_error *err)
{
    (void)err;
    struct client *client = state;
    uint32_t done = 0;
    while (done < max) {
        if (!(client->at_ns < client->length_ns)) {
            if (!next_window(client))
                break;
            continue;
        }
        out[done++] = (struct ofr_arrival){.time_ns = client->start_ns + (int64_t)client->at_ns,
                                           .stream = client->stream};
        client->at_ns += draw_gap(client);
    }
    return (int)done;
}

/* Clients lie in the process's own array. */
static void client_destroy(void *state)
{
    (void)state;
}

static const struct ofr_arrival_ops client_ops = {
    .component = {.name = "client", .help = "one client of a table"},
    .destroy = client_destroy,
    .next = client_next,
};

/* ---- all of them ---- */

static void servegen_destroy(void *state)
{
    struct servegen *servegen = state;
    if (!servegen)
        return;
    if (servegen->merged.state)
        servegen->merged.ops->destroy(servegen->merged.state);
    ofr_client_tables_release(&servegen->shared.tables);
    free(servegen->client);
    free(servegen);
}

/* Resolves `to`, and scales to `rate`. */
static int set_scale(struct shared *shared, struct ofr_error *err)
{
    const struct servegen_options *chosen = &shared->chosen;
    double arrivals = 0;
    int64_t last_ns = 0;
    if (chosen->to_ns < 0)
        shared->chosen.to_ns = INT64_MAX;
    for (uint32_t i = 0; i < shared->tables.clients; i++) {
        const struct ofr_client *table = &shared->tables.client[i];
        for (uint32_t j = 0; j < table->windows; j++) {
            int64_t start_ns, end_ns;
            if (!clip(shared, table, j, &start_ns, &end_ns))
                continue;
            arrivals += table->window[j].rate * 1e-9 * (double)(end_ns - start_ns);
            last_ns = end_ns > last_ns ? end_ns : last_ns;
        }
    }
    if (arrivals <= 0)
        return ofr_fail(err, OFR_E_INPUT,
                        "%s: found no window with a rate above 0 from %.9g s on, expected one",
                        chosen->tables, 1e-9 * (double)chosen->from_ns);
    shared->chosen.to_ns = last_ns;
    double seconds = 1e-9 * (double)(last_ns - chosen->from_ns);
    shared->factor = chosen->rate > 0 ? chosen->rate * seconds / arrivals : 1;
    return OFR_OK;
}

/* A client's stream of random numbers: its place in the tables above the number of the arrival stream. */
static int merge_clients(struct servegen *servegen, const struct ofr_arrival_setup *setup,
                         struct ofr_error *err)
{
    uint32_t clients = servegen->shared.tables.clients;
    struct ofr_arrival_source *source = calloc(clients, sizeof *source);
    servegen->client = calloc(clients, sizeof *servegen->client);
    int code = source && servegen->client ? OFR_OK : ofr_fail_nomem(err, "clients");
    for (uint32_t i = 0; i < clients && !code; i++) {
        struct client *client = &servegen->client[i];
        *client = (struct client){.shared = &servegen->shared,
                                  .table = &servegen->shared.tables.client[i],
                                  .stream = setup->stream};
        ofr_random_init(&client->random, setup->seed, OFR_RANDOM_ARRIVALS, (i + 1) << 16 | setup->stream);
        source[i] = (struct ofr_arrival_source){.ops = &client_ops, .state = client};
    }
    if (!code)
        code = ofr_arrivals_merge(&servegen->merged, source, clients, err);
    free(source);
    return code;
}

static int servegen_create(void **state, const struct ofr_arrival_setup *setup, const void *options,
                           struct ofr_error *err)
{
    const struct servegen_options *chosen = options;
    if (chosen->to_ns >= 0 && chosen->to_ns <= chosen->from_ns)
        return ofr_fail(err, OFR_E_INPUT, "to: found a time not after `from`, expected a later one");
    if (chosen->rate > 0 && chosen->rate < OFR_ARRIVAL_RATE_MIN)
        return ofr_fail(err, OFR_E_INPUT, "rate: found %g/s, expected 0/s or at least %g/s", chosen->rate,
                        OFR_ARRIVAL_RATE_MIN);
    struct servegen *servegen = calloc(1, sizeof *servegen);
    if (!servegen)
        return ofr_fail_nomem(err, "ServeGen arrivals");
    servegen->shared.chosen = *chosen;
    int code = ofr_client_tables_load(&servegen->shared.tables, chosen->tables, err);
    if (!code)
        code = set_scale(&servegen->shared, err);
    if (!code)
        code = merge_clients(servegen, setup, err);
    if (code)
        servegen_destroy(servegen);
    else
        *state = servegen;
    return code;
}

static int servegen_next(void *state, struct ofr_arrival *out, uint32_t max, struct ofr_error *err)
{
    struct servegen *servegen = state;
    return servegen->merged.ops->next(servegen->merged.state, out, max, err);
}

/* With the tables. */
static bool servegen_ends(const void *options)
{
    (void)options;
    return true;
}

static const struct offramp_option servegen_option_table[] = {
    {.name = "tables",
     .type = OFFRAMP_OPT_PATH,
     .offset = offsetof(struct servegen_options, tables),
     .help = "client tables: one .csv, a folder of them, or a tar (each plain or gzip)"},
    {.name = "rate",
     .type = OFFRAMP_OPT_RATE,
     .offset = offsetof(struct servegen_options, rate),
     .fallback = "0/s",
     .min = 0,
     .max = OFR_ARRIVAL_RATE_MAX,
     .help = "mean arrivals a second of all clients over the chosen time; 0/s = as recorded"},
    {.name = "window",
     .type = OFFRAMP_OPT_TIME,
     .offset = offsetof(struct servegen_options, window_ns),
     .fallback = "10min",
     .min = 1000000,
     .max = 3.6e15,
     .help = "length of a row's window, unless the next row begins earlier"},
    {.name = "from",
     .type = OFFRAMP_OPT_TIME,
     .offset = offsetof(struct servegen_options, from_ns),
     .fallback = "0s",
     .min = 0,
     .max = (double)OFR_ARRIVAL_LIMIT_NS,
     .help = "start in the tables' own time; becomes time 0"},
    {.name = "to",
     .type = OFFRAMP_OPT_TIME,
     .offset = offsetof(struct servegen_options, to_ns),
     .fallback = "none",
     .min = -1,
     .max = (double)OFR_ARRIVAL_LIMIT_NS,
     .help = "end in the tables' own time"},
};

const struct ofr_arrival_ops ofr_arrival_servegen = {
    .component = {.name = "servegen",
                  .help = "clients of ServeGen's tables, each a renewal process per window, merged",
                  .options = servegen_option_table,
                  .option_count = sizeof servegen_option_table / sizeof *servegen_option_table,
                  .options_size = sizeof(struct servegen_options)},
    .ends = servegen_ends,
    .create = servegen_create,
    .destroy = servegen_destroy,
    .next = servegen_next,
};
