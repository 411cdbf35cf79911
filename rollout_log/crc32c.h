// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_LOG_CRC32C_H_
#define COHORT_ROLLOUT_LOG_CRC32C_H_

#include <cstdint>
#include <string_view>

namespace cohort::rollout_log {

// CRC-32C (Castagnoli, reflected, initial and final value all ones), as in RFC 3720 appendix B.4. Pure.
uint32_t Crc32c(std::string_view bytes);

}  // namespace cohort::rollout_log

#endif  // COHORT_ROLLOUT_LOG_CRC32C_H_
