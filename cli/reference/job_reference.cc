// SPDX-License-Identifier: Apache-2.0
#include "cli/reference/job_reference.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/reference/field_comment.h"
#include "common/config/enum_names.h"

namespace cohort::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

constexpr char kIntroduction[] = R"(# Job file

Every field of a job file, from the comments in `proto/cohort/v1/job.proto` and the files that it imports; written by
`bazel run //cli/reference:write_job_reference`, and a test holds it against them. A job file is YAML with these names and
nothing else: an unknown field is refused by name, as is one that is given twice. Durations are a number with its unit (`200ms`,
`5s`, `1.5h`).

The same as a JSON Schema: [job.schema.json](schema/job.schema.json), also printed by `cohortctl schema`. An editor with a YAML
language server completes and checks a job file that begins with `# yaml-language-server: $schema=` and the schema's path, as those
in `examples/` do. What no schema says, such as which fields go together, `cohortctl validate` does.

A default of "-" is 0, false, empty or absent; of a field of an objective it is what the preset says
([objectives.md](objectives.md)).
)";

// Text of a comment in a cell of a table. Between backticks only a bar means something.
std::string Cell(const std::string& text) {
  std::string cell;
  bool is_code = false;
  for (const char c : text) {
    if (c == '`') is_code = !is_code;
    if (c == '|' || (!is_code && (c == '<' || c == '*'))) cell += '\\';
    cell += c;
  }
  return cell;
}

std::string ScalarText(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      return "number";
    case FieldDescriptor::CPPTYPE_BOOL:
      return "true or false";
    case FieldDescriptor::CPPTYPE_STRING:
      return "text";
    case FieldDescriptor::CPPTYPE_ENUM:
      return "name";
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const std::string& name = field.message_type()->name();
      if (IsTextType(*field.message_type())) return absl::AsciiStrToLower(name);
      return absl::StrCat("[", name, "](#", absl::AsciiStrToLower(name), ")");
    }
    default:
      return "integer";
  }
}

std::string TypeText(const FieldDescriptor& field) {
  const std::string value = ScalarText(ValueField(field));
  if (field.is_map()) return absl::StrCat(value, " by name");
  return field.is_repeated() ? absl::StrCat("list of ", value) : value;
}

// "`ndcg`: what it is; `recall`: ..."
std::string ValuesText(const EnumDescriptor& type) {
  std::vector<std::string> values;
  for (int i = 0; i < type.value_count(); ++i) {
    const std::string name = common::ShortEnumName(*type.value(i));
    if (name == "unspecified") continue;
    const std::string comment = CommentOf(*type.value(i));
    values.push_back(absl::StrCat("<br>`", name, "`", comment.empty() ? "" : ": ", Cell(comment)));
  }
  return absl::StrJoin(values, "");
}

std::string Row(const FieldDescriptor& field) {
  const FieldComment comment = SplitComment(field);
  const FieldDescriptor& value = ValueField(field);
  return absl::StrCat("| `", field.name(), "` | ", TypeText(field), " | ",
                      comment.default_text.empty() ? "-" : Cell(comment.default_text), " | ", Cell(comment.meaning),
                      value.enum_type() == nullptr ? "" : ValuesText(*value.enum_type()), " |\n");
}

std::string Section(const Descriptor& message) {
  std::string text = absl::StrCat("\n## ", message.name(), "\n\n", Cell(CommentOf(message)), "\n");
  if (message.field_count() == 0) return text + "\nIt has no fields: write `{}`.\n";
  absl::StrAppend(&text, "\n| field | type | default | meaning |\n|---|---|---|---|\n");
  for (int i = 0; i < message.field_count(); ++i) absl::StrAppend(&text, Row(*message.field(i)));
  for (int i = 0; i < message.real_oneof_decl_count(); ++i) {
    const auto& oneof = *message.oneof_decl(i);
    if (oneof.field_count() < 2) continue;
    std::vector<std::string> names;
    for (int j = 0; j < oneof.field_count(); ++j) names.push_back(absl::StrCat("`", oneof.field(j)->name(), "`"));
    absl::StrAppend(&text, "\nAt most one of ", absl::StrJoin(names, ", "), ".\n");
  }
  return text;
}

}  // namespace

std::string JobReference(const Descriptor& root) {
  std::string text = kIntroduction;
  for (const Descriptor* message : MessagesBelow(root)) absl::StrAppend(&text, Section(*message));
  return text;
}

}  // namespace cohort::cli
