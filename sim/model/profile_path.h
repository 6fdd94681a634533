/* Private to sim/model: the part of a profile that was measured along the whole path of a replay. */
#ifndef OFR_MODEL_PROFILE_PATH_H
#define OFR_MODEL_PROFILE_PATH_H

#include "sim/model/profile.h"
#include "traces/profile_file.h"

/* Whether rows of this quantity belong to the path. */
static inline bool ofr_profile__of_path(enum ofr_quantity quantity)
{
    return quantity >= OFR_QUANTITY_IDLE && quantity <= OFR_QUANTITY_START;
}

/* Fills profile->path from those rows of a file that belong to it, in file order; without any, it stays empty. Sites and batches of
 * the profile are known. Errors: OFR_E_INPUT with `path` when something of it is missing, OFR_E_NOMEM. */
int ofr_profile__take_path(struct ofr_profile *profile, const struct ofr_profile_row *row, size_t count,
                           const char *path, struct ofr_error *err);
void ofr_profile__free_path(struct ofr_profile *profile);

#endif
