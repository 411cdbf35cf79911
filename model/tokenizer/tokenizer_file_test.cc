// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "model/tokenizer/tokenizer.h"

namespace cohort::model {
namespace {

using nlohmann::json;

json Description(const std::string& name) {
  return json::parse(std::ifstream(absl::StrCat("model/testdata/tokenizers/", name, "/tokenizer.json")));
}

absl::StatusOr<std::unique_ptr<Tokenizer>> LoadText(const std::string& text) {
  const std::string folder = testing::TempDir();
  EXPECT_TRUE(common::WriteFileAtomically(absl::StrCat(folder, "/tokenizer.json"), text).ok());
  return Tokenizer::Load(folder);
}

absl::StatusOr<std::unique_ptr<Tokenizer>> LoadJson(const json& description) { return LoadText(description.dump()); }

struct Refusal {
  const char* what;
  const char* patch;  // JSON merge patch of the GPT-2 style file
  absl::StatusCode code;
  const char* named;
};

class TokenizerRefusalTest : public testing::TestWithParam<Refusal> {};

TEST_P(TokenizerRefusalTest, NamesWhatIsWrong) {
  json description = Description("gpt2_style");
  description.merge_patch(json::parse(GetParam().patch));
  const absl::Status status = LoadJson(description).status();
  EXPECT_EQ(status.code(), GetParam().code) << status;
  EXPECT_NE(status.message().find("tokenizer.json"), absl::string_view::npos) << status;
  EXPECT_NE(status.message().find(GetParam().named), absl::string_view::npos) << status;
}

constexpr auto kUnsupported = absl::StatusCode::kUnimplemented;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

std::string CaseName(const testing::TestParamInfo<Refusal>& refusal) { return refusal.param.what; }

INSTANTIATE_TEST_SUITE_P(
    Components, TokenizerRefusalTest,
    testing::Values(Refusal{"Normalizer", R"({"normalizer":{"type":"NFKC"}})", kUnsupported,
                            "normalizer: component is not supported (NFKC)"},
                    Refusal{"NormalizerInSequence",
                            R"({"normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Lowercase"}]}})",
                            kUnsupported, "Lowercase"},
                    Refusal{"PostProcessor", R"({"post_processor":{"type":"RobertaProcessing"}})", kUnsupported,
                            "RobertaProcessing"},
                    Refusal{"PostProcessorInSequence",
                            R"({"post_processor":{"type":"Sequence","processors":[{"type":"BertProcessing"}]}})",
                            kUnsupported, "BertProcessing"},
                    Refusal{"Decoder", R"({"decoder":{"type":"Metaspace"}})", kUnsupported, "Metaspace"},
                    Refusal{"NoDecoder", R"({"decoder":null})", kUnsupported, "decoder"},
                    Refusal{"PreTokenizer", R"({"pre_tokenizer":{"type":"Whitespace"}})", kUnsupported, "Whitespace"},
                    Refusal{"NoPreTokenizer", R"({"pre_tokenizer":null})", kUnsupported, "pre_tokenizer"},
                    Refusal{"Model", R"({"model":{"type":"Unigram"}})", kUnsupported, "Unigram"},
                    Refusal{"Dropout", R"({"model":{"dropout":0.1}})", kUnsupported, "dropout"},
                    Refusal{"ByteFallback", R"({"model":{"byte_fallback":true}})", kUnsupported, "byte_fallback"},
                    Refusal{"Padding", R"({"padding":{"strategy":"BatchLongest"}})", kUnsupported, "padding"},
                    Refusal{"Truncation", R"({"truncation":{"max_length":5}})", kUnsupported, "truncation"}),
    CaseName);

INSTANTIATE_TEST_SUITE_P(
    Splits, TokenizerRefusalTest,
    testing::Values(Refusal{"Behavior", R"({"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split",
                "pattern":{"Regex":"a"},"behavior":"Removed"},{"type":"ByteLevel","use_regex":false}]}})",
                            kUnsupported, "behavior: only Isolated is supported"},
                    Refusal{"Inverted",
                            R"({"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","invert":true,
                "pattern":{"Regex":"a"},"behavior":"Isolated"},{"type":"ByteLevel","use_regex":false}]}})",
                            kUnsupported, "invert"},
                    Refusal{"PlainPattern", R"({"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split",
                "pattern":{"String":"a"},"behavior":"Isolated"},{"type":"ByteLevel","use_regex":false}]}})",
                            kUnsupported, "pattern: only a Regex is supported"},
                    Refusal{"SecondRegex", R"({"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split",
                "pattern":{"Regex":"a"},"behavior":"Isolated"},{"type":"ByteLevel","use_regex":true}]}})",
                            kUnsupported, "use_regex"},
                    Refusal{"LatePrefixSpace", R"({"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split",
                "pattern":{"Regex":"a"},"behavior":"Isolated"},{"type":"ByteLevel","use_regex":false,
                "add_prefix_space":true}]}})",
                            kUnsupported, "add_prefix_space"},
                    Refusal{"NoBytes", R"({"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Digits"}]}})",
                            kUnsupported, "Digits"},
                    Refusal{"EmptySequence", R"({"pre_tokenizer":{"type":"Sequence","pretokenizers":[]}})",
                            kUnsupported, "pre_tokenizer"},
                    Refusal{"BrokenPattern", R"({"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split",
                "pattern":{"Regex":"(unclosed"},"behavior":"Isolated"},{"type":"ByteLevel","use_regex":false}]}})",
                            kInvalid, "(unclosed"},
                    Refusal{"PatternOfOtherMeaning",
                            R"({"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split",
                "pattern":{"Regex":"a|\\w+"},"behavior":"Isolated"},{"type":"ByteLevel","use_regex":false}]}})",
                            kUnsupported, "split pattern: \\w at offset 2 is not supported"}),
    CaseName);

