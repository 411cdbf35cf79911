// SPDX-License-Identifier: Apache-2.0
#include "kernels/side_by_side.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <thread>

namespace cohort::kernels {
namespace {

constexpr int kNumRounds = 9;
constexpr int kNumChoiceRounds = 5;
constexpr double kSecondsPerMeasurement = 0.05;
constexpr size_t kCopyBytes = size_t{128} << 20;

double Now(int num_threads) {
  timespec now;
  clock_gettime(num_threads > 1 ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double Seconds(const std::function<void()>& fn, int num_threads) {
  const double start = Now(num_threads);
  fn();
  return Now(num_threads) - start;
}

// As many calls as fill one measurement; finding out how many is the warm-up.
struct Repeated {
  Repeated(const std::function<void()>& fn, int num_threads) {
    const double first = Seconds(fn, num_threads);
    const double once = std::min(first, Seconds(fn, num_threads));
    count = std::max<int64_t>(1, static_cast<int64_t>(kSecondsPerMeasurement / once));
    run = [fn, count = count] {
      for (int64_t i = 0; i < count; ++i) fn();
    };
  }

  std::vector<double> PerCall(std::vector<double> seconds) const {
    for (double& value : seconds) value /= static_cast<double>(count);
    return seconds;
  }

  int64_t count;
  std::function<void()> run;
};

}  // namespace

std::vector<std::vector<double>> TimeInTurns(const std::vector<std::function<void()>>& ways, int num_rounds,
                                             int num_threads) {
  std::vector<std::vector<double>> seconds(ways.size());
  for (int round = 0; round < num_rounds; ++round) {
    for (size_t i = 0; i < ways.size(); ++i) seconds[i].push_back(Seconds(ways[i], num_threads));
  }
  return seconds;
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

double LargerOrNan(double a, double b) { return std::isnan(a) || a > b ? a : b; }

std::string RatioText(const std::vector<double>& peer, const std::vector<double>& ours) {
  std::vector<double> ratios;
  for (size_t round = 0; round < ours.size(); ++round) ratios.push_back(peer[round] / ours[round]);
  char text[64];
  std::snprintf(text, sizeof text, "%.2f (%.2f-%.2f)", Median(ratios), *std::min_element(ratios.begin(), ratios.end()),
                *std::max_element(ratios.begin(), ratios.end()));
  return text;
}

size_t Fastest(const std::vector<std::function<void()>>& ways, int num_threads) {
  std::vector<double> medians;
  for (const std::vector<double>& seconds : TimeInTurns(ways, kNumChoiceRounds, num_threads)) {
    medians.push_back(Median(seconds));
  }
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

Yardstick MemoryCopy(int num_threads) {
  const size_t part = kCopyBytes / num_threads;
  const auto from = std::make_shared<std::vector<char>>(kCopyBytes, 1);
  const auto to = std::make_shared<std::vector<char>>(kCopyBytes);
  const auto copy_part = [=](int i) { std::memcpy(to->data() + i * part, from->data() + i * part, part); };
  const auto run = [=] {
    std::vector<std::thread> others;
    for (int i = 1; i < num_threads; ++i) others.emplace_back(copy_part, i);
    copy_part(0);
    for (std::thread& other : others) other.join();
  };
  return {.name = "copy", .unit = "GB", .work = 2.0 * static_cast<double>(part * num_threads), .run = run};
}

bool IsAccepted(const Contest& contest) {
  return contest.difference <= contest.allowed || (contest.peer_error && contest.difference <= *contest.peer_error);
}

bool ReportAcceptance(const Contest& contest) {
  if (contest.peer_error) {
    std::printf("%-44s error: ours %.3g  peer %.3g  allowed %.3g, or the peer's\n", contest.name.c_str(),
                contest.difference, *contest.peer_error, contest.allowed);
  }
  const bool is_accepted = IsAccepted(contest);
  if (!is_accepted) {
    std::printf("%-44s results differ by %.3g, allowed %.3g\n", contest.name.c_str(), contest.difference,
                contest.allowed);
  }
  return is_accepted;
}

bool RunContest(const Contest& contest) {
  if (!ReportAcceptance(contest)) return false;
  const Yardstick yardstick = contest.yardstick ? *contest.yardstick : MemoryCopy(contest.num_threads);
  const Repeated our_calls(contest.ours, contest.num_threads), peer_calls(contest.peer, contest.num_threads);
  const auto seconds = TimeInTurns({our_calls.run, peer_calls.run, yardstick.run}, kNumRounds, contest.num_threads);
  const std::vector<double> ours = our_calls.PerCall(seconds[0]), peer = peer_calls.PerCall(seconds[1]);
  const double rate = yardstick.work / *std::min_element(seconds[2].begin(), seconds[2].end());
  std::printf("%-44s ours %9.3f ms  peer %9.3f ms  peer/ours %s  %s %.1f %s/s  %5.1f %% of bound\n",
              contest.name.c_str(), Median(ours) * 1e3, Median(peer) * 1e3, RatioText(peer, ours).c_str(),
              yardstick.name.c_str(), rate * 1e-9, yardstick.unit.c_str(), 100 * contest.work / rate / Median(ours));
  std::fflush(stdout);
  return true;
}

}  // namespace cohort::kernels
