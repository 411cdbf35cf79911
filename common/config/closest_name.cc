// SPDX-License-Identifier: Apache-2.0
#include "common/config/closest_name.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace cohort::common {
namespace {

// Levenshtein distance.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string ClosestName(std::string_view name, const std::vector<std::string>& known_names) {
  std::string closest;
  size_t smallest = std::max<size_t>(2, name.size() / 3) + 1;
  if (name.size() > 100) return closest;
  for (const std::string& known : known_names) {
    const size_t distance = EditDistance(name, known);
    if (distance < smallest && distance < known.size()) {
      smallest = distance;
      closest = known;
    }
  }
  return closest;
}

}  // namespace cohort::common
