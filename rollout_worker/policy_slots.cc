// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/policy_slots.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "model/row_independence.h"

namespace cohort::rollout_worker {

PolicySlots::PolicySlots(const EngineOptions& options, const at::Device& device, common::Clock* clock,
                         std::unique_ptr<model::WeightSubscriber> subscriber, RolloutWorkerMetrics* metrics)
    : clock_(clock), subscriber_(std::move(subscriber)), metrics_(metrics) {
  absl::MutexLock lock(&mutex_);
  for (Entry& entry : entries_) entry.slot = std::make_unique<PolicySlot>(options, device, clock);
}

absl::StatusOr<PolicySlot*> PolicySlots::Acquire(const cohort::v1::WeightSource& source,
                                                 const model::ModelConfig& config, int64_t num_users,
                                                 model::Precision precision) {
  Entry* entry = nullptr;
  {
    absl::MutexLock lock(&mutex_);
    entry = FindHolder(source, precision);
    if (entry != nullptr) {
      entry->num_users += num_users;
      return entry->slot.get();
    }
    mutex_.Await(absl::Condition(this, &PolicySlots::HasIdleSlotOrStopped));
    if (is_stopped_) return absl::CancelledError("policy slots: the worker is stopping");
    entry = ChooseIdle(source);
    entry->num_users = num_users;
  }
  // The slot has users now, and this is the only thread that acquires, so nobody else touches it.
  const absl::Status status = Switch(source, config, precision, entry->slot.get());
  if (status.ok()) return entry->slot.get();
  absl::MutexLock lock(&mutex_);
  entry->num_users = 0;
  return status;
}

bool PolicySlots::HasIdleSlotOrStopped() const {
  return is_stopped_ || std::any_of(entries_.begin(), entries_.end(), [](const Entry& e) { return e.num_users == 0; });
}

PolicySlots::Entry* PolicySlots::FindHolder(const cohort::v1::WeightSource& source, model::Precision precision) {
  for (Entry& entry : entries_) {
    if (entry.slot->Holds(source, precision)) return &entry;
  }
  return nullptr;
}

// The oldest version of the same job, whose memory fits; else the emptiest.
PolicySlots::Entry* PolicySlots::ChooseIdle(const cohort::v1::WeightSource& source) {
  Entry* best = nullptr;
  for (Entry& entry : entries_) {
    if (entry.num_users > 0) continue;
    const auto rank = [&](const Entry& e) {
      return std::make_tuple(e.slot->job() != source.job(), !e.slot->job().empty(), e.slot->policy_version());
    };
    if (best == nullptr || rank(entry) < rank(*best)) best = &entry;
  }
  return best;
}

absl::Status PolicySlots::Switch(const cohort::v1::WeightSource& source, const model::ModelConfig& config,
                                 model::Precision precision, PolicySlot* slot) {
  const bool is_first_of_job =
      slot->job() != source.job() || slot->decoder() == nullptr || slot->decoder()->precision() != precision;
  const absl::Duration start = clock_->Monotonic();
  const absl::Status status = slot->SwitchTo(source, config, subscriber_.get(), precision);
  const absl::Duration elapsed = clock_->Monotonic() - start;
  if (absl::IsDataLoss(status)) {
    metrics_->refused_versions.Increment();
    log::Error("version_refused", {{"job", source.job()},
                                   {"policy_version", source.policy_version()},
                                   {"digest", common::HexOf(source.digest())},
                                   {"reason", std::string(status.message())}});
  }
  if (!status.ok()) return status;
  fetch_ = FetchedVersion{.policy_version = source.policy_version(),
                          .begin = start,
                          .end = start + elapsed,
                          .num_bytes = slot->num_bytes()};
  metrics_->weight_fetch_seconds.Observe(absl::ToDoubleSeconds(elapsed));
  metrics_->weight_fetch_bytes.Increment(static_cast<double>(fetch_->num_bytes));
  metrics_->PolicyVersion(source.job()).Set(static_cast<double>(source.policy_version()));
  log::Debug("version_ready", {{"job", source.job()},
                               {"policy_version", source.policy_version()},
                               {"seconds", absl::ToDoubleSeconds(elapsed)}});
  if (is_first_of_job) CheckRows(*slot);
  return absl::OkStatus();
}

void PolicySlots::CheckRows(const PolicySlot& slot) {
  const absl::Status independent = model::CheckRowIndependence(*slot.decoder());
  metrics_->row_dependence.Set(independent.ok() ? 0 : 1);
  if (independent.ok()) return;
  log::Warning("rows_depend_on_batch", {{"job", slot.job()},
                                        {"reason", independent},
                                        {"effect", "log-probs of sampler and learner may differ in the last bits"}});
}

void PolicySlots::Release(PolicySlot* slot) {
  absl::MutexLock lock(&mutex_);
  for (Entry& entry : entries_) {
    if (entry.slot.get() == slot && entry.num_users > 0) --entry.num_users;
  }
}

void PolicySlots::Stop() {
  subscriber_->Cancel();
  absl::MutexLock lock(&mutex_);
  is_stopped_ = true;
}

}  // namespace cohort::rollout_worker
