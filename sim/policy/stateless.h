/* A policy that decides once, in create(), has nothing to release: its `destroy`. */
#ifndef OFR_POLICY_STATELESS_H
#define OFR_POLICY_STATELESS_H

static inline void ofr_policy_destroy_nothing(void *state)
{
    (void)state;
}

#endif
