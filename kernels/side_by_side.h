// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_SIDE_BY_SIDE_H_
#define COHORT_KERNELS_SIDE_BY_SIDE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace cohort::kernels {

// The number of the fastest of several ways, so that a contest is against the best of them. Times are CPU times of the
// calling thread.
size_t Fastest(const std::vector<std::function<void()>>& ways);

// The first argument of a benchmark: on how many threads both sides run, 1 without one. Exits with a message on
// anything but a number from 1 to 1,024.
int ThreadsArgument(int argc, char** argv);

// Two ways to compute the same thing.
struct Contest {
  std::string name;
  std::function<void()> ours;
  std::function<void()> peer;
  double bytes = 0;       // least memory traffic of one call, reads plus writes
  double difference = 0;  // largest difference of ours from the peer's result, or from `peer_error`'s reference
  double allowed = 0;     // a larger difference stops the benchmark
  // Where both sides were held against a more exact reference: the peer's largest difference from it.
  std::optional<double> peer_error;
  // Both sides may use several threads: wall times instead of CPU times, which other programs disturb.
  bool uses_threads = false;
};

// Whether ours is as right as it must be: within `allowed`, or at least as near to the reference as the peer. Pure.
bool IsAccepted(const Contest& contest);

// Runs ours, peer and a memory copy in turns (nine rounds) in this process and prints one line: median times, the ratio
// peer / ours with its range over the rounds, and ours in percent of the best copy bandwidth measured in between; where
// there is a reference, a line with the errors of both sides comes first. Returns false, without a time, when ours is
// not accepted. Times are CPU times of the calling thread unless the contest uses several. Not thread-safe.
bool RunContest(const Contest& contest);

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_SIDE_BY_SIDE_H_
