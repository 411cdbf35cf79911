// SPDX-License-Identifier: Apache-2.0
#include "coordinator/reward_validation.h"

#include <google/protobuf/util/time_util.h>

#include <cmath>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "coordinator/field_check.h"
#include "reward/verifier_defaults.h"

namespace cohort::coordinator {
namespace {

using google::protobuf::util::TimeUtil;

constexpr double kDefaultMaxNoVerdictShare = 0.1;
constexpr int64_t kDefaultDeadlineSeconds = 5;
constexpr int64_t kMaxDeadlineSeconds = 3600;
constexpr int32_t kMaxRankingItems = 1000;
constexpr double kMaxScore = 1e6;

absl::Status ResolveRanking(cohort::v1::RankingVerifier* ranking) {
  if (ranking->catalogue_path().empty()) return common::InvalidField("ranking.catalogue_path", "", "needs a file");
  reward::SetDefaults(ranking);
  return CheckRange("ranking.num_items", ranking->num_items(), 1, kMaxRankingItems);
}

absl::Status ResolveDocumentScores(cohort::v1::DocumentScoresVerifier* scores) {
  reward::SetDefaults(scores);
  COHORT_RETURN_IF_ERROR(CheckRange("document_scores.num_documents", scores->num_documents(), 1, kMaxRankingItems));
  // Far above any scale of relevance; sums of gains stay finite.
  COHORT_RETURN_IF_ERROR(CheckPositive("document_scores.max_score", scores->max_score()));
  COHORT_RETURN_IF_ERROR(CheckRange("document_scores.max_score", scores->max_score(), 0.0, kMaxScore));
  return CheckRange("document_scores.relevant_from", scores->relevant_from(), 0.0, scores->max_score());
}

absl::Status ResolveVerifier(cohort::v1::VerifierSpec* verifier) {
  std::string kind;
  switch (verifier->verifier_case()) {
    case cohort::v1::VerifierSpec::kMathAnswer:
      kind = "math_answer";
      break;
    case cohort::v1::VerifierSpec::kCountdown:
      kind = "countdown";
      reward::SetDefaults(verifier->mutable_countdown());
      break;
    case cohort::v1::VerifierSpec::kCommand: {
      kind = "command";
      cohort::v1::CommandVerifier* command = verifier->mutable_command();
      if (command->argv().empty()) return common::InvalidField("command.argv", "", "needs a program");
      COHORT_RETURN_IF_ERROR(CheckNotNegative("command.max_memory_bytes", command->max_memory_bytes()));
      reward::SetDefaults(command);
      break;
    }
    case cohort::v1::VerifierSpec::kRanking:
      kind = "ranking";
      COHORT_RETURN_IF_ERROR(ResolveRanking(verifier->mutable_ranking()));
      break;
    case cohort::v1::VerifierSpec::kDocumentScores:
      kind = "document_scores";
      COHORT_RETURN_IF_ERROR(ResolveDocumentScores(verifier->mutable_document_scores()));
      break;
    case cohort::v1::VerifierSpec::VERIFIER_NOT_SET:
      return common::InvalidField("verifier", verifier->name(),
                                  "needs one of math_answer, countdown, command, ranking, document_scores");
  }
  if (verifier->name().empty()) verifier->set_name(kind);
  if (!verifier->has_weight()) verifier->set_weight(1);
  if (!std::isfinite(verifier->weight())) {
    return common::InvalidField("weight", absl::StrCat(verifier->weight()), "must be finite");
  }
  if (!verifier->has_deadline()) *verifier->mutable_deadline() = TimeUtil::SecondsToDuration(kDefaultDeadlineSeconds);
  const auto& deadline = verifier->deadline();
  if (deadline.seconds() < 0 || deadline.nanos() < 0 || deadline.seconds() > kMaxDeadlineSeconds ||
      (deadline.seconds() == 0 && deadline.nanos() == 0)) {
    return common::InvalidField("deadline", TimeUtil::ToString(deadline), "must be greater than 0 and at most 1 h");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ResolveReward(cohort::v1::RewardSpec* reward) {
  if (reward->verifiers().empty()) return common::InvalidField("verifiers", "", "needs at least one verifier");
  std::set<std::string> names;
  bool has_positive_weight = false;
  for (int i = 0; i < reward->verifiers_size(); ++i) {
    cohort::v1::VerifierSpec* verifier = reward->mutable_verifiers(i);
    const std::string field = absl::StrCat("verifiers[", i, "]");
    COHORT_RETURN_IF_ERROR(common::PrefixField(ResolveVerifier(verifier), field));
    if (!names.insert(verifier->name()).second) {
      return common::InvalidField(field + ".name", verifier->name(), "must be unique in the rubric");
    }
    has_positive_weight = has_positive_weight || verifier->weight() > 0;
  }
  if (!has_positive_weight) return common::InvalidField("verifiers", "", "needs a verifier with a positive weight");
  if (!reward->has_max_no_verdict_share()) reward->set_max_no_verdict_share(kDefaultMaxNoVerdictShare);
  return CheckRange("max_no_verdict_share", reward->max_no_verdict_share(), 0.0, 1.0);
}

}  // namespace cohort::coordinator
