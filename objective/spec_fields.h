// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_SPEC_FIELDS_H_
#define COHORT_OBJECTIVE_SPEC_FIELDS_H_

#include <google/protobuf/message.h>

#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace cohort::objective {

// Steps of objective_resolution.cc on fields by name, so that each rule is one line. Names must exist. Pure but for the
// message they are given.

// Sets a numeric, bool or enum field that is unset.
void SetDefault(google::protobuf::Message* message, std::string_view field, double value);

// INVALID_ARGUMENT names the field and its value unless `holds`.
absl::Status CheckField(const google::protobuf::Message& message, std::string_view field, bool holds,
                        std::string_view why);

// When a choice leaves fields without meaning: INVALID_ARGUMENT if the job set one, else the preset's value is cleared.
absl::Status DropFields(const google::protobuf::Message& job, google::protobuf::Message* merged,
                        const std::vector<std::string_view>& fields, std::string_view why);

// INVALID_ARGUMENT names the first enum field, at any depth, whose number the .proto does not list.
absl::Status CheckEnumsAreKnown(const google::protobuf::Message& message);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_SPEC_FIELDS_H_
