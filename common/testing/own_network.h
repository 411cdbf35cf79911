// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_TESTING_OWN_NETWORK_H_
#define COHORT_COMMON_TESTING_OWN_NETWORK_H_

#include <cstdint>

namespace cohort::common {

// The end of a main() whose tests count what goes over the network: runs all tests in a network namespace of their own,
// which has a loopback interface and nothing else, so that nobody else's packets are counted. Threads and processes
// that a test starts are in it, too. Call it before there is another thread: where the process may make no network
// namespace by itself it gets a user namespace, too, and the kernel gives one to a single thread only. Returns main's
// result: 1 where namespaces are not allowed, 0 without a test under COHORT_SKIP_NAMESPACE_TESTS=1.
int RunAllTestsInOwnNetwork();

// Bytes that the loopback interface of this process's network has received so far: whole packets, with 66 bytes of
// headers around up to 64 KiB of TCP's data, acknowledgements, and what TCP sent twice. Aborts without the counter.
int64_t LoopbackBytes();

}  // namespace cohort::common

#endif  // COHORT_COMMON_TESTING_OWN_NETWORK_H_