INSTANTIATE_TEST_SUITE_P(
    Templates, TokenizerRefusalTest,
    testing::Values(Refusal{"NoSingle", R"({"post_processor":{"type":"TemplateProcessing"}})", kInvalid, "single"},
                    Refusal{"NoText", R"({"post_processor":{"type":"TemplateProcessing","single":[]}})", kInvalid,
                            "does not hold the text"},
                    Refusal{"SecondText",
                            R"({"post_processor":{"type":"TemplateProcessing","single":[{"Sequence":{"id":"B"}}]}})",
                            kInvalid, "single: has a piece that is not understood"},
                    Refusal{"TextTwice", R"({"post_processor":{"type":"TemplateProcessing",
                "single":[{"Sequence":{"id":"A"}},{"Sequence":{"id":"A"}}]}})",
                            kUnsupported, "more than once"},
                    Refusal{"MissingToken", R"({"post_processor":{"type":"TemplateProcessing",
                "single":[{"SpecialToken":{"id":"<bos>"}},{"Sequence":{"id":"A"}}],"special_tokens":{}}})",
                            kInvalid, "<bos>"},
                    Refusal{"UnknownId", R"({"post_processor":{"type":"TemplateProcessing",
                "single":[{"SpecialToken":{"id":"b"}},{"Sequence":{"id":"A"}}],
                "special_tokens":{"b":{"id":"b","ids":[70000],"tokens":["b"]}}}})",
                            kInvalid, "(70000)"},
                    Refusal{"NegativeId", R"({"post_processor":{"type":"TemplateProcessing",
                "single":[{"SpecialToken":{"id":"b"}},{"Sequence":{"id":"A"}}],
                "special_tokens":{"b":{"id":"b","ids":[-1],"tokens":["b"]}}}})",
                            kInvalid, "special_tokens"},
                    Refusal{"SecondTemplate", R"({"post_processor":{"type":"Sequence","processors":[
                {"type":"TemplateProcessing","single":[{"Sequence":{"id":"A"}}]},
                {"type":"TemplateProcessing","single":[{"Sequence":{"id":"A"}}]}]}})",
                            kUnsupported, "second"}),
    CaseName);

