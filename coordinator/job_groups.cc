// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_groups.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "common/time_anchor.h"
#include "coordinator/group_times.h"
#include "coordinator/rollout_schedule.h"
#include "coordinator/step_metrics.h"
#include "coordinator/submitted_group.h"
#include "reward/row_use.h"

namespace cohort::coordinator {
JobGroups::JobGroups(const CoordinatorContext* context, JobLedger* ledger, const JobData* data)
    : context_(context),
      ledger_(ledger),
      data_(data),
      is_by_arrival_(IsPlannedByArrival(ledger->spec().rlvr().rollout())),
      sends_rows_(reward::MayReadRow(ledger->spec().rlvr().reward()) ||
                  reward::MayReadRow(ledger->spec().rescore().reward()) ||
                  reward::MayReadRow(ledger->spec().evaluation().reward())),
      buffer_(NumSlots(ledger->spec().rlvr().rollout())),
      leases_(context->lease_duration),
      policies_(ledger->name()) {}

absl::StatusOr<std::unique_ptr<JobGroups>> JobGroups::Load(const CoordinatorContext* context, JobLedger* ledger,
                                                           const JobData* data) {
  std::unique_ptr<JobGroups> groups(new JobGroups(context, ledger, data));
  COHORT_ASSIGN_OR_RETURN(auto open, context->store->ListOpenGroups(ledger->name()));
  for (GroupRecord& group : open) COHORT_RETURN_IF_ERROR(groups->buffer_.Admit(std::move(group)));
  COHORT_ASSIGN_OR_RETURN(const int64_t largest_id, context->store->LargestTrainingGroup(ledger->name()));
  groups->next_position_ = largest_id + 1;
  COHORT_RETURN_IF_ERROR(groups->CountErrored());
  // Before the first gang nothing has been admitted yet.
  if (ledger->record().incarnation > 0) groups->TrackEvaluation(ledger->job().policy_version());
  return groups;
}

std::vector<GroupRecord> JobGroups::GroupsOfVersion(int64_t version) const {
  std::vector<GroupRecord> groups;
  const cohort::v1::JobSpec& spec = ledger_->spec();
  if (spec.has_rlvr() && !is_by_arrival_) {
    const int64_t lag = spec.rlvr().rollout().fixed_lag();
    const int64_t per_step = spec.rlvr().rollout().groups_per_step();
    // Step s is sampled by version max(0, s - lag).
    const int64_t first = version == 0 ? 0 : version + lag;
    const int64_t last = std::min(version + lag, spec.training().num_steps() - 1);
    for (int64_t step = first; step <= last; ++step) {
      for (GroupRecord& group :
           NextTrainingGroups(step, version, next_position_ + (step - first) * per_step, per_step)) {
        groups.push_back(std::move(group));
      }
    }
  }
  if (!NeedsEvaluation(version)) return groups;
  for (GroupRecord& group : EvaluationGroupsOf(version)) groups.push_back(std::move(group));
  return groups;
}

std::vector<GroupRecord> JobGroups::ReplacementGroups(int64_t step, int64_t count) const {
  return NextTrainingGroups(step, /*version=*/step, next_position_, count);
}

std::vector<GroupRecord> JobGroups::NextTrainingGroups(int64_t step, int64_t version, int64_t first_position,
                                                       int64_t count) const {
  std::vector<GroupRecord> groups;
  for (int64_t position = first_position; position < first_position + count; ++position) {
    const PromptCursor::Prompt prompt = data_->cursor->PromptAt(position);
    GroupRecord& group = groups.emplace_back();
    group.group_id = position;
    group.problem_id = prompt.row;
    group.epoch = prompt.epoch;
    group.step = step;
    group.policy_version = version;
  }
  return groups;
}

absl::Status JobGroups::Admit(std::vector<GroupRecord> groups) {
  for (GroupRecord& group : groups) {
    const bool is_training = group.purpose == cohort::v1::GROUP_PURPOSE_TRAIN;
    if (is_training) next_position_ = std::max(next_position_, group.group_id + 1);
    group.admitted = context_->clock->Monotonic();
    COHORT_RETURN_IF_ERROR(buffer_.Admit(std::move(group)));
  }
  TrackEvaluation(ledger_->job().policy_version());
  return absl::OkStatus();
}

absl::Status JobGroups::Drop(const std::vector<GroupRecord>& dropped, const std::string& cause) {
  for (const GroupRecord& group : dropped) {
    COHORT_RETURN_IF_ERROR(buffer_.Drop(group.group_id));
    EndLease(group.group_id);
  }
  if (dropped.empty()) return absl::OkStatus();
  context_->metrics->GroupsDropped(ledger_->name(), cause).Increment(static_cast<double>(dropped.size()));
  return absl::OkStatus();
}

bool JobGroups::IsFencedOff(const GroupRecord& group, const cohort::v1::LeaseToken& token) {
  return std::make_pair(token.coordinator_epoch(), token.attempt()) <=
         std::make_pair(group.scored_epoch, group.scored_attempt);
}

absl::StatusOr<JobGroups::SubmitCase> JobGroups::Judge(const cohort::v1::LeaseToken& token,
                                                       const cohort::v1::RolloutGroup& group) const {
  if (leases_.Holds(group.group_id(), token)) return SubmitCase::kAccept;
  const GroupRecord* open = buffer_.Find(group.group_id());
  GroupRecord record;
  if (open != nullptr) {
    record = *open;
  } else {
    const auto stored = context_->store->GetGroups(ledger_->name(), {group.group_id()});
    if (absl::IsNotFound(stored.status())) return SubmitCase::kLost;
    COHORT_RETURN_IF_ERROR(stored.status());
    record = stored->front();
  }
  const bool is_waiting = record.state == GroupState::kWaiting;
  // The outcome stays when the payload is released.
  const bool was_scored = !is_waiting && record.outcome.planned.completion_tokens_size() > 0;
  if (was_scored && record.scored_epoch == token.coordinator_epoch() && record.scored_attempt == token.attempt()) {
    return SubmitCase::kDuplicate;
  }
  const bool is_former = token.coordinator_epoch() < context_->epoch && is_waiting &&
                         !leases_.WasTakenOver(group.group_id()) && !IsFencedOff(record, token);
  return is_former ? SubmitCase::kAccept : SubmitCase::kLost;
}

void JobGroups::AddTimes(const cohort::v1::LeaseToken& token, cohort::v1::RolloutGroup* group) const {
  const GroupRecord* const record = buffer_.Find(group->group_id());
  AddGroupTimes({.now = common::TimeAnchor(context_->clock),
                 .admitted = record == nullptr ? std::nullopt : record->admitted,
                 .leased = leases_.GrantedAt(group->group_id(), token)},
                group);
}

absl::Status JobGroups::SetScored(const std::vector<GroupRecord>& groups) {
  JobChange change;
  change.groups = groups;
  COHORT_RETURN_IF_ERROR(ledger_->Write(std::move(change)));
  for (const GroupRecord& group : groups) {
    COHORT_RETURN_IF_ERROR(buffer_.SetScored(group));
    context_->workers->CountSuccess(leases_.WorkerOf(group.group_id));
    leases_.End(group.group_id);
    failed_attempts_.erase(group.group_id);
    const bool is_evaluation = group.purpose == cohort::v1::GROUP_PURPOSE_EVALUATE;
    if (is_evaluation && evaluation_.has_value()) evaluation_->AddScored(group);
  }
  return absl::OkStatus();
}

absl::Status JobGroups::CheckShape(const cohort::v1::RolloutGroup& group) const {
  const GroupRecord* record = buffer_.Find(group.group_id());
  if (record == nullptr) return absl::NotFoundError(absl::StrCat("group not found (", group.group_id(), ")"));
  const cohort::v1::JobSpec& spec = ledger_->spec();
  if (data_->rescore != nullptr) return data_->rescore->Check(group, *record, spec.rescore().reward());
  const auto [group_size, sampling] = Shape(*record);
  const bool is_evaluation = record->purpose == cohort::v1::GROUP_PURPOSE_EVALUATE;
  const cohort::v1::RewardSpec& reward = is_evaluation ? spec.evaluation().reward() : spec.rlvr().reward();
  const auto estimator = spec.objective().advantage().estimator();
  const bool is_trained = !is_evaluation;
  return CheckSubmittedGroup(
      group, *record,
      {.group_size = group_size,
       .sampling = sampling,
       .reward = &reward,
       .vocab_size = spec.model().vocab_size(),
       .max_sequence_tokens = spec.training().max_sequence_tokens(),
       .needs_verifier_scores = is_trained && estimator == cohort::v1::AdvantageSpec::ESTIMATOR_GDPO,
       .needs_item_values = is_trained && estimator == cohort::v1::AdvantageSpec::ESTIMATOR_ITEM});
}

void JobGroups::EndEvaluation() {
  for (const int64_t id : evaluation_->scored_ids()) {
    // Scored by construction: AddScored follows SetScored.
    (void)buffer_.Finish(id);
  }
  evaluation_.reset();
}

int64_t JobGroups::OldestNeededVersion(int64_t committed) const {
  return std::min(committed, buffer_.OldestUnscoredVersion().value_or(committed));
}

std::optional<std::vector<const GroupRecord*>> JobGroups::ScoredGroupsOfStep(int64_t step) const {
  std::vector<const GroupRecord*> groups = buffer_.GroupsOfStep(step);
  for (const GroupRecord* group : groups) {
    if (group->state == GroupState::kWaiting || group->state == GroupState::kInFlight) return std::nullopt;
  }
  return groups;
}

const cohort::v1::EvaluationRun* JobGroups::FindRun(const std::string& name) const {
  for (const auto& run : ledger_->spec().evaluation().runs()) {
    if (run.name() == name) return &run;
  }
  return nullptr;
}

std::pair<int32_t, const cohort::v1::SamplingSpec*> JobGroups::Shape(const GroupRecord& group) const {
  if (group.purpose == cohort::v1::GROUP_PURPOSE_EVALUATE) {
    const cohort::v1::EvaluationRun* run = FindRun(group.evaluation_run);
    return {run->samples_per_problem(), &run->sampling()};
  }
  const auto& rollout = ledger_->spec().rlvr().rollout();
  return {rollout.group_size(), &rollout.sampling()};
}

void JobGroups::Assign(const GroupRecord& group, cohort::v1::GroupAssignment* assignment) const {
  const bool is_evaluation = group.purpose == cohort::v1::GROUP_PURPOSE_EVALUATE;
  const int64_t seed = ledger_->spec().training().seed();
  const auto [group_size, sampling] = Shape(group);
  assignment->mutable_problem()->set_problem_id(group.problem_id);
  assignment->mutable_lease()->set_coordinator_epoch(context_->epoch);
  assignment->mutable_lease()->set_attempt(group.attempt);
  assignment->set_job(ledger_->name());
  assignment->set_group_id(group.group_id);
  assignment->set_group_size(group_size);
  *assignment->mutable_sampling() = *sampling;
  assignment->set_policy_version(group.policy_version);
  assignment->set_purpose(group.purpose);
  assignment->set_evaluation_run(group.evaluation_run);
  assignment->set_epoch(group.epoch);
  assignment->set_seed(is_evaluation ? EvaluationSeed(seed, group.evaluation_run) : seed);
}

bool JobGroups::NeedsEvaluation(int64_t version) const {
  const cohort::v1::JobSpec& spec = ledger_->spec();
  if (!spec.has_evaluation()) return false;
  const int64_t every = spec.evaluation().every_steps();
  return version == 0 || version == spec.training().num_steps() || (every > 0 && version % every == 0);
}

bool JobGroups::IsEvaluated(int64_t version) const {
  const auto& evaluations = ledger_->job().evaluations();
  return std::any_of(evaluations.begin(), evaluations.end(),
                     [version](const auto& result) { return result.policy_version() >= version; });
}

std::vector<GroupRecord> JobGroups::EvaluationGroupsOf(int64_t version) const {
  const cohort::v1::EvaluationSpec& spec = ledger_->spec().evaluation();
  const int64_t num_problems = data_->evaluation->NumRows();
  return EvaluationGroups(spec, version, kFirstEvaluationGroup + version * spec.runs_size() * num_problems,
                          num_problems);
}

void JobGroups::TrackEvaluation(int64_t version) {
  if (evaluation_.has_value() || !NeedsEvaluation(version) || IsEvaluated(version)) return;
  const cohort::v1::EvaluationSpec& spec = ledger_->spec().evaluation();
  evaluation_.emplace(spec, version, data_->evaluation->NumRows(), MaxReward(spec.reward()));
  for (const GroupRecord& group : EvaluationGroupsOf(version)) {
    const GroupRecord* open = buffer_.Find(group.group_id);
    if (open == nullptr) {
      evaluation_->AddDropped(group);
    } else if (open->state == GroupState::kScored) {
      evaluation_->AddScored(*open);
    }
  }
}

}  // namespace cohort::coordinator
