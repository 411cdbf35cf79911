// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/logprobs_command.h"

// Shapes: T packed tokens, D hidden size, P predicted tokens (all but the first of each row).
#include <ATen/core/grad_mode.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "kernels/torch/torch_status.h"
#include "model/logprob.h"
#include "rollout_worker/offline_files.h"
#include "rollout_worker/offline_model.h"

namespace cohort::rollout_worker {
namespace {

using Json = nlohmann::ordered_json;
using TokenRows = std::vector<std::vector<int32_t>>;

// Rows are packed up to this many tokens, or one row at a time.
constexpr size_t kMaxPackedTokens = 8192;

absl::Status CheckRows(const LogprobsOptions& options, const TokenRows& rows, const model::ModelConfig& config) {
  for (size_t i = 0; i < rows.size(); ++i) {
    const int64_t length = static_cast<int64_t>(rows[i].size());
    if (length > config.max_position_embeddings) {
      return InRow(options.input, i,
                   absl::InvalidArgumentError(absl::StrCat("token_ids: longer than the context (", length,
                                                           " tokens, context ", config.max_position_embeddings, ")")));
    }
    for (const int32_t id : rows[i]) {
      if (id < config.vocab_size) continue;
      return InRow(options.input, i,
                   absl::InvalidArgumentError(absl::StrCat("token_ids: token id outside the vocabulary of ",
                                                           config.vocab_size, " (", id, ")")));
    }
  }
  return absl::OkStatus();
}

// JSON has no word for NaN and infinity.
absl::Status CheckFinite(const float* values, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (!std::isfinite(values[i])) {
      return absl::InternalError(
          absl::StrCat("the model gives token ", i + 1, " no finite log-prob (", values[i], ")"));
    }
  }
  return absl::OkStatus();
}

// Rows first..last-1.
absl::Status AppendRows(const LogprobsOptions& options, const TokenRows& rows, size_t first, size_t last,
                        const model::Decoder& decoder, std::string* output) {
  const at::NoGradGuard no_grad;
  model::PackedBatch batch;
  batch.cu_seqlens.push_back(0);
  std::vector<int64_t> predicting_P;
  std::vector<int32_t> targets_P;
  for (size_t i = first; i < last; ++i) {
    for (size_t t = 0; t < rows[i].size(); ++t) {
      if (t + 1 < rows[i].size()) predicting_P.push_back(static_cast<int64_t>(batch.token_ids.size()));
      if (t > 0) targets_P.push_back(rows[i][t]);
      batch.token_ids.push_back(rows[i][t]);
    }
    batch.cu_seqlens.push_back(static_cast<int32_t>(batch.token_ids.size()));
  }
  COHORT_ASSIGN_OR_RETURN(const at::Tensor hidden_TD, decoder.ForwardPacked(batch));
  const at::Tensor index_P = at::tensor(at::ArrayRef<int64_t>(predicting_P), at::kLong).to(hidden_TD.device());
  COHORT_ASSIGN_OR_RETURN(const model::TokenLogprobs result,
                          model::ComputeTokenLogprobs(at::index_select(hidden_TD, 0, index_P), decoder.OutputWeight(),
                                                      targets_P, options.temperature));
  const at::Tensor logprobs_P = result.logprobs_T.cpu();
  const at::Tensor entropies_P = result.entropies_T.cpu();
  const float* logprobs = logprobs_P.const_data_ptr<float>();
  const float* entropies = entropies_P.const_data_ptr<float>();
  for (size_t i = first; i < last; ++i) {
    const size_t count = rows[i].size() - 1;
    COHORT_RETURN_IF_ERROR(InRow(options.input, i, CheckFinite(logprobs, count)));
    COHORT_RETURN_IF_ERROR(InRow(options.input, i, CheckFinite(entropies, count)));
    const Json line = {{"row", i},
                       {"logprobs", std::vector<float>(logprobs, logprobs + count)},
                       {"entropies", std::vector<float>(entropies, entropies + count)}};
    absl::StrAppend(output, line.dump(), "\n");
    logprobs += count;
    entropies += count;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RunLogprobs(const LogprobsOptions& options, common::Clock* clock) {
  if (!(std::isfinite(options.temperature) && options.temperature > 0)) {
    return absl::InvalidArgumentError(absl::StrCat("--temperature: must be above 0 (", options.temperature, ")"));
  }
  COHORT_RETURN_IF_ERROR(CheckOutputPath(options.output));
  COHORT_ASSIGN_OR_RETURN(const TokenRows rows, ReadTokenIds(options.input));
  COHORT_ASSIGN_OR_RETURN(const OfflineModel model, LoadOfflineModel(options.model, options.device, options.precision));
  COHORT_RETURN_IF_ERROR(CheckRows(options, rows, model.decoder->config()));
  const absl::Duration start = clock->Monotonic();
  std::string output;
  for (size_t first = 0, last = 0; first < rows.size(); first = last) {
    size_t num_tokens = 0;
    do {
      num_tokens += rows[last++].size();
    } while (last < rows.size() && num_tokens + rows[last].size() <= kMaxPackedTokens);
    COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch(
        "computing log-probs", [&] { return AppendRows(options, rows, first, last, *model.decoder, &output); }));
  }
  const double seconds = absl::ToDoubleSeconds(clock->Monotonic() - start);
  COHORT_RETURN_IF_ERROR(common::WriteFileAtomically(options.output, output));
  log::Info("logprobs_computed", {{"rows", rows.size()}, {"seconds", seconds}, {"output", options.output}});
  return absl::OkStatus();
}

}  // namespace cohort::rollout_worker
