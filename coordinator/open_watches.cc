// SPDX-License-Identifier: Apache-2.0
#include "coordinator/open_watches.h"

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace cohort::coordinator {

std::string WatcherOf(std::string_view token_identity, std::string_view peer) {
  if (!token_identity.empty()) return absl::StrCat("token ", std::string(token_identity));
  const bool has_port = peer.substr(0, 5) == "ipv4:" || peer.substr(0, 5) == "ipv6:";
  return std::string(has_port ? peer.substr(0, peer.rfind(':')) : peer);
}

absl::Status OpenWatches::Run(const std::string& watcher, const std::function<absl::Status()>& stream) {
  COHORT_RETURN_IF_ERROR(Enter(watcher));
  absl::Status status = stream();
  Leave(watcher);
  return status;
}

absl::Status OpenWatches::Enter(const std::string& watcher) {
  absl::MutexLock lock(&mutex_);
  const auto own = open_of_.find(watcher);
  const int64_t num_own = own == open_of_.end() ? 0 : own->second;
  if (limits_.max_open_per_caller > 0 && num_own >= limits_.max_open_per_caller) {
    return absl::ResourceExhaustedError(absl::StrCat("max_", limits_.kind, "_per_caller: the caller has as many ",
                                                     limits_.kind, " open as it may have (", num_own, ")"));
  }
  if (limits_.max_open > 0 && num_open_ >= limits_.max_open) {
    return absl::ResourceExhaustedError(absl::StrCat("max_", limits_.kind, ": as many ", limits_.kind,
                                                     " are open as may be, of all callers together (", num_open_, ")"));
  }
  ++num_open_;
  ++open_of_[watcher];
  gauge_->Set(static_cast<double>(num_open_));
  return absl::OkStatus();
}

void OpenWatches::Leave(const std::string& watcher) {
  absl::MutexLock lock(&mutex_);
  --num_open_;
  const auto own = open_of_.find(watcher);
  if (--own->second == 0) open_of_.erase(own);
  gauge_->Set(static_cast<double>(num_open_));
}

}  // namespace cohort::coordinator
