// SPDX-License-Identifier: Apache-2.0
#include "coordinator/evaluation_tracker.h"

#include <iterator>

#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "coordinator/pass_at_k.h"
#include "coordinator/step_metrics.h"

namespace cohort::coordinator {
namespace {

constexpr size_t kNumSamples = 3;

}  // namespace

EvaluationTracker::EvaluationTracker(const cohort::v1::EvaluationSpec& spec, int64_t version, int64_t num_problems,
                                     double max_reward)
    : spec_(spec),
      version_(version),
      max_reward_(max_reward),
      num_outstanding_(num_problems * static_cast<int64_t>(spec.runs_size())) {}

void EvaluationTracker::AddScored(const GroupRecord& group) {
  --num_outstanding_;
  scored_ids_.push_back(group.group_id);
  RunTotals& run = runs_[group.evaluation_run];
  const cohort::v1::PlannedGroup& planned = group.outcome.planned;
  int64_t num_judged = 0;
  for (int i = 0; i < planned.completion_tokens_size(); ++i) {
    run.num_tokens += planned.completion_tokens(i);
    if (planned.outcomes(i) == cohort::v1::SCORE_OUTCOME_GRADED) ++num_judged;
  }
  run.num_sampled += planned.completion_tokens_size();
  run.num_judged += num_judged;
  run.num_no_verdict += planned.completion_tokens_size() - num_judged;
  if (num_judged > 0) run.means[group.problem_id] = MeansOf(planned, num_judged);
  run.samples[group.problem_id] = group.location;
  if (run.samples.size() > kNumSamples) run.samples.erase(std::prev(run.samples.end()));
}

EvaluationTracker::ProblemMeans EvaluationTracker::MeansOf(const cohort::v1::PlannedGroup& planned,
                                                           int64_t num_judged) const {
  ProblemMeans means;
  means.num_judged = num_judged;
  means.values.resize(static_cast<size_t>(spec_.reward().verifiers_size()));
  for (int i = 0; i < planned.outcomes_size(); ++i) {
    if (planned.outcomes(i) != cohort::v1::SCORE_OUTCOME_GRADED) continue;
    if (IsFullReward(planned.rewards(i), max_reward_)) ++means.num_correct;
    means.reward += planned.rewards(i);
    if (i >= planned.facts_size()) continue;
    const auto& scores = planned.facts(i).verifier_scores();
    for (int j = 0; j < scores.size() && j < spec_.reward().verifiers_size(); ++j) means.values[j] += scores[j];
  }
  const auto count = static_cast<double>(num_judged);
  means.reward /= count;
  for (double& value : means.values) value /= count;
  return means;
}

void EvaluationTracker::AddDropped(const GroupRecord& group) {
  --num_outstanding_;
  for (const auto& run : spec_.runs()) {
    if (run.name() == group.evaluation_run) runs_[run.name()].num_no_verdict += run.samples_per_problem();
  }
}

std::vector<cohort::v1::EvaluationResult> EvaluationTracker::Results() const {
  std::vector<cohort::v1::EvaluationResult> results;
  for (const auto& spec : spec_.runs()) {
    const auto it = runs_.find(spec.name());
    const RunTotals run = it == runs_.end() ? RunTotals{} : it->second;
    cohort::v1::EvaluationResult& result = results.emplace_back();
    result.set_run(spec.name());
    result.set_policy_version(version_);
    if (!run.means.empty()) SetMeans(run.means, spec, &result);
    result.set_num_completions(run.num_judged);
    result.set_num_no_verdict(run.num_no_verdict);
    if (run.num_sampled > 0) {
      result.set_mean_completion_tokens(static_cast<double>(run.num_tokens) / static_cast<double>(run.num_sampled));
    }
  }
  return results;
}

void EvaluationTracker::SetMeans(const MeansByProblem& problems, const cohort::v1::EvaluationRun& run,
                                 cohort::v1::EvaluationResult* result) const {
  double accuracy = 0, reward = 0;
  std::vector<double> values(static_cast<size_t>(spec_.reward().verifiers_size()));
  for (const auto& [problem, means] : problems) {
    accuracy += static_cast<double>(means.num_correct) / static_cast<double>(means.num_judged);
    reward += means.reward;
    for (size_t i = 0; i < means.values.size(); ++i) values[i] += means.values[i];
  }
  const auto num_problems = static_cast<double>(problems.size());
  result->set_accuracy(accuracy / num_problems);
  result->set_mean_reward(reward / num_problems);
  for (size_t i = 0; i < values.size(); ++i) {
    (*result->mutable_mean_values())[spec_.reward().verifiers(static_cast<int>(i)).name()] = values[i] / num_problems;
  }
  for (const int32_t k : run.pass_at_k()) {
    double sum = 0;
    int64_t count = 0;
    for (const auto& [problem, means] : problems) {
      if (means.num_judged < k) continue;
      sum += PassAtK(means.num_judged, means.num_correct, k);
      ++count;
    }
    if (count > 0) (*result->mutable_pass_at_k())[k] = sum / static_cast<double>(count);
  }
}

absl::Status EvaluationTracker::CheckVerdicts(double max_no_verdict_share) const {
  for (const cohort::v1::EvaluationResult& result : Results()) {
    const auto total = static_cast<double>(result.num_completions() + result.num_no_verdict());
    if (result.num_completions() > 0 && result.num_no_verdict() <= max_no_verdict_share * total) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "evaluation ", result.run(), " of version ", version_, ": ", result.num_no_verdict(), " of ", total,
        " completions had no verdict, more than evaluation.reward.max_no_verdict_share (", max_no_verdict_share, ")"));
  }
  return absl::OkStatus();
}

std::vector<rollout_log::RecordLocation> EvaluationTracker::SampleLocations(const std::string& run) const {
  std::vector<rollout_log::RecordLocation> locations;
  const auto it = runs_.find(run);
  if (it == runs_.end()) return locations;
  for (const auto& [problem, location] : it->second.samples) locations.push_back(location);
  return locations;
}

std::vector<GroupRecord> EvaluationGroups(const cohort::v1::EvaluationSpec& spec, int64_t version, int64_t first_id,
                                          int64_t num_problems) {
  std::vector<GroupRecord> groups;
  for (const auto& run : spec.runs()) {
    for (int64_t problem = 0; problem < num_problems; ++problem) {
      GroupRecord& group = groups.emplace_back();
      group.group_id = first_id++;
      group.purpose = cohort::v1::GROUP_PURPOSE_EVALUATE;
      group.evaluation_run = run.name();
      group.problem_id = problem;
      group.step = version;
      group.policy_version = version;
    }
  }
  return groups;
}

int64_t EvaluationSeed(int64_t training_seed, const std::string& run) {
  const std::string digest = common::Sha256Of("evaluation/" + run);
  uint64_t hash = 0;
  for (int i = 0; i < 8; ++i) hash = (hash << 8) | static_cast<uint8_t>(digest[i]);
  return static_cast<int64_t>(static_cast<uint64_t>(training_seed) ^ hash);
}

}  // namespace cohort::coordinator
