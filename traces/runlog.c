#include "traces/runlog.h"

const char *ofr_outcome_name(int outcome)
{
    switch (outcome) {
#define X(name, value, text)                                                                                 \
    case value:                                                                                              \
        return text;
        OFR_OUTCOME_MAP(X)
#undef X
    case OFR_OUTCOME_ONWARD:
        return "onward";
    default:
        return "?";
    }
}

const char *ofr_reason_name(int reason)
{
    switch (reason) {
#define X(name, value, text)                                                                                 \
    case value:                                                                                              \
        return text;
        OFR_REASON_MAP(X)
#undef X
    default:
        return "?";
    }
}
