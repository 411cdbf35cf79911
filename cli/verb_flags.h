// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_VERB_FLAGS_H_
#define COHORT_CLI_VERB_FLAGS_H_

#include <map>
#include <string>
#include <vector>

#include "cli/output_format.h"
#include "cohort/v1/job.pb.h"

namespace CLI {
class App;
}

namespace cohort::cli {

// Flags that several verbs have in common. The targets must outlive the verb.

// -o with these formats.
void AddOutputFlag(CLI::App* verb, OutputFormat& output, const std::vector<OutputFormat>& formats,
                   const std::string& help = "how it is printed");
// -o with table, wide, json, yaml and name.
void AddOutputFlag(CLI::App* verb, OutputFormat& output);
// The job as a positional argument: its id, or its full name.
void AddJobArgument(CLI::App* verb, std::string& job);
// --etag.
void AddEtagFlag(CLI::App* verb, std::string& etag);

// The words as the name of an option's type shows them, and as completion reads them there: "{a,b}".
std::string ChoicesText(const std::vector<std::string>& words);
// The words of a map from them.
template <typename Value>
std::string ChoicesText(const std::map<std::string, Value>& by_word) {
  std::vector<std::string> words;
  for (const auto& [word, value] : by_word) words.push_back(word);
  return ChoicesText(words);
}

// Every job state by its word: "running".
std::map<std::string, cohort::v1::JobState> StateNames();

}  // namespace cohort::cli

#endif  // COHORT_CLI_VERB_FLAGS_H_
