#include "sim/serve/mode.h"

#define X(name) extern const struct ofr_mode_ops ofr_mode_##name;
OFR_MODE_MAP(X)
#undef X

const struct ofr_mode_ops *const ofr_modes[] = {
#define X(name) &ofr_mode_##name,
    OFR_MODE_MAP(X)
#undef X
        NULL,
};

const char *const ofr_mode_names[] = {
#define X(name) #name,
    OFR_MODE_MAP(X)
#undef X
        NULL,
};

bool ofr_mode_admits(const struct ofr_mode_ops *mode, const struct offramp_policy_ops *policy)
{
    return (policy->flags & mode->needs) == mode->needs && !(policy->flags & mode->refuses);
}

int32_t ofr_mode_for(const struct offramp_policy_ops *policy, int32_t wanted)
{
    if (ofr_mode_admits(ofr_modes[wanted], policy))
        return wanted;
    for (int32_t i = 0; ofr_modes[i]; ++i)
        if (ofr_mode_admits(ofr_modes[i], policy))
            return i;
    return -1;
}
