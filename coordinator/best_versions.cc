// SPDX-License-Identifier: Apache-2.0
#include "coordinator/best_versions.h"

#include <algorithm>

namespace cohort::coordinator {
namespace {

using cohort::v1::VersionAccuracy;

bool IsBetter(const VersionAccuracy& a, const VersionAccuracy& b) {
  if (a.accuracy() != b.accuracy()) return a.accuracy() > b.accuracy();
  return a.policy_version() > b.policy_version();
}

template <typename Predicate>
void Forget(const Predicate& is_forgotten, BestVersions* best) {
  best->erase(std::remove_if(best->begin(), best->end(), is_forgotten), best->end());
}

}  // namespace

void AddVersion(const VersionAccuracy& result, int keep_best, const SealedVersions& sealed, BestVersions* best) {
  Forget([&](const VersionAccuracy& one) { return one.policy_version() == result.policy_version(); }, best);
  if (result.policy_version() > 0) *best->Add() = result;
  std::sort(best->begin(), best->end(), IsBetter);
  int num_sealed = 0;
  Forget(
      [&](const VersionAccuracy& one) {
        if (sealed.is_sealed(one.policy_version())) return ++num_sealed > keep_best;
        // Its checkpoint may still be on its way; not so when a newer one has come.
        return one.policy_version() < sealed.newest;
      },
      best);
}

void ForgetVersionsFrom(int64_t version, BestVersions* best) {
  Forget([version](const VersionAccuracy& one) { return one.policy_version() >= version; }, best);
}

std::vector<int64_t> KeptVersions(const BestVersions& best, int keep_best, const SealedVersions& sealed) {
  std::vector<int64_t> kept;
  for (const VersionAccuracy& one : best) {
    if (static_cast<int>(kept.size()) == keep_best) break;
    if (sealed.is_sealed(one.policy_version())) kept.push_back(one.policy_version());
  }
  return kept;
}

}  // namespace cohort::coordinator
