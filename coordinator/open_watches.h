// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_OPEN_WATCHES_H_
#define COHORT_COORDINATOR_OPEN_WATCHES_H_

#include <prometheus/gauge.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace cohort::coordinator {

// How many streams of a kind may be open; 0: no limit. Each holds a thread of the server.
struct WatchLimits {
  int64_t max_open = 1000;
  int64_t max_open_per_caller = 100;
  // What they are called in a refusal; the flags are max_<kind> and max_<kind>_per_caller.
  const char* kind = "watches";
};
// Of downloads, which also keep disk and network busy.
inline constexpr WatchLimits kDownloadLimits = {.max_open = 16, .max_open_per_caller = 4, .kind = "downloads"};

// Who a call counts for: the token's identity, else the host of gRPC's peer ("ipv4:10.0.0.7:4711") without its port.
std::string WatcherOf(std::string_view token_identity, std::string_view peer);

// Counts the streams that are open, in all and by watcher. Thread-safe. `gauge` must outlive it.
class OpenWatches final {
 public:
  OpenWatches(const WatchLimits& limits, prometheus::Gauge* gauge) : limits_(limits), gauge_(gauge) {}

  // Runs `stream`, which counts until it returns, and gives its status; RESOURCE_EXHAUSTED names the limit when there
  // is no place for it.
  absl::Status Run(const std::string& watcher, const std::function<absl::Status()>& stream);

 private:
  absl::Status Enter(const std::string& watcher);
  void Leave(const std::string& watcher);

  const WatchLimits limits_;
  prometheus::Gauge* const gauge_;
  absl::Mutex mutex_;
  int64_t num_open_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, int64_t> open_of_ ABSL_GUARDED_BY(mutex_);  // never 0
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_OPEN_WATCHES_H_
