// SPDX-License-Identifier: Apache-2.0
#include "objective/spec_fields.h"

#include <google/protobuf/descriptor.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "common/config/enum_names.h"
#include "common/config/field_text.h"
#include "common/field_error.h"
#include "common/status_macros.h"

namespace cohort::objective {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

const FieldDescriptor& Field(const Message& message, std::string_view field) {
  return *message.GetDescriptor()->FindFieldByName(std::string(field));
}

bool IsSet(const Message& message, const FieldDescriptor& field) {
  return field.is_repeated() ? message.GetReflection()->FieldSize(message, &field) > 0
                             : message.GetReflection()->HasField(message, &field);
}

std::string ValueText(const Message& message, const FieldDescriptor& field) {
  const bool is_plain = !field.is_repeated() && field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE;
  return is_plain ? common::FieldToText(message, field, /*index=*/-1) : "";
}

absl::Status CheckEnumNumber(const FieldDescriptor& field, int number) {
  if (field.enum_type()->FindValueByNumber(number) != nullptr) return absl::OkStatus();
  return common::InvalidField(field.name(), absl::StrCat(number),
                              "is not known; one of " + common::ListEnumNames(*field.enum_type()));
}

absl::Status CheckEnumsOfField(const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
    return CheckEnumNumber(field, reflection.GetEnumValue(message, &field));
  }
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return absl::OkStatus();
  if (!field.is_repeated()) {
    return common::PrefixField(CheckEnumsAreKnown(reflection.GetMessage(message, &field)), field.name());
  }
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    COHORT_RETURN_IF_ERROR(common::PrefixField(CheckEnumsAreKnown(reflection.GetRepeatedMessage(message, &field, i)),
                                               absl::StrCat(field.name(), "[", i, "]")));
  }
  return absl::OkStatus();
}

}  // namespace

void SetDefault(Message* message, std::string_view name, double value) {
  const FieldDescriptor& field = Field(*message, name);
  const Reflection& reflection = *message->GetReflection();
  if (reflection.HasField(*message, &field)) return;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection.SetInt32(message, &field, static_cast<int32_t>(value));
    case FieldDescriptor::CPPTYPE_INT64:
      return reflection.SetInt64(message, &field, static_cast<int64_t>(value));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.SetBool(message, &field, value != 0);
    case FieldDescriptor::CPPTYPE_ENUM:
      return reflection.SetEnumValue(message, &field, static_cast<int>(value));
    default:
      return reflection.SetDouble(message, &field, value);
  }
}

absl::Status CheckField(const Message& message, std::string_view name, bool holds, std::string_view why) {
  if (holds) return absl::OkStatus();
  return common::InvalidField(name, ValueText(message, Field(message, name)), why);
}

absl::Status DropFields(const Message& job, Message* merged, const std::vector<std::string_view>& fields,
                        std::string_view why) {
  for (const std::string_view name : fields) {
    const FieldDescriptor& field = Field(job, name);
    if (IsSet(job, field)) return common::InvalidField(name, ValueText(job, field), why);
    merged->GetReflection()->ClearField(merged, &field);
  }
  return absl::OkStatus();
}

absl::Status CheckEnumsAreKnown(const Message& message) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) COHORT_RETURN_IF_ERROR(CheckEnumsOfField(message, *field));
  return absl::OkStatus();
}

}  // namespace cohort::objective
