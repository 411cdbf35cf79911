// SPDX-License-Identifier: Apache-2.0
#include "reward/rubric.h"

#include <chrono>
#include <cmath>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "reward/builtin_verifiers.h"
#include "reward/ranking_catalogue.h"
#include "reward/sandbox/judgement_pool.h"
#include "reward/score.h"
#include "reward/verifier_registry.h"

namespace cohort::reward {
namespace {

using cohort::v1::RewardSpec;
using cohort::v1::VerifierSpec;

constexpr int kDefaultDeadlineSeconds = 5;
constexpr int kMaxDeadlineSeconds = 3600;
constexpr int kMaxVerifiers = 64;
constexpr double kMaxWeight = 1e6;  // rewards and their squares stay far from the ends of a float

int ServeBuiltinVerifiers(int socket) { return ServeJudgements(socket, &RegisterBuiltinVerifiers); }

std::chrono::milliseconds Deadline(const VerifierSpec& spec) {
  return std::chrono::seconds(spec.deadline().seconds()) + std::chrono::milliseconds(spec.deadline().nanos() / 1000000);
}

// Makes the path of a catalogue absolute and reads it once, so that a bad one is refused here and not by every child.
absl::Status FillInCatalogue(std::string_view data_root, cohort::v1::RankingVerifier* spec) {
  const auto refused = [spec](const absl::Status& status) {
    return common::InvalidField("ranking.catalogue_path", spec->catalogue_path(), std::string(status.message()));
  };
  const absl::StatusOr<std::string> path = common::ResolvePath(data_root, spec->catalogue_path());
  if (!path.ok()) return refused(path.status());
  const absl::Status loaded = RankingCatalogue::Load(*path).status();
  if (!loaded.ok()) return refused(loaded);
  spec->set_catalogue_path(*path);
  return absl::OkStatus();
}

// Fills in the defaults of one verifier. Errors name the field relative to it.
absl::Status FillInDefaults(std::string_view data_root, VerifierSpec* spec) {
  if (spec->name().empty()) spec->set_name(VerifierKind(*spec));
  if (!spec->has_weight()) spec->set_weight(1);
  if (!std::isfinite(spec->weight())) {
    return common::InvalidField("weight", absl::StrCat(spec->weight()), "must be finite");
  }
  if (!spec->has_deadline()) spec->mutable_deadline()->set_seconds(kDefaultDeadlineSeconds);
  const int64_t seconds = spec->deadline().seconds();
  const bool is_far_off = seconds < -kMaxDeadlineSeconds || seconds > kMaxDeadlineSeconds;  // too many for milliseconds
  if (is_far_off || Deadline(*spec).count() < 1 || Deadline(*spec) > std::chrono::seconds(kMaxDeadlineSeconds)) {
    return common::InvalidField("deadline",
                                is_far_off ? absl::StrCat(seconds, " s") : absl::StrCat(Deadline(*spec).count(), " ms"),
                                "must be from 1 ms to 1 hour");
  }
  if (spec->has_command()) {
    std::string* const directory = spec->mutable_command()->mutable_working_directory();
    const absl::StatusOr<std::string> resolved =
        directory->empty() ? std::string(data_root) : common::ResolvePath(data_root, *directory);
    if (!resolved.ok()) {
      return common::InvalidField("command.working_directory", *directory, std::string(resolved.status().message()));
    }
    *directory = *resolved;
  }
  return spec->has_ranking() ? FillInCatalogue(data_root, spec->mutable_ranking()) : absl::OkStatus();
}

// The spec with defaults, every verifier of it known and creatable.
absl::StatusOr<RewardSpec> Resolve(const RewardSpec& spec, std::string_view data_root, const VerifierSet& verifiers) {
  VerifierRegistry registry;
  COHORT_RETURN_IF_ERROR(verifiers.register_verifiers(&registry));
  if (spec.verifiers_size() == 0 || spec.verifiers_size() > kMaxVerifiers) {
    return common::InvalidField("verifiers", absl::StrCat(spec.verifiers_size(), " given"),
                                absl::StrCat("wants 1 to ", kMaxVerifiers));
  }
  if (spec.has_max_no_verdict_share() && !(spec.max_no_verdict_share() >= 0 && spec.max_no_verdict_share() <= 1)) {
    return common::InvalidField("max_no_verdict_share", absl::StrCat(spec.max_no_verdict_share()),
                                "must be from 0 to 1");
  }
  RewardSpec resolved = spec;
  std::set<std::string> names;
  double max_reward = 0;
  double sum_magnitudes = 0;
  for (int i = 0; i < resolved.verifiers_size(); ++i) {
    VerifierSpec* const verifier = resolved.mutable_verifiers(i);
    const std::string prefix = absl::StrCat("verifiers[", i, "]");
    COHORT_RETURN_IF_ERROR(common::PrefixField(registry.Create(*verifier).status(), prefix));
    COHORT_RETURN_IF_ERROR(common::PrefixField(FillInDefaults(data_root, verifier), prefix));
    if (!names.insert(verifier->name()).second) {
      return common::InvalidField(absl::StrCat(prefix, ".name"), verifier->name(), "is used twice");
    }
    if (verifier->weight() > 0) max_reward += verifier->weight();
    sum_magnitudes += std::abs(verifier->weight());
  }
  if (sum_magnitudes > kMaxWeight) {
    return common::InvalidField("verifiers", absl::StrCat(sum_magnitudes),
                                absl::StrCat("the weights' magnitudes must add up to at most ", kMaxWeight));
  }
  if (!(max_reward > 0)) return common::InvalidField("verifiers", "", "none has a positive weight");
  return resolved;
}

// The rubric over a pool of sandboxed children.
class PooledRubric final : public Rubric {
 public:
  PooledRubric(RewardSpec spec, std::unique_ptr<JudgementPool> pool) : spec_(std::move(spec)), pool_(std::move(pool)) {}

