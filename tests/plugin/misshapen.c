/* Shared objects whose symbol `offramp_policy` is something else, for tests/integration/test_plugin.c. They cannot
 * include the header, which would not let them. */
#define EXPORT __attribute__((visibility("default")))

#if defined SHAPE_pointer
extern EXPORT const void *const offramp_policy;
static const unsigned somewhere[32] = {1};
const void *const offramp_policy = somewhere;
#elif defined SHAPE_function
EXPORT int offramp_policy(void);
int offramp_policy(void)
{
    return 1;
}
#elif defined SHAPE_short
extern EXPORT const unsigned offramp_policy[2];
const unsigned offramp_policy[2] = {1, 1};
#endif
