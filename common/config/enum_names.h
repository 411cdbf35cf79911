// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_CONFIG_ENUM_NAMES_H_
#define COHORT_COMMON_CONFIG_ENUM_NAMES_H_

#include <string>
#include <string_view>

namespace google::protobuf {
class EnumDescriptor;
class EnumValueDescriptor;
}  // namespace google::protobuf

namespace cohort::common {

// How a job file writes an enum value: lower case, without the prefix that repeats the type's name
// (LOSS_REDUCTION_TOKEN_MEAN of LossReduction -> "token_mean").
std::string ShortEnumName(const google::protobuf::EnumValueDescriptor& value);

// The inverse; null when the enum has no such value.
const google::protobuf::EnumValueDescriptor* FindEnumValue(const google::protobuf::EnumDescriptor& type,
                                                           std::string_view short_name);

// "token_mean, sequence_mean_token_mean": what may be written, without "unspecified".
std::string ListEnumNames(const google::protobuf::EnumDescriptor& type);

}  // namespace cohort::common

#endif  // COHORT_COMMON_CONFIG_ENUM_NAMES_H_