  absl::StatusOr<std::vector<RubricResult>> Judge(const cohort::v1::Problem& problem,
                                                  const std::vector<std::string>& completions) override {
    std::vector<Judgement> judgements;
    for (const std::string& completion : completions) {
      AppendJudgements(FrameKind::kJudge, completion, &judgements);
    }
    COHORT_RETURN_IF_ERROR(pool_->Run(problem, &judgements));
    std::vector<RubricResult> results;
    const size_t num_verifiers = static_cast<size_t>(spec_.verifiers_size());
    for (size_t i = 0; i < judgements.size(); i += num_verifiers) {
      RubricResult& result = results.emplace_back();
      for (size_t j = i; j < i + num_verifiers; ++j) {
        result.scores.push_back(std::move(judgements[j].score));
        result.num_timeouts.push_back(judgements[j].num_timeouts);
      }
      AddUp(&result);
    }
    return results;
  }

  absl::Status CheckGold(const cohort::v1::Problem& problem) override {
    std::vector<Judgement> judgements;
    AppendJudgements(FrameKind::kCheckGold, "", &judgements);
    COHORT_RETURN_IF_ERROR(pool_->Run(problem, &judgements));
    for (const Judgement& judgement : judgements) {
      const cohort::v1::Score& score = judgement.score;
      if (score.outcome() == cohort::v1::SCORE_OUTCOME_GRADED && score.value() == 1) continue;
      // A penalty need not apply to the ground truth, but must be able to judge it.
      const bool is_penalty = spec_.verifiers(judgement.verifier).weight() < 0;
      if (is_penalty && score.outcome() != cohort::v1::SCORE_OUTCOME_NO_VERDICT) continue;
      const std::string why = score.outcome() == cohort::v1::SCORE_OUTCOME_GRADED
                                  ? absl::StrCat("it graded the ground truth ", score.value(), ", not 1")
                                  : score.reason();
      return common::InvalidField(
          absl::StrCat("verifiers[", judgement.verifier, "] (", spec_.verifiers(judgement.verifier).name(), ")"),
          problem.answer(), why);
    }
    return absl::OkStatus();
  }

  double MaxReward() const override {
    double sum = 0;
    for (const VerifierSpec& verifier : spec_.verifiers()) {
      if (verifier.weight() > 0) sum += verifier.weight();
    }
    return sum;
  }

 private:
  void AppendJudgements(FrameKind kind, std::string_view completion, std::vector<Judgement>* judgements) const {
    for (int i = 0; i < spec_.verifiers_size(); ++i) {
      Judgement& judgement = judgements->emplace_back();
      judgement.kind = kind;
      judgement.verifier = i;
      judgement.completion = completion;
      judgement.deadline = Deadline(spec_.verifiers(i));
    }
  }

  void AddUp(RubricResult* result) const {
    result->outcome = cohort::v1::SCORE_OUTCOME_GRADED;
    for (int i = 0; i < spec_.verifiers_size(); ++i) {
      cohort::v1::Score& score = result->scores[static_cast<size_t>(i)];
      score.set_verifier(spec_.verifiers(i).name());
      // Also of one with weight 0: its values are credit (list items) and reported means, where no verdict is not a 0.
      if (score.outcome() == cohort::v1::SCORE_OUTCOME_NO_VERDICT) result->outcome = score.outcome();
      result->reward += spec_.verifiers(i).weight() * score.value();
    }
    if (result->outcome == cohort::v1::SCORE_OUTCOME_NO_VERDICT) result->reward = 0;
  }

  const RewardSpec spec_;
  const std::unique_ptr<JudgementPool> pool_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Rubric>> Rubric::Create(const RewardSpec& spec, std::string_view data_root,
                                                       Zygote* zygote, int num_children) {
  return CreateWith({&RegisterBuiltinVerifiers, &ServeBuiltinVerifiers}, spec, data_root, zygote, num_children);
}

absl::StatusOr<std::unique_ptr<Rubric>> Rubric::CreateWith(const VerifierSet& verifiers, const RewardSpec& spec,
                                                           std::string_view data_root, Zygote* zygote,
                                                           int num_children) {
  if (num_children < 1) {
    return common::InvalidField("num_children", absl::StrCat(num_children), "must be at least 1");
  }
  COHORT_ASSIGN_OR_RETURN(RewardSpec resolved, Resolve(spec, data_root, verifiers));
  COHORT_ASSIGN_OR_RETURN(std::unique_ptr<JudgementPool> pool,
                          JudgementPool::Create(zygote, verifiers.child_main, resolved, num_children));
  return std::unique_ptr<Rubric>(new PooledRubric(std::move(resolved), std::move(pool)));
}

}  // namespace cohort::reward