INSTANTIATE_TEST_SUITE_P(
    Tokens, TokenizerRefusalTest,
    testing::Values(
        Refusal{"SameTextTwice", R"({"added_tokens":[{"id":5000,"content":"<x>"},{"id":5001,"content":"<x>"}]})",
                kInvalid, "given twice"},
        Refusal{"SameTextOnceNormalized", R"({"normalizer":{"type":"NFC"},"added_tokens":[
                {"id":5000,"content":"\u00e9!"},{"id":5001,"content":"e\u0301!"}]})",
                kInvalid, "once it is normalized"},
        Refusal{"OtherIdThanInVocabulary", R"({"added_tokens":[{"id":5000,"content":"<|endoftext|>"}]})", kInvalid,
                "<|endoftext|> is token 0"},
        Refusal{"SharedAddedId", R"({"added_tokens":[{"id":5000,"content":"<x>"},{"id":5000,"content":"<y>"}]})",
                kInvalid, "(5000)"},
        Refusal{"AddedIdTaken", R"({"added_tokens":[{"id":7,"content":"<x>"}]})", kInvalid, "(7)"},
        Refusal{"AddedWithoutText", R"({"added_tokens":[{"id":5000,"content":""}]})", kInvalid, "5000 has no text"},
        Refusal{"FlagIsNoBool", R"({"added_tokens":[{"id":5000,"content":"<x>","rstrip":1}]})", kInvalid, "rstrip"},
        Refusal{"NumberAsMerge", R"({"model":{"merges":[[1,2]]}})", kInvalid, "entry 0"},
        Refusal{"MergeTwice", R"({"model":{"merges":[["e","n"],["e","n"]]}})", kInvalid, "entry 1 is given twice"},
        Refusal{"UnknownMerge", R"({"model":{"merges":[["a","\u00e9\u00e9"]]}})", kInvalid, "entry 0"},
        Refusal{"MergeOutsideTheAlphabet", R"({"model":{"merges":[["e","n"],["\u4e2d","a"]]}})", kInvalid, "entry 1"},
        Refusal{"BadMerge", R"({"model":{"merges":["ab"]}})", kInvalid, "entry 0"},
        Refusal{"EmptyVocab", R"({"model":{"vocab":null}})", kInvalid, "model.vocab"},
        Refusal{"NegativeTokenId", R"({"model":{"vocab":{"a":-3}}})", kInvalid, "-3"},
        Refusal{"SharedId", R"({"model":{"vocab":{"zz":5}}})", kInvalid, "(5)"},
        Refusal{"HugeId", R"({"model":{"vocab":{"zz":99999999}}})", kInvalid, "99999999"}),
    CaseName);

TEST(TokenizerFileTest, DeeplyNestedFileIsRefused) {
  for (const char* key : {"model", "added_tokens", "pre_tokenizer", "surplus"}) {
    const absl::Status status =
        LoadText(absl::StrCat("{\"", key, "\":", std::string(1'000'000, '['), std::string(1'000'000, ']'), "}"))
            .status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(status.message().find("nested deeper"), absl::string_view::npos) << status;
  }
}

TEST(TokenizerFileTest, MalformedJsonIsRefused) {
  for (const char* text : {"", "[]", "{", "{\"model\":", "{\"a\":1,\"a\":2}", "{\"a\":\"\xff\"}"}) {
    EXPECT_EQ(LoadText(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(TokenizerFileTest, MissingFolderIsNotFound) {
  EXPECT_EQ(Tokenizer::Load("/nonexistent").status().code(), absl::StatusCode::kNotFound);
}

// A file cut short or with one byte changed is loaded or refused; it never ends the process.
TEST(TokenizerFileTest, DamagedFileIsLoadedOrRefused) {
  const std::string text = Description("qwen_style").dump();
  uint64_t state = 1;
  int num_refused = 0;
  for (int i = 0; i < 200; ++i) {
    state = state * 6364136223846793005 + 1442695040888963407;
    std::string damaged = text;
    const size_t at = (state >> 33) % text.size();
    if (i % 4 == 0) {
      damaged.resize(at);
    } else {
      damaged[at] = static_cast<char>(state >> 20);
    }
    const auto tokenizer = LoadText(damaged);
    if (tokenizer.ok()) {
      EXPECT_TRUE((*tokenizer)->Decode({0, 1, 900}).ok());
      continue;
    }
    ++num_refused;
    EXPECT_NE(tokenizer.status().message().find("tokenizer.json"), absl::string_view::npos) << tokenizer.status();
  }
  EXPECT_GT(num_refused, 50);
}

}  // namespace
}  // namespace cohort::model
