// SPDX-License-Identifier: Apache-2.0
#include "model/architectures/parameter_lookup.h"

#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace cohort::model {
namespace {

absl::Status Bad(const std::string& name, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat("parameter ", name, ": ", why));
}

}  // namespace

absl::StatusOr<ParameterMap> ArrangeParameters(const std::vector<ParameterSpec>& specs, const ParameterMap& parameters,
                                               Precision precision) {
  const bool is_bf16 = precision == Precision::kBf16;
  std::unordered_map<std::string, at::Tensor> by_name;
  for (const auto& [name, tensor] : parameters.entries) {
    if (!by_name.emplace(name, tensor).second) return Bad(name, "is given twice");
  }
  ParameterMap arranged;
  for (const ParameterSpec& spec : specs) {
    const auto found = by_name.find(spec.name);
    if (found == by_name.end() || !found->second.defined()) return Bad(spec.name, "is missing");
    const at::Tensor& tensor = found->second;
    if (tensor.sizes() != at::IntArrayRef(spec.shape)) {
      return Bad(spec.name, absl::StrCat("shape is [", absl::StrJoin(tensor.sizes(), ", "), "], the model needs [",
                                         absl::StrJoin(spec.shape, ", "), "]"));
    }
    const at::Tensor& first = arranged.entries.empty() ? tensor : arranged.entries[0].second;
    const at::ScalarType other_type = is_bf16 ? at::kBFloat16 : at::kDouble;
    if ((tensor.scalar_type() != at::kFloat && tensor.scalar_type() != other_type) ||
        tensor.scalar_type() != first.scalar_type() || tensor.device() != first.device() || !tensor.is_contiguous()) {
      return Bad(spec.name, absl::StrCat("must be contiguous fp32 or ", is_bf16 ? "bf16" : "fp64",
                                         ", of one type and on one device with the others"));
    }
    arranged.entries.emplace_back(spec.name, tensor);
    by_name.erase(found);
  }
  if (!by_name.empty()) return Bad(by_name.begin()->first, "the architecture has no such parameter");
  return arranged;
}

}  // namespace cohort::model
