// SPDX-License-Identifier: Apache-2.0
#include "reward/verifier_defaults.h"

#include "gtest/gtest.h"

namespace cohort::reward {
namespace {

TEST(VerifierDefaultsTest, WhatIsLeftOutIsFilledIn) {
  cohort::v1::CountdownVerifier countdown;
  SetDefaults(&countdown);
  EXPECT_EQ(countdown.numbers_field(), "numbers");
  EXPECT_EQ(countdown.target_field(), "target");
  cohort::v1::CommandVerifier command;
  SetDefaults(&command);
  EXPECT_EQ(command.max_memory_bytes(), 1 << 30);
  cohort::v1::RankingVerifier ranking;
  SetDefaults(&ranking);
  EXPECT_EQ(ranking.num_items(), 20);
  EXPECT_EQ(ranking.truths_field(), "truths");
  EXPECT_EQ(ranking.seen_field(), "seen");
  EXPECT_EQ(ranking.metric(), cohort::v1::RankingVerifier::METRIC_NDCG);
  cohort::v1::DocumentScoresVerifier scores;
  SetDefaults(&scores);
  EXPECT_EQ(scores.scores_field(), "scores");
  EXPECT_EQ(scores.num_documents(), 10);
  EXPECT_EQ(scores.max_score(), 10);
  EXPECT_EQ(scores.relevant_from(), 5);
  EXPECT_EQ(scores.metric(), cohort::v1::DocumentScoresVerifier::METRIC_NDCG);
}

TEST(VerifierDefaultsTest, WhatIsSetStays) {
  cohort::v1::CommandVerifier command;
  command.set_max_memory_bytes(-1);
  SetDefaults(&command);
  EXPECT_EQ(command.max_memory_bytes(), -1) << "whoever checks it refuses it";
  cohort::v1::RankingVerifier ranking;
  ranking.set_num_items(5);
  ranking.set_metric(cohort::v1::RankingVerifier::METRIC_RECALL);
  SetDefaults(&ranking);
  EXPECT_EQ(ranking.num_items(), 5);
  EXPECT_EQ(ranking.metric(), cohort::v1::RankingVerifier::METRIC_RECALL);
  cohort::v1::DocumentScoresVerifier scores;
  scores.set_max_score(3);
  SetDefaults(&scores);
  EXPECT_EQ(scores.relevant_from(), 1.5) << "half of the highest score";
}

}  // namespace
}  // namespace cohort::reward
