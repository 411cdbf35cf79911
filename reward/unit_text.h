// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_UNIT_TEXT_H_
#define COHORT_REWARD_UNIT_TEXT_H_

#include <string_view>

namespace cohort::reward {

// Whether what follows a number leaves its value alone: nothing, "%", or a unit in words ("dollars", "km/h", "m²",
// "°C"). Not what changes the number or adds another: digits of any script, fractions and superscripts ("5²", "5½",
// "5٣"), symbols ("5π"), a lone letter that is no unit ("5x", "5k"), and words of numbers ("5 million", "5 or six", "5
// and a half"). At most 64 bytes; units are written in Latin or Cyrillic letters. Linear in the text, any bytes are
// fine.
bool IsUnit(std::string_view text);

}  // namespace cohort::reward

#endif  // COHORT_REWARD_UNIT_TEXT_H_
