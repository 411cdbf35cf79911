// SPDX-License-Identifier: Apache-2.0
#include "cli/verb_flags.h"

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/job_output.h"

namespace cohort::cli {

void AddOutputFlag(CLI::App* verb, OutputFormat& output, const std::vector<OutputFormat>& formats,
                   const std::string& help) {
  std::map<std::string, OutputFormat> by_word;
  std::vector<std::string> words;
  for (const OutputFormat format : formats) {
    words.push_back(FormatWord(format));
    by_word[words.back()] = format;
  }
  verb->add_option("-o,--output", output, help)
      ->transform(CLI::CheckedTransformer(by_word).description(ChoicesText(words)));
}

void AddOutputFlag(CLI::App* verb, OutputFormat& output) {
  AddOutputFlag(
      verb, output,
      {OutputFormat::kTable, OutputFormat::kWide, OutputFormat::kJson, OutputFormat::kYaml, OutputFormat::kName});
}

void AddJobArgument(CLI::App* verb, std::string& job) { verb->add_option("job", job, "id or full name")->required(); }

void AddEtagFlag(CLI::App* verb, std::string& etag) {
  verb->add_option("--etag", etag, "do nothing if the job is not the one with this etag any more");
}

std::string ChoicesText(const std::vector<std::string>& words) {
  return absl::StrCat("{", absl::StrJoin(words, ","), "}");
}

std::map<std::string, cohort::v1::JobState> StateNames() {
  std::map<std::string, cohort::v1::JobState> names;
  for (int i = cohort::v1::JobState_MIN + 1; i <= cohort::v1::JobState_MAX; ++i) {
    const auto state = static_cast<cohort::v1::JobState>(i);
    if (cohort::v1::JobState_IsValid(i)) names[StateText(state)] = state;
  }
  return names;
}

}  // namespace cohort::cli
