// SPDX-License-Identifier: Apache-2.0
#include "objective/tournament.h"

#include <algorithm>
#include <cstddef>

namespace cohort::objective {
namespace {

// Scores of every player's matches so far.
struct Player {
  double sum_scores = 0;
  double num_scores = 0;
  double MeanScore() const { return sum_scores / num_scores; }
  void Add(double score) {
    sum_scores += score;
    num_scores += 1;
  }
};

// Better seeds first. The anchor has one score per opponent, each its own strength.
std::vector<int64_t> SeedOrder(std::span<const double> strengths, std::vector<Player>* players) {
  const int64_t num_players = static_cast<int64_t>(strengths.size());
  std::vector<int64_t> order;
  for (int64_t i = 0; i < num_players; ++i) {
    order.push_back(i);
    if (i == 0) continue;
    (*players)[0].Add(strengths[0]);
    (*players)[i].Add(strengths[i]);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return (*players)[a].MeanScore() > (*players)[b].MeanScore(); });
  return order;
}

}  // namespace

std::vector<int64_t> BracketSlots(int64_t num_slots) {
  std::vector<int64_t> slots = {0};
  while (static_cast<int64_t>(slots.size()) < num_slots) {
    const int64_t last = 2 * static_cast<int64_t>(slots.size()) - 1;
    std::vector<int64_t> doubled;
    for (const int64_t seed : slots) {
      doubled.push_back(seed);
      doubled.push_back(last - seed);
    }
    slots = std::move(doubled);
  }
  return slots;
}

TournamentOutcome PlayTournament(std::span<const double> strengths) {
  TournamentOutcome outcome;
  const int64_t num_players = static_cast<int64_t>(strengths.size());
  if (num_players < 2) {
    if (num_players == 1) outcome.seed_order = outcome.initial_bracket = outcome.final_order = {0};
    return outcome;
  }
  std::vector<Player> players(strengths.size());
  outcome.seed_order = SeedOrder(strengths, &players);
  outcome.num_matches = num_players - 1;
  for (const int64_t seed : BracketSlots(num_players)) {
    if (seed < num_players) outcome.initial_bracket.push_back(outcome.seed_order[seed]);
  }
  std::vector<int64_t> bracket = outcome.initial_bracket;
  while (bracket.size() > 1) {
    std::vector<int64_t> winners;
    std::vector<int64_t> losers;
    if (bracket.size() % 2 == 1) winners.push_back(bracket.back());
    for (size_t i = 0; i + 1 < bracket.size(); i += 2) {
      const int64_t first = bracket[i];
      const int64_t second = bracket[i + 1];
      players[first].Add(strengths[first]);
      players[second].Add(strengths[second]);
      ++outcome.num_matches;
      const bool first_wins = strengths[first] >= strengths[second];
      winners.push_back(first_wins ? first : second);
      losers.push_back(first_wins ? second : first);
    }
    outcome.eliminated.push_back(losers);
    bracket = std::move(winners);
  }
  outcome.final_order = {bracket.front()};
  for (auto round = outcome.eliminated.rbegin(); round != outcome.eliminated.rend(); ++round) {
    std::vector<int64_t> losers = *round;
    std::stable_sort(losers.begin(), losers.end(),
                     [&](int64_t a, int64_t b) { return players[a].MeanScore() > players[b].MeanScore(); });
    outcome.final_order.insert(outcome.final_order.end(), losers.begin(), losers.end());
  }
  return outcome;
}

std::vector<double> TournamentRewards(std::span<const double> strengths) {
  std::vector<double> rewards(strengths.size(), 0.0);
  if (strengths.size() < 2) return rewards;
  const std::vector<int64_t> order = PlayTournament(strengths).final_order;
  for (size_t rank = 0; rank < order.size(); ++rank) {
    rewards[order[rank]] = 1 - static_cast<double>(rank) / static_cast<double>(order.size() - 1);
  }
  return rewards;
}

}  // namespace cohort::objective
