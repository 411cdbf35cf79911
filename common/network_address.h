// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_NETWORK_ADDRESS_H_
#define COHORT_COMMON_NETWORK_ADDRESS_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace cohort::common {

// A place to listen at or to connect to.
struct NetworkAddress {
  std::string host;  // name or number; IPv6 without brackets
  int port = 0;      // 0 to 65535; 0 lets the system choose when listening
};

// "127.0.0.1:80", "node-3:80", "[::1]:80". INVALID_ARGUMENT with the text otherwise.
absl::StatusOr<NetworkAddress> ParseAddress(std::string_view text);

// Whether only this machine can be meant: 127.0.0.0/8, ::1 or "localhost". Pure: no name is looked up.
bool IsLoopback(const NetworkAddress& address);

// The inverse of ParseAddress; brackets around IPv6.
std::string JoinAddress(const NetworkAddress& address);

}  // namespace cohort::common

#endif  // COHORT_COMMON_NETWORK_ADDRESS_H_
