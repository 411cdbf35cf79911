// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/chat_template.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "common/files.h"
#include "common/testing/temp_dir.h"

namespace cohort::model {
namespace {

class ChatTemplateTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(common::WriteFileAtomically(folder_.Join(name), text).ok());
  }
  std::string Render(const Chat& chat) {
    const auto loaded = ChatTemplate::Load(folder_.path());
    if (!loaded.ok()) return std::string(loaded.status().message());
    const auto rendered = (*loaded)->Render(chat);
    return rendered.ok() ? *rendered : std::string(rendered.status().message());
  }

  common::TempDir folder_;
  const Chat hello_ = {.messages = R"([{"role": "user", "content": "hi"}])"};
};

TEST_F(ChatTemplateTest, FileComesBeforeTheConfig) {
  Write("tokenizer_config.json", R"({"chat_template": "config {{ bos_token }}", "bos_token": "<s>"})");
  EXPECT_EQ(Render(hello_), "config <s>");
  Write("chat_template.jinja", "file {{ bos_token }}\n");
  EXPECT_EQ(Render(hello_), "file <s>");
}

TEST_F(ChatTemplateTest, SpecialTokensAreTextsOrObjects) {
  Write("chat_template.jinja", "{{ bos_token }}{{ eos_token }}{{ pad_token is defined }}{{ unk_token is defined }}");
  Write("tokenizer_config.json", R"({"bos_token": {"content": "<b>", "special": true}, "eos_token": "<e>",
                                     "pad_token": null, "added_tokens_decoder": {}})");
  Write("special_tokens_map.json", R"({"eos_token": "<other>"})");
  EXPECT_EQ(Render(hello_), "<b><e>FalseFalse");
  Write("tokenizer_config.json", R"({"bos_token": "<b>", "eos_token": "<e>"})");
  EXPECT_EQ(Render(hello_), "<b><other>FalseFalse") << "the map of an older folder comes first";
  Write("tokenizer_config.json", R"({"bos_token": 5})");
  EXPECT_TRUE(absl::StrContains(Render(hello_), "tokenizer_config.json: bos_token: must be a string"))
      << Render(hello_);
}

TEST_F(ChatTemplateTest, NamedTemplatesServeByTheirNames) {
  Write("tokenizer_config.json", R"({"chat_template": [{"name": "default", "template": "plain"},
                                     {"name": "tool_use", "template": "with {{ tools|length }}"}]})");
  Chat chat = hello_;
  EXPECT_EQ(Render(chat), "plain");
  chat.tools = "[{}]";
  EXPECT_EQ(Render(chat), "with 1");
  Write("tokenizer_config.json", R"({"chat_template": [{"name": "rag", "template": "x"}]})");
  EXPECT_TRUE(absl::StrContains(Render(chat), "none of them is named default")) << Render(chat);
}

TEST_F(ChatTemplateTest, FolderWithoutATemplateIsNotFound) {
  const auto loaded = ChatTemplate::Load(folder_.path());
  EXPECT_EQ(loaded.status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(absl::StrContains(loaded.status().message(), folder_.path())) << loaded.status();
}

TEST_F(ChatTemplateTest, MalformedTemplateIsRefusedByFileLineAndReason) {
  Write("chat_template.jinja", "a\n{% for x %}");
  EXPECT_EQ(Render(hello_), folder_.Join("chat_template.jinja") + ":2:10: expected 'in', got '%}'");
  Write("chat_template.jinja", "a\n{{ messages[0].role.x.y }}");
  EXPECT_EQ(Render(hello_), folder_.Join("chat_template.jinja") + ":2:22: 'str' has no attribute 'x'");
}

TEST_F(ChatTemplateTest, MessagesAreNormalizedAsTransformersDoes) {
  Write("chat_template.jinja", "{{ messages|tojson }}");
  EXPECT_EQ(Render({.messages = R"([{"role": "user", "content": null, "z": [null]}])"}),
            R"([{"role": "user", "z": [null]}])");
  EXPECT_EQ(Render({.messages = R"([{"role": "a", "reasoning": "r"}])"}),
            R"([{"thinking": "r", "role": "a", "reasoning": "r", "reasoning_content": "r"}])");
}

TEST_F(ChatTemplateTest, WhatIsNoConversationIsRefused) {
  Write("chat_template.jinja", "x");
  EXPECT_EQ(Render({.messages = "{}"}), "messages must be a list, not dict");
  EXPECT_EQ(Render({.messages = "[]"}), "messages must not be empty");
  EXPECT_EQ(Render({.messages = "[1]"}), "messages[0] must be an object, not int");
  EXPECT_EQ(Render({.messages = R"([{"role": 1}])"}), "messages[0] needs a string as its role");
  EXPECT_TRUE(absl::StrContains(Render({.messages = "[{"}), "messages: not valid JSON"));
  EXPECT_EQ(Render({.messages = hello_.messages, .tools = "{}"}), "tools must be a list of objects");
  EXPECT_TRUE(absl::StrContains(Render({.messages = hello_.messages, .date = "2024-02-30"}), "must be a day"));
}

TEST_F(ChatTemplateTest, DateIsTheGivenOneOrUndefined) {
  Write("chat_template.jinja", "{{ strftime_now('%d %b %Y') if strftime_now is defined else 'no date' }}");
  EXPECT_EQ(Render(hello_), "no date");
  EXPECT_EQ(Render({.messages = hello_.messages, .date = "2030-01-05"}), "05 Jan 2030");
}

TEST_F(ChatTemplateTest, SourceNamesTextsAndTokens) {
  Write("chat_template.jinja", "x");
  Write("tokenizer_config.json", R"({"bos_token": "<b>"})");
  const auto first = ChatTemplate::Load(folder_.path());
  ASSERT_TRUE(first.ok());
  Write("tokenizer_config.json", R"({"bos_token": "<c>"})");
  const auto second = ChatTemplate::Load(folder_.path());
  ASSERT_TRUE(second.ok());
  EXPECT_NE((*first)->source(), (*second)->source());
}

}  // namespace
}  // namespace cohort::model
