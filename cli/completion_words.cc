// SPDX-License-Identifier: Apache-2.0
#include "cli/completion_words.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string_view>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace cohort::cli {
namespace {

bool TakesValue(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

// Verbs that are not the option groups of CLI11, which have no name.
std::vector<CLI::App*> VerbsOf(CLI::App& app) {
  return app.get_subcommands([](const CLI::App* verb) { return !verb->get_name().empty(); });
}

// Where the words before the cursor lead.
class CommandLine final {
 public:
  CommandLine(CLI::App& app, const std::vector<std::string>& before) : apps_({&app}) {
    for (const std::string& word : before) Take(word);
  }

  CLI::App& Innermost() const { return *apps_.back(); }
  // The flag whose value stands next; null when none does.
  const CLI::Option* Awaited() const { return awaited_; }
  int NumPositionals() const { return num_positionals_; }

  // The flag of a verb hides that of the verbs above it.
  const CLI::Option* FindFlag(const std::string& name) const {
    for (auto app = apps_.rbegin(); app != apps_.rend(); ++app) {
      for (const CLI::Option* option : Options(**app)) {
        if (option->check_name(name)) return option;
      }
    }
    return nullptr;
  }
  std::vector<const CLI::Option*> Flags() const {
    std::vector<const CLI::Option*> flags;
    for (auto app = apps_.rbegin(); app != apps_.rend(); ++app) {
      for (const CLI::Option* option : Options(**app)) {
        if (!option->get_lnames().empty() && FindFlag("--" + option->get_lnames().front()) == option) {
          flags.push_back(option);
        }
      }
    }
    return flags;
  }
  // The positional argument that would be the next.
  const CLI::Option* NextPositional() const {
    int index = 0;
    for (const CLI::Option* option : Options(Innermost())) {
      if (option->get_positional() && index++ == num_positionals_) return option;
    }
    return nullptr;
  }

 private:
  static std::vector<const CLI::Option*> Options(const CLI::App& app) { return app.get_options(); }

  void Take(const std::string& word) {
    if (awaited_ != nullptr) {
      awaited_ = nullptr;
    } else if (word.size() > 1 && word[0] == '-') {
      const CLI::Option* option = FindFlag(word);  // none for --flag=value, which needs no further word
      if (option != nullptr && TakesValue(*option)) awaited_ = option;
    } else {
      const auto verbs = VerbsOf(Innermost());
      const auto verb =
          std::find_if(verbs.begin(), verbs.end(), [&](const CLI::App* one) { return one->get_name() == word; });
      if (num_positionals_ == 0 && verb != verbs.end()) {
        apps_.push_back(*verb);
      } else {
        ++num_positionals_;
      }
    }
  }

  std::vector<CLI::App*> apps_;  // from the program to the verb at hand
  const CLI::Option* awaited_ = nullptr;
  int num_positionals_ = 0;
};

// The words of a "{a,b,c}" in the name of its type.
std::vector<CandidateWord> ChoicesOf(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const size_t begin = type.find('{');
  const size_t end = type.find('}', begin);
  std::vector<CandidateWord> words;
  if (begin == std::string::npos || end == std::string::npos) return words;
  for (const absl::string_view word : absl::StrSplit(type.substr(begin + 1, end - begin - 1), ',')) {
    words.push_back({.word = std::string(word), .description = ""});
  }
  return words;
}

bool IsPath(const std::string& name) {
  for (const char* part : {"file", "dir", "root", "tls_", "svg", "completions", "template", "output"}) {
    if (absl::StrContains(name, part) && name != "completion_field") return true;
  }
  return false;
}

Completion ValuesOf(const CLI::Option& option, const ValueSources& sources) {
  const std::string name = option.get_lnames().empty() ? option.get_name(/*positional=*/true) : option.get_lnames()[0];
  if (option.get_positional() && name == "job") return {.words = sources.jobs()};
  if (name == "context") return {.words = sources.contexts()};
  Completion values{.words = ChoicesOf(option)};
  values.is_path = values.words.empty() && IsPath(name);
  return values;
}

Completion FlagsOf(const CommandLine& line) {
  Completion flags;
  for (const CLI::Option* option : line.Flags()) {
    flags.words.push_back({.word = "--" + option->get_lnames().front(), .description = option->get_description()});
  }
  return flags;
}

Completion ArgumentsOf(const CommandLine& line, const ValueSources& sources) {
  Completion arguments;
  if (line.NumPositionals() == 0) {
    for (const CLI::App* verb : VerbsOf(line.Innermost())) {
      arguments.words.push_back({.word = verb->get_name(), .description = verb->get_description()});
    }
  }
  if (!arguments.words.empty()) return arguments;
  const CLI::Option* positional = line.NextPositional();
  return positional == nullptr ? arguments : ValuesOf(*positional, sources);
}

Completion Matching(Completion completion, std::string_view begun, const std::string& prefix) {
  std::vector<CandidateWord> words;
  for (CandidateWord& one : completion.words) {
    if (one.word.compare(0, begun.size(), begun) != 0) continue;
    words.push_back({.word = prefix + one.word, .description = std::move(one.description)});
  }
  completion.words = std::move(words);
  return completion;
}

}  // namespace

Completion CompleteWords(CLI::App& app, const std::vector<std::string>& words, const ValueSources& sources) {
  const std::string& current = words.back();
  const CommandLine line(app, {words.begin(), words.end() - 1});
  if (line.Awaited() != nullptr) return Matching(ValuesOf(*line.Awaited(), sources), current, "");
  if (current.empty() || current[0] != '-') return Matching(ArgumentsOf(line, sources), current, "");
  const size_t sign = current.find('=');
  if (sign == std::string::npos) return Matching(FlagsOf(line), current, "");
  const CLI::Option* option = line.FindFlag(current.substr(0, sign));
  if (option == nullptr) return {};
  return Matching(ValuesOf(*option, sources), current.substr(sign + 1), current.substr(0, sign + 1));
}

}  // namespace cohort::cli
