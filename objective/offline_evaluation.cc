// SPDX-License-Identifier: Apache-2.0
#include "objective/offline_evaluation.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/config/proto_to_yaml.h"
#include "common/status_macros.h"
#include "objective/input_sequence.h"
#include "objective/objective.h"
#include "objective/objective_resolution.h"
#include "objective/offline_credit.h"
#include "objective/segments.h"
#include "objective/sequence_layout.h"
#include "objective/trained_tokens.h"

namespace cohort::objective {
namespace {

using cohort::v1::AdvantageSpec;
using cohort::v1::ObjectiveSpec;
using nlohmann::json;

absl::StatusOr<std::vector<InputSequence>> ReadSequences(std::istream& input) {
  std::vector<InputSequence> sequences;
  std::string text;
  for (int64_t line = 1; std::getline(input, text); ++line) {
    if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
    COHORT_ASSIGN_OR_RETURN(InputSequence sequence, ParseInputLine(text, line));
    sequences.push_back(std::move(sequence));
  }
  return sequences;
}

// Ends of runs of equal ids.
std::vector<int64_t> RunsOf(const std::vector<int64_t>& ids) {
  std::vector<int64_t> ends;
  for (size_t t = 1; t <= ids.size(); ++t) {
    if (t == ids.size() || ids[t] != ids[t - 1]) ends.push_back(static_cast<int64_t>(t));
  }
  return ends;
}

absl::StatusOr<SequenceLayout> LayoutFromIds(const ObjectiveSpec& spec, const SequenceCredit& credit,
                                             const InputSequence& sequence) {
  SequenceLayout layout;
  if (spec.advantage().estimator() == AdvantageSpec::ESTIMATOR_ITEM && !sequence.advantage) {
    ItemIds ids;
    for (const int64_t id : sequence.segment_ids) {
      ids.item_T.push_back(static_cast<int32_t>(std::min<int64_t>(id, INT32_MAX - 1)));
      ids.num_items = std::max(ids.num_items, ids.item_T.back() + 1);
    }
    COHORT_ASSIGN_OR_RETURN(layout, LayOutItems(spec, credit, ids, !sequence.is_truncated));
  } else {
    layout.item_ends = RunsOf(sequence.segment_ids);
    for (const int64_t id : sequence.segment_ids) layout.mask.push_back(id >= 0);
  }
  layout.subsentence_ends = RunsOf(sequence.segment_ids);
  return layout;
}

absl::StatusOr<SequenceLayout> LayoutOf(const Objective& objective, const SequenceCredit& credit,
                                        const InputSequence& sequence) {
  if (!objective.NeedsTokenText() || sequence.policy_logprobs.empty()) return SequenceLayout();
  if (!sequence.segment_ids.empty()) return LayoutFromIds(objective.spec(), credit, sequence);
  if (sequence.token_texts.empty()) return LineError(sequence, "token_texts: missing, or segment_ids");
  absl::StatusOr<SequenceLayout> layout =
      LayOutSequence(objective.spec(), credit, sequence.token_texts, !sequence.is_truncated);
  if (layout.ok() && sequence.advantage) layout->token_advantages.clear();  // credit was given
  return layout;
}

// Every sequence's numbers in one batch of the wanted type.
template <typename Real>
struct Tensors {
  std::vector<Real> policy, entropies, proximal, behavior, reference;
  std::vector<int64_t> cu_seqlens = {0};
  std::vector<BatchSequence> rows;
};

template <typename Real>
void Append(const std::vector<double>& from, std::vector<Real>* to) {
  for (const double value : from) to->push_back(static_cast<Real>(value));
}

absl::Status CheckSameFields(const std::vector<InputSequence>& sequences,
                             const std::vector<double> InputSequence::*field, const char* name) {
  bool any = false;
  for (const InputSequence& sequence : sequences) any = any || !(sequence.*field).empty();
  for (const InputSequence& sequence : sequences) {
    if (any && (sequence.*field).empty() && !sequence.policy_logprobs.empty()) {
      return LineError(sequence, absl::StrCat(name, ": missing, other lines have them"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckTensors(const std::vector<InputSequence>& sequences) {
  COHORT_RETURN_IF_ERROR(CheckSameFields(sequences, &InputSequence::proximal_logprobs, "proximal_logprobs"));
  COHORT_RETURN_IF_ERROR(CheckSameFields(sequences, &InputSequence::reference_logprobs, "reference_logprobs"));
  COHORT_RETURN_IF_ERROR(CheckSameFields(sequences, &InputSequence::behavior_logprobs, "behavior_logprobs"));
  return CheckSameFields(sequences, &InputSequence::entropies, "entropies");
}

// What the batch's rows point at.
struct Rows {
  std::vector<std::string> labels;
  std::vector<SequenceCredit> credits;
  std::vector<SequenceLayout> layouts;
};

template <typename Real>
Tensors<Real> Collect(const std::vector<InputSequence>& sequences, const Grouping& grouping, const Rows& rows) {
  Tensors<Real> tensors;
  for (size_t i = 0; i < sequences.size(); ++i) {
    const InputSequence& sequence = sequences[i];
    Append(sequence.policy_logprobs, &tensors.policy);
    Append(sequence.entropies, &tensors.entropies);
    Append(sequence.proximal_logprobs, &tensors.proximal);
    Append(sequence.behavior_logprobs, &tensors.behavior);
    Append(sequence.reference_logprobs, &tensors.reference);
    tensors.cu_seqlens.push_back(static_cast<int64_t>(tensors.policy.size()));
    tensors.rows.push_back({.label = rows.labels[i],
                            .group = static_cast<int64_t>(grouping.group_of[i]),
                            .advantage = rows.credits[i].advantage,
                            .is_truncated = sequence.is_truncated,
                            .token_advantages = rows.layouts[i].token_advantages,
                            .mask = rows.layouts[i].mask,
                            .subsentence_ends = rows.layouts[i].subsentence_ends,
                            .item_ends = rows.layouts[i].item_ends});
  }
  return tensors;
}

// What a line says of mask and advantages goes over what its text says.
void Overlay(const InputSequence& sequence, SequenceLayout* layout) {
  if (!sequence.token_advantages.empty()) layout->token_advantages = sequence.token_advantages;
  if (sequence.mask.empty()) return;
  if (layout->mask.empty()) layout->mask.assign(sequence.mask.size(), 1);
  for (size_t t = 0; t < sequence.mask.size(); ++t) layout->mask[t] = layout->mask[t] && sequence.mask[t];
}

json SegmentIdsOf(const Segments& segments, size_t sequence) {
  json ids = json::array();
  for (int64_t s = segments.first_segment_S[sequence]; s < segments.first_segment_S[sequence + 1]; ++s) {
    for (int64_t t = segments.offsets[s]; t < segments.offsets[s + 1]; ++t) {
      ids.push_back(s - segments.first_segment_S[sequence]);
    }
  }
  return ids;
}

template <typename Real>
json Slice(const std::vector<Real>& values, int64_t begin, int64_t end) {
  return std::vector<double>(values.begin() + begin, values.begin() + end);
}

template <typename Real>
absl::StatusOr<std::string> Compute(const Objective& objective, const std::vector<InputSequence>& sequences,
                                    const Grouping& grouping, const Rows& rows) {
  const Tensors<Real> tensors = Collect<Real>(sequences, grouping, rows);
  const TokenBatch<Real> batch = {
      .cu_seqlens = tensors.cu_seqlens,
      .sequences_S = tensors.rows,
      .policy_logprobs_T = tensors.policy,
      .policy_entropies_T = tensors.entropies,
      .proximal_logprobs_T = objective.UsesBehaviorAsProximal() ? tensors.behavior : tensors.proximal,
      .proximal_entropies_T = tensors.entropies,
      .behavior_logprobs_T = tensors.behavior,
      .reference_logprobs_T = tensors.reference};
  UpdateStatistics statistics = objective.BeginStatistics(static_cast<int64_t>(grouping.members.size()));
  while (statistics.round < objective.num_statistic_rounds()) {
    StatisticSums sums = objective.EmptySums(statistics);
    COHORT_RETURN_IF_ERROR(objective.Measure(batch, statistics, &sums));
    objective.Conclude(sums, &statistics);
  }
  COHORT_ASSIGN_OR_RETURN(const LossAndGradient<Real> result, objective.ComputeLoss(batch, statistics));

  const TrainedTokens trained =
      FindTrainedTokens(batch.cu_seqlens, batch.sequences_S, objective.spec().selection().drop_truncated());
  const std::vector<double> advantages_T = TokenAdvantages(trained);
  std::vector<Segments> segments;
  for (const cohort::v1::RatioBranch& branch : objective.spec().branches()) {
    segments.push_back(CutSegments(branch.level(), trained));
  }
  std::string output;
  for (size_t i = 0; i < sequences.size(); ++i) {
    const int64_t begin = tensors.cu_seqlens[i];
    const int64_t end = tensors.cu_seqlens[i + 1];
    json line = {{"line", sequences[i].line}, {"gradient", Slice(result.gradient_T, begin, end)}};
    if (objective.NeedsRollouts()) line["advantages"] = Slice(advantages_T, begin, end);
    if (!rows.credits[i].item_advantages.empty()) line["item_advantages"] = rows.credits[i].item_advantages;
    for (const Segments& branch : segments) line["segment_ids"].push_back(SegmentIdsOf(branch, i));
    line["mask"] = std::vector<int>(trained.mask_T.begin() + begin, trained.mask_T.begin() + end);
    if (!result.entropy_gradient_T.empty()) line["entropy_gradient"] = Slice(result.entropy_gradient_T, begin, end);
    absl::StrAppend(&output, line.dump(), "\n");
  }
  const json summary = {
      {"loss", result.loss}, {"metrics", result.sums}, {"objective", common::ProtoToYaml(objective.spec())}};
  return absl::StrCat(output, summary.dump(), "\n");
}

}  // namespace

absl::StatusOr<std::string> EvaluateOffline(const OfflineOptions& options, std::istream& input) {
  COHORT_ASSIGN_OR_RETURN(const std::vector<InputSequence> sequences, ReadSequences(input));
  const Grouping grouping = GroupUp(sequences);
  COHORT_ASSIGN_OR_RETURN(
      const ObjectiveSpec spec,
      ResolveObjective(options.spec, ContextOf(options.spec, options.max_completion_tokens, sequences, grouping)));
  COHORT_ASSIGN_OR_RETURN(const std::unique_ptr<Objective> objective, Objective::Create(spec));
  COHORT_RETURN_IF_ERROR(CheckTensors(sequences));
  Rows rows;
  COHORT_ASSIGN_OR_RETURN(rows.credits, CreditsOf(spec, options.verifier_weights, sequences, grouping));
  for (size_t i = 0; i < sequences.size(); ++i) {
    rows.labels.push_back(absl::StrCat("line ", sequences[i].line));
    COHORT_ASSIGN_OR_RETURN(SequenceLayout layout, LayoutOf(*objective, rows.credits[i], sequences[i]));
    Overlay(sequences[i], &layout);
    rows.layouts.push_back(std::move(layout));
  }
  return options.is_fp32 ? Compute<float>(*objective, sequences, grouping, rows)
                         : Compute<double>(*objective, sequences, grouping, rows);
}

}  // namespace cohort::objective
