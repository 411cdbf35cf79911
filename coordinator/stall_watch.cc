// SPDX-License-Identifier: Apache-2.0
#include "coordinator/stall_watch.h"

#include "common/telemetry/log.h"

namespace cohort::coordinator {

bool StallWatch::Observe(const std::string& job, const WaitState& state, absl::Duration now) {
  Watched& watched = jobs_[job];
  if (watched.progress != state.progress) {
    watched = {.progress = state.progress, .since = now, .speak_after = threshold_};
  }
  const absl::Duration stalled = now - watched.since;
  const bool is_stalled = stalled >= threshold_;
  metrics_->StalledSeconds(job).Set(is_stalled ? absl::ToDoubleSeconds(stalled) : 0);
  if (stalled < watched.speak_after) return false;
  watched.speak_after = 2 * stalled;
  log::Warning("stalled", {{"job", job}, {"waits_for", state.waits_for}, {"seconds", absl::ToDoubleSeconds(stalled)}});
  return true;
}

void StallWatch::Keep(const std::set<std::string>& jobs) {
  for (auto it = jobs_.begin(); it != jobs_.end();) {
    if (jobs.count(it->first) > 0) {
      ++it;
      continue;
    }
    metrics_->StalledSeconds(it->first).Set(0);
    it = jobs_.erase(it);
  }
}

}  // namespace cohort::coordinator
