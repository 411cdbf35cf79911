// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_DATASET_ROW_SCAN_H_
#define COHORT_COORDINATOR_DATASET_ROW_SCAN_H_

#include <string>
#include <string_view>

#include "absl/types/span.h"

namespace cohort::coordinator {

// A field of a row that is asked for, and where its text goes, into memory that serves again.
struct ScannedField {
  std::string_view name;
  std::string* text = nullptr;
  bool is_found = false;
};

// Reads fields of a row (a JSON object as text) in one pass that makes nothing else of it: what a claim costs is mostly
// this. True: the row is valid UTF-8 and valid JSON, and every field that was found is a string, whose text is what a
// full parser would give. False: something is wrong with the row, or it is one that only a full parser reads (a field
// that is no string, \u escapes, numbers with exponents, very deep nesting); the texts say nothing then. Pure.
bool ScanRow(std::string_view row, absl::Span<ScannedField> fields);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_DATASET_ROW_SCAN_H_
