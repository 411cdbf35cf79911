// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/added_tokens.h"

#include <algorithm>
#include <utility>

namespace cohort::model {

AddedTokens::AddedTokens(const std::vector<AddedToken>& tokens) {
  for (const AddedToken& token : tokens) {
    Pass& pass = passes_[token.normalized ? 1 : 0];
    pass.tokens_of_byte[static_cast<unsigned char>(token.content[0])].push_back(token);
    pass.empty = false;
  }
  for (Pass& pass : passes_) {
    for (std::vector<AddedToken>& same_byte : pass.tokens_of_byte) {
      std::stable_sort(same_byte.begin(), same_byte.end(),
                       [](const AddedToken& a, const AddedToken& b) { return a.content.size() > b.content.size(); });
    }
  }
}

std::vector<AddedTokens::Section> AddedTokens::Split(std::string_view text) const {
  std::vector<Section> sections = {{text, -1}};
  for (const Pass& pass : passes_) {
    if (pass.empty) continue;
    std::vector<Section> finer;
    for (const Section& section : sections) {
      if (section.id >= 0) {
        finer.push_back(section);
      } else {
        SplitOnce(pass, section.text, &finer);
      }
    }
    sections = std::move(finer);
  }
  return sections;
}

void AddedTokens::SplitOnce(const Pass& pass, std::string_view text, std::vector<Section>* sections) {
  size_t start = 0;
  size_t at = 0;
  while (at < text.size()) {
    const AddedToken* match = nullptr;
    for (const AddedToken& token : pass.tokens_of_byte[static_cast<unsigned char>(text[at])]) {
      if (text.compare(at, token.content.size(), token.content) == 0) {
        match = &token;
        break;
      }
    }
    if (match == nullptr) {
      ++at;
      continue;
    }
    if (at > start) sections->push_back({text.substr(start, at - start), -1});
    sections->push_back({std::string_view(), match->id});
    start = at += match->content.size();
  }
  if (start < text.size()) sections->push_back({text.substr(start), -1});
}

}  // namespace cohort::model
