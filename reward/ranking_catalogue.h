// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_RANKING_CATALOGUE_H_
#define COHORT_REWARD_RANKING_CATALOGUE_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "reward/ranking_list.h"

namespace cohort::reward {

// Everything that may be recommended: (title, year) pairs, titles as NormalizeTitle writes them. Immutable once loaded,
// thread-safe.
class RankingCatalogue final {
 public:
  // Reads JSON lines {"title": text, "year": 0 to 9999}; other fields are ignored. At most 64 MiB. Errors name file,
  // line and value.
  static absl::StatusOr<std::unique_ptr<const RankingCatalogue>> Load(const std::string& path);

  bool Contains(const RankedItem& item) const;
  // The year of the entry of that title which is nearest to item.year, if it is at most `tolerance` years away; of two
  // as near the later one.
  std::optional<int> NearestYear(const RankedItem& item, int tolerance) const;
  size_t size() const { return size_; }

 private:
  RankingCatalogue() = default;

  absl::Status AddLine(std::string_view line);

  std::unordered_map<std::string, std::set<int>> years_by_title_;
  size_t size_ = 0;
};

}  // namespace cohort::reward

#endif  // COHORT_REWARD_RANKING_CATALOGUE_H_
