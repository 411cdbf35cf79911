// SPDX-License-Identifier: Apache-2.0
#include "reward/sandbox/judgement_child.h"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <exception>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "cohort/v1/reward_spec.pb.h"
#include "cohort/v1/rollout.pb.h"
#include "reward/sandbox/child_limits.h"
#include "reward/sandbox/frame.h"
#include "reward/score.h"

namespace cohort::reward {
namespace {

using cohort::v1::Score;

// What a verifier may say. Anything else is a fault of the verifier and would poison rewards.
Score Checked(Score score) {
  switch (score.outcome()) {
    case cohort::v1::SCORE_OUTCOME_GRADED:
      if (score.value() >= 0 && score.value() <= 1) return score;  // false for NaN
      return NoVerdictScore(absl::StrCat("the verifier graded ", score.value(), ", which is not from 0 to 1"));
    case cohort::v1::SCORE_OUTCOME_WRONG:
    case cohort::v1::SCORE_OUTCOME_NO_VERDICT:
      score.set_value(0);
      return score;
    default:
      return NoVerdictScore("the verifier gave no outcome");
  }
}

// What one child holds.
class JudgementChild final {
 public:
  JudgementChild(int socket, RegisterVerifiers register_verifiers)
      : socket_(socket), register_verifiers_(register_verifiers) {}

  int Serve() {
    FrameReader reader(std::numeric_limits<uint32_t>::max());  // the parent is trusted
    while (true) {
      while (const std::optional<Frame> frame = reader.Next()) {
        if (!Handle(*frame)) return 1;
      }
      const ssize_t size = reader.ReadFrom(socket_);
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0 || reader.is_broken()) return size == 0 ? 0 : 1;
    }
  }

 private:
  bool Handle(const Frame& frame) {
    switch (frame.kind) {
      case FrameKind::kSpec:
        return CreateVerifiers(frame.payload);
      case FrameKind::kProblem:
        return problem_.ParseFromArray(frame.payload.data(), static_cast<int>(frame.payload.size()));
      case FrameKind::kJudge:
      case FrameKind::kCheckGold:
        return frame.argument < verifiers_.size() && Judge(frame);
      case FrameKind::kScore:
        return false;
    }
    return false;
  }

  bool CreateVerifiers(std::string_view payload) {
    VerifierRegistry registry;
    if (!spec_.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) return false;
    if (!register_verifiers_(&registry).ok()) return false;
    for (const cohort::v1::VerifierSpec& spec : spec_.verifiers()) {
      absl::StatusOr<std::unique_ptr<Verifier>> verifier = registry.Create(spec);
      if (!verifier.ok()) return false;
      (*verifier)->Prepare();
      verifiers_.push_back(*std::move(verifier));
    }
    return true;
  }

  bool Judge(const Frame& frame) {
    const cohort::v1::VerifierSpec& spec = spec_.verifiers(frame.argument);
    Verifier* const verifier = verifiers_[frame.argument].get();
    LimitChildCpu(absl::Seconds(spec.deadline().seconds()));
    const auto start = std::chrono::steady_clock::now();
    Score score;
    try {  // the edge of the room's own code: what libraries throw ends here
      score = Checked(frame.kind == FrameKind::kJudge ? verifier->Judge(problem_, frame.payload) : CheckGold(verifier));
    } catch (const std::exception& error) {
      score = NoVerdictScore(absl::StrCat("the verifier threw ", Quoted(error.what())));
    }
    const auto elapsed = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start);
    score.mutable_elapsed()->set_seconds(elapsed.count() / 1000000000);
    score.mutable_elapsed()->set_nanos(static_cast<int32_t>(elapsed.count() % 1000000000));
    const bool is_spent = !verifier->IsUsable();
    if (!Send(score, is_spent)) return false;
    while (is_spent) pause();  // until the parent kills us: what is queued behind this judgement goes to another child
    return true;
  }

  Score CheckGold(Verifier* verifier) {
    const absl::StatusOr<std::optional<std::string>> completion = verifier->GoldCompletion(problem_);
    if (!completion.ok()) return NoVerdictScore(std::string(completion.status().message()));
    return completion->has_value() ? verifier->Judge(problem_, **completion) : GradedScore(1);
  }

  bool Send(const Score& score, bool is_spent) {
    const std::string payload = score.SerializeAsString();
    std::string bytes;
    AppendFrame({FrameKind::kScore, static_cast<uint16_t>(is_spent ? 1 : 0), payload}, &bytes);
    for (size_t sent = 0; sent < bytes.size();) {
      const ssize_t size = write(socket_, bytes.data() + sent, bytes.size() - sent);
      if (size < 0 && errno != EINTR) return false;
      if (size > 0) sent += static_cast<size_t>(size);
    }
    return true;
  }

  const int socket_;
  const RegisterVerifiers register_verifiers_;
  cohort::v1::RewardSpec spec_;
  cohort::v1::Problem problem_;
  std::vector<std::unique_ptr<Verifier>> verifiers_;
};

}  // namespace

int ServeJudgements(int socket, RegisterVerifiers register_verifiers) {
  LimitChild();
  return JudgementChild(socket, register_verifiers).Serve();
}

}  // namespace cohort::reward
