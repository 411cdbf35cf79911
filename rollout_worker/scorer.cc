// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/scorer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/config/proto_time.h"
#include "common/status_macros.h"
#include "rollout_worker/completion_text.h"

namespace cohort::rollout_worker {
namespace {

cohort::v1::RolloutGroup DescribeGroup(const UnscoredGroup& group, const std::string& worker_id) {
  const cohort::v1::GroupAssignment& assignment = group.assignment;
  cohort::v1::RolloutGroup rollouts;
  rollouts.set_job(assignment.job());
  rollouts.set_group_id(assignment.group_id());
  rollouts.set_purpose(assignment.purpose());
  rollouts.set_evaluation_run(assignment.evaluation_run());
  rollouts.set_problem_id(assignment.problem().problem_id());
  rollouts.set_epoch(assignment.epoch());
  rollouts.set_attempt(assignment.lease().attempt());
  rollouts.set_policy_version(assignment.policy_version());
  rollouts.mutable_prompt_token_ids()->Assign(group.prompt_token_ids.begin(), group.prompt_token_ids.end());
  rollouts.set_worker_id(worker_id);
  rollouts.set_weight_digest(group.weight_digest);
  *rollouts.mutable_generation_time() = common::ToProtoDuration(group.sampled.generation_time);
  return rollouts;
}

void DescribeSequence(const Sequence& sequence, const model::Tokenizer& tokenizer, cohort::v1::Rollout* rollout) {
  rollout->mutable_token_ids()->Assign(sequence.token_ids.begin(), sequence.token_ids.end());
  rollout->mutable_behavior_logprobs()->Assign(sequence.behavior_logprobs.begin(), sequence.behavior_logprobs.end());
  rollout->mutable_sampling_logprobs()->Assign(sequence.sampling_logprobs.begin(), sequence.sampling_logprobs.end());
  rollout->set_finish_reason(sequence.finish_reason);
  rollout->set_text(CompletionText(sequence, tokenizer));
}

// What the verifiers see of it, and who it is; tokens and old scores are where it is stored.
void DescribeStored(const cohort::v1::Rollout& stored, cohort::v1::Rollout* rollout) {
  rollout->set_sibling(stored.sibling());
  rollout->set_finish_reason(stored.finish_reason());
  rollout->set_text(stored.text());
}

const char* OutcomeName(cohort::v1::ScoreOutcome outcome) {
  if (outcome == cohort::v1::SCORE_OUTCOME_GRADED) return "graded";
  return outcome == cohort::v1::SCORE_OUTCOME_WRONG ? "wrong" : "no_verdict";
}

void AddCompletions(const UnscoredGroup& group, cohort::v1::RolloutGroup* scored) {
  if (group.assignment.purpose() == cohort::v1::GROUP_PURPOSE_RESCORE) {
    for (const auto& stored : group.assignment.stored().rollouts()) DescribeStored(stored, scored->add_rollouts());
    return;
  }
  for (size_t sibling = 0; sibling < group.sampled.sequences.size(); ++sibling) {
    cohort::v1::Rollout* rollout = scored->add_rollouts();
    rollout->set_sibling(static_cast<int32_t>(sibling));
    DescribeSequence(group.sampled.sequences[sibling], group.job->tokenizer(), rollout);
  }
}

}  // namespace

Scorer::Scorer(std::string_view worker_id, int num_threads, int64_t max_queued_groups, common::Clock* clock,
               RolloutWorkerMetrics* metrics, Done done)
    : worker_id_(worker_id),
      max_queued_groups_(max_queued_groups),
      clock_(clock),
      metrics_(metrics),
      done_(std::move(done)) {
  for (int i = 0; i < num_threads; ++i) threads_.emplace_back([this] { Run(); });
}

Scorer::~Scorer() {
  Stop(absl::ZeroDuration(), [] {});
}

void Scorer::Add(UnscoredGroup group) {
  absl::MutexLock lock(&mutex_);
  queue_.push_back(std::move(group));
  metrics_->scoring_queue_groups.Set(static_cast<double>(queue_.size()));
}

bool Scorer::WaitForRoom(absl::Duration timeout) {
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(this, &Scorer::HasRoom), timeout);
}

std::vector<cohort::v1::GroupAssignment> Scorer::Stop(absl::Duration grace, const std::function<void()>& interrupt) {
  std::vector<cohort::v1::GroupAssignment> unscored;
  bool is_judging = false;
  {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(this, &Scorer::IsIdle), grace);
    is_stopped_ = true;
    for (UnscoredGroup& group : queue_) unscored.push_back(std::move(group.assignment));
    queue_.clear();
    is_judging = IsJudging();
  }
  if (is_judging) interrupt();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  return unscored;
}

void Scorer::Run() {
  for (;;) {
    UnscoredGroup group;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &Scorer::HasGroupOrStopped));
      if (queue_.empty()) return;
      group = std::move(queue_.front());
      queue_.pop_front();
      ++num_judging_;
      metrics_->scoring_queue_groups.Set(static_cast<double>(queue_.size()));
    }
    absl::StatusOr<cohort::v1::RolloutGroup> scored = Score(&group);
    done_(group.assignment, std::move(scored));
    absl::MutexLock lock(&mutex_);
    --num_judging_;
  }
}

absl::StatusOr<cohort::v1::RolloutGroup> Scorer::Score(UnscoredGroup* group) {
  const absl::Duration start = clock_->Monotonic();
  cohort::v1::RolloutGroup scored = DescribeGroup(*group, worker_id_);
  AddCompletions(*group, &scored);
  std::vector<std::string> texts;
  for (const cohort::v1::Rollout& rollout : scored.rollouts()) texts.push_back(rollout.text());
  COHORT_ASSIGN_OR_RETURN(reward::Rubric * rubric, group->job->RubricFor(group->assignment.purpose()));
  COHORT_ASSIGN_OR_RETURN(std::vector<reward::RubricResult> results, rubric->Judge(group->assignment.problem(), texts));
  if (results.size() != texts.size()) {
    return absl::InternalError(absl::StrCat("rubric: ", results.size(), " results for ", texts.size(), " completions"));
  }
  for (size_t sibling = 0; sibling < results.size(); ++sibling) {
    Record(scored.job(), results[sibling]);
    cohort::v1::Rollout* rollout = scored.mutable_rollouts(static_cast<int>(sibling));
    for (cohort::v1::Score& score : results[sibling].scores) rollout->add_scores()->Swap(&score);
    rollout->set_outcome(results[sibling].outcome);
    rollout->set_reward(results[sibling].reward);
  }
  const absl::Duration elapsed = clock_->Monotonic() - start;
  *scored.mutable_scoring_time() = common::ToProtoDuration(elapsed);
  group->stopwatch.Scored(start, start + elapsed);
  *scored.mutable_timings() = group->stopwatch.timings();
  metrics_->scoring_seconds.Observe(absl::ToDoubleSeconds(elapsed));
  return scored;
}

void Scorer::Record(const std::string& job, const reward::RubricResult& result) {
  for (size_t i = 0; i < result.scores.size(); ++i) {
    const cohort::v1::Score& score = result.scores[i];
    metrics_->RecordJudgement(job, score.verifier(), OutcomeName(score.outcome()),
                              common::FromProtoDuration(score.elapsed()), result.num_timeouts[i]);
  }
}

}  // namespace cohort::rollout_worker
