// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_POLICY_REGISTRY_H_
#define COHORT_COORDINATOR_POLICY_REGISTRY_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "cohort/v1/weights.pb.h"

namespace cohort::coordinator {

// Where the policy versions of one job can be fetched from the present gang. Empty after a gang is lost: its addresses
// are dead. Not thread-safe: guarded by its owner.
class PolicyRegistry final {
 public:
  explicit PolicyRegistry(std::string_view job) : job_(job) {}

  void Publish(int64_t version, std::string_view address, std::string_view digest);
  // A version that workers load from a model folder themselves, which must hold weights of this digest.
  void PublishFolder(int64_t version, std::string_view model_path, std::string_view digest);
  // A version whose completions exist: its groups need no weights.
  void PublishStored(int64_t version) { versions_.insert(version); }
  // Versions that nobody needs any more.
  void ForgetBelow(int64_t version);
  void Clear();
  // Nullptr when the version is not published, or needs no weights.
  const cohort::v1::WeightSource* Find(int64_t version) const;
  const std::set<int64_t>& versions() const { return versions_; }

 private:
  const std::string job_;
  std::map<int64_t, cohort::v1::WeightSource> sources_;
  std::set<int64_t> versions_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_POLICY_REGISTRY_H_
