// SPDX-License-Identifier: Apache-2.0
#include "cli/reference/field_comment.h"

#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/config/enum_names.h"

namespace cohort::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;

template <typename T>
std::string Paragraph(const T& descriptor) {
  google::protobuf::SourceLocation location;
  if (!descriptor.GetSourceLocation(&location)) return "";
  std::vector<std::string> lines;
  for (const absl::string_view line : absl::StrSplit(location.leading_comments, '\n')) {
    const absl::string_view text = absl::StripAsciiWhitespace(line);
    if (!text.empty()) lines.emplace_back(text);
  }
  return absl::StrJoin(lines, " ");
}

std::string CommentOfType(const FieldDescriptor& field) {
  if (field.is_map()) return "";
  if (field.enum_type() != nullptr) return Paragraph(*field.enum_type());
  const Descriptor* message = field.message_type();
  return message == nullptr || IsTextType(*message) ? "" : Paragraph(*message);
}

// METRIC_NDCG as ndcg.
std::string WithShortEnumNames(const FieldDescriptor& field, std::string text) {
  if (field.enum_type() == nullptr) return text;
  for (int i = 0; i < field.enum_type()->value_count(); ++i) {
    const EnumValueDescriptor& value = *field.enum_type()->value(i);
    text = absl::StrReplaceAll(text, {{value.name(), common::ShortEnumName(value)}});
  }
  return text;
}

std::string Capitalized(std::string text) {
  if (!text.empty()) text[0] = absl::ascii_toupper(text[0]);
  return text;
}

void AddMessages(const Descriptor& message, std::set<const Descriptor*>* seen, std::vector<const Descriptor*>* found) {
  if (IsTextType(message) || !seen->insert(&message).second) return;
  found->push_back(&message);
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& value = ValueField(*message.field(i));
    if (value.message_type() != nullptr) AddMessages(*value.message_type(), seen, found);
  }
}

}  // namespace

std::string CommentOf(const Descriptor& message) { return Paragraph(message); }
std::string CommentOf(const FieldDescriptor& field) {
  const std::string own = Paragraph(field);
  return own.empty() ? CommentOfType(field) : own;
}
std::string CommentOf(const EnumValueDescriptor& value) { return Paragraph(value); }

FieldComment SplitComment(const FieldDescriptor& field) {
  FieldComment comment;
  const std::string text = CommentOf(field);
  std::vector<std::string> sentences;
  for (const absl::string_view piece : absl::StrSplit(absl::StripSuffix(text, "."), ". ")) {
    const std::string sentence(piece);
    if (absl::StartsWith(sentence, "Default ") || absl::StartsWith(sentence, "Default: ")) {
      comment.default_text = absl::StrCat(comment.default_text, comment.default_text.empty() ? "" : "; ",
                                          sentence.substr(sentence.find(' ') + 1));
    } else if (sentence == "Required" || absl::StartsWith(sentence, "Required, ")) {
      comment.default_text = absl::AsciiStrToLower(sentence);
    } else if (absl::StartsWith(sentence, "Required: ")) {
      comment.default_text = "required";
      sentences.push_back(Capitalized(sentence.substr(sentence.find(' ') + 1)));
    } else if (!sentence.empty()) {
      sentences.push_back(sentence);
    }
  }
  comment.default_text = WithShortEnumNames(field, comment.default_text);
  comment.meaning = WithShortEnumNames(field, absl::StrJoin(sentences, ". "));
  comment.meaning = comment.meaning.empty() ? CommentOfType(field) : comment.meaning + ".";
  return comment;
}

std::vector<const Descriptor*> MessagesBelow(const Descriptor& root) {
  std::set<const Descriptor*> seen;
  std::vector<const Descriptor*> found;
  AddMessages(root, &seen, &found);
  return found;
}

const FieldDescriptor& ValueField(const FieldDescriptor& field) {
  return field.is_map() ? *field.message_type()->map_value() : field;
}

bool IsTextType(const Descriptor& message) {
  return message.full_name() == "google.protobuf.Duration" || message.full_name() == "google.protobuf.Timestamp";
}

}  // namespace cohort::cli
