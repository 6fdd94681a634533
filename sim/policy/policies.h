/* The table of exit policies. To add one: write sim/policy/NAME.c with its ops, add one line to policies.c.
 */
#ifndef OFR_POLICY_POLICIES_H
#define OFR_POLICY_POLICIES_H

#include "sim/base/component.h"
#include "sim/offramp_policy.h"

/* NULL-terminated; the order is the order of `offramp list policies`. */
extern const struct offramp_policy_ops *const ofr_policies[];
/* NULL when there is none of that name. */
const struct offramp_policy_ops *ofr_policy_find(const char *name);
/* What a policy with these flags knows before the run, as reports say it: "none", "hindsight" or "oracle". */
const char *ofr_policy_knowledge(uint32_t flags);
/* What the public interface says of a policy, as every other kind of part says it. Borrows from the ops. */
struct ofr_component ofr_policy_component(const struct offramp_policy_ops *ops);

#endif
