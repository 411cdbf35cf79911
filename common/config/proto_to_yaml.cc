// SPDX-License-Identifier: Apache-2.0
#include "common/config/proto_to_yaml.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "common/config/field_text.h"

namespace cohort::common {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Whether every YAML reader, and every person, takes the bare text for a string.
bool IsPlainString(const std::string& text) {
  static const auto* const kReserved =
      new std::set<std::string>{"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
  if (text.empty() || !(absl::ascii_isalpha(text[0]) || text[0] == '/' || text[0] == '_')) return false;
  if (kReserved->contains(absl::AsciiStrToLower(text))) return false;
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '-' || c == '.' || c == '/';
  });
}

void EmitMessage(const Message& message, YAML::Emitter* out);

// `index` is -1 for a singular field.
void EmitValue(const Message& message, const FieldDescriptor& field, int index, YAML::Emitter* out) {
  const Reflection* reflection = message.GetReflection();
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !IsTextMessage(*field.message_type())) {
    EmitMessage(
        index < 0 ? reflection->GetMessage(message, &field) : reflection->GetRepeatedMessage(message, &field, index),
        out);
    return;
  }
  const std::string text = FieldToText(message, field, index);
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING && !IsPlainString(text)) *out << YAML::DoubleQuoted;
  *out << text;
}

void EmitMap(const Message& message, const FieldDescriptor& field, YAML::Emitter* out) {
  const Reflection* reflection = message.GetReflection();
  const FieldDescriptor& key = *field.message_type()->map_key();
  std::vector<std::pair<std::string, const Message*>> entries;
  for (int i = 0; i < reflection->FieldSize(message, &field); ++i) {
    const Message& entry = reflection->GetRepeatedMessage(message, &field, i);
    entries.emplace_back(FieldToText(entry, key, /*index=*/-1), &entry);
  }
  std::sort(entries.begin(), entries.end());
  *out << YAML::BeginMap;
  for (const auto& [text, entry] : entries) {
    *out << YAML::Key;
    EmitValue(*entry, key, /*index=*/-1, out);
    *out << YAML::Value;
    EmitValue(*entry, *field.message_type()->map_value(), /*index=*/-1, out);
  }
  *out << YAML::EndMap;
}

void EmitField(const Message& message, const FieldDescriptor& field, YAML::Emitter* out) {
  *out << YAML::Key << field.name() << YAML::Value;
  if (field.is_map()) return EmitMap(message, field, out);
  if (!field.is_repeated()) return EmitValue(message, field, /*index=*/-1, out);
  *out << YAML::BeginSeq;
  for (int i = 0; i < message.GetReflection()->FieldSize(message, &field); ++i) EmitValue(message, field, i, out);
  *out << YAML::EndSeq;
}

void EmitMessage(const Message& message, YAML::Emitter* out) {
  const Descriptor& type = *message.GetDescriptor();
  const Reflection* reflection = message.GetReflection();
  if (message.ByteSizeLong() == 0) *out << YAML::Flow;  // {} on the same line
  *out << YAML::BeginMap;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const bool is_set =
        field.is_repeated() ? reflection->FieldSize(message, &field) > 0 : reflection->HasField(message, &field);
    if (is_set) EmitField(message, field, out);
  }
  *out << YAML::EndMap;
}

}  // namespace

std::string ProtoToYaml(const Message& message) {
  YAML::Emitter out;
  EmitMessage(message, &out);
  return std::string(out.c_str(), out.size()) + "\n";
}

}  // namespace cohort::common
