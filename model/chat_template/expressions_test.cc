// SPDX-License-Identifier: Apache-2.0
// Small templates against what jinja2 printed for them (testdata/make_chat_vectors.py).
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "model/chat_template/compiled_template.h"
#include "model/chat_template/value_json.h"

namespace cohort::model::chat_template {
namespace {

using nlohmann::ordered_json;

ordered_json ReadVectors() {
  std::ifstream file("model/chat_template/testdata/expressions.json");
  return ordered_json::parse(file);
}

class ExpressionsTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::string> Render(const std::string& source) const {
    const auto compiled = CompiledTemplate::Compile(source, "t");
    if (!compiled.ok()) return compiled.status();
    const auto make_variables = [&](RenderBudget* budget) -> absl::StatusOr<Variables> {
      Variables variables;
      for (const auto& [name, json] : vectors_["variables"].items()) {
        const auto value = ParseJsonValue(json.dump(), budget);
        if (!value.ok()) return value.status();
        variables.emplace_back(name, *value);
      }
      return variables;
    };
    return (*compiled)->Render(make_variables, vectors_["date"].get<std::string>());
  }

  const ordered_json vectors_ = ReadVectors();
};

TEST_F(ExpressionsTest, PrintAndRaiseAsJinjaDoes) {
  ASSERT_GT(vectors_["vectors"].size(), 4000u);
  for (const ordered_json& vector : vectors_["vectors"]) {
    const auto source = vector["template"].get<std::string>();
    const auto rendered = Render(source);
    if (vector.contains("raises")) {
      EXPECT_FALSE(rendered.ok()) << source << "\nraises " << vector["raises"] << "\nbut renders " << *rendered;
      continue;
    }
    ASSERT_TRUE(vector.contains("text"));
    if (!rendered.ok() && rendered.status().code() == absl::StatusCode::kUnimplemented) {
      ADD_FAILURE() << source << "\n" << rendered.status();
      continue;
    }
    EXPECT_TRUE(rendered.ok()) << source << "\n" << rendered.status();
    if (rendered.ok()) {
      EXPECT_EQ(*rendered, vector["text"].get<std::string>()) << source;
    }
  }
}

TEST_F(ExpressionsTest, ErrorsNameLineAndColumn) {
  EXPECT_EQ(Render("a\n b {{ nope.x }}").status().message(), "t:2:11: 'nope' is undefined");
  EXPECT_EQ(Render("a\n{% if x %}\n{{ 1 + }}{% endif %}").status().message(),
            "t:3:8: expected an expression, got '}}'");
  EXPECT_EQ(Render("{{ [1]|tojson ~ (1/0) }}").status().message(), "t:1:18: division by zero");
  EXPECT_EQ(Render("{{ raise_exception('no ' ~ 1) }}").status().message(), "t:1:19: the template raises: no 1");
  EXPECT_EQ(Render("{{ 'x'|urlize }}").status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace cohort::model::chat_template
