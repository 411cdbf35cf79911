// SPDX-License-Identifier: Apache-2.0
// The reading half of value_json.h.
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "model/chat_template/value_json.h"

namespace cohort::model::chat_template {
namespace {

constexpr size_t kShownBytes = 80;

// Builds values from the parser's events. A document tree between would keep its objects in a list that is searched.
class ValueBuilder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit ValueBuilder(RenderBudget* budget) : budget_(budget) {}

  bool null() override { return Add(Value()); }
  bool boolean(bool value) override { return Add(Value::Bool(value)); }
  bool number_integer(number_integer_t value) override { return Add(Value::Integer(value)); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value <= static_cast<uint64_t>(INT64_MAX)) return Add(Value::Integer(static_cast<int64_t>(value)));
    return Fail(absl::InvalidArgumentError(absl::StrCat("an integer of more than 64 bits (", value, ")")));
  }
  bool number_float(number_float_t value, const string_t& text) override {
    if (text.find_first_of(".eE") != string_t::npos) return Add(Value::Float(value));
    return Fail(absl::InvalidArgumentError(
        absl::StrCat("an integer of more than 64 bits (", common::Printable(text, kShownBytes), ")")));
  }
  bool string(string_t& value) override { return Add(budget_->String(std::move(value))); }
  bool binary(binary_t&) override { return Fail(absl::InvalidArgumentError("binary JSON")); }
  bool start_object(size_t) override { return Open(/*is_object=*/true); }
  bool start_array(size_t) override { return Open(/*is_object=*/false); }
  bool key(string_t& name) override {
    absl::StatusOr<Value> value = budget_->String(std::move(name));
    if (!value.ok()) return Fail(value.status());
    open_.back().key = *std::move(value);
    return true;
  }
  bool end_object() override {
    const Container closed = Close();
    return Add(budget_->Dictionary(closed.entries));
  }
  bool end_array() override {
    Container closed = Close();
    return Add(budget_->Sequence(Value::Kind::kList, std::move(closed.items)));
  }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception& error) override {
    return Fail(
        absl::InvalidArgumentError(absl::StrCat("not valid JSON: ", common::Printable(error.what(), kShownBytes))));
  }

  absl::StatusOr<Value> Take() {
    if (!status_.ok()) return status_;
    return std::move(document_);
  }

 private:
  struct Container {
    bool is_object = false;
    Value key;
    std::vector<std::pair<Value, Value>> entries;
    std::vector<Value> items;
  };

  bool Fail(const absl::Status& status) {
    if (status_.ok()) status_ = status;
    return false;
  }

  bool Open(bool is_object) {
    if (static_cast<int>(open_.size()) >= budget_->limits().max_value_depth) {
      return Fail(absl::InvalidArgumentError("JSON that is nested too deeply"));
    }
    open_.emplace_back();
    open_.back().is_object = is_object;
    return true;
  }

  Container Close() {
    Container closed = std::move(open_.back());
    open_.pop_back();
    return closed;
  }

  bool Add(absl::StatusOr<Value> value) {
    if (!value.ok()) return Fail(value.status());
    const absl::Status reserved = budget_->Reserve(sizeof(Value));
    if (!reserved.ok()) return Fail(reserved);
    if (open_.empty()) {
      document_ = *std::move(value);
    } else if (open_.back().is_object) {
      open_.back().entries.emplace_back(open_.back().key, *std::move(value));
    } else {
      open_.back().items.push_back(*std::move(value));
    }
    return true;
  }

  RenderBudget* budget_;
  absl::Status status_;
  std::vector<Container> open_;
  Value document_;
};

}  // namespace

absl::StatusOr<Value> ParseJsonValue(std::string_view text, RenderBudget* budget) {
  ValueBuilder builder(budget);
  nlohmann::json::sax_parse(text, &builder);
  return builder.Take();
}

}  // namespace cohort::model::chat_template
