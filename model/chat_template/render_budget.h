// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_RENDER_BUDGET_H_
#define COHORT_MODEL_CHAT_TEMPLATE_RENDER_BUDGET_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/chat_template/objects.h"
#include "model/chat_template/value.h"

namespace cohort::model::chat_template {

// Bounds of one rendering. All deterministic: a row renders everywhere or nowhere.
struct RenderLimits {
  int64_t max_steps = 2'000'000;          // evaluated nodes, and 64 bytes of text looked through count as one
  int64_t max_value_bytes = 256ll << 20;  // of all values made, living or not
  int64_t max_output_bytes = 16ll << 20;  // of the rendered text
  int max_depth = 400;                    // of nested statements, expressions and macro calls
  int max_value_depth = 150;              // of containers in containers
};

// What one rendering may use and has used, and the maker of its values. RESOURCE_EXHAUSTED says which bound was met.
// Values that can refer to each other in a cycle are kept until it is destroyed. Not thread-safe.
class RenderBudget final {
 public:
  explicit RenderBudget(const RenderLimits& limits) : limits_(limits) {}
  RenderBudget(const RenderBudget&) = delete;
  RenderBudget& operator=(const RenderBudget&) = delete;
  ~RenderBudget();

  absl::Status Step(int64_t num_steps = 1);
  // For work that is linear in `num_bytes` of text.
  absl::Status Scan(int64_t num_bytes) { return Step(1 + num_bytes / 64); }
  absl::Status Reserve(int64_t num_bytes);
  // Counts one more level of nesting; undone by Leave, which must follow every Enter.
  absl::Status Enter();
  void Leave() { --depth_; }

  absl::StatusOr<Value> String(std::string text, bool is_markup = false);
  // `kind` is one that has items.
  absl::StatusOr<Value> Sequence(Value::Kind kind, std::vector<Value> values, const char* view = "");
  // A later entry of an equal key takes the place of the earlier one.
  absl::StatusOr<Value> Dictionary(const std::vector<std::pair<Value, Value>>& entries);
  // A dictionary key as bytes: equal for keys that Python holds for equal (1, 1.0 and True). INVALID_ARGUMENT for what
  // cannot be hashed.
  absl::StatusOr<std::string> KeyOf(const Value& key);
  void Keep(std::shared_ptr<Cyclic> object) { kept_.push_back(std::move(object)); }

  const RenderLimits& limits() const { return limits_; }

 private:
  const RenderLimits limits_;
  int64_t num_steps_ = 0;
  int64_t num_bytes_ = 0;
  int depth_ = 0;
  std::vector<std::shared_ptr<Cyclic>> kept_;
};

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_RENDER_BUDGET_H_
