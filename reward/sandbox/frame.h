// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_SANDBOX_FRAME_H_
#define COHORT_REWARD_SANDBOX_FRAME_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cohort::reward {

// What parent and child say to each other on their socket. Both are forks of one program, so the layout needs no
// version.
enum class FrameKind : uint16_t {
  kSpec,       // to the child, once: RewardSpec
  kProblem,    // to the child: Problem of the judgements that follow
  kJudge,      // to the child: a completion; argument = index of the verifier; answered by kScore
  kCheckGold,  // to the child: empty; argument = index of the verifier; answered by kScore
  kScore,      // to the parent: Score; argument = 1 when the child must not be used again
};

// One message: header and payload.
struct Frame {
  FrameKind kind = FrameKind::kSpec;
  uint16_t argument = 0;
  std::string_view payload;
};

// Appends the frame's bytes to *out.
void AppendFrame(const Frame& frame, std::string* out);

// Cuts a byte stream into frames. Not thread-safe.
class FrameReader final {
 public:
  // Frames with a larger payload are an error.
  explicit FrameReader(size_t max_payload_bytes) : max_payload_bytes_(max_payload_bytes) {}

  // Reads once from `fd` (whatever is there, up to 64 KiB); the result of read(2).
  ssize_t ReadFrom(int fd);
  // The next whole frame; its payload is valid until the next call of either method.
  std::optional<Frame> Next();
  // A frame was too large or of no known kind; Next gives nothing any more.
  bool is_broken() const { return is_broken_; }

 private:
  size_t max_payload_bytes_;
  std::string bytes_;
  size_t taken_ = 0;  // bytes_ before this were given out
  bool is_broken_ = false;
};

}  // namespace cohort::reward

#endif  // COHORT_REWARD_SANDBOX_FRAME_H_
