// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_COMPLETION_WORDS_H_
#define COHORT_CLI_COMPLETION_WORDS_H_

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace cohort::cli {

// A word that may stand where the cursor is.
struct CandidateWord {
  std::string word;
  std::string description;  // may be empty
};

// Values that only a look elsewhere tells; each function is called only when its values are asked for.
struct ValueSources {
  std::function<std::vector<CandidateWord>()> jobs;
  std::function<std::vector<CandidateWord>()> contexts;
};

// What completion offers.
struct Completion {
  bool is_path = false;  // files and folders, which the shell knows best
  std::vector<CandidateWord> words;
};

// What may stand in the place of the last of `words`, which may be empty or begun; the others come before it, the name
// of the program left out. Verbs, flags and values are read off the app; nothing is parsed or run. `words` is not
// empty.
Completion CompleteWords(CLI::App& app, const std::vector<std::string>& words, const ValueSources& sources);

}  // namespace cohort::cli

#endif  // COHORT_CLI_COMPLETION_WORDS_H_
