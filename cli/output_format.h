// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_OUTPUT_FORMAT_H_
#define COHORT_CLI_OUTPUT_FORMAT_H_

#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace cohort::cli {

// What -o takes; a verb takes those that make sense for it.
enum class OutputFormat { kTable, kWide, kJson, kYaml, kName, kCsv };

// The word of -o: "table".
std::string FormatWord(OutputFormat format);

// `message` as indented JSON or YAML with the field names of the .proto; nothing for the other formats.
std::optional<std::string> AsDocument(const google::protobuf::Message& message, OutputFormat format);
// The same of a list, whose entries are its first field: that is there, as [], also when there are none.
std::optional<std::string> AsListDocument(const google::protobuf::Message& list, OutputFormat format);
// One of a stream: a line of JSON or a YAML document; nothing for the other formats.
std::optional<std::string> AsStreamedDocument(const google::protobuf::Message& message, OutputFormat format);

// One line of text that may have been written by anybody (a label, a reason, a worker's name) for a terminal: control
// characters, which a terminal obeys, become \xNN.
std::string OneLine(std::string_view text);

// Rows under headings, columns two blanks apart. Cells are shown as by OneLine, but for the colours of console.h.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

// "45s", "12m", "3h", "2d" as kubectl writes ages.
std::string AgeText(absl::Duration age);
absl::Time TimeOf(const google::protobuf::Timestamp& time);
// The last part of an enum value's name in lower case: "JOB_STATE_RUNNING" and "JOB_STATE_" make "running".
std::string EnumText(const std::string& name, const std::string& prefix);

}  // namespace cohort::cli

#endif  // COHORT_CLI_OUTPUT_FORMAT_H_
