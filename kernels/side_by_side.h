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

// Seconds of one call of each way, [way][round]: the ways take turns, so that all of them meet the same machine. With
// one thread these are CPU times of the calling thread, which other programs disturb less, else wall times.
std::vector<std::vector<double>> TimeInTurns(const std::vector<std::function<void()>>& ways, int num_rounds,
                                             int num_threads);

// The upper of the middle two for an even number. Not of nothing. Pure.
double Median(std::vector<double> values);

// The larger of two differences, or NaN where one is, which std::max may lose and no bound allows. Pure.
double LargerOrNan(double a, double b);

// "1.52 (1.43-1.60)": the median of the rounds' ratios peer / ours, with their range. Pure.
std::string RatioText(const std::vector<double>& peer, const std::vector<double>& ours);

// The number of the fastest of several ways to do a thing on `num_threads` threads, so that a contest is against the
// best of them.
size_t Fastest(const std::vector<std::function<void()>>& ways, int num_threads = 1);

// The first argument of a benchmark: on how many threads both sides run, 1 without one. Exits with a message on
// anything but a number from 1 to 1,024.
int ThreadsArgument(int argc, char** argv);

// Work whose rate on this machine bounds a contest.
struct Yardstick {
  std::string name;  // "copy"
  std::string unit;  // of 1e9 of the work: "GB"
  double work = 0;   // of one call
  std::function<void()> run;
};

// A copy of memory that no cache holds, by `num_threads` threads. Its work is bytes read plus bytes written.
Yardstick MemoryCopy(int num_threads);

// Two ways to compute the same thing.
struct Contest {
  std::string name;
  std::function<void()> ours;
  std::function<void()> peer;
  double work = 0;        // the least that one call must do, as the yardstick counts it
  double difference = 0;  // largest difference of ours from the peer's result, or from `peer_error`'s reference
  double allowed = 0;     // a larger difference stops the benchmark
  // Where both sides were held against a more exact reference: the peer's largest difference from it.
  std::optional<double> peer_error;
  int num_threads = 1;                 // of each side
  std::optional<Yardstick> yardstick;  // without one, MemoryCopy
};

// Whether ours is as right as it must be: within `allowed`, or at least as near to the reference as the peer. Pure.
bool IsAccepted(const Contest& contest);

// The same, and prints what there is to say: both sides' errors where there is a reference, and why it is not.
bool ReportAcceptance(const Contest& contest);

// Runs ours, peer and the yardstick in turns (nine rounds) in this process and prints one line: median times, the ratio
// peer / ours with its range over the rounds, and ours in percent of the yardstick's best rate; where there is a
// reference, a line with the errors of both sides comes first. Returns false, without a time, when ours is not
// accepted. Times are as TimeInTurns has them. Not thread-safe.
bool RunContest(const Contest& contest);

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_SIDE_BY_SIDE_H_
