// SPDX-License-Identifier: Apache-2.0
#include "reward/sandbox/hostile_verifier.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>

#include "reward/sandbox/judgement_child.h"
#include "reward/score.h"

namespace cohort::reward {
namespace {

using cohort::v1::Score;

[[noreturn]] void Spin() {
  volatile bool is_ever_done = false;
  while (!is_ever_done) {
  }
  std::abort();
}

[[noreturn]] void Allocate() {
  while (true) {
    constexpr size_t kBytes = 16 << 20;
    char* const memory = new char[kBytes];
    std::memset(memory, 1, kBytes);
  }
}

Score PidScore() {
  Score score = GradedScore(1);
  score.set_reason(std::to_string(getpid()));
  return score;
}

class HostileVerifier final : public Verifier {
 public:
  Score Judge(const cohort::v1::Problem& problem, std::string_view completion) override {
    std::istringstream words{std::string(completion)};
    std::string word;
    words >> word;
    if (word == "once") {
      std::string path;
      words >> path >> word;
      if (access(path.c_str(), F_OK) == 0) return PidScore();
      std::ofstream(path) << getpid();
    }
    return Obey(word, &words);
  }

  absl::StatusOr<std::optional<std::string>> GoldCompletion(const cohort::v1::Problem& problem) override {
    if (problem.answer() == "unusable") return absl::InvalidArgumentError("the ground truth is unusable");
    if (problem.answer().empty()) return std::nullopt;
    return problem.answer();
  }

 private:
  static Score Obey(const std::string& word, std::istringstream* words) {
    double number = 0;
    if (word == "grade" && *words >> number) return GradedScore(number);
    if (word == "grade_nan") return GradedScore(std::numeric_limits<double>::quiet_NaN());
    if (word == "no_outcome") return Score();
    if (word == "no_verdict") return NoVerdictScore("told so");
    if (word == "pid") return PidScore();
    if (word == "spin") Spin();
    if (word == "allocate") Allocate();
    if (word == "crash") std::abort();
    if (word == "exit" && *words >> number) _exit(static_cast<int>(number));
    if (word == "throw") throw std::runtime_error("thrown");
    if (word == "forge" && write(3, "\xff\xff\xff\xff\xff\xff\xff\xff", 8) == 8) Spin();
    return WrongScore("told so");
  }
};

}  // namespace

absl::Status RegisterHostileVerifier(VerifierRegistry* registry) {
  return registry->Register(cohort::v1::VerifierSpec::kMathAnswer, [](const cohort::v1::VerifierSpec&) {
    return absl::StatusOr<std::unique_ptr<Verifier>>(std::make_unique<HostileVerifier>());
  });
}

int HostileChildMain(int socket) { return ServeJudgements(socket, &RegisterHostileVerifier); }

}  // namespace cohort::reward
