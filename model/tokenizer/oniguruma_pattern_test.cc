// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/oniguruma_pattern.h"

#include <gtest/gtest.h>

#include "model/tokenizer/split_scanner.h"

namespace cohort::model {
namespace {

TEST(OnigurumaPatternTest, SpacesAreThoseOfUnicode) {
  EXPECT_EQ(PatternForPcre2("\\s+[^\\S]\\\\s").value(), "\\p{White_Space}+[^\\P{White_Space}]\\\\s");
}

TEST(OnigurumaPatternTest, PatternsOfKnownModelsAreAccepted) {
  for (const char* pattern : {kGpt2SplitPattern, kQwen2SplitPattern, kLlama3SplitPattern}) {
    EXPECT_TRUE(PatternForPcre2(pattern).ok()) << PatternForPcre2(pattern).status();
  }
  // Without \s there is nothing to translate.
  for (const char* pattern :
       {R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+)",
        R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{^Lu}]+(?i:'s|'t)?|\p{N}{1,3}(?=(?:\d{3})*$)|(?<!a)b++|\x{e9})",
        "[]a][^]b]"}) {
    const auto translated = PatternForPcre2(pattern);
    ASSERT_TRUE(translated.ok()) << translated.status();
    EXPECT_EQ(*translated, pattern);
  }
}

TEST(OnigurumaPatternTest, ConstructThatMeansSomethingElseIsNamed) {
  for (const char* construct : {"\\h",  "\\w",  "\\b",  "\\B",  "\\v",      "\\K",      "\\R",    "\\X", "\\C",  "\\G",
                                "\\Z",  "\\1",  "\\Q",  "\\pL", "\\p{Han}", "\\P{Any}", "\\x41",  "[[",  "[a&&", "(?i)",
                                "(?m:", "(?<n", "(?R)", "(*U",  "{,",       "{2}+",     "{1,3}+", "{2}?"}) {
    const absl::Status status = PatternForPcre2(std::string("a|x") + construct + "y").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << construct;
    EXPECT_NE(status.message().find("is not supported (a|x"), absl::string_view::npos) << status;
  }
  EXPECT_EQ(PatternForPcre2("ab\\h+").status().message(), "split pattern: \\h at offset 2 is not supported (ab\\h+)");
}

TEST(OnigurumaPatternTest, MalformedPatternIsLeftToTheCompiler) {
  for (const char* pattern : {"\\", "\\p{L", "[", "[^", "(", "a**", "\\x{"}) {
    EXPECT_EQ(PatternForPcre2(pattern).value(), pattern);
  }
}

}  // namespace
}  // namespace cohort::model
