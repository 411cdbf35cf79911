// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/value.h"

namespace cohort::model::chat_template {

Value Value::Undefined(std::string why) {
  auto text = std::make_shared<Text>();
  text->text = std::move(why);
  return Value(Kind::kUndefined, std::move(text));
}

const std::string& Value::text() const { return object<Text>().text; }

bool Value::is_markup() const { return kind_ == Kind::kString && object<Text>().is_markup; }

const std::vector<Value>& Value::items() const { return object<Items>().values; }

const char* TypeName(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kNone:
      return "NoneType";
    case Value::Kind::kUndefined:
      return "Undefined";
    case Value::Kind::kBool:
      return "bool";
    case Value::Kind::kInteger:
      return "int";
    case Value::Kind::kFloat:
      return "float";
    case Value::Kind::kString:
      return "str";
    case Value::Kind::kList:
      return "list";
    case Value::Kind::kTuple:
      return "tuple";
    case Value::Kind::kDict:
      return "dict";
    case Value::Kind::kRange:
      return "range";
    case Value::Kind::kView:
      return value.object<Items>().view;
    case Value::Kind::kIterator:
      return "generator";
    case Value::Kind::kNamespace:
      return "Namespace";
    case Value::Kind::kLoop:
      return "LoopContext";
    case Value::Kind::kCallable:
      return "function";
  }
  return "";
}

}  // namespace cohort::model::chat_template
