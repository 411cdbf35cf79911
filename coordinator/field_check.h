// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_FIELD_CHECK_H_
#define COHORT_COORDINATOR_FIELD_CHECK_H_

#include <cmath>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/field_error.h"

namespace cohort::coordinator {

// Number checks of spec fields: INVALID_ARGUMENT with field and value. NaN passes none of them.

template <typename T>
absl::Status CheckPositive(std::string_view field, T value) {
  if (value > 0 && std::isfinite(static_cast<double>(value))) return absl::OkStatus();
  return common::InvalidField(field, absl::StrCat(value), "must be greater than 0");
}

// From 1 to `most`.
template <typename T>
absl::Status CheckCount(std::string_view field, T value, T most) {
  if (value > most) return common::InvalidField(field, absl::StrCat(value), absl::StrCat("must be at most ", most));
  return CheckPositive(field, value);
}

template <typename T>
absl::Status CheckNotNegative(std::string_view field, T value) {
  if (value >= 0 && std::isfinite(static_cast<double>(value))) return absl::OkStatus();
  return common::InvalidField(field, absl::StrCat(value), "must not be negative");
}

// From `low` to `high`, both included.
template <typename T>
absl::Status CheckRange(std::string_view field, T value, T low, T high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return common::InvalidField(field, absl::StrCat(value), absl::StrCat("must be from ", low, " to ", high));
}

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_FIELD_CHECK_H_
