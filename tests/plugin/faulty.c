/* Plug-ins with one fault each, for tests/integration/test_plugin.c. The build makes one shared object of this file for
 * every name in tests/CMakeLists.txt, with FAULT as that name; `none` is a policy in order. */
#include <offramp/offramp_policy.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Woverride-init" /* a fault takes the place of the member it spoils */

enum what {
    NOTHING,
    UNSORTED,
    TOO_MANY,
    BEYOND,
    NEGATIVE,
    NOT_A_NUMBER,
    CRITERION,
    KNOWS_ANSWERS,
    FREE_RAMPS,
    COST,
    REFUSES,
    SILENT
};
static const char *const whats[] = {
    "nothing",    "unsorted", "too_many", "beyond", "negative", "not_a_number", "criterion", "knows_answers",
    "free_ramps", "cost",     "refuses",  "silent", NULL};

/* What it does wrong while it runs: in its first configuration, and in its decisions. */
struct options {
    int32_t first, later;
    double share;
    char note[OFFRAMP_TEXT_SIZE];
};

#define AT(member) .offset = offsetof(struct options, member)
#define ROW_FIRST                                                                                            \
    {                                                                                                        \
        .name = "first", .type = OFFRAMP_OPT_CHOICE, AT(first), .fallback = "nothing", .choices = whats,     \
        .help = "fault of the first configuration"                                                           \
    }
#define ROW_LATER                                                                                            \
    {                                                                                                        \
        .name = "later", .type = OFFRAMP_OPT_CHOICE, AT(later), .fallback = "nothing", .choices = whats,     \
        .help = "fault of the decisions"                                                                     \
    }
#define SHARE                                                                                                \
    .name = "share", .type = OFFRAMP_OPT_SHARE, AT(share), .fallback = "10%", .help = "threshold",           \
    .alias = "s"
#define NOTE .name = "note", .type = OFFRAMP_OPT_TEXT, AT(note), .fallback = "", .help = "said at the start"

static const struct offramp_option good_rows[] = {ROW_FIRST, ROW_LATER, {SHARE}, {NOTE}};
#define TABLE(...) .options = (const struct offramp_option[]){ROW_FIRST, {__VA_ARGS__}}, .option_count = 2

static void spoil(enum what what, struct offramp_exit_config *config)
{
    switch (what) {
    case UNSORTED:
        config->site[0] = 1;
        config->site[1] = 0;
        break;
    case TOO_MANY:
        config->ramps = 5;
        break;
    case BEYOND:
        config->site[1] = 60000;
        break;
    case NEGATIVE:
        config->threshold[1] = -0.25;
        break;
    case NOT_A_NUMBER:
        config->threshold[0] = (double)NAN;
        break;
    case CRITERION:
        config->criterion = 77;
        break;
    case KNOWS_ANSWERS:
        config->criterion = OFFRAMP_CRITERION_AGREES;
        break;
    case FREE_RAMPS:
        config->free_ramps = true;
        break;
    default:
        break;
    }
}

static void configure(const struct options *options, struct offramp_exit_config *config)
{
    config->ramps = 2;
    config->criterion = OFFRAMP_CRITERION_TOP1;
    for (uint16_t k = 0; k < 2; ++k) {
        config->site[k] = k;
        config->threshold[k] = options->share;
    }
}

static int create(void **state, const struct offramp_policy_setup *setup, const void *values,
                  struct offramp_exit_config *first, char *why, size_t why_size)
{
    static struct options kept; /* the tests run it once in a process */
    kept = *(const struct options *)values;
    *state = &kept;
    if (kept.note[0])
        setup->say(setup->host, kept.note);
    if (kept.first == REFUSES)
        memset(why, 'x', why_size); /* a text without an end */
    if (kept.first == REFUSES)
        memcpy(why, "not\ntoday", 9);
    configure(&kept, first);
    spoil((enum what)kept.first, first);
    return kept.first == REFUSES || kept.first == SILENT ? -1 : 0;
}

