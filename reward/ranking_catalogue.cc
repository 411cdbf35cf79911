// SPDX-License-Identifier: Apache-2.0
#include "reward/ranking_catalogue.h"

#include <cstdint>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "nlohmann/json.hpp"
#include "reward/ranking_row.h"
#include "reward/ranking_title.h"

namespace cohort::reward {
namespace {

constexpr uintmax_t kMaxBytes = uintmax_t{64} << 20;

absl::StatusOr<std::string> ReadCatalogue(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return absl::NotFoundError(absl::StrCat("not a regular file (", path, ")"));
  }
  const uintmax_t size = std::filesystem::file_size(path, error);
  if (!error && size > kMaxBytes) {
    return absl::InvalidArgumentError(absl::StrCat("larger than ", kMaxBytes, " bytes (", size, "), ", path));
  }
  return common::ReadFile(path);
}

}  // namespace

absl::StatusOr<std::unique_ptr<const RankingCatalogue>> RankingCatalogue::Load(const std::string& path) {
  COHORT_ASSIGN_OR_RETURN(const std::string text, ReadCatalogue(path));
  std::unique_ptr<RankingCatalogue> catalogue(new RankingCatalogue);
  int64_t number = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = TakeLine(&rest);
    ++number;
    if (CollapseSpaces(line).empty()) continue;
    const absl::Status status = catalogue->AddLine(line);
    if (!status.ok()) return absl::InvalidArgumentError(absl::StrCat(path, ":", number, ": ", status.message()));
  }
  if (catalogue->size_ == 0) return absl::InvalidArgumentError(absl::StrCat(path, ": names no item"));
  return catalogue;
}

absl::Status RankingCatalogue::AddLine(std::string_view line) {
  const nlohmann::json row = nlohmann::json::parse(line, /*cb=*/nullptr, /*allow_exceptions=*/false);
  COHORT_ASSIGN_OR_RETURN(const TitledItem entry, ParseTitledItem(row));
  if (years_by_title_[entry.item.title].insert(entry.item.year).second) ++size_;
  return absl::OkStatus();
}

bool RankingCatalogue::Contains(const RankedItem& item) const {
  const auto found = years_by_title_.find(item.title);
  return found != years_by_title_.end() && found->second.count(item.year) > 0;
}

std::optional<int> RankingCatalogue::NearestYear(const RankedItem& item, int tolerance) const {
  const auto found = years_by_title_.find(item.title);
  if (found == years_by_title_.end()) return std::nullopt;
  for (int distance = 0; distance <= tolerance; ++distance) {
    for (const int year : {item.year + distance, item.year - distance}) {
      if (found->second.count(year) > 0) return year;
    }
  }
  return std::nullopt;
}

}  // namespace cohort::reward
