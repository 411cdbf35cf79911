// SPDX-License-Identifier: Apache-2.0
#include "common/telemetry/bounded_http_server.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace cohort::common {
namespace {

constexpr int kNumThreads = 4;
constexpr size_t kMaxWaitingConnections = 32;
constexpr size_t kMaxRequestBytes = 16 << 10;
constexpr std::chrono::seconds kMaxTime(2);  // to read a request; the same again to write the answer
constexpr std::chrono::milliseconds kStopInterval(50);

// A connection with a budget of bytes and time.
class BoundedStream final : public httplib::Stream {
 public:
  BoundedStream(int socket, const std::atomic<bool>* is_stopped)
      : socket_(socket), is_stopped_(is_stopped), deadline_(Clock::now() + kMaxTime) {}

  bool is_readable() const override { return begin_ < end_ || Wait(POLLIN); }
  bool is_writable() const override { return Wait(POLLOUT); }

  // httplib asks for single bytes, so they come out of a buffer.
  ssize_t read(char* bytes, size_t size) override {
    if (begin_ == end_) {
      if (num_read_ >= kMaxRequestBytes || !Wait(POLLIN)) return -1;
      const size_t room = std::min(sizeof buffer_, kMaxRequestBytes - num_read_);
      const ssize_t received = recv(socket_, buffer_, room, MSG_DONTWAIT);
      if (received <= 0) return received;
      num_read_ += static_cast<size_t>(received);
      begin_ = 0;
      end_ = static_cast<size_t>(received);
    }
    const size_t count = std::min(size, end_ - begin_);
    std::memcpy(bytes, buffer_ + begin_, count);
    begin_ += count;
    return static_cast<ssize_t>(count);
  }

  ssize_t write(const char* bytes, size_t size) override {
    if (!is_writing_) deadline_ = Clock::now() + kMaxTime;
    is_writing_ = true;
    if (!Wait(POLLOUT)) return -1;
    return send(socket_, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  void get_remote_ip_and_port(std::string& ip, int& port) const override { Forget(ip, port); }
  void get_local_ip_and_port(std::string& ip, int& port) const override { Forget(ip, port); }
  socket_t socket() const override { return socket_; }

 private:
  using Clock = std::chrono::steady_clock;

  // No handler asks for addresses.
  static void Forget(std::string& ip, int& port) {
    ip.clear();
    port = 0;
  }

  bool Wait(short events) const {
    while (!is_stopped_->load()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
      if (left.count() <= 0) return false;
      pollfd fd = {socket_, events, 0};
      const int ready = poll(&fd, 1, static_cast<int>(std::min(left, kStopInterval).count()));
      if (ready > 0) return true;
      if (ready < 0 && errno != EINTR) return false;
    }
    return false;
  }

  const int socket_;
  const std::atomic<bool>* const is_stopped_;
  Clock::time_point deadline_;
  bool is_writing_ = false;
  size_t num_read_ = 0;
  char buffer_[4096];
  size_t begin_ = 0, end_ = 0;
};

// Who has accepted a connection waits until there is room for it.
class BoundedTaskQueue final : public httplib::TaskQueue {
 public:
  BoundedTaskQueue() {
    for (int i = 0; i < kNumThreads; ++i) threads_.emplace_back([this] { Run(); });
  }

  void enqueue(std::function<void()> task) override {
    absl::MutexLock lock(&mutex_, absl::Condition(this, &BoundedTaskQueue::HasRoom));
    tasks_.push_back(std::move(task));
  }

  // What waits is run: it closes its connection.
  void shutdown() override {
    {
      absl::MutexLock lock(&mutex_);
      is_stopped_ = true;
    }
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  void Run() {
    while (true) {
      std::function<void()> task;
      {
        absl::MutexLock lock(&mutex_, absl::Condition(this, &BoundedTaskQueue::HasTaskOrStopped));
        if (tasks_.empty()) return;
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      task();
    }
  }
  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return tasks_.size() < kMaxWaitingConnections; }
  bool HasTaskOrStopped() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return is_stopped_ || !tasks_.empty(); }

  absl::Mutex mutex_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool is_stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace

BoundedHttpServer::BoundedHttpServer() {
  new_task_queue = [] { return new BoundedTaskQueue; };
  set_payload_max_length(kMaxRequestBytes);
}

void BoundedHttpServer::StopNow() {
  is_stopped_ = true;
  stop();
}

bool BoundedHttpServer::process_and_close_socket(socket_t socket) {
  BoundedStream stream(socket, &is_stopped_);
  bool is_closed = false;
  // Ranges could repeat the answer a thousand times.
  const bool is_served = process_request(stream, /*close_connection=*/true, is_closed,
                                         [](httplib::Request& request) { request.ranges.clear(); });
  shutdown(socket, SHUT_RDWR);
  close(socket);
  return is_served;
}

}  // namespace cohort::common
