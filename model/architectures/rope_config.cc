// SPDX-License-Identifier: Apache-2.0
#include "model/architectures/rope_config.h"

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace cohort::model {
namespace {

constexpr double kDefaultTheta = 10000.0;
constexpr double kMaxFactor = 1e6;  // far above any real model
constexpr int64_t kMaxPositions = int64_t{1} << 22;

// One of the two objects that may describe the rotation.
struct RopeDescription {
  std::optional<double> theta;
  std::optional<Llama3RopeScaling> scaling;
};

// Older files say `type`, newer ones `rope_type`, some both.
absl::StatusOr<std::string> ReadType(const JsonFields& rope, const JsonFields& fields, std::string_view key) {
  COHORT_ASSIGN_OR_RETURN(const std::string older, rope.StringOr("type", "default"));
  COHORT_ASSIGN_OR_RETURN(const std::string type, rope.StringOr("rope_type", older));
  if (rope.Find("type") != nullptr && older != type) return fields.Invalid(key, "rope_type and type disagree");
  if (type != "default" && type != "llama3") {
    return fields.Unsupported(key, absl::StrCat("rope_type ", type, " is not supported, only default and llama3 are"));
  }
  return type;
}

absl::StatusOr<double> RequiredFactor(const JsonFields& rope, std::string_view key) {
  if (rope.Find(key) == nullptr) return rope.Invalid(key, "is missing, rope_type llama3 needs it");
  COHORT_ASSIGN_OR_RETURN(const double factor, rope.PositiveOr(key, 1.0));
  if (factor > kMaxFactor) return rope.Invalid(key, absl::StrCat("must be at most ", kMaxFactor));
  return factor;
}

absl::StatusOr<Llama3RopeScaling> ReadLlama3Scaling(const JsonFields& rope) {
  Llama3RopeScaling scaling;
  COHORT_ASSIGN_OR_RETURN(scaling.factor, RequiredFactor(rope, "factor"));
  COHORT_ASSIGN_OR_RETURN(scaling.low_freq_factor, RequiredFactor(rope, "low_freq_factor"));
  COHORT_ASSIGN_OR_RETURN(scaling.high_freq_factor, RequiredFactor(rope, "high_freq_factor"));
  COHORT_ASSIGN_OR_RETURN(scaling.original_max_position_embeddings,
                          rope.Integer("original_max_position_embeddings", 1, kMaxPositions));
  if (scaling.factor < 1) return rope.Invalid("factor", "must be at least 1");
  if (scaling.high_freq_factor <= scaling.low_freq_factor) {
    return rope.Invalid("high_freq_factor",
                        absl::StrCat("must be greater than low_freq_factor ", scaling.low_freq_factor));
  }
  return scaling;
}

bool IsKeyOf(std::string_view type, std::string_view key) {
  if (key == "rope_type" || key == "type" || key == "rope_theta") return true;
  return type == "llama3" && (key == "factor" || key == "low_freq_factor" || key == "high_freq_factor" ||
                              key == "original_max_position_embeddings");
}

absl::StatusOr<RopeDescription> ReadDescription(const JsonFields& fields, std::string_view key) {
  RopeDescription description;
  const nlohmann::json* object = fields.Find(key);
  if (object == nullptr) return description;
  if (!object->is_object()) return fields.Invalid(key, "must be an object");
  const std::string place = absl::StrCat(std::string(fields.file()), ": ", std::string(key));
  const JsonFields rope(*object, place);
  COHORT_ASSIGN_OR_RETURN(const std::string type, ReadType(rope, fields, key));
  for (const auto& [name, value] : object->items()) {
    const bool is_neutral = value.is_null() || (name == "partial_rotary_factor" && value == 1.0);
    if (!is_neutral && !IsKeyOf(type, name)) {
      return rope.Unsupported(name, absl::StrCat("is not supported with rope_type ", type));
    }
  }
  if (rope.Find("rope_theta") != nullptr) {
    COHORT_ASSIGN_OR_RETURN(description.theta, rope.PositiveOr("rope_theta", kDefaultTheta));
  }
  if (type == "llama3") {
    COHORT_ASSIGN_OR_RETURN(description.scaling, ReadLlama3Scaling(rope));
  }
  return description;
}

// The one theta of the places that may give it.
absl::StatusOr<double> ReadTheta(const JsonFields& fields, const RopeDescription& scaling,
                                 const RopeDescription& parameters) {
  std::optional<double> theta;
  if (fields.Find("rope_theta") != nullptr) {
    COHORT_ASSIGN_OR_RETURN(theta, fields.PositiveOr("rope_theta", kDefaultTheta));
  }
  for (const std::optional<double>& given : {scaling.theta, parameters.theta}) {
    if (given.has_value() && theta.has_value() && *given != *theta) {
      return fields.Invalid("rope_theta", absl::StrCat("is given twice, as ", *theta, " and as ", *given));
    }
    if (given.has_value()) theta = given;
  }
  return theta.value_or(kDefaultTheta);
}

}  // namespace

absl::Status ReadRope(const JsonFields& fields, ModelConfig* config) {
  COHORT_ASSIGN_OR_RETURN(const RopeDescription scaling, ReadDescription(fields, "rope_scaling"));
  COHORT_ASSIGN_OR_RETURN(const RopeDescription parameters, ReadDescription(fields, "rope_parameters"));
  COHORT_ASSIGN_OR_RETURN(config->rope_theta, ReadTheta(fields, scaling, parameters));
  const bool has_both = fields.Find("rope_scaling") != nullptr && fields.Find("rope_parameters") != nullptr;
  if (has_both && scaling.scaling != parameters.scaling) {
    return fields.Invalid("rope_parameters", "disagrees with rope_scaling");
  }
  config->rope_scaling = scaling.scaling.has_value() ? scaling.scaling : parameters.scaling;
  // Some models keep this beside the rotation's own keys, where transformers lets it win.
  if (fields.Find("original_max_position_embeddings") != nullptr) {
    return fields.Unsupported("original_max_position_embeddings", "is supported inside rope_scaling alone");
  }
  const nlohmann::json* partial = fields.Find("partial_rotary_factor");
  if (partial != nullptr && *partial != 1.0) {
    return fields.Unsupported("partial_rotary_factor", "rotating a part of a head is not supported");
  }
  return absl::OkStatus();
}

}  // namespace cohort::model
