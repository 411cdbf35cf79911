// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_VERIFIER_DEFAULTS_H_
#define COHORT_REWARD_VERIFIER_DEFAULTS_H_

#include "cohort/v1/reward_spec.pb.h"

namespace cohort::reward {

// Fill in what a job file may leave out: at submit, so that a job says what it does, and again where a verifier is made
// from a spec that was not resolved. What is set stays, right or wrong. Pure.
void SetDefaults(cohort::v1::CountdownVerifier* countdown);
void SetDefaults(cohort::v1::CommandVerifier* command);
void SetDefaults(cohort::v1::RankingVerifier* ranking);
void SetDefaults(cohort::v1::DocumentScoresVerifier* scores);

}  // namespace cohort::reward

#endif  // COHORT_REWARD_VERIFIER_DEFAULTS_H_
