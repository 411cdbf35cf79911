// SPDX-License-Identifier: Apache-2.0
#include "common/config/field_text.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/config/enum_names.h"
#include "common/config/proto_time.h"
#include "common/status_macros.h"
#include "common/utf8.h"

namespace cohort::common {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::Duration;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::Timestamp;

// About 10,000 years: what proto allows a Duration to be.
constexpr int64_t kMaxDurationSeconds = 315'576'000'000;

absl::Status Expected(const std::string& what) { return absl::InvalidArgumentError("expected " + what); }

bool IsInteger(const std::string& text) {
  const size_t first_digit = text[0] == '-' || text[0] == '+' ? 1 : 0;
  return text.size() > first_digit && text.find_first_not_of("0123456789", first_digit) == std::string::npos;
}

template <typename T>
absl::StatusOr<T> ParseInteger(const FieldText& text) {
  T value = 0;
  if (!text.is_quoted && absl::SimpleAtoi(text.text, &value) && IsInteger(text.text)) return value;
  return Expected(
      absl::StrCat("an integer from ", std::numeric_limits<T>::min(), " to ", std::numeric_limits<T>::max()));
}

template <typename T>
absl::StatusOr<T> ParseFloatingPoint(const FieldText& text) {
  double value = 0;
  if (!text.is_quoted && absl::SimpleAtod(text.text, &value) && std::isfinite(static_cast<T>(value))) {
    return static_cast<T>(value);
  }
  return Expected("a finite number");
}

absl::StatusOr<bool> ParseBool(const FieldText& text) {
  if (!text.is_quoted && text.text == "true") return true;
  if (!text.is_quoted && text.text == "false") return false;
  return Expected("true or false");
}

absl::StatusOr<std::string> ParseString(const FieldText& text, const FieldDescriptor& field) {
  if (field.type() != FieldDescriptor::TYPE_BYTES) {
    return IsValidUtf8(text.text) ? absl::StatusOr<std::string>(text.text) : Expected("valid UTF-8");
  }
  std::string bytes;
  if (!absl::Base64Unescape(text.text, &bytes)) return Expected("bytes in base64");
  return bytes;
}

absl::Status SetTextMessage(const FieldText& text, Message* message) {
  if (message->GetDescriptor() == Duration::descriptor()) {
    absl::Duration duration;
    if (!absl::ParseDuration(text.text, &duration) ||
        absl::AbsDuration(duration) > absl::Seconds(kMaxDurationSeconds)) {
      return Expected("a duration with its unit, such as 5s, 200ms or 1.5h");
    }
    message->CopyFrom(ToProtoDuration(duration));
    return absl::OkStatus();
  }
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text.text, &time, &error) || time == absl::InfiniteFuture() ||
      time == absl::InfinitePast()) {
    return Expected("a time such as 2026-01-01T00:00:00Z");
  }
  message->CopyFrom(ToProtoTimestamp(time));
  return absl::OkStatus();
}

template <typename T>
std::string FloatingPointToText(T value) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value);
  return std::string(buffer, end.ptr);
}

std::string TextMessageToText(const Message& message) {
  if (message.GetDescriptor() == Duration::descriptor()) {
    return absl::FormatDuration(FromProtoDuration(static_cast<const Duration&>(message)));
  }
  const absl::Time time = FromProtoTimestamp(static_cast<const Timestamp&>(message));
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", time, absl::UTCTimeZone());
}

}  // namespace

bool IsTextMessage(const Descriptor& type) {
  return &type == Duration::descriptor() || &type == Timestamp::descriptor();
}

#define COHORT_PARSE_AND_STORE(kind, parse)                        \
  {                                                                \
    COHORT_ASSIGN_OR_RETURN(const auto value, parse);              \
    if (field.is_repeated()) {                                     \
      message->GetReflection()->Add##kind(message, &field, value); \
    } else {                                                       \
      message->GetReflection()->Set##kind(message, &field, value); \
    }                                                              \
    return absl::OkStatus();                                       \
  }

absl::Status SetFieldFromText(const FieldText& text, const FieldDescriptor& field, Message* message) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      COHORT_PARSE_AND_STORE(Int32, ParseInteger<int32_t>(text))
    case FieldDescriptor::CPPTYPE_INT64:
      COHORT_PARSE_AND_STORE(Int64, ParseInteger<int64_t>(text))
    case FieldDescriptor::CPPTYPE_UINT32:
      COHORT_PARSE_AND_STORE(UInt32, ParseInteger<uint32_t>(text))
    case FieldDescriptor::CPPTYPE_UINT64:
      COHORT_PARSE_AND_STORE(UInt64, ParseInteger<uint64_t>(text))
    case FieldDescriptor::CPPTYPE_DOUBLE:
      COHORT_PARSE_AND_STORE(Double, ParseFloatingPoint<double>(text))
    case FieldDescriptor::CPPTYPE_FLOAT:
      COHORT_PARSE_AND_STORE(Float, ParseFloatingPoint<float>(text))
    case FieldDescriptor::CPPTYPE_BOOL:
      COHORT_PARSE_AND_STORE(Bool, ParseBool(text))
    case FieldDescriptor::CPPTYPE_STRING:
      COHORT_PARSE_AND_STORE(String, ParseString(text, field))
    case FieldDescriptor::CPPTYPE_ENUM: {
      const auto* value = FindEnumValue(*field.enum_type(), text.text);
      if (value == nullptr) return Expected("one of " + ListEnumNames(*field.enum_type()));
      COHORT_PARSE_AND_STORE(Enum, absl::StatusOr<const google::protobuf::EnumValueDescriptor*>(value))
    }
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const Reflection* reflection = message->GetReflection();
      return SetTextMessage(text, field.is_repeated() ? reflection->AddMessage(message, &field)
                                                      : reflection->MutableMessage(message, &field));
    }
  }
  return absl::InternalError("unknown field type");
}

#undef COHORT_PARSE_AND_STORE

#define COHORT_LOAD(kind) \
  (index < 0 ? reflection->Get##kind(message, &field) : reflection->GetRepeated##kind(message, &field, index))

std::string FieldToText(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection* reflection = message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return absl::StrCat(COHORT_LOAD(Int32));
    case FieldDescriptor::CPPTYPE_INT64:
      return absl::StrCat(COHORT_LOAD(Int64));
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrCat(COHORT_LOAD(UInt32));
    case FieldDescriptor::CPPTYPE_UINT64:
      return absl::StrCat(COHORT_LOAD(UInt64));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return FloatingPointToText(COHORT_LOAD(Double));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return FloatingPointToText(COHORT_LOAD(Float));
    case FieldDescriptor::CPPTYPE_BOOL:
      return COHORT_LOAD(Bool) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_STRING: {
      const std::string value = COHORT_LOAD(String);
      return field.type() == FieldDescriptor::TYPE_BYTES ? absl::Base64Escape(value) : value;
    }
    case FieldDescriptor::CPPTYPE_ENUM:
      return ShortEnumName(*COHORT_LOAD(Enum));
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const Message& value =
          index < 0 ? reflection->GetMessage(message, &field) : reflection->GetRepeatedMessage(message, &field, index);
      return TextMessageToText(value);
    }
  }
  return "";
}

#undef COHORT_LOAD

}  // namespace cohort::common
