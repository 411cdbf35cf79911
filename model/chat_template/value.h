// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_VALUE_H_
#define COHORT_MODEL_CHAT_TEMPLATE_VALUE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace cohort::model::chat_template {

// What a Value refers to when it is more than a number.
struct Object {
  virtual ~Object() = default;
  // Levels of objects that it holds, itself included: they are destroyed one inside the other. 0 for what holds none,
  // and for what a RenderBudget keeps.
  int depth = 0;
};

// A value of the template language: what Python's object is to jinja2. Copies share what they refer to, which is
// immutable but for iterators, loops and namespaces. Strings and containers are made by a RenderBudget. Not
// thread-safe.
class Value final {
 public:
  enum class Kind {
    kNone,
    kUndefined,
    kBool,
    kInteger,
    kFloat,
    kString,
    kList,
    kTuple,
    kDict,
    kRange,
    kView,      // dict.keys() and its kin
    kIterator,  // what map, select and their kin give; can be read once
    kNamespace,
    kLoop,
    kCallable,
  };

  Value() = default;  // None
  Value(Kind kind, std::shared_ptr<Object> object) : kind_(kind), object_(std::move(object)) {}
  static Value Bool(bool value) { return Value(Kind::kBool, value ? 1 : 0, 0); }
  static Value Integer(int64_t value) { return Value(Kind::kInteger, value, 0); }
  static Value Float(double value) { return Value(Kind::kFloat, 0, value); }
  // `why` is said when the value is used: "'name' is undefined".
  static Value Undefined(std::string why);

  Kind kind() const { return kind_; }
  bool Is(Kind kind) const { return kind_ == kind; }
  bool IsNone() const { return kind_ == Kind::kNone; }
  bool IsUndefined() const { return kind_ == Kind::kUndefined; }
  bool IsString() const { return kind_ == Kind::kString; }
  // A bool is an integer, as in Python.
  bool IsInteger() const { return kind_ == Kind::kInteger || kind_ == Kind::kBool; }
  bool IsNumber() const { return IsInteger() || kind_ == Kind::kFloat; }
  // Whether items() holds.
  bool HasItems() const {
    return kind_ == Kind::kList || kind_ == Kind::kTuple || kind_ == Kind::kView || kind_ == Kind::kIterator;
  }

  int64_t integer() const { return integer_; }
  double number() const { return kind_ == Kind::kFloat ? float_ : static_cast<double>(integer_); }
  // Of a string, or why it is undefined.
  const std::string& text() const;
  // A string that the filter `safe` has marked: what is joined to it by + is HTML-escaped.
  bool is_markup() const;
  const std::vector<Value>& items() const;
  template <typename T>
  T& object() const {
    return static_cast<T&>(*object_);
  }
  const Object* identity() const { return object_.get(); }
  int depth() const { return object_ == nullptr ? 0 : object_->depth; }

 private:
  Value(Kind kind, int64_t integer, double number) : kind_(kind), integer_(integer), float_(number) {}

  Kind kind_ = Kind::kNone;
  int64_t integer_ = 0;
  double float_ = 0;
  std::shared_ptr<Object> object_;
};

// What a string refers to, and an undefined value.
struct Text final : Object {
  std::string text;
  bool is_markup = false;
};

// What a list, tuple, view or iterator refers to.
struct Items final : Object {
  std::vector<Value> values;
  const char* view = "";  // of a view: "dict_keys"
  bool is_spent = false;  // of an iterator
};

// How Python calls the type: "str", "NoneType".
const char* TypeName(const Value& value);

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_VALUE_H_
