// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/added_tokens.h"

#include <algorithm>

#include "model/tokenizer/unicode_classes.h"
#include "model/tokenizer/utf8.h"

namespace cohort::model {
namespace {

unsigned char ByteAt(std::string_view text, size_t at) { return static_cast<unsigned char>(text[at]); }

uint64_t EdgeKey(int32_t node, unsigned char byte) { return static_cast<uint64_t>(node) << 8 | byte; }

bool IsSpaceAt(const Utf8Character& character) { return (UnicodeClassTable()[character.code_point] & kSpace) != 0; }

// Where the spaces before `end` start, no earlier than `floor`.
size_t SpacesBefore(std::string_view text, size_t end, size_t floor) {
  while (end > floor) {
    const Utf8Character character = Utf8CharacterBefore(text, end);
    if (!IsSpaceAt(character)) break;
    end -= character.size;
  }
  return end;
}

// Where the spaces at `start` end.
size_t SpacesBehind(std::string_view text, size_t start) {
  while (start < text.size()) {
    const Utf8Character character = Utf8CharacterAt(text, start);
    if (!IsSpaceAt(character)) break;
    start += character.size;
  }
  return start;
}

}  // namespace

AddedTokens::AddedTokens(const std::vector<AddedToken>& tokens) : tokens_(tokens), token_of_node_(1, kNoToken) {
  for (size_t i = 0; i < tokens_.size(); ++i) {
    const std::string& content = tokens_[i].content;
    int32_t node = 0;
    for (size_t at = 0; at < content.size(); ++at) {
      const auto next = static_cast<int32_t>(token_of_node_.size());
      const auto [edge, is_added] = edges_.emplace(EdgeKey(node, ByteAt(content, at)), next);
      if (is_added) token_of_node_.push_back(kNoToken);
      node = edge->second;
    }
    token_of_node_[node] = static_cast<int32_t>(i);
    starts_token_[ByteAt(content, 0)] = true;
  }
}

int32_t AddedTokens::LongestAt(std::string_view text, size_t at) const {
  int32_t longest = kNoToken;
  int32_t node = 0;
  while (at < text.size()) {
    const auto edge = edges_.find(EdgeKey(node, ByteAt(text, at)));
    if (edge == edges_.end()) break;
    node = edge->second;
    if (token_of_node_[node] != kNoToken) longest = token_of_node_[node];
    ++at;
  }
  return longest;
}

bool AddedTokens::StandsAlone(std::string_view text, size_t start, size_t end) {
  const uint8_t* bits = UnicodeClassTable();
  if (start > 0 && (bits[Utf8CharacterBefore(text, start).code_point] & kWord) != 0) return false;
  return end == text.size() || (bits[Utf8CharacterAt(text, end).code_point] & kWord) == 0;
}

// As `tokenizers` does, to the detail that spaces which one token takes along may still be or hold another token; that
// one is dropped when its own lstrip leaves nothing of it.
void AddedTokens::Split(std::string_view text, std::vector<Section>* sections) const {
  size_t done = 0;
  size_t at = 0;
  size_t stripped_to = 0;  // where the spaces end that were stripped last
  while (at < text.size()) {
    const int32_t found = starts_token_[ByteAt(text, at)] ? LongestAt(text, at) : kNoToken;
    if (found == kNoToken) {
      ++at;
      continue;
    }
    const AddedToken& token = tokens_[found];
    size_t start = at;
    size_t end = at += token.content.size();
    if (token.single_word && !StandsAlone(text, start, end)) continue;
    if (token.lstrip) start = std::max(SpacesBefore(text, start, done), done);
    if (token.rstrip) end = stripped_to = end < stripped_to ? stripped_to : SpacesBehind(text, end);
    if (done < start) sections->push_back({text.substr(done, start - done), -1});
    if (start < end) sections->push_back({std::string_view(), token.id});
    done = end;
  }
  if (done < text.size()) sections->push_back({text.substr(done), -1});
}

}  // namespace cohort::model
