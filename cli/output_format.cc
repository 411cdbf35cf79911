// SPDX-License-Identifier: Apache-2.0
#include "cli/output_format.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <iterator>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/config/proto_to_yaml.h"
#include "common/utf8.h"

namespace cohort::cli {
namespace {

using google::protobuf::Message;

std::string ToJson(const Message& message, bool is_pretty) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = is_pretty;
  options.preserve_proto_field_names = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) return "{}\n";  // only for unresolvable Any fields, which these messages lack
  if (json.empty() || json.back() != '\n') json.push_back('\n');
  return json;
}

// OneLine, but for the colours of console.h.
std::string Cell(std::string_view text) {
  constexpr std::string_view kColors[] = {"\033[31m", "\033[32m", "\033[0m"};
  std::string cell;
  while (!text.empty()) {
    const auto* const color = std::find_if(std::begin(kColors), std::end(kColors),
                                           [&](std::string_view code) { return text.substr(0, code.size()) == code; });
    const bool is_color = color != std::end(kColors);
    const size_t size = is_color ? color->size() : std::min(text.size(), text.find('\033', 1));
    const std::string_view part = text.substr(0, size);
    cell += is_color ? std::string(part) : OneLine(part);
    text.remove_prefix(size);
  }
  return cell;
}

}  // namespace

std::string OneLine(std::string_view text) { return common::Printable(text, std::numeric_limits<size_t>::max()); }

std::string FormatWord(OutputFormat format) {
  switch (format) {
    case OutputFormat::kTable:
      return "table";
    case OutputFormat::kWide:
      return "wide";
    case OutputFormat::kJson:
      return "json";
    case OutputFormat::kYaml:
      return "yaml";
    case OutputFormat::kName:
      return "name";
    case OutputFormat::kCsv:
      break;
  }
  return "csv";
}

std::optional<std::string> AsDocument(const Message& message, OutputFormat format) {
  if (format == OutputFormat::kJson) return ToJson(message, /*is_pretty=*/true);
  if (format == OutputFormat::kYaml) return common::ProtoToYaml(message);
  return std::nullopt;
}

std::optional<std::string> AsListDocument(const Message& list, OutputFormat format) {
  std::optional<std::string> document = AsDocument(list, format);
  const auto* const entries = list.GetDescriptor()->field(0);
  if (!document.has_value() || list.GetReflection()->FieldSize(list, entries) > 0) return document;
  const bool is_all = list.ByteSizeLong() == 0;
  if (format == OutputFormat::kYaml) return absl::StrCat(entries->name(), ": []\n", is_all ? "" : *document);
  // In the place of the opening brace.
  return absl::StrCat("{\n \"", entries->name(), "\": []", is_all ? "\n}\n" : "," + document->substr(1));
}

std::optional<std::string> AsStreamedDocument(const Message& message, OutputFormat format) {
  if (format == OutputFormat::kJson) return ToJson(message, /*is_pretty=*/false);
  if (format == OutputFormat::kYaml) return absl::StrCat("---\n", common::ProtoToYaml(message));
  return std::nullopt;
}

std::string FormatTable(const std::vector<std::vector<std::string>>& raw_rows) {
  std::vector<std::vector<std::string>> rows = raw_rows;
  for (auto& row : rows) std::transform(row.begin(), row.end(), row.begin(), Cell);
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
    }
    absl::StrAppend(&out, line, "\n");
  }
  return out;
}

std::string AgeText(absl::Duration age) {
  const int64_t seconds = std::max<int64_t>(0, absl::ToInt64Seconds(age));
  if (seconds < 120) return absl::StrCat(seconds, "s");
  if (seconds < 2 * 3600) return absl::StrCat(seconds / 60, "m");
  if (seconds < 48 * 3600) return absl::StrCat(seconds / 3600, "h");
  return absl::StrCat(seconds / 86400, "d");
}

absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return absl::FromUnixNanos(google::protobuf::util::TimeUtil::TimestampToNanoseconds(time));
}

std::string EnumText(const std::string& name, const std::string& prefix) {
  return absl::AsciiStrToLower(absl::StartsWith(name, prefix) ? name.substr(prefix.size()) : name);
}

}  // namespace cohort::cli
