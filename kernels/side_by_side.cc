// SPDX-License-Identifier: Apache-2.0
#include "kernels/side_by_side.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

namespace cohort::kernels {
namespace {

constexpr int kNumRounds = 9;
constexpr double kSecondsPerMeasurement = 0.05;
constexpr size_t kCopyBytes = size_t{128} << 20;

// The CPU time of one thread is disturbed less by other programs on the machine than wall time.
constexpr clockid_t kThreadClock = CLOCK_THREAD_CPUTIME_ID;

double Now(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double Seconds(clockid_t clock, const std::function<void()>& fn, int64_t repeats) {
  const double start = Now(clock);
  for (int64_t i = 0; i < repeats; ++i) fn();
  return (Now(clock) - start) / static_cast<double>(repeats);
}

// Calls that fill one measurement; also the warm-up.
int64_t Repeats(clockid_t clock, const std::function<void()>& fn) {
  const double once = std::min(Seconds(clock, fn, 1), Seconds(clock, fn, 1));
  return std::max<int64_t>(1, static_cast<int64_t>(kSecondsPerMeasurement / once));
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

}  // namespace

size_t Fastest(const std::vector<std::function<void()>>& ways) {
  std::vector<std::vector<double>> seconds(ways.size());
  for (int round = 0; round < 5; ++round) {
    for (size_t i = 0; i < ways.size(); ++i) seconds[i].push_back(Seconds(kThreadClock, ways[i], 1));
  }
  std::vector<double> medians;
  for (const std::vector<double>& times : seconds) medians.push_back(Median(times));
  return std::min_element(medians.begin(), medians.end()) - medians.begin();
}

int ThreadsArgument(int argc, char** argv) {
  if (argc < 2) return 1;
  char* end = nullptr;
  const int64_t threads = std::strtol(argv[1], &end, 10);
  if (argc > 2 || *argv[1] == '\0' || *end != '\0' || threads < 1 || threads > 1024) {
    std::fprintf(stderr, "usage: %s [threads]\n", argv[0]);
    std::exit(2);
  }
  return static_cast<int>(threads);
}

bool IsAccepted(const Contest& contest) {
  return contest.difference <= contest.allowed || (contest.peer_error && contest.difference <= *contest.peer_error);
}

bool RunContest(const Contest& contest) {
  if (contest.peer_error) {
    std::printf("%-44s error: ours %.3g  peer %.3g  allowed %.3g, or the peer's\n", contest.name.c_str(),
                contest.difference, *contest.peer_error, contest.allowed);
  }
  if (!IsAccepted(contest)) {
    std::printf("%-44s results differ by %.3g, allowed %.3g\n", contest.name.c_str(), contest.difference,
                contest.allowed);
    return false;
  }
  std::vector<char> from(kCopyBytes, 1), to(kCopyBytes);
  const clockid_t clock = contest.uses_threads ? CLOCK_MONOTONIC : kThreadClock;
  const int64_t our_repeats = Repeats(clock, contest.ours), peer_repeats = Repeats(clock, contest.peer);
  std::vector<double> ours, peer, ratio, bandwidth;
  for (int round = 0; round < kNumRounds; ++round) {
    ours.push_back(Seconds(clock, contest.ours, our_repeats));
    peer.push_back(Seconds(clock, contest.peer, peer_repeats));
    ratio.push_back(peer.back() / ours.back());
    bandwidth.push_back(2 * kCopyBytes /
                        Seconds(
                            kThreadClock, [&] { std::memcpy(to.data(), from.data(), kCopyBytes); }, 1));
  }
  const double copy_bandwidth = *std::max_element(bandwidth.begin(), bandwidth.end());
  const double bound = contest.bytes / copy_bandwidth;
  std::printf("%-44s ours %9.3f ms  peer %9.3f ms  peer/ours %6.2f (%.2f-%.2f)  copy %5.1f GB/s  %5.1f %% of bound\n",
              contest.name.c_str(), Median(ours) * 1e3, Median(peer) * 1e3, Median(ratio),
              *std::min_element(ratio.begin(), ratio.end()), *std::max_element(ratio.begin(), ratio.end()),
              copy_bandwidth * 1e-9, 100 * bound / Median(ours));
  std::fflush(stdout);
  return true;
}

}  // namespace cohort::kernels
