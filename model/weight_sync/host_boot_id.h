// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHT_SYNC_HOST_BOOT_ID_H_
#define COHORT_MODEL_WEIGHT_SYNC_HOST_BOOT_ID_H_

#include <string>

namespace cohort::model {

// Random id of this host since it booted (Linux); empty when it cannot be read, which equals no other host's.
std::string HostBootId();

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHT_SYNC_HOST_BOOT_ID_H_
