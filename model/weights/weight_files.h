// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHTS_WEIGHT_FILES_H_
#define COHORT_MODEL_WEIGHTS_WEIGHT_FILES_H_

// Torch-free.
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/architectures/parameter_spec.h"
#include "model/weights/safetensors_reader.h"

namespace cohort::model {

// The safetensors files of one model folder: model.safetensors, or the shards that model.safetensors.index.json names.
// Immutable, thread-safe.
class WeightFiles final {
 public:
  struct Tensor {
    const SafetensorsReader* file;
    const SafetensorsEntry* entry;
    absl::Status Read(int64_t first, int64_t count, char* bytes) const {
      return file->Read(*entry, first, count, bytes);
    }
  };

  // Errors name the file, and the tensor where one is to blame: an index that disagrees with its shards, a tensor in
  // two.
  static absl::StatusOr<WeightFiles> Open(std::string_view directory);

  // INVALID_ARGUMENT unless every parameter is there with its shape in F32, BF16 or F16, and nothing else. A tied model
  // may carry a copy of its embedding as lm_head.weight, byte for byte the same, and any model the buffers
  // model.layers.N.self_attn.rotary_emb.inv_freq, which are ignored.
  absl::Status Check(const std::vector<ParameterSpec>& parameters, bool tie_word_embeddings) const;

  // In the order of their names; never empty.
  const std::vector<std::unique_ptr<SafetensorsReader>>& files() const { return files_; }
  // `name` must have passed Check.
  const Tensor& Get(const std::string& name) const { return tensors_.at(name); }

 private:
  explicit WeightFiles(std::string_view directory) : directory_(directory) {}
  absl::Status AddFile(const std::string& file_name);
  absl::Status CheckIndex(const std::map<std::string, std::string>& file_of_tensor,
                          const std::string& index_path) const;
  absl::Status CheckTiedHead(const Tensor& head) const;

  std::string directory_;
  std::vector<std::unique_ptr<SafetensorsReader>> files_;
  std::map<std::string, Tensor> tensors_;
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHTS_WEIGHT_FILES_H_
