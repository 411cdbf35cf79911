// SPDX-License-Identifier: Apache-2.0
#include "common/config/yaml_to_proto.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <yaml-cpp/yaml.h>

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/config/closest_name.h"
#include "common/config/field_text.h"
#include "common/config/yaml_document.h"
#include "common/field_error.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace cohort::common {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::OneofDescriptor;
using google::protobuf::Reflection;

std::string Extend(const std::string& path, const std::string& name) {
  return path.empty() ? name : absl::StrCat(path, ".", name);
}

std::vector<std::string> FieldNames(const Descriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
  return names;
}

std::string UnknownField(const std::string& name, const Descriptor& type) {
  const std::vector<std::string> known = FieldNames(type);
  const std::string closest = ClosestName(name, known);
  if (!closest.empty()) return absl::StrCat("unknown field; did you mean ", closest, "?");
  if (known.empty()) return "unknown field; nothing can be set here";
  return absl::StrCat("unknown field; known are ", absl::StrJoin(known, ", "));
}

std::string TwoMembers(const FieldDescriptor& present, const OneofDescriptor& oneof) {
  std::vector<std::string> names;
  for (int i = 0; i < oneof.field_count(); ++i) names.push_back(oneof.field(i)->name());
  return absl::StrCat(present.name(), " is given too; only one of ", absl::StrJoin(names, ", "), " can be");
}

// Walks nodes and descriptors side by side. `path` is the field path of the node at hand.
class Walker final {
 public:
  explicit Walker(std::string_view file_name) : file_name_(file_name) {}

  absl::Status FillMessage(const YAML::Node& node, const std::string& path, Message* message) const {
    if (!node.IsMap()) return Error(node, path, Shown(node), "expected a mapping of fields");
    std::set<std::string> seen;
    for (const auto& pair : node) {
      if (!pair.first.IsScalar()) return Error(pair.first, path, "", "a key must be a plain name");
      const std::string& name = pair.first.Scalar();
      const std::string field_path = Extend(path, name);
      const FieldDescriptor* field = message->GetDescriptor()->FindFieldByName(name);
      if (field == nullptr) {
        return Error(pair.first, field_path, "", UnknownField(name, *message->GetDescriptor()));
      }
      if (!seen.insert(name).second) return Error(pair.first, field_path, "", "is given twice");
      const OneofDescriptor* oneof = field->real_containing_oneof();
      if (oneof != nullptr && message->GetReflection()->HasOneof(*message, oneof)) {
        const auto* present = message->GetReflection()->GetOneofFieldDescriptor(*message, oneof);
        return Error(pair.first, field_path, "", TwoMembers(*present, *oneof));
      }
      COHORT_RETURN_IF_ERROR(FillField(pair.second, field_path, *field, message));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status FillField(const YAML::Node& node, const std::string& path, const FieldDescriptor& field,
                         Message* message) const {
    if (field.is_map()) return FillMap(node, path, field, message);
    if (!field.is_repeated()) return FillValue(node, path, field, message);
    if (!node.IsSequence()) return Error(node, path, Shown(node), "expected a list");
    int index = 0;
    for (const YAML::Node& item : node) {
      COHORT_RETURN_IF_ERROR(FillValue(item, absl::StrCat(path, "[", index++, "]"), field, message));
    }
    return absl::OkStatus();
  }

  absl::Status FillMap(const YAML::Node& node, const std::string& path, const FieldDescriptor& field,
                       Message* message) const {
    if (!node.IsMap()) return Error(node, path, Shown(node), "expected a mapping");
    std::set<std::string> seen;
    for (const auto& pair : node) {
      if (!pair.first.IsScalar()) return Error(pair.first, path, Shown(pair.first), "a key must be a scalar");
      const std::string key_path = Extend(path, pair.first.Scalar());
      if (!seen.insert(pair.first.Scalar()).second) return Error(pair.first, key_path, "", "is given twice");
      Message* entry = message->GetReflection()->AddMessage(message, &field);
      COHORT_RETURN_IF_ERROR(FillValue(pair.first, key_path, *field.message_type()->map_key(), entry));
      COHORT_RETURN_IF_ERROR(FillValue(pair.second, key_path, *field.message_type()->map_value(), entry));
    }
    return absl::OkStatus();
  }

  // One value: a singular field, one element of a list, one side of a map entry.
  absl::Status FillValue(const YAML::Node& node, const std::string& path, const FieldDescriptor& field,
                         Message* message) const {
    const bool is_message = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    const bool is_mapping = is_message && !IsTextMessage(*field.message_type());
    if (node.IsNull()) {
      return Error(node, path, "", is_mapping ? "has no value; write {} for an empty one" : "has no value");
    }
    if (is_mapping) {
      const Reflection* reflection = message->GetReflection();
      return FillMessage(
          node, path,
          field.is_repeated() ? reflection->AddMessage(message, &field) : reflection->MutableMessage(message, &field));
    }
    if (!node.IsScalar()) return Error(node, path, Shown(node), "expected a single value");
    const absl::Status status = SetFieldFromText({node.Scalar(), node.Tag() == "!"}, field, message);
    return status.ok() ? status : Error(node, path, Shown(node), std::string(status.message()));
  }

  // What the file has in place of what was expected.
  static std::string Shown(const YAML::Node& node) {
    if (node.IsMap()) return "a mapping";
    if (node.IsSequence()) return "a list";
    if (node.IsNull()) return "null";
    return node.Tag() == "!" ? absl::StrCat("\"", node.Scalar(), "\"") : node.Scalar();
  }

  absl::Status Error(const YAML::Node& node, const std::string& path, const std::string& value,
                     const std::string& why) const {
    const absl::Status status =
        path.empty() ? absl::InvalidArgumentError(value.empty() ? why : absl::StrCat(why, " (", value, ")"))
                     : InvalidField(path, value, why);
    return PrefixMessage(status, absl::StrCat(file_name_, ":", node.Mark().line + 1));
  }

  const std::string file_name_;
};

}  // namespace

absl::Status YamlToProto(std::string_view yaml, std::string_view file_name, Message* message) {
  COHORT_ASSIGN_OR_RETURN(const YAML::Node root, ParseYamlDocument(yaml, file_name));
  message->Clear();
  try {
    absl::Status status = Walker(file_name).FillMessage(root, /*path=*/"", message);
    if (!status.ok()) message->Clear();
    return status;
  } catch (const YAML::Exception& error) {
    message->Clear();
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(file_name), ":", error.mark.line + 1, ": invalid YAML: ", error.msg));
  }
}

absl::Status YamlFileToProto(std::string_view path, Message* message) {
  COHORT_ASSIGN_OR_RETURN(const std::string yaml, ReadFile(path));
  return YamlToProto(yaml, path, message);
}

}  // namespace cohort::common
