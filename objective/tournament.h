// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_TOURNAMENT_H_
#define COHORT_OBJECTIVE_TOURNAMENT_H_

#include <cstdint>
#include <span>
#include <vector>

namespace cohort::objective {

// ArenaRL, arXiv 2601.06487: a seeded single-elimination tournament, where a player's score in a match is its strength.
//
//   seeding    every player i >= 1 plays the anchor 0; players are ordered by their score in it, the anchor by the mean
//              of its own
//   bracket    slots [0] -> [0, 1] -> [0, 3, 1, 2] -> [0, 7, 3, 4, 1, 6, 2, 5] ..., without seeds that are not there
//   round      neighbours play, the first wins a tie; without a neighbour a player goes on, ahead of the winners
//   order      champion, then losers by round (later is better), within a round by mean score
//
// All ties go to the first in the order given. Pure.
struct TournamentOutcome {
  std::vector<int64_t> seed_order;               // player of seed 0, 1, ...
  std::vector<int64_t> initial_bracket;          // players by slot
  std::vector<std::vector<int64_t>> eliminated;  // losers by round
  std::vector<int64_t> final_order;              // player of rank 0, 1, ...
  int64_t num_matches = 0;                       // seeding included
};

TournamentOutcome PlayTournament(std::span<const double> strengths);

// 1 - rank / (n - 1) per player; 0 for a single one.
std::vector<double> TournamentRewards(std::span<const double> strengths);

// Seeds by slot of a bracket of `num_slots`, a power of two.
std::vector<int64_t> BracketSlots(int64_t num_slots);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_TOURNAMENT_H_
