// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset_cache.h"

#include <utility>

#include "coordinator/rescore_data.h"

namespace cohort::coordinator {
namespace {

constexpr size_t kMaxEntries = 4;
// After it the files are looked at again: they may have changed, or come back.
constexpr absl::Duration kLifetime = absl::Minutes(1);

// Null where it cannot be opened, or has changed.
std::shared_ptr<const JobData> OpenOrNull(const CoordinatorContext& context, const JobRecord& record) {
  auto data = OpenDataOf(context, record);
  if (!data.ok()) return nullptr;
  return std::make_shared<const JobData>(*std::move(data));
}

}  // namespace

std::shared_ptr<const JobData> DatasetCache::DataOf(const JobRecord& record) {
  const auto [opening, is_mine] = FindOrAdd(record);
  if (is_mine) {
    opening->data = OpenOrNull(*context_, record);
    opening->is_done.Notify();
  }
  opening->is_done.WaitForNotification();
  return opening->data;
}

std::pair<std::shared_ptr<DatasetCache::Opening>, bool> DatasetCache::FindOrAdd(const JobRecord& record) {
  absl::MutexLock lock(&mutex_);
  const absl::Duration now = context_->clock->Monotonic();
  entries_.remove_if([now](const Entry& entry) { return now - entry.opened >= kLifetime; });
  for (const Entry& entry : entries_) {
    if (entry.job == record.job.name() && entry.sequence == record.sequence) return {entry.opening, false};
  }
  if (entries_.size() == kMaxEntries) entries_.pop_back();
  entries_.push_front(
      {.job = record.job.name(), .sequence = record.sequence, .opening = std::make_shared<Opening>(), .opened = now});
  return {entries_.front().opening, true};
}

}  // namespace cohort::coordinator
