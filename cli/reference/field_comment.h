// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_REFERENCE_FIELD_COMMENT_H_
#define COHORT_CLI_REFERENCE_FIELD_COMMENT_H_

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

namespace cohort::cli {

// What the comment of a field says, taken apart by how comments in proto/ are written.
struct FieldComment {
  // "required", "0.1", "the verifier's kind"; empty when the comment tells of neither.
  std::string default_text;
  // The rest, or what the type says when nothing is left.
  std::string meaning;
};

// The comment above a message, field or enum value as one paragraph; a field without one has that of its type. Empty
// when there is none, and unless the pool was built from files with their source.
std::string CommentOf(const google::protobuf::Descriptor& message);
std::string CommentOf(const google::protobuf::FieldDescriptor& field);
std::string CommentOf(const google::protobuf::EnumValueDescriptor& value);

// Sentences that begin with "Default" or "Required" told apart from the others. Values of an enum are written as a job
// file writes them.
FieldComment SplitComment(const google::protobuf::FieldDescriptor& field);

// `root` and every message below it, each once, in the order in which a reader of the fields meets them. Those that are
// written as one text (durations) are left out.
std::vector<const google::protobuf::Descriptor*> MessagesBelow(const google::protobuf::Descriptor& root);

// A map's entries have no message of their own in a job file: the type of its values is that of this field.
const google::protobuf::FieldDescriptor& ValueField(const google::protobuf::FieldDescriptor& field);

// Duration or Timestamp, of whatever pool.
bool IsTextType(const google::protobuf::Descriptor& message);

}  // namespace cohort::cli

#endif  // COHORT_CLI_REFERENCE_FIELD_COMMENT_H_
