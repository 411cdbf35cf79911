// SPDX-License-Identifier: Apache-2.0
#include "learner/step_reduction.h"

#include <cstddef>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"
#include "learner/number_reduction.h"

namespace cohort::learner {
namespace {

constexpr size_t kComparedBytes = 6;  // 48 bits are exact in a double

double Fingerprint(std::string_view digest) {
  double value = 0;
  for (size_t i = 0; i < kComparedBytes && i < digest.size(); ++i) {
    value = value * 256 + static_cast<unsigned char>(digest[i]);
  }
  return value;
}

}  // namespace

absl::Status ReduceOverRanks(model::ProcessGroup* group, const at::Device& device, std::string_view weight_digest,
                             StepTotals* totals, std::vector<double>* timings) {
  return kernels::StatusFromTorch("step totals", [&]() -> absl::Status {
    std::vector<double> sums = totals->Sums();
    std::vector<double> maxima = totals->Maxima();
    const size_t num_maxima = maxima.size();
    maxima.insert(maxima.end(), timings->begin(), timings->end());
    const double fingerprint = Fingerprint(weight_digest);
    maxima.push_back(fingerprint);
    maxima.push_back(-fingerprint);
    COHORT_RETURN_IF_ERROR(ReduceNumbers(group, device, &sums, &maxima));
    totals->SetSums(sums);
    const double smallest = -maxima.back();
    maxima.pop_back();
    const double largest = maxima.back();
    maxima.pop_back();
    timings->assign(maxima.begin() + static_cast<std::ptrdiff_t>(num_maxima), maxima.end());
    maxima.resize(num_maxima);
    totals->SetMaxima(maxima);
    if (smallest != largest) {
      return absl::DataLossError(absl::StrCat("weights differ between ranks (digest ", common::HexOf(weight_digest),
                                              " on rank ", group->rank(), ")"));
    }
    return absl::OkStatus();
  });
}

}  // namespace cohort::learner
