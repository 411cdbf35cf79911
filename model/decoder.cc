// SPDX-License-Identifier: Apache-2.0
#include "model/decoder.h"

#include "absl/strings/str_cat.h"
#include "model/architectures/architecture_table.h"
#include "model/architectures/transformer_decoder.h"

namespace cohort::model {

absl::StatusOr<std::unique_ptr<Decoder>> Decoder::Create(const ModelConfig& config, ParameterMap parameters,
                                                         const DecoderOptions& options) {
  // All architectures of the table are transformers; the config says in what they differ.
  if (FindArchitecture(config.architecture) != nullptr) {
    return CreateTransformerDecoder(config, std::move(parameters), options);
  }
  return absl::UnimplementedError(
      absl::StrCat("architecture: not supported (", config.architecture, "); supported: ", SupportedArchitectures()));
}

}  // namespace cohort::model
