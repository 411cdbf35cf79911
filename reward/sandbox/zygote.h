// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_SANDBOX_ZYGOTE_H_
#define COHORT_REWARD_SANDBOX_ZYGOTE_H_

#include <sys/types.h>

#include <memory>

#include "absl/status/statusor.h"

namespace cohort::reward {

// A process forked by the zygote, and our end of a stream socket to it: non-blocking, close-on-exec.
struct SandboxChild {
  pid_t pid = -1;
  int socket = -1;  // owned by whoever holds the child
};

// A small process forked at the very start of main, before any thread, from which verifier children are forked later:
// forking a process full of gRPC and LibTorch threads is not safe. It dies with its parent, and takes its children and
// everything they started with it, however the parent ends. Thread-safe.
class Zygote {
 public:
  // What a child runs; its result is the exit status. Parent and zygote are forks of one program, so the address of a
  // function means the same in both.
  using ChildMain = int (*)(int socket);

  // Call before anything that starts a thread. The destructor ends the zygote and every child.
  static absl::StatusOr<std::unique_ptr<Zygote>> Start();
  virtual ~Zygote() = default;

  // A new child: leader of its own session and process group, killed with the zygote, no file descriptors but the
  // socket and standard error. UNAVAILABLE: the zygote is gone or cannot fork.
  virtual absl::StatusOr<SandboxChild> Fork(ChildMain child_main) = 0;

  // Kills and reaps the child and what it started (its session, and processes that left the session once their parent
  // is gone), closes the socket. Returns the wait status of the child; one that had ended by itself keeps its own.
  virtual absl::StatusOr<int> Finish(const SandboxChild& child) = 0;

  // UNAVAILABLE once the zygote is gone (killed for memory, say), for good: the process can judge nothing any more and
  // should end, to be started again. Never waits.
  virtual absl::Status CheckRunning() const = 0;

  // Ends the zygote and every child now: judgements under way end UNAVAILABLE, as does every later call.
  virtual void Stop() = 0;
};

}  // namespace cohort::reward

#endif  // COHORT_REWARD_SANDBOX_ZYGOTE_H_
