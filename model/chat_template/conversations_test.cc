// SPDX-License-Identifier: Apache-2.0
// Whole chat templates against apply_chat_template of transformers (testdata/make_chat_vectors.py).
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "common/files.h"
#include "common/testing/temp_dir.h"
#include "model/chat_template/chat_template.h"

namespace cohort::model {
namespace {

using nlohmann::ordered_json;

constexpr char kTestdata[] = "model/chat_template/testdata/";

// A model folder with one of the templates and the special tokens of the vectors.
class ConversationsTest : public ::testing::Test {
 protected:
  ConversationsTest() {
    std::ifstream file(std::string(kTestdata) + "conversations.json");
    vectors_ = ordered_json::parse(file);
    const std::string config = vectors_["special_tokens"].dump();
    EXPECT_TRUE(common::WriteFileAtomically(folder_.Join("tokenizer_config.json"), config).ok());
  }

  std::unique_ptr<const ChatTemplate> Load(const std::string& name) {
    std::filesystem::copy_file(std::string(kTestdata) + "templates/" + name, folder_.Join("chat_template.jinja"),
                               std::filesystem::copy_options::overwrite_existing);
    auto loaded = ChatTemplate::Load(folder_.path());
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    return loaded.ok() ? *std::move(loaded) : nullptr;
  }

  Chat ChatOf(const ordered_json& conversation) const {
    Chat chat;
    chat.messages = conversation["messages"].dump();
    if (conversation.contains("tools")) chat.tools = conversation["tools"].dump();
    chat.add_generation_prompt = conversation.value("add_generation_prompt", false);
    if (conversation.contains("kwargs")) {
      for (const auto& [name, value] : conversation["kwargs"].items()) chat.variables[name] = value.dump();
    }
    chat.date = vectors_["date"].get<std::string>();
    return chat;
  }

  common::TempDir folder_;
  ordered_json vectors_;
};

TEST_F(ConversationsTest, RenderByteForByteAsTransformersDoes) {
  std::string name;
  std::unique_ptr<const ChatTemplate> chat_template;
  int num_templates = 0;
  for (const ordered_json& vector : vectors_["vectors"]) {
    if (vector["template"] != name) {
      name = vector["template"].get<std::string>();
      chat_template = Load(name);
      ++num_templates;
    }
    ASSERT_NE(chat_template, nullptr) << name;
    const ordered_json& conversation = vectors_["conversations"][vector["conversation"].get<size_t>()];
    const auto rendered = chat_template->Render(ChatOf(conversation));
    if (vector.contains("raises")) {
      EXPECT_FALSE(rendered.ok()) << name << " must refuse " << conversation << "\nbut renders\n" << *rendered;
      continue;
    }
    EXPECT_TRUE(rendered.ok()) << rendered.status() << "\n" << conversation;
    if (rendered.ok()) {
      EXPECT_EQ(*rendered, vector["text"].get<std::string>()) << name << "\n" << conversation;
    }
  }
  EXPECT_GE(num_templates, 12);
}

}  // namespace
}  // namespace cohort::model
