// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_TELEMETRY_BOUNDED_HTTP_SERVER_H_
#define COHORT_COMMON_TELEMETRY_BOUNDED_HTTP_SERVER_H_

#include <httplib.h>

#include <atomic>

namespace cohort::common {

// httplib's server for strangers: one request per connection, of at most 16 KiB, read and answered within 2 seconds
// each, by 4 threads; 32 connections wait for a thread, the others in the socket's backlog. So no client can hold
// memory, or a thread for long, however slowly or endlessly it sends. Thread-safe as httplib::Server is.
class BoundedHttpServer final : public httplib::Server {
 public:
  BoundedHttpServer();
  // Ends the connections under way as well; then listen_after_bind returns.
  void StopNow();

 private:
  bool process_and_close_socket(socket_t socket) override;

  std::atomic<bool> is_stopped_ = false;
};

}  // namespace cohort::common

#endif  // COHORT_COMMON_TELEMETRY_BOUNDED_HTTP_SERVER_H_
