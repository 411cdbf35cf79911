// SPDX-License-Identifier: Apache-2.0
#include "cli/proto_to_yaml.h"

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace cohort::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::util::TimeUtil;

void WriteMessage(const Message& message, int indent, std::string& out);

// Plain where YAML would read the same string back, else double-quoted.
std::string QuotedString(const std::string& text) {
  const bool starts_plain = !text.empty() && absl::ascii_isalpha(text[0]);
  const bool all_plain = std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '-' || c == '.' || c == '/';
  });
  const std::string lower = absl::AsciiStrToLower(text);
  const bool is_word = lower == "true" || lower == "false" || lower == "null" || lower == "yes" || lower == "no" ||
                       lower == "on" || lower == "off" || lower == "y" || lower == "n";
  if (starts_plain && all_plain && !is_word) return text;
  return absl::StrCat("\"", absl::Utf8SafeCEscape(text), "\"");
}

// LOSS_REDUCTION_TOKEN_MEAN of LossReduction -> token_mean.
std::string EnumText(const EnumValueDescriptor& value) {
  std::string prefix;
  for (const char c : value.type()->name()) {
    if (absl::ascii_isupper(c) && !prefix.empty()) prefix.push_back('_');
    prefix.push_back(absl::ascii_toupper(c));
  }
  prefix.push_back('_');
  std::string name = value.name();
  if (name.rfind(prefix, 0) == 0) name = name.substr(prefix.size());
  return absl::AsciiStrToLower(name);
}

// The scalar of a field; `index` is -1 unless the field is repeated.
std::string ScalarText(const Message& message, const FieldDescriptor* field, int index) {
  const Reflection* reflection = message.GetReflection();
  const auto pick = [&](auto single, auto repeated) {
    return index < 0 ? (reflection->*single)(message, field) : (reflection->*repeated)(message, field, index);
  };
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return absl::StrCat(pick(&Reflection::GetInt32, &Reflection::GetRepeatedInt32));
    case FieldDescriptor::CPPTYPE_INT64:
      return absl::StrCat(pick(&Reflection::GetInt64, &Reflection::GetRepeatedInt64));
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrCat(pick(&Reflection::GetUInt32, &Reflection::GetRepeatedUInt32));
    case FieldDescriptor::CPPTYPE_UINT64:
      return absl::StrCat(pick(&Reflection::GetUInt64, &Reflection::GetRepeatedUInt64));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return absl::StrCat(pick(&Reflection::GetDouble, &Reflection::GetRepeatedDouble));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return absl::StrCat(pick(&Reflection::GetFloat, &Reflection::GetRepeatedFloat));
    case FieldDescriptor::CPPTYPE_BOOL:
      return pick(&Reflection::GetBool, &Reflection::GetRepeatedBool) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_ENUM:
      return EnumText(*pick(&Reflection::GetEnum, &Reflection::GetRepeatedEnum));
    default:
      return QuotedString(index < 0 ? reflection->GetString(message, field)
                                    : reflection->GetRepeatedString(message, field, index));
  }
}

// Durations and timestamps are scalars in YAML.
bool WellKnownText(const Message& message, std::string& text) {
  const Descriptor* descriptor = message.GetDescriptor();
  if (descriptor == google::protobuf::Duration::descriptor()) {
    text = TimeUtil::ToString(static_cast<const google::protobuf::Duration&>(message));
    return true;
  }
  if (descriptor == google::protobuf::Timestamp::descriptor()) {
    text = absl::StrCat("\"", TimeUtil::ToString(static_cast<const google::protobuf::Timestamp&>(message)), "\"");
    return true;
  }
  return false;
}

// " value" or a nested block, after "key:".
void WriteValue(const Message& value, int indent, std::string& out) {
  std::string text;
  if (WellKnownText(value, text)) {
    absl::StrAppend(&out, " ", text, "\n");
    return;
  }
  const size_t before = out.size();
  out.push_back('\n');
  WriteMessage(value, indent + 2, out);
  if (out.size() == before + 1) out.replace(before, 1, " {}\n");
}

void WriteMap(const Message& message, const FieldDescriptor* field, int indent, std::string& out) {
  const Reflection* reflection = message.GetReflection();
  std::vector<std::pair<std::string, std::string>> entries;
  for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
    const Message& entry = reflection->GetRepeatedMessage(message, field, i);
    const Descriptor* descriptor = entry.GetDescriptor();
    entries.emplace_back(ScalarText(entry, descriptor->map_key(), -1), ScalarText(entry, descriptor->map_value(), -1));
  }
  std::sort(entries.begin(), entries.end());
  for (const auto& [key, value] : entries) {
    absl::StrAppend(&out, std::string(indent + 2, ' '), key, ": ", value, "\n");
  }
}

void WriteRepeated(const Message& message, const FieldDescriptor* field, int indent, std::string& out) {
  const Reflection* reflection = message.GetReflection();
  const std::string padding(indent + 2, ' ');
  for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      absl::StrAppend(&out, padding, "- ", ScalarText(message, field, i), "\n");
      continue;
    }
    std::string item;
    WriteMessage(reflection->GetRepeatedMessage(message, field, i), indent + 4, item);
    if (item.empty()) {
      absl::StrAppend(&out, padding, "- {}\n");
    } else {
      absl::StrAppend(&out, padding, "- ", item.substr(padding.size() + 2));
    }
  }
}

void WriteMessage(const Message& message, int indent, std::string& out) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    absl::StrAppend(&out, std::string(indent, ' '), field->name(), ":");
    if (field->is_map()) {
      out.push_back('\n');
      WriteMap(message, field, indent, out);
    } else if (field->is_repeated()) {
      out.push_back('\n');
      WriteRepeated(message, field, indent, out);
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      WriteValue(message.GetReflection()->GetMessage(message, field), indent, out);
    } else {
      absl::StrAppend(&out, " ", ScalarText(message, field, -1), "\n");
    }
  }
}

}  // namespace

std::string ProtoToYaml(const Message& message) {
  std::string out;
  WriteMessage(message, 0, out);
  return out;
}

}  // namespace cohort::cli
