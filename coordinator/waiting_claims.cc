// SPDX-License-Identifier: Apache-2.0
#include "coordinator/waiting_claims.h"

#include "coordinator/device_match.h"

namespace cohort::coordinator {
namespace {

template <typename Key>
void Erase(const Key& key, int64_t ticket, std::map<Key, std::set<int64_t>>* order) {
  const auto it = order->find(key);
  it->second.erase(ticket);
  if (it->second.empty()) order->erase(it);
}

}  // namespace

WaitingClaims::Device WaitingClaims::DeviceOf(const WaitingClaim& claim) {
  const cohort::v1::WorkerDescription& worker = claim.request->worker();
  return {std::string(DeviceKind(worker.device())), worker.memory_bytes()};
}

void WaitingClaims::Add(int64_t ticket, WaitingClaim claim) {
  deadlines_.emplace(claim.deadline, ticket);
  by_device_[DeviceOf(claim)].insert(ticket);
  by_worker_[claim.request->worker().worker_id()].insert(ticket);
  claims_.emplace(ticket, std::move(claim));
}

std::optional<WaitingClaim> WaitingClaims::Take(int64_t ticket) {
  const auto it = claims_.find(ticket);
  if (it == claims_.end()) return std::nullopt;
  WaitingClaim claim = std::move(it->second);
  claims_.erase(it);
  deadlines_.erase({claim.deadline, ticket});
  Erase(DeviceOf(claim), ticket, &by_device_);
  Erase(claim.request->worker().worker_id(), ticket, &by_worker_);
  return claim;
}

int64_t WaitingClaims::NextAfter(int64_t ticket, const std::vector<GroupOffer>& offers) const {
  int64_t next = 0;
  const auto consider = [ticket, &next](const Tickets& tickets) {
    const auto it = tickets.upper_bound(ticket);
    if (it != tickets.end() && (next == 0 || *it < next)) next = *it;
  };
  for (const GroupOffer& offer : offers) {
    if (!offer.is_for_all) continue;
    for (const auto& [device, tickets] : by_device_) {
      if (Meets(offer.requirement, device.first, device.second)) consider(tickets);
    }
  }
  for (const GroupOffer& offer : offers) {
    if (offer.is_for_all) continue;
    for (const std::string& worker : offer.workers) {
      // It holds groups of the job: its device will do.
      const auto it = by_worker_.find(worker);
      if (it != by_worker_.end()) consider(it->second);
    }
  }
  return next;
}

int64_t WaitingClaims::NextDue(absl::Time now) const {
  const bool is_due = !deadlines_.empty() && deadlines_.begin()->first <= now;
  return is_due ? deadlines_.begin()->second : 0;
}

}  // namespace cohort::coordinator
