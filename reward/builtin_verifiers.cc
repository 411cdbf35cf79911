// SPDX-License-Identifier: Apache-2.0
#include "reward/builtin_verifiers.h"

#include "cohort/v1/reward_spec.pb.h"
#include "common/status_macros.h"
#include "reward/command_verifier.h"
#include "reward/countdown_verifier.h"
#include "reward/document_scores_verifier.h"
#include "reward/math_answer_verifier.h"
#include "reward/ranking_verifier.h"

namespace cohort::reward {

absl::Status RegisterBuiltinVerifiers(VerifierRegistry* registry) {
  using cohort::v1::VerifierSpec;
  COHORT_RETURN_IF_ERROR(registry->Register(VerifierSpec::kMathAnswer, &MathAnswerVerifier::Create));
  COHORT_RETURN_IF_ERROR(registry->Register(VerifierSpec::kCountdown, &CountdownVerifier::Create));
  COHORT_RETURN_IF_ERROR(registry->Register(VerifierSpec::kRanking, &RankingVerifier::Create));
  COHORT_RETURN_IF_ERROR(registry->Register(VerifierSpec::kDocumentScores, &DocumentScoresVerifier::Create));
  return registry->Register(VerifierSpec::kCommand, &CommandVerifier::Create);
}

}  // namespace cohort::reward
