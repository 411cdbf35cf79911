// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_STRICT_JSON_H_
#define COHORT_MODEL_STRICT_JSON_H_

// Torch-free.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cohort::model {

// Parses one JSON object. INVALID_ARGUMENT names `file` and the position or the key: malformed text, nesting that is
// too deep, a key given twice in one object, or a document that is not an object.
absl::StatusOr<nlohmann::json> ParseJsonObject(std::string_view text, std::string_view file);

// The same for a file (see ReadRegularFile).
absl::StatusOr<nlohmann::json> ReadJsonObject(const std::string& path);

// Typed access to the keys of one object, with errors that name file, key and value. Not thread-safe; the object and
// the file name must outlive it.
class JsonFields final {
 public:
  JsonFields(const nlohmann::json& object, std::string_view file) : object_(object), file_(file) {}

  // Whether the key is there with the value null, which to some keys means more than absence.
  bool IsNull(std::string_view key) const;
  // Null when the key is absent or its value is null.
  const nlohmann::json* Find(std::string_view key) const;
  // A required integer within [low, high].
  absl::StatusOr<int64_t> Integer(std::string_view key, int64_t low, int64_t high) const;
  // An optional one.
  absl::StatusOr<int64_t> IntegerOr(std::string_view key, int64_t fallback, int64_t low, int64_t high) const;
  // A finite number greater than zero.
  absl::StatusOr<double> PositiveOr(std::string_view key, double fallback) const;
  absl::StatusOr<bool> BoolOr(std::string_view key, bool fallback) const;
  absl::StatusOr<std::string> StringOr(std::string_view key, std::string_view fallback) const;

  // "<file>: <key>: <why> (<value>)".
  absl::Status Invalid(std::string_view key, std::string_view why) const;
  absl::Status Unsupported(std::string_view key, std::string_view why) const;
  std::string_view file() const { return file_; }

 private:
  std::string Describe(std::string_view key, std::string_view why) const;

  const nlohmann::json& object_;
  std::string_view file_;
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_STRICT_JSON_H_
