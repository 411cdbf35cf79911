// SPDX-License-Identifier: Apache-2.0
#include "model/architectures/architecture_table.h"

#include "absl/strings/str_cat.h"
#include "model/architectures/llama.h"
#include "model/architectures/mistral.h"
#include "model/architectures/qwen2.h"
#include "model/architectures/qwen3.h"
#include "model/architectures/transformer_parameters.h"

namespace cohort::model {
namespace {

constexpr Architecture kArchitectures[] = {
    {kQwen2Architecture, &ReadQwen2Config, &TransformerParameters},
    {kQwen3Architecture, &ReadQwen3Config, &TransformerParameters},
    {kLlamaArchitecture, &ReadLlamaConfig, &TransformerParameters},
    {kMistralArchitecture, &ReadMistralConfig, &TransformerParameters},
};

}  // namespace

const Architecture* FindArchitecture(std::string_view name) {
  for (const Architecture& architecture : kArchitectures) {
    if (architecture.name == name) return &architecture;
  }
  return nullptr;
}

std::string SupportedArchitectures() {
  std::string names;
  for (const Architecture& architecture : kArchitectures) {
    absl::StrAppend(&names, names.empty() ? "" : ", ", std::string(architecture.name));
  }
  return names;
}

}  // namespace cohort::model