/* Another version of the same policy, as after a change of its source. */
__attribute__((unused)) static int create_changed(void **state, const struct offramp_policy_setup *setup,
                                                  const void *values, struct offramp_exit_config *first,
                                                  char *why, size_t why_size)
{
    struct options half = *(const struct options *)values;
    half.share *= 0.5;
    return create(state, setup, &half, first, why, why_size);
}

static void destroy(void *state)
{
    (void)state;
}

static bool feedback(void *state, const struct offramp_feedback *feedback, struct offramp_decision *decision)
{
    const struct options *options = state;
    (void)feedback;
    configure(options, &decision->config);
    spoil((enum what)options->later, &decision->config);
    memset(decision->trigger, 't', sizeof decision->trigger); /* a text without an end */
    decision->cost_ns = options->later == COST ? -5 : 100;
    decision->changed = true;
    return true;
}

#define GOOD                                                                                                 \
    .abi_version = OFFRAMP_POLICY_ABI_VERSION, .flags = OFFRAMP_POLICY_FEEDBACK, .name = "faulty",           \
    .help = "does wrong what it is told to", .options = good_rows,                                           \
    .option_count = sizeof good_rows / sizeof *good_rows, .options_size = sizeof(struct options),            \
    .create = create, .destroy = destroy, .feedback = feedback

#define none             .abi_version = OFFRAMP_POLICY_ABI_VERSION
#define changed          .create = create_changed
#define other_version    .abi_version = 7
#define no_create        .create = NULL
#define no_destroy       .destroy = NULL
#define no_feedback      .feedback = NULL
#define unasked_feedback .flags = 0
#define unknown_flags    .flags = 0x81
#define no_name          .name = NULL
#define odd_name         .name = "my policy"
#define taken_name       .name = "apparate"
#define no_help          .help = NULL
#define large_options    .options_size = (size_t)1 << 40
#define no_table         .options = NULL
#define many_rows        .option_count = 1u << 30
#define row_no_name      TABLE(SHARE, .name = NULL)
#define row_odd_name     TABLE(SHARE, .name = "Share")
#define row_odd_alias    TABLE(SHARE, .alias = "")
#define row_taken_name   TABLE(SHARE, .name = "mode")
#define row_twice        TABLE(SHARE, .name = "first")
#define row_alias_twice  TABLE(SHARE, .alias = "first")
#define row_no_help      TABLE(SHARE, .help = NULL)
#define row_no_type      TABLE(SHARE, .type = (enum offramp_option_type)99)
#define row_args         TABLE(NOTE, .type = OFFRAMP_OPT_ARGS, .fallback = NULL, .offset = 16)
#define row_outside      TABLE(NOTE, .offset = sizeof(struct options) - 8)
#define row_far_outside  TABLE(NOTE, .offset = (size_t)-8)
#define row_crooked      TABLE(SHARE, .offset = 12)
#define row_over_another TABLE(SHARE, .offset = 0)
#define row_no_choices   TABLE(SHARE, .type = OFFRAMP_OPT_CHOICE)
#define row_bad_default  TABLE(SHARE, .fallback = "often")
#define row_out_of_range TABLE(SHARE, .min = 0.5, .max = 0.75)
#define row_empty_range  TABLE(SHARE, .min = 1, .max = 0.5)

/* Faults of the symbol itself. */
#if defined SHAPE_static
extern int nothing_here;
int nothing_here;
static const struct offramp_policy_ops hidden_policy = {GOOD};
const void *keep(void);
const void *keep(void)
{
    return &hidden_policy;
}
#elif defined SHAPE_unresolved
extern int offramp_no_such_function(void);
static int call(void)
{
    return offramp_no_such_function();
}
const struct offramp_policy_ops offramp_policy = {GOOD, .destroy = (void (*)(void *))(void *)call};
#else
const struct offramp_policy_ops offramp_policy = {GOOD, FAULT};
#endif
