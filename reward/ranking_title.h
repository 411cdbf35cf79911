// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_RANKING_TITLE_H_
#define COHORT_REWARD_RANKING_TITLE_H_

#include <string>
#include <string_view>

namespace cohort::reward {

// One spelling for the title of a recommended item. Pure functions of hostile text, in linear time; thread-safe.

// Runs of white space, those of Unicode included, become one blank; none is left at the ends.
std::string CollapseSpaces(std::string_view text);

// Without what people put around a title: numbering ("3. ", "3) "), Markdown marks (# * _ -), bullets and quotes at the
// ends, in any nesting. `text` has collapsed spaces.
std::string_view StripDecoration(std::string_view text);

// What two titles have in common when they are the same one: decoration and bracketed parts gone, spaces collapsed,
// case folded (Latin, Greek and Cyrillic letters; accents stay). A title that consists of decoration alone keeps it.
std::string NormalizeTitle(std::string_view title);

}  // namespace cohort::reward

#endif  // COHORT_REWARD_RANKING_TITLE_H_
