// SPDX-License-Identifier: Apache-2.0
// Every architecture with its kind of tokenizer and a chat template through the real services: SFT and RLVR on
// conversations, with bit-equal log-probs on both sides, and a checkpoint that keeps what the folder had.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/substitute.h"
#include "common/testing/temp_dir.h"
#include "model/weights/model_folder.h"
#include "tests/end_to_end/tiny_example.h"
#include "tests/end_to_end/tiny_run.h"

namespace cohort::tests {
namespace {

using ::testing::HasSubstr;

struct Family {
  const char* name;
  const char* architecture;
  const char* features;   // of config.json, what is not common to all
  const char* tokenizer;  // folder of model/testdata/tokenizers
  int eos_token_id;
  const char* special_tokens;  // of tokenizer_config.json
  const char* chat_template;
};

void PrintTo(const Family& family, std::ostream* out) { *out << family.name; }

constexpr char kConfig[] =
    R"({"architectures": ["$0"], $1, "eos_token_id": $2, "hidden_act": "silu", "hidden_size": 32, "initializer_range": 0.02,
  "intermediate_size": 96, "max_position_embeddings": 160, "num_attention_heads": 2, "num_hidden_layers": 2,
  "num_key_value_heads": 1, "rms_norm_eps": 1e-06, "vocab_size": 912})";

constexpr char kChatMl[] =
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
constexpr char kHeaders[] =
    "{{ bos_token }}{% for message in messages %}"
    "<|start_header_id|>{{ message['role'] }}: {{ message['content'] | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant: {% endif %}";
constexpr char kBrackets[] =
    "{%- for message in messages %}{%- if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{%- else %}{{ message['content'] + eos_token }}{%- endif %}{%- endfor %}";

const Family kFamilies[] = {
    {"qwen2", "Qwen2ForCausalLM", R"("model_type": "qwen2", "tie_word_embeddings": true,
     "rope_theta": 1000000.0, "use_sliding_window": false, "sliding_window": 64, "max_window_layers": 2,
     "torch_dtype": "float32")",
     "qwen_style", 902, R"("eos_token": "<|im_end|>")", kChatMl},
    {"qwen3", "Qwen3ForCausalLM", R"("model_type": "qwen3", "head_dim": 24, "tie_word_embeddings": false,
     "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0}, "dtype": "float32")",
     "qwen_style", 902, R"("eos_token": "<|im_end|>")", kChatMl},
    {"llama", "LlamaForCausalLM", R"("model_type": "llama", "tie_word_embeddings": true,
     "rope_theta": 10000.0, "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
     "high_freq_factor": 4.0, "original_max_position_embeddings": 32}, "torch_dtype": "float32")",
     "llama3_style", 903, R"("bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>")", kHeaders},
    {"mistral", "MistralForCausalLM", R"("model_type": "mistral", "tie_word_embeddings": false,
     "rope_theta": 10000.0, "sliding_window": 12, "torch_dtype": "float32")",
     "gpt2_style", 0, R"("eos_token": {"content": "<|endoftext|>", "special": true})", kBrackets},
};

// The tiny example's two jobs on conversations, and a model folder of the family.
void WriteFamily(const std::string& directory, const Family& family) {
  WriteTinyExample(directory);
  const std::string source = directory + "/family";
  WriteText(source + "/config.json",
            absl::Substitute(kConfig, family.architecture, family.features, family.eos_token_id));
  WriteText(source + "/tokenizer.json",
            ReadText(Binary(absl::StrCat("model/testdata/tokenizers/", family.tokenizer, "/tokenizer.json"))));
  WriteText(source + "/tokenizer_config.json", absl::StrCat("{", family.special_tokens, "}"));
  WriteText(source + "/chat_template.jinja", family.chat_template);
  const absl::Status written = model::WriteRandomModel(source, directory + "/family_model", /*seed=*/5);
  ASSERT_TRUE(written.ok()) << written;

  std::string conversations;
  for (int i = 0; i < 100; ++i) {
    const int a = i / 10, b = i % 10;
    absl::StrAppend(
        &conversations,
        absl::Substitute(R"({"asked": [{"role": "user", "content": "$0+$1="}], "answer": $2, "whole": )"
                         R"([{"role": "user", "content": "$0+$1="}, {"role": "assistant", "content": ">$2"}]})",
                         a, b, a + b),
        "\n");
  }
  WriteText(directory + "/data/conversations.jsonl", conversations);
  using Edits = std::vector<std::pair<std::string, std::string>>;
  const auto rewrite = [&directory](const char* job, const Edits& edits) {
    const std::string path = absl::StrCat(directory, "/", job);
    const std::string text = ReadText(path);
    for (const auto& edit : edits) ASSERT_NE(text.find(edit.first), std::string::npos) << job << ": " << edit.first;
    WriteText(path, absl::StrReplaceAll(text, edits));
  };
  rewrite("sft.yaml", {{"path: model\n", "path: family_model\n"},
                       {"data/demonstrations.jsonl", "data/conversations.jsonl"},
                       {"      prompt: prompt\n      completion: completion\n", "      messages: whole\n"}});
  rewrite("rlvr.yaml", {{"data/problems.jsonl", "data/conversations.jsonl"},
                        {"data/held_out.jsonl\n", "data/conversations.jsonl\n    max_rows: 8\n"},
                        {"prompt: prompt", "messages: asked"}});
}

class ArchitectureTest : public testing::TestWithParam<Family> {};

TEST_P(ArchitectureTest, TrainsOnConversationsWithoutMismatchAndKeepsItsFiles) {
  const common::TempDir dir;
  ASSERT_NO_FATAL_FAILURE(WriteFamily(dir.path(), GetParam()));
  const std::string run_dir = dir.Join("run");
  const Finished finished = TinyRun(dir.path(), run_dir).Program().Finish();
  ASSERT_EQ(finished.exit.code, 0) << finished.text;
  ExpectExactRun(run_dir);

  const std::string checkpoint = ReadLedger(run_dir, "rlvr").checkpoint_path;
  for (const char* file : {"config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"}) {
    EXPECT_EQ(ReadText(absl::StrCat(checkpoint, "/", file)), ReadText(absl::StrCat(dir.path(), "/family/", file)))
        << file;
  }
  const Finished inspected =
      RunProgram({Binary("cli/cohortctl"), "model", "inspect", checkpoint}, dir.Join("inspect.log"));
  EXPECT_EQ(inspected.exit.code, 0) << inspected.text;
  EXPECT_THAT(inspected.text, HasSubstr(GetParam().architecture));
}

INSTANTIATE_TEST_SUITE_P(All, ArchitectureTest, testing::ValuesIn(kFamilies),
                         [](const auto& family) { return std::string(family.param.name); });

}  // namespace
}  // namespace cohort::tests
