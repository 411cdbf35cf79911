// SPDX-License-Identifier: Apache-2.0
#include "reward/sandbox/frame.h"

#include <unistd.h>

#include <cstring>

namespace cohort::reward {
namespace {

struct Header {
  uint32_t payload_bytes;
  uint16_t kind;
  uint16_t argument;
};

}  // namespace

void AppendFrame(const Frame& frame, std::string* out) {
  const Header header = {static_cast<uint32_t>(frame.payload.size()), static_cast<uint16_t>(frame.kind),
                         frame.argument};
  out->append(reinterpret_cast<const char*>(&header), sizeof(header));
  out->append(frame.payload);
}

ssize_t FrameReader::ReadFrom(int fd) {
  constexpr size_t kReadBytes = 64 << 10;
  bytes_.erase(0, taken_);
  taken_ = 0;
  const size_t size = bytes_.size();
  bytes_.resize(size + kReadBytes);
  const ssize_t result = read(fd, bytes_.data() + size, kReadBytes);
  bytes_.resize(size + static_cast<size_t>(result > 0 ? result : 0));
  return result;
}

std::optional<Frame> FrameReader::Next() {
  Header header;
  if (is_broken_ || bytes_.size() - taken_ < sizeof(header)) return std::nullopt;
  std::memcpy(&header, bytes_.data() + taken_, sizeof(header));
  if (header.payload_bytes > max_payload_bytes_ || header.kind > static_cast<uint16_t>(FrameKind::kScore)) {
    is_broken_ = true;
    return std::nullopt;
  }
  if (bytes_.size() - taken_ < sizeof(header) + header.payload_bytes) return std::nullopt;
  Frame frame;
  frame.kind = static_cast<FrameKind>(header.kind);
  frame.argument = header.argument;
  frame.payload = std::string_view(bytes_).substr(taken_ + sizeof(header), header.payload_bytes);
  taken_ += sizeof(header) + header.payload_bytes;
  return frame;
}

}  // namespace cohort::reward
