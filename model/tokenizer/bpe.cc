// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/bpe.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/status_macros.h"
#include "model/tokenizer/merge_symbols.h"

namespace cohort::model {
namespace {

absl::StatusOr<int32_t> IdOf(const Bpe::Vocabulary& vocabulary, const std::string& token, size_t merge) {
  const auto found = vocabulary.find(token);
  if (found != vocabulary.end()) return found->second;
  return absl::InvalidArgumentError(absl::StrCat(
      "merges: entry ", merge, " needs a token that is not in the vocabulary (", absl::CHexEscape(token), ")"));
}

absl::Status UnknownByte(char byte) {
  const bool is_shown = byte >= 0x20 && byte < 0x7F;
  const std::string shown = is_shown ? absl::StrCat(" '", std::string(1, byte), "'") : "";
  return absl::InvalidArgumentError(absl::StrFormat("text: has a byte that the vocabulary cannot express (0x%02X%s)",
                                                    static_cast<unsigned char>(byte), shown));
}

}  // namespace

absl::StatusOr<Bpe> Bpe::Create(const Vocabulary& vocabulary,
                                const std::vector<std::pair<std::string, std::string>>& merges, bool ignore_merges) {
  Bpe bpe{MergeTable(merges.size()), PieceTable(vocabulary.size())};
  for (int byte = 0; byte < 256; ++byte) {
    const auto found = vocabulary.find(std::string(1, static_cast<char>(byte)));
    bpe.id_of_byte_[byte] = found == vocabulary.end() ? -1 : found->second;
  }
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const auto& [left, right] = merges[rank];
    COHORT_ASSIGN_OR_RETURN(const int32_t left_id, IdOf(vocabulary, left, rank));
    COHORT_ASSIGN_OR_RETURN(const int32_t right_id, IdOf(vocabulary, right, rank));
    COHORT_ASSIGN_OR_RETURN(const int32_t merged_id, IdOf(vocabulary, left + right, rank));
    if (!bpe.merges_.Insert(left_id, right_id, {static_cast<int32_t>(rank), merged_id})) {
      return absl::InvalidArgumentError(absl::StrCat("merges: entry ", rank, " is given twice (",
                                                     absl::CHexEscape(left), " + ", absl::CHexEscape(right), ")"));
    }
  }
  for (const auto& [token, id] : vocabulary) {
    if (!token.empty() && (ignore_merges || bpe.ComesOutAs(token, id))) bpe.pieces_.Insert(token, id);
  }
  return bpe;
}

bool Bpe::ComesOutAs(const std::string& token, int32_t id) const {
  std::vector<int32_t> ids;
  return EncodeByMerging(token, &ids).ok() && ids.size() == 1 && ids[0] == id;
}

absl::Status Bpe::EncodeByMerging(std::string_view piece, std::vector<int32_t>* ids) const {
  thread_local std::vector<int32_t> symbols;
  symbols.clear();
  for (const char byte : piece) {
    const int32_t id = id_of_byte_[static_cast<unsigned char>(byte)];
    if (id < 0) return UnknownByte(byte);
    symbols.push_back(id);
  }
  MergeSymbols(merges_, &symbols);
  ids->insert(ids->end(), symbols.begin(), symbols.end());
  return absl::OkStatus();
}

}  // namespace cohort::model
