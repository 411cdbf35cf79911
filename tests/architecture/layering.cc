// SPDX-License-Identifier: Apache-2.0
#include "tests/architecture/layering.h"

#include <algorithm>
#include <deque>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/architecture/room_table.h"

namespace cohort::tests {
namespace {

bool BeginsWithAny(const std::string& path, const std::vector<std::string>& beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [&](const std::string& beginning) { return absl::StartsWith(path, beginning); });
}

// The room that a file, or a header as it is included, belongs to; null for headers from outside.
const Room* FindRoom(const std::string& path) {
  const std::string folder = path.substr(0, path.find('/'));
  const std::string name = folder == "cohort" ? "proto" : folder;  // proto/cohort/v1/x.pb.h is "cohort/v1/x.pb.h"
  for (const Room& room : Rooms()) {
    if (room.name == name && path.find('/') != std::string::npos) return &room;
  }
  return nullptr;
}

bool MayInclude(const Room& room, const Room& other, const std::string& header) {
  const auto& rooms = room.may_include_rooms;
  return room.name == other.name || std::find(rooms.begin(), rooms.end(), other.name) != rooms.end() ||
         BeginsWithAny(header, room.may_include_headers);
}

bool IsTestOrBenchmark(const std::string& path) {
  return absl::StrContains(path, "_test.") || absl::StrContains(path, "_benchmark.") ||
         absl::StrContains(path, "/testing/");
}

bool IsTorchHeader(const std::string& header) {
  for (const ExternalRule& rule : ExternalRules()) {
    if (rule.name == kTorchRule) return BeginsWithAny(header, rule.headers);
  }
  return false;
}

// Breadth first through our own headers; the chain to the first torch header, or an empty one.
std::vector<std::string> ChainToTorch(const std::string& start,
                                      const std::map<std::string, std::vector<std::string>>& includes) {
  std::map<std::string, std::string> reached_from = {{start, ""}};
  std::deque<std::string> waiting = {start};
  while (!waiting.empty()) {
    const std::string path = waiting.front();
    waiting.pop_front();
    const auto found = includes.find(path);
    if (found == includes.end()) continue;
    for (const std::string& header : found->second) {
      if (!reached_from.emplace(header, path).second) continue;
      if (!IsTorchHeader(header)) {
        waiting.push_back(header);
        continue;
      }
      std::vector<std::string> chain;
      for (std::string link = header; !link.empty(); link = reached_from[link]) chain.push_back(link);
      std::reverse(chain.begin(), chain.end());
      return chain;
    }
  }
  return {};
}

}  // namespace

std::vector<std::string> IncludesOf(std::string_view text) {
  std::vector<std::string> includes;
  for (absl::string_view line : absl::StrSplit(absl::string_view(text.data(), text.size()), '\n')) {
    line = absl::StripLeadingAsciiWhitespace(line);
    if (!absl::ConsumePrefix(&line, "#")) continue;
    line = absl::StripLeadingAsciiWhitespace(line);
    if (!absl::ConsumePrefix(&line, "include")) continue;
    line = absl::StripLeadingAsciiWhitespace(line);
    if (line.empty() || (line[0] != '"' && line[0] != '<')) continue;
    const size_t end = line.find(line[0] == '"' ? '"' : '>', 1);
    if (end != absl::string_view::npos) includes.emplace_back(line.substr(1, end - 1));
  }
  return includes;
}

std::vector<std::string> CheckIncludes(const SourceFile& file) {
  std::vector<std::string> violations;
  const Room* room = FindRoom(file.path);
  if (room == nullptr) return {absl::StrCat(file.path, ": is in no room")};
  for (const std::string& header : IncludesOf(file.text)) {
    const Room* other = FindRoom(header);
    if (other != nullptr && !MayInclude(*room, *other, header)) {
      violations.push_back(absl::StrCat(file.path, ": ", room->name, " must not include ", header));
    }
    for (const ExternalRule& rule : ExternalRules()) {
      const bool is_allowed = BeginsWithAny(file.path, rule.allowed_in) ||
                              (rule.allowed_in_tests && !room->is_torch_free && IsTestOrBenchmark(file.path));
      if (other == nullptr && !is_allowed && BeginsWithAny(header, rule.headers)) {
        violations.push_back(absl::StrCat(file.path, ": ", rule.name, " is not allowed here, ", header));
      }
    }
  }
  return violations;
}

std::vector<std::string> CheckTorchFree(const std::vector<SourceFile>& files) {
  std::map<std::string, std::vector<std::string>> includes;
  for (const SourceFile& file : files) {
    if (IsCode(file)) includes[file.path] = IncludesOf(file.text);
  }
  std::vector<std::string> violations;
  for (const auto& [path, headers] : includes) {
    const Room* room = FindRoom(path);
    if (room == nullptr || !room->is_torch_free) continue;
    const std::vector<std::string> chain = ChainToTorch(path, includes);
    if (!chain.empty()) violations.push_back(absl::StrCat("torch is reached: ", absl::StrJoin(chain, " -> ")));
  }
  return violations;
}

}  // namespace cohort::tests
