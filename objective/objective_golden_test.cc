// SPDX-License-Identifier: Apache-2.0
// Every loss record of the specification: loss and gradient in fp64 to 1e-12 and in fp32 to 1e-5, and which tokens each
// branch clips.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "objective/objective.h"
#include "objective/testing/golden.h"
#include "objective/testing/owned_batch.h"
#include "objective/testing/specs.h"

namespace cohort::objective {
namespace {

using nlohmann::json;

// Where a record's tokens come from.
enum class Input { kFixture, kTokenAdvantages, kBehavior, kList, kListPaper };

struct Record {
  std::string name;
  std::string preset;
  std::string overrides;
  Input input = Input::kFixture;
};

std::string Fixed(const std::string& reduction) { return "loss_reduction: LOSS_REDUCTION_" + reduction; }

void AddGrpo(std::vector<Record>* records) {
  records->push_back({"grpo/token-mean/eps0.2", "grpo", Fixed("TOKEN_MEAN")});
  records->push_back({"grpo/seq-mean-token-mean/eps0.2", "grpo", ""});
  records->push_back({"grpo/seq-mean-token-sum/eps0.2", "grpo", Fixed("SEQUENCE_MEAN_TOKEN_SUM")});
  records->push_back({"grpo/seq-mean-token-sum-norm/eps0.2", "dr_grpo", ""});
  records->push_back({"grpo/clip_higher_0.2_0.28/token-mean", "dapo", ""});
  records->push_back({"grpo/dual_clip_c3/token-mean", "grpo", "branches { dual_clip: 3 } " + Fixed("TOKEN_MEAN")});
  records->push_back({"grpo/delta4/token-mean", "grpo", "branches { delta: 4 } " + Fixed("TOKEN_MEAN")});
  for (const char* name : {"k1", "k2", "k3", "k3+"}) {
    const std::string kl = name;
    const std::string estimator = kl == "k3+" ? "K3_PLUS" : kl == "k1" ? "K1" : kl == "k2" ? "K2" : "K3";
    records->push_back({"grpo/kl_" + kl + "_beta0.05/token-mean", "grpo",
                        "kl { coefficient: 0.05 estimator: ESTIMATOR_" + estimator + " } " + Fixed("TOKEN_MEAN")});
  }
}

void AddResponseLevel(std::vector<Record>* records) {
  const std::string wide = "branches { clip_low: 0.2 clip_high: 0.2 }";
  records->push_back({"gspo/eps3e-4_4e-4/through", "gspo", ""});
  records->push_back({"gspo/eps3e-4_4e-4/local", "gspo_token", ""});
  records->push_back({"gspo/eps0.2/through", "gspo", wide});
  records->push_back({"gspo/eps0.2/local", "gspo_token", wide});
  records->push_back({"gspo_token/eps0.2/through", "gspo", wide, Input::kTokenAdvantages});
  records->push_back({"gspo_token/eps0.2/local", "gspo_token", wide, Input::kTokenAdvantages});
  records->push_back({"luspo/eps0.2", "luspo", wide});
}

void AddSspo(std::vector<Record>* records) {
  for (const char* name : {"ratio_linear", "tanhz_linear", "ratio_log", "fixed"}) {
    const std::string form = name;
    const std::string adaptation = form == "ratio_linear"   ? "LINEAR"
                                   : form == "tanhz_linear" ? "TANH_Z"
                                   : form == "ratio_log"    ? "LOG"
                                                            : "NONE";
    const std::string branch =
        "branches { clip_low: 0.1 clip_high: 0.1 adaptation: CLIP_ADAPTATION_" + adaptation + " } ";
    const std::string stem = "sspo/" + form + "_0.1/";
    records->push_back({stem + "token-mean", "sspo", branch});
    records->push_back({stem + "seq-mean-token-mean", "sspo", branch + Fixed("SEQUENCE_MEAN_TOKEN_MEAN")});
    records->push_back({stem + "seq-mean-segment-mean", "sspo", branch + Fixed("SEQUENCE_MEAN_SEGMENT_MEAN")});
  }
}

void AddDhpo(std::vector<Record>* records) {
  for (const char* name : {"seq3e-4", "seq0.1"}) {
    const std::string bounds = name;
    const std::string range = bounds == "seq0.1" ? "clip_low: 0.1 clip_high: 0.1" : "";
    for (const bool through : {false, true}) {
      const std::string branch =
          "branches {} branches { " + range + (through ? " flow: GRADIENT_FLOW_THROUGH" : "") + " } ";
      const std::string end = "/tok0.2_" + bounds + (through ? "/seq_through" : "");
      records->push_back({"dhpo/avg" + end, "dhpo", branch});
      records->push_back({"dhpo/entropy_high_to_token" + end, "dhpo_entropy", branch});
      records->push_back({"dhpo/entropy_high_to_seq" + end, "dhpo_entropy", branch + "mix { invert: true }"});
      records->push_back(
          {"dhpo/entropy_batch_scope" + end, "dhpo_entropy", branch + "mix { scope: STATISTIC_SCOPE_BATCH }"});
    }
    records->push_back({"dhpo/avg_ratio_mix_variant/tok0.2_" + bounds, "dhpo",
                        "branches {} branches { " + range + " } mix { form: FORM_RATIO }"});
  }
}

void AddOthers(std::vector<Record>* records) {
  const std::string list = "advantage { item { num_items: 3 } } kl { coefficient: 0 } ";
  records->push_back({"rank_grpo/code_token-mean", "rank_grpo", list, Input::kList});
  records->push_back(
      {"rank_grpo/code_seq-mean-token-mean", "rank_grpo", list + Fixed("SEQUENCE_MEAN_TOKEN_MEAN"), Input::kList});
  records->push_back({"rank_grpo/paper_rank-mean", "rank_grpo_paper", list, Input::kListPaper});
  records->push_back({"cispo/hi5_nolow/token-mean", "cispo", ""});
  records->push_back({"cispo/0.2_0.28/token-mean", "cispo", "branches { clip_low: 0.2 clip_high: 0.28 }"});
  records->push_back({"gmpo/log0.4", "gmpo", ""});
  records->push_back({"gmpo/log0.2", "gmpo", "branches { token_log_clip: 0.2 }"});
  records->push_back({"sapo/1.0_1.05/seq-mean-token-mean", "sapo", ""});
  const std::string mean = Fixed("TOKEN_MEAN");
  records->push_back({"mismatch/grpo_tis/token-mean", "grpo",
                      "mismatch { correction: CORRECTION_TRUNCATE cap: 2 } " + mean, Input::kBehavior});
  records->push_back({"mismatch/grpo_icepop/token-mean", "grpo",
                      "mismatch { correction: CORRECTION_MASK low: 0.5 cap: 2 } " + mean, Input::kBehavior});
  records->push_back({"areal_decoupled/cap5/token-mean", "grpo",
                      "mismatch { correction: CORRECTION_TRUNCATE cap: 5 } " + mean, Input::kBehavior});
}

std::vector<Record> Records() {
  std::vector<Record> records;
  AddGrpo(&records);
  AddResponseLevel(&records);
  AddSspo(&records);
  AddDhpo(&records);
  AddOthers(&records);
  return records;
}

template <typename T>
std::vector<T> Slice(const json& values, size_t begin, size_t end) {
  const std::vector<T> all = values.get<std::vector<T>>();
  return {all.begin() + static_cast<int64_t>(begin), all.begin() + static_cast<int64_t>(end)};
}

std::vector<OwnedSequence> Fixture(Input input) {
  const json& f = Golden().at("fixture_F");
  std::vector<OwnedSequence> sequences;
  for (const auto& [begin, end] : {std::pair<size_t, size_t>(0, 6), std::pair<size_t, size_t>(6, 10)}) {
    OwnedSequence sequence;
    sequence.label = "sequence " + std::to_string(sequences.size());
    sequence.policy = Slice<double>(f.at("logp_new"), begin, end);
    sequence.proximal = Slice<double>(f.at("logp_old"), begin, end);
    sequence.reference = Slice<double>(f.at("logp_ref"), begin, end);
    sequence.policy_entropy = sequence.proximal_entropy = Slice<double>(f.at("entropy"), begin, end);
    sequence.behavior = Slice<double>(Golden().at("mismatch/weights").at("logp_rollout"), begin, end);
    sequence.advantage = f.at("advantage")[begin].get<double>();
    sequence.subsentence_ends = begin == 0 ? std::vector<int64_t>{3, 6} : std::vector<int64_t>{2, 4};
    if (input == Input::kTokenAdvantages) {
      sequence.token_advantages = Slice<double>(Golden().at("gspo_token/per_token_advantage").at("A"), begin, end);
    }
    sequences.push_back(sequence);
  }
  return sequences;
}

std::vector<OwnedSequence> Lists(Input input) {
  const json& code = Golden().at("rank_grpo/code_token-mean");
  const json& paper = Golden().at("rank_grpo/paper_rank-mean");
  std::vector<OwnedSequence> sequences;
  for (const auto& [begin, end] : {std::pair<size_t, size_t>(0, 10), std::pair<size_t, size_t>(10, 22)}) {
    OwnedSequence sequence;
    sequence.label = "list " + std::to_string(sequences.size());
    sequence.policy = Slice<double>(code.at("logp_new"), begin, end);
    sequence.proximal = Slice<double>(code.at("logp_old"), begin, end);
    const json& from = input == Input::kListPaper ? paper : code;
    sequence.token_advantages = Slice<double>(from.at("adv"), begin, end);
    if (input == Input::kListPaper) sequence.mask = Slice<uint8_t>(paper.at("mask"), begin, end);
    const json& ids = code.at("seg");
    for (size_t t = begin; t < end; ++t) {
      if (t + 1 == end || ids[t + 1] != ids[t]) sequence.item_ends.push_back(static_cast<int64_t>(t + 1 - begin));
    }
    sequences.push_back(sequence);
  }
  return sequences;
}

std::vector<OwnedSequence> SequencesOf(Input input) {
  return input == Input::kList || input == Input::kListPaper ? Lists(input) : Fixture(input);
}

template <typename Real>
void CheckLossAndGradient(const Record& record, double tolerance) {
  const auto objective = MakeObjective(record.preset, record.overrides);
  const std::vector<OwnedSequence> sequences = SequencesOf(record.input);
  const auto result = Evaluate<Real>(*objective, sequences, /*num_groups=*/1);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_NEAR(result->loss, GoldenNumber(record.name, "loss"), tolerance);
  const std::vector<double> gradient = GoldenNumbers(record.name, "grad");
  ASSERT_EQ(result->gradient_T.size(), gradient.size());
  for (size_t t = 0; t < gradient.size(); ++t) EXPECT_NEAR(result->gradient_T[t], gradient[t], tolerance) << t;
}

// Tokens that a branch takes the gradient from although they have an advantage.
double NumInactive(const json& active, const std::vector<OwnedSequence>& sequences) {
  double count = 0;
  size_t t = 0;
  for (const OwnedSequence& sequence : sequences) {
    for (size_t i = 0; i < sequence.policy.size(); ++i, ++t) {
      const double advantage = sequence.token_advantages.empty() ? sequence.advantage : sequence.token_advantages[i];
      count += active[t].get<int>() == 0 && advantage != 0 ? 1 : 0;
    }
  }
  return count;
}

class ObjectiveGoldenTest : public testing::TestWithParam<Record> {};

TEST_P(ObjectiveGoldenTest, DoublesAgree) { CheckLossAndGradient<double>(GetParam(), 1e-12); }

TEST_P(ObjectiveGoldenTest, FloatsAgree) { CheckLossAndGradient<float>(GetParam(), 1e-5); }

TEST_P(ObjectiveGoldenTest, ClippedTokensAreCounted) {
  const json& record = Golden().at(GetParam().name);
  if (!record.contains("active") || GetParam().preset == "cispo") return;  // cispo counts bounds, not lost gradients
  const json branches = record.at("active")[0].is_array() ? record.at("active") : json::array({record.at("active")});
  const auto objective = MakeObjective(GetParam().preset, GetParam().overrides);
  const std::vector<OwnedSequence> sequences = SequencesOf(GetParam().input);
  const auto result = Evaluate<double>(*objective, sequences, /*num_groups=*/1);
  ASSERT_TRUE(result.ok()) << result.status();
  for (size_t branch = 0; branch < branches.size(); ++branch) {
    const std::string suffix = branch == 0 ? "" : "_branch2";
    EXPECT_EQ(result->sums.at("count_clipped_low" + suffix) + result->sums.at("count_clipped_high" + suffix) +
                  result->sums.at("count_dual_clipped" + suffix),
              NumInactive(branches[branch], sequences))
        << branch;
  }
}

TEST_P(ObjectiveGoldenTest, MeanKlToTheReferenceAgrees) {
  const json& record = Golden().at(GetParam().name);
  if (!record.contains("kl_mean")) return;
  const auto objective = MakeObjective(GetParam().preset, GetParam().overrides);
  const auto result = Evaluate<double>(*objective, SequencesOf(GetParam().input), /*num_groups=*/1);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_NEAR(result->sums.at("sum_reference_kl") / result->sums.at("count_tokens"), record.at("kl_mean").get<double>(),
              1e-12);
}

std::string TestName(const testing::TestParamInfo<Record>& info) {
  std::string name;
  for (const char c : info.param.name) name += std::isalnum(static_cast<unsigned char>(c)) ? c : c == '+' ? 'p' : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Spec, ObjectiveGoldenTest, testing::ValuesIn(Records()), TestName);

// The records that are no losses, and where they are tested. grpo_guard belongs to no objective of this room: it is the
// ratio of a denoising step under Gaussian policies, which a language model does not have.
const std::set<std::string>& OtherRecords() {
  static const auto* const names = new std::set<std::string>{
      "fixture_F",                 // golden_parts_test.cc
      "dhpo/variant_equivalence",  // golden_parts_test.cc
      "mismatch/weights",          // golden_parts_test.cc
      "gspo_token/per_token_advantage",
      "advantage/rewards",  // credit_test.cc, with all that follow
      "advantage/grpo_unbiased_eps1e-6",
      "advantage/grpo_unbiased_eps1e-4",
      "advantage/grpo_population_eps0",
      "advantage/dr_grpo",
      "advantage/rloo",
      "advantage/one_of_16_unbiased_eps0",
      "advantage/degenerate_prob",
      "dapo/overlong",
      "rank/rewards",
      "unlikeliness",
      "arenarl/n8",
      "arenarl/n6",
      "rank/eval",  // reward/ranking_metrics_test.cc
      "grouprank",  // reward/score_agreement_test.cc
      "grpo_guard",
  };
  return *names;
}

TEST(ObjectiveGoldenCoverageTest, EveryRecordHasItsTest) {
  std::set<std::string> names = OtherRecords();
  for (const Record& record : Records()) {
    EXPECT_TRUE(names.insert(record.name).second) << record.name << " is tested twice";
  }
  std::set<std::string> in_file;
  for (const auto& [name, record] : Golden().items()) in_file.insert(name);
  EXPECT_EQ(names, in_file);
}

}  // namespace
}  // namespace cohort::objective
