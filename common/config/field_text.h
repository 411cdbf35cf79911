// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_CONFIG_FIELD_TEXT_H_
#define COHORT_COMMON_CONFIG_FIELD_TEXT_H_

#include <string>

#include "absl/status/status.h"

namespace google::protobuf {
class Descriptor;
class FieldDescriptor;
class Message;
}  // namespace google::protobuf

namespace cohort::common {

// Messages that are written as one text: Duration ("1.5h") and Timestamp ("2026-01-01T00:00:00Z").
bool IsTextMessage(const google::protobuf::Descriptor& type);

// A value as it stands in the file. Quotes make it a string, whatever it looks like.
struct FieldText {
  std::string text;
  bool is_quoted = false;
};

// Sets a singular field, or appends to a repeated one, from its text. For every type but messages, and for text
// messages. INVALID_ARGUMENT with what was expected, without path or value.
absl::Status SetFieldFromText(const FieldText& text, const google::protobuf::FieldDescriptor& field,
                              google::protobuf::Message* message);

// The inverse; `index` is -1 for a singular field. Strings are returned as they are, floating point in the fewest
// digits that read back to the same value.
std::string FieldToText(const google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field,
                        int index);

}  // namespace cohort::common

#endif  // COHORT_COMMON_CONFIG_FIELD_TEXT_H_
