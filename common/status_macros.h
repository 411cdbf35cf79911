// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_STATUS_MACROS_H_
#define COHORT_COMMON_STATUS_MACROS_H_

// Early return on a non-OK status. Abseil ships its own only from LTS 20260526.
//
//   COHORT_RETURN_IF_ERROR(store->Put(job));
//   COHORT_ASSIGN_OR_RETURN(auto config, LoadModelConfig(dir));

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define COHORT_RETURN_IF_ERROR(expr)                 \
  do {                                               \
    absl::Status cohort_status_ = (expr);            \
    if (!cohort_status_.ok()) return cohort_status_; \
  } while (false)

#define COHORT_STATUS_CONCAT_INNER_(x, y) x##y
#define COHORT_STATUS_CONCAT_(x, y) COHORT_STATUS_CONCAT_INNER_(x, y)

#define COHORT_ASSIGN_OR_RETURN(lhs, expr) \
  COHORT_ASSIGN_OR_RETURN_IMPL_(COHORT_STATUS_CONCAT_(cohort_statusor_, __LINE__), lhs, expr)

#define COHORT_ASSIGN_OR_RETURN_IMPL_(statusor, lhs, expr) \
  auto statusor = (expr);                                  \
  if (!statusor.ok()) return std::move(statusor).status(); \
  lhs = *std::move(statusor)

#endif  // COHORT_COMMON_STATUS_MACROS_H_
