// SPDX-License-Identifier: Apache-2.0
#include "learner/failure/failure_json.h"

#include <cstddef>
#include <exception>
#include <limits>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace cohort::learner {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using objective::EntropyCell;
using objective::UpdateStatistics;

double NumberOf(const json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

ordered_json EncodeStatistics(const UpdateStatistics& statistics) {
  ordered_json readers = ordered_json::array();
  for (const std::vector<EntropyCell>& cells : statistics.entropy_cells) {
    ordered_json& reader = readers.emplace_back(ordered_json::array());
    for (const EntropyCell& cell : cells) {
      reader.push_back({{"num_units", cell.num_units},
                        {"sum", cell.sum},
                        {"sum_squares", cell.sum_squares},
                        {"min", cell.min},
                        {"max", cell.max}});
    }
  }
  return {{"num_groups", statistics.num_groups},
          {"round", statistics.round},
          {"num_tokens", statistics.num_tokens},
          {"num_sequences", statistics.num_sequences},
          {"group_tokens", statistics.group_tokens_P},
          {"entropy_cells", readers},
          {"mean_mismatch_weight", statistics.mean_mismatch_weight},
          {"entropy_threshold", statistics.entropy_threshold},
          {"threshold_prefix", statistics.threshold_prefix},
          {"threshold_rank", statistics.threshold_rank}};
}

UpdateStatistics DecodeStatistics(const json& root) {
  UpdateStatistics statistics;
  statistics.num_groups = root.at("num_groups").get<int64_t>();
  statistics.round = root.at("round").get<int>();
  statistics.num_tokens = NumberOf(root.at("num_tokens"));
  statistics.num_sequences = NumberOf(root.at("num_sequences"));
  for (const json& tokens : root.at("group_tokens")) statistics.group_tokens_P.push_back(NumberOf(tokens));
  const json& readers = root.at("entropy_cells");
  for (size_t reader = 0; reader < statistics.entropy_cells.size(); ++reader) {
    for (const json& cell : readers.at(reader)) {
      statistics.entropy_cells[reader].push_back({.num_units = NumberOf(cell.at("num_units")),
                                                  .sum = NumberOf(cell.at("sum")),
                                                  .sum_squares = NumberOf(cell.at("sum_squares")),
                                                  .min = NumberOf(cell.at("min")),
                                                  .max = NumberOf(cell.at("max"))});
    }
  }
  statistics.mean_mismatch_weight = NumberOf(root.at("mean_mismatch_weight"));
  statistics.entropy_threshold = NumberOf(root.at("entropy_threshold"));
  statistics.threshold_prefix = root.at("threshold_prefix").get<uint64_t>();
  statistics.threshold_rank = NumberOf(root.at("threshold_rank"));
  return statistics;
}

}  // namespace

std::string EncodeFailure(const FailedStep& step) {
  ordered_json root = {
      {"message", step.message}, {"job", step.run.job()}, {"policy_version", step.payload.plan.version()},
      {"update", step.update},   {"rank", step.rank},     {"world_size", step.world_size},
      {"weights", step.weights}};
  if (step.statistics.has_value()) root["statistics"] = EncodeStatistics(*step.statistics);
  return root.dump(2, ' ', /*ensure_ascii=*/false, json::error_handler_t::replace) + "\n";
}

absl::Status DecodeFailure(std::string_view text, FailedStep* step) {
  try {
    const json root = json::parse(text);
    step->message = root.at("message").get<std::string>();
    step->update = root.at("update").get<int64_t>();
    step->rank = root.at("rank").get<int>();
    step->world_size = root.at("world_size").get<int>();
    step->weights = root.at("weights").get<std::string>();
    if (root.contains("statistics")) step->statistics = DecodeStatistics(root.at("statistics"));
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(error.what());
  }
  if (step->rank < 0 || step->rank >= step->world_size) {
    return absl::InvalidArgumentError(absl::StrCat("rank: ", step->rank, " of ", step->world_size));
  }
  return absl::OkStatus();
}

}  // namespace cohort::learner
