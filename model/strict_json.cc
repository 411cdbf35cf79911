// SPDX-License-Identifier: Apache-2.0
#include "model/strict_json.h"

#include <cmath>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/json_depth.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "model/regular_file.h"

namespace cohort::model {
namespace {

using nlohmann::json;

absl::string_view View(std::string_view text) { return absl::string_view(text.data(), text.size()); }

// Text of a file in a message is cut and made printable: a hostile file must not make a hostile log line.
std::string Shorten(std::string_view text) { return common::Printable(text, /*max_bytes=*/80); }

}  // namespace

absl::StatusOr<json> ParseJsonObject(std::string_view text, std::string_view file) {
  const size_t too_deep = common::FindTooDeep(text);
  if (too_deep != std::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(View(file), ": is nested deeper than ", common::kMaxJsonDepth, " levels (byte ", too_deep, ")"));
  }
  std::vector<std::set<std::string>> keys_of_open_objects;
  std::string duplicate;
  const auto watch_keys = [&](int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) {
      keys_of_open_objects.emplace_back();
    } else if (event == json::parse_event_t::object_end) {
      keys_of_open_objects.pop_back();
    } else if (event == json::parse_event_t::key) {
      auto key = parsed.get<std::string>();
      if (!keys_of_open_objects.back().insert(key).second && duplicate.empty()) duplicate = key.empty() ? "\"\"" : key;
    }
    return true;
  };
  json document;
  try {
    document = json::parse(text.begin(), text.end(), watch_keys);
  } catch (const json::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(View(file), ": not valid JSON: ", Shorten(error.what())));
  }
  if (!duplicate.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(View(file), ": ", Shorten(duplicate), ": key is given twice"));
  }
  if (!document.is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(View(file), ": not a JSON object (", document.type_name(), ")"));
  }
  return document;
}

absl::StatusOr<json> ReadJsonObject(const std::string& path) {
  COHORT_ASSIGN_OR_RETURN(const std::string text, ReadRegularFile(path));
  return ParseJsonObject(text, path);
}

bool JsonFields::IsNull(std::string_view key) const {
  const auto found = object_.find(key);
  return found != object_.end() && found->is_null();
}

const json* JsonFields::Find(std::string_view key) const {
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

absl::StatusOr<int64_t> JsonFields::Integer(std::string_view key, int64_t low, int64_t high) const {
  const json* value = Find(key);
  if (value == nullptr) return Invalid(key, "is missing");
  const bool fits = value->is_number_integer() &&
                    !(value->is_number_unsigned() && value->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX));
  if (!fits || value->get<int64_t>() < low || value->get<int64_t>() > high) {
    return Invalid(key, absl::StrCat("must be an integer from ", low, " to ", high));
  }
  return value->get<int64_t>();
}

absl::StatusOr<int64_t> JsonFields::IntegerOr(std::string_view key, int64_t fallback, int64_t low, int64_t high) const {
  if (Find(key) == nullptr) return fallback;
  return Integer(key, low, high);
}

absl::StatusOr<double> JsonFields::PositiveOr(std::string_view key, double fallback) const {
  const json* value = Find(key);
  if (value == nullptr) return fallback;
  if (!value->is_number() || !std::isfinite(value->get<double>()) || value->get<double>() <= 0) {
    return Invalid(key, "must be a number greater than 0");
  }
  return value->get<double>();
}

absl::StatusOr<bool> JsonFields::BoolOr(std::string_view key, bool fallback) const {
  const json* value = Find(key);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) return Invalid(key, "must be true or false");
  return value->get<bool>();
}

absl::StatusOr<std::string> JsonFields::StringOr(std::string_view key, std::string_view fallback) const {
  const json* value = Find(key);
  if (value == nullptr) return std::string(fallback);
  if (!value->is_string()) return Invalid(key, "must be a string");
  return value->get<std::string>();
}

std::string JsonFields::Describe(std::string_view key, std::string_view why) const {
  std::string text = absl::StrCat(View(file_), ": ", Shorten(key), ": ", View(why));
  if (const json* value = Find(key)) {
    absl::StrAppend(&text, " (", Shorten(value->dump(-1, ' ', false, json::error_handler_t::replace)), ")");
  }
  return text;
}

absl::Status JsonFields::Invalid(std::string_view key, std::string_view why) const {
  return absl::InvalidArgumentError(Describe(key, why));
}

absl::Status JsonFields::Unsupported(std::string_view key, std::string_view why) const {
  return absl::UnimplementedError(Describe(key, why));
}

}  // namespace cohort::model
