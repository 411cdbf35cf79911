// SPDX-License-Identifier: Apache-2.0
#include "kernels/torch/device_contest.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>

#include "kernels/torch/tensor_memory.h"

namespace cohort::kernels {
namespace {

constexpr int kNumRounds = 9;

c10::Stream CurrentStream(const c10::Device& device) {
  return c10::impl::VirtualGuardImpl(device.type()).getStream(device);
}

int64_t ExtraBytes(const c10::Device& device, const std::function<void()>& call) {
  TensorMemory memory(device);
  const int64_t before = memory.live_bytes();
  call();
  WaitFor(device);
  return memory.peak_bytes() - before;
}

double Best(const std::vector<double>& seconds) { return *std::min_element(seconds.begin(), seconds.end()); }

}  // namespace

void WaitFor(const c10::Device& device) {
  if (!device.is_cpu()) c10::impl::VirtualGuardImpl(device.type()).synchronizeStream(CurrentStream(device));
}

void ReleaseCachedMemory(const c10::Device& device) {
  if (!device.is_cpu()) c10::getDeviceAllocator(device.type())->emptyCache();
}

double SecondsOn(const c10::Device& device, const std::function<void()>& call) {
  if (device.is_cpu()) {
    const auto start = std::chrono::steady_clock::now();
    call();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  // The default flag of the backend is the one with times.
  c10::Event start(device.type(), c10::EventFlag::BACKEND_DEFAULT),
      stop(device.type(), c10::EventFlag::BACKEND_DEFAULT);
  const c10::Stream stream = CurrentStream(device);
  start.record(stream);
  call();
  stop.record(stream);
  stop.synchronize();
  return 1e-3 * start.elapsedTime(stop);
}

DeviceTurns TimeInTurnsOn(const c10::Device& device, const std::vector<std::function<void()>>& ways, int most_rounds,
                          const WallBudget& budget) {
  DeviceTurns turns;
  turns.seconds.resize(ways.size());
  for (int round = 0; round < most_rounds && !turns.is_cut; ++round) {
    for (size_t i = 0; i < ways.size(); ++i) turns.seconds[i].push_back(SecondsOn(device, ways[i]));
    turns.is_cut = round + 1 < most_rounds && budget.IsSpent();
  }
  return turns;
}

Yardstick DeviceProduct(const c10::Device& device, int64_t size) {
  const at::TensorOptions options = at::TensorOptions().dtype(at::kBFloat16).device(device);
  const at::Tensor a = at::randn({size, size}, options), b = at::randn({size, size}, options);
  const at::Tensor product = at::empty({size, size}, options);
  const auto side = static_cast<double>(size);
  return {.name = "bf16 product", .unit = "GFLOP", .work = 2 * side * side * side, .run = [a, b, product] {
            at::Tensor out = product;
            at::mm_out(out, a, b);
          }};
}

Yardstick DeviceCopy(const c10::Device& device, int64_t num_bytes) {
  const at::TensorOptions options = at::TensorOptions().dtype(at::kByte).device(device);
  const at::Tensor from = at::zeros({num_bytes}, options), to = at::zeros({num_bytes}, options);
  return {
      .name = "copy", .unit = "GB", .work = 2 * static_cast<double>(num_bytes), .run = [from, to] { to.copy_(from); }};
}

bool RunContestOn(const c10::Device& device, const Contest& contest, const WallBudget& budget) {
  if (!ReportAcceptance(contest)) return false;
  const Yardstick& yardstick = contest.yardstick.value();
  const int64_t our_bytes = ExtraBytes(device, contest.ours);
  ReleaseCachedMemory(device);
  const int64_t peer_bytes = ExtraBytes(device, contest.peer);
  ReleaseCachedMemory(device);
  // The memory that was given back is taken again in a round that does not count.
  TimeInTurnsOn(device, {contest.ours, contest.peer, yardstick.run}, /*most_rounds=*/1, budget);
  const DeviceTurns turns = TimeInTurnsOn(device, {contest.ours, contest.peer, yardstick.run}, kNumRounds, budget);
  const std::vector<double>&ours = turns.seconds[0], &peer = turns.seconds[1];
  const double rate = yardstick.work / Best(turns.seconds[2]);
  std::printf(
      "%-52s ours %9.3f ms  peer %9.3f ms  peer/ours %s  %s %.1f %s/s  %5.1f %% of bound  extra MB: %.0f, peer %.0f",
      contest.name.c_str(), Median(ours) * 1e3, Median(peer) * 1e3, RatioText(peer, ours).c_str(),
      yardstick.name.c_str(), rate * 1e-9, yardstick.unit.c_str(), 100 * contest.work / rate / Median(ours),
      1e-6 * static_cast<double>(our_bytes), 1e-6 * static_cast<double>(peer_bytes));
  if (turns.is_cut) {
    std::printf("  [cut after %zu of %d rounds: %.0f s are over]", ours.size(), kNumRounds, budget.seconds());
  }
  std::printf("\n");
  std::fflush(stdout);
  return true;
}

}  // namespace cohort::kernels
