// SPDX-License-Identifier: Apache-2.0
#include "cli/reference/job_schema.h"

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/reference/field_comment.h"
#include "common/config/enum_names.h"

namespace cohort::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::OneofDescriptor;
using Json = nlohmann::ordered_json;

// As absl::ParseDuration reads it; a 0 needs no unit.
constexpr char kDuration[] = R"(^[+-]?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|ms|s|m|h))+)$)";
constexpr char kTime[] =
    R"(^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$)";

template <typename T>
Json Integer() {
  return {{"type", "integer"}, {"minimum", std::numeric_limits<T>::min()}, {"maximum", std::numeric_limits<T>::max()}};
}

Json EnumSchema(const EnumDescriptor& type) {
  Json names = Json::array();
  for (int i = 0; i < type.value_count(); ++i) {
    const std::string name = common::ShortEnumName(*type.value(i));
    if (name != "unspecified") names.push_back(name);
  }
  return {{"enum", std::move(names)}};
}

// What the values of an enum mean, behind the comment of the field.
std::string EnumText(const EnumDescriptor& type) {
  std::string text;
  for (int i = 0; i < type.value_count(); ++i) {
    const std::string comment = CommentOf(*type.value(i));
    if (!comment.empty()) absl::StrAppend(&text, "\n", common::ShortEnumName(*type.value(i)), ": ", comment);
  }
  return text;
}

Json MessageSchemaOrReference(const Descriptor& type) {
  if (type.full_name() == "google.protobuf.Duration") {
    // 0 is the one integer that is a duration.
    return {{"type", {"string", "integer"}}, {"pattern", kDuration}, {"minimum", 0}, {"maximum", 0}};
  }
  if (IsTextType(type)) return {{"type", "string"}, {"pattern", kTime}};
  return {{"$ref", absl::StrCat("#/$defs/", type.name())}};
}

// One value: of a singular field, of an element of a list, of an entry of a map.
Json ValueSchema(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return Integer<int32_t>();
    case FieldDescriptor::CPPTYPE_INT64:
      return Integer<int64_t>();
    case FieldDescriptor::CPPTYPE_UINT32:
      return Integer<uint32_t>();
    case FieldDescriptor::CPPTYPE_UINT64:
      return Integer<uint64_t>();
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      return {{"type", "number"}};
    case FieldDescriptor::CPPTYPE_BOOL:
      return {{"type", "boolean"}};
    case FieldDescriptor::CPPTYPE_ENUM:
      return EnumSchema(*field.enum_type());
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return MessageSchemaOrReference(*field.message_type());
    case FieldDescriptor::CPPTYPE_STRING:
      break;
  }
  // A text may look like a number.
  return {{"type", {"string", "number", "boolean"}}};
}

Json FieldSchema(const FieldDescriptor& field) {
  const FieldDescriptor& value = ValueField(field);
  Json schema = ValueSchema(value);
  if (field.is_map()) {
    schema = {{"type", "object"}, {"additionalProperties", std::move(schema)}};
  } else if (field.is_repeated()) {
    schema = {{"type", "array"}, {"items", std::move(schema)}};
  }
  std::string description = CommentOf(field);
  if (value.enum_type() != nullptr) description += EnumText(*value.enum_type());
  if (!description.empty()) schema["description"] = description;
  return schema;
}

// Exactly one of the members, or none of them.
Json AtMostOne(const OneofDescriptor& oneof) {
  Json members = Json::array();
  for (int i = 0; i < oneof.field_count(); ++i) {
    members.push_back({{"required", Json::array({oneof.field(i)->name()})}});
  }
  Json alternatives = members;
  alternatives.push_back({{"not", {{"anyOf", std::move(members)}}}});
  return {{"oneOf", std::move(alternatives)}};
}

Json MessageSchema(const Descriptor& message) {
  Json schema = {{"type", "object"}};
  const std::string comment = CommentOf(message);
  if (!comment.empty()) schema["description"] = comment;
  Json properties = Json::object();
  for (int i = 0; i < message.field_count(); ++i) properties[message.field(i)->name()] = FieldSchema(*message.field(i));
  schema["properties"] = std::move(properties);
  schema["additionalProperties"] = false;
  Json rules = Json::array();
  for (int i = 0; i < message.real_oneof_decl_count(); ++i) {
    if (message.oneof_decl(i)->field_count() > 1) rules.push_back(AtMostOne(*message.oneof_decl(i)));
  }
  if (!rules.empty()) schema["allOf"] = std::move(rules);
  return schema;
}

}  // namespace

std::string JobSchema(const Descriptor& root) {
  Json definitions = Json::object();
  for (const Descriptor* message : MessagesBelow(root)) definitions[message->name()] = MessageSchema(*message);
  const Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                       {"title", "Cohort job file"},
                       {"$ref", absl::StrCat("#/$defs/", root.name())},
                       {"$defs", std::move(definitions)}};
  return schema.dump(/*indent=*/2) + "\n";
}

}  // namespace cohort::cli
