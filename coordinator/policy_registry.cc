// SPDX-License-Identifier: Apache-2.0
#include "coordinator/policy_registry.h"

namespace cohort::coordinator {

void PolicyRegistry::Publish(int64_t version, std::string_view address, std::string_view digest) {
  cohort::v1::WeightSource& source = sources_[version];
  source.set_job(job_);
  source.set_policy_version(version);
  source.set_address(std::string(address));
  source.set_digest(std::string(digest));
  versions_.insert(version);
}

void PolicyRegistry::PublishFolder(int64_t version, std::string_view model_path, std::string_view digest) {
  Publish(version, /*address=*/"", digest);
  sources_[version].set_model_path(std::string(model_path));
}

void PolicyRegistry::ForgetBelow(int64_t version) {
  sources_.erase(sources_.begin(), sources_.lower_bound(version));
  versions_.erase(versions_.begin(), versions_.lower_bound(version));
}

void PolicyRegistry::Clear() {
  sources_.clear();
  versions_.clear();
}

const cohort::v1::WeightSource* PolicyRegistry::Find(int64_t version) const {
  const auto it = sources_.find(version);
  return it == sources_.end() ? nullptr : &it->second;
}

}  // namespace cohort::coordinator
