// SPDX-License-Identifier: Apache-2.0
#include "coordinator/stall_watch.h"

#include "common/telemetry/log.h"

namespace cohort::coordinator {

bool StallWatch::Observe(const std::string& job, const WaitState& state, absl::Duration now) {
  Watched& watched = jobs_[job];
  if (watched.progress != state.progress) {
    watched.progress = state.progress;
    watched.since = now;
    watched.speak_after = threshold_;
  }
  const absl::Duration stalled = now - watched.since;
  const double seconds = stalled >= threshold_ ? absl::ToDoubleSeconds(stalled) : 0;
  if (seconds != watched.shown_seconds) metrics_->StalledSeconds(job).Set(seconds);
  watched.shown_seconds = seconds;
  if (stalled < watched.speak_after) return false;
  watched.speak_after = 2 * stalled;
  log::Warning("stalled", {{"job", job}, {"waits_for", state.waits_for}, {"seconds", absl::ToDoubleSeconds(stalled)}});
  return true;
}

void StallWatch::Keep(const std::unordered_set<std::string>& jobs) {
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
