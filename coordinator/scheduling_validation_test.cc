// SPDX-License-Identifier: Apache-2.0
#include "coordinator/scheduling_validation.h"

#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <string>

#include "common/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using cohort::v1::SchedulingSpec;
using common::StatusIs;
using ::testing::HasSubstr;

TEST(SchedulingValidationTest, NothingIsAsGoodAsEverythingInRange) {
  EXPECT_OK(CheckScheduling({}, /*has_ranks=*/true));
  EXPECT_OK(CheckScheduling({}, /*has_ranks=*/false));
  SchedulingSpec full;
  full.set_priority(-1000);
  full.set_min_workers(4);
  full.set_max_workers(4);
  full.mutable_worker()->set_device("cuda");
  full.mutable_worker()->set_min_memory_bytes(int64_t{80} << 30);
  full.mutable_rank()->set_device("cpu");
  EXPECT_OK(CheckScheduling(full, /*has_ranks=*/true));
}

TEST(SchedulingValidationTest, RefusesByFieldAndValue) {
  struct Case {
    const char* name;
    std::function<void(SchedulingSpec*)> damage;
    std::string message;
  };
  const Case cases[] = {
      {"priority", [](auto* spec) { spec->set_priority(1001); }, "priority: must be from -1000 to 1000 (1001)"},
      {"min", [](auto* spec) { spec->set_min_workers(-1); }, "min_workers: must be from 0 to 16384 (-1)"},
      {"max", [](auto* spec) { spec->set_max_workers(16385); }, "max_workers: must be from 0 to 16384 (16385)"},
      {"order",
       [](auto* spec) {
         spec->set_min_workers(3);
         spec->set_max_workers(2);
       },
       "min_workers: must be at most max_workers, 2 (3)"},
      {"worker", [](auto* spec) { spec->mutable_worker()->set_device("cuda:0"); },
       "worker.device: must be cpu or cuda"},
      {"rank", [](auto* spec) { spec->mutable_rank()->set_device("gpu"); }, "rank.device: must be cpu or cuda"},
      {"memory", [](auto* spec) { spec->mutable_rank()->set_min_memory_bytes(-5); },
       "rank.min_memory_bytes: must not be negative (-5)"},
  };
  for (const Case& refused : cases) {
    SchedulingSpec spec;
    refused.damage(&spec);
    EXPECT_THAT(CheckScheduling(spec, /*has_ranks=*/true),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(refused.message)))
        << refused.name;
  }
}

TEST(SchedulingValidationTest, RanksOfAJobWithoutRanksAreRefused) {
  SchedulingSpec spec;
  spec.mutable_rank()->set_device("cuda");
  EXPECT_THAT(CheckScheduling(spec, /*has_ranks=*/false),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("rank: a job of this kind has no learner ranks")));
}

TEST(BudgetValidationTest, NoLimitIsNegativeOrNoNumber) {
  EXPECT_OK(CheckBudget({}));
  cohort::v1::BudgetSpec budget;
  budget.set_device_seconds(1.5);
  budget.set_tokens(100);
  budget.mutable_wall_time()->set_seconds(60);
  EXPECT_OK(CheckBudget(budget));
  budget.mutable_wall_time()->set_seconds(-1);
  EXPECT_THAT(CheckBudget(budget), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("wall_time: must not be")));
  budget.set_tokens(-1);
  EXPECT_THAT(CheckBudget(budget), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("tokens: must not be")));
  for (const double bad : {-1.0, std::nan("")}) {
    budget.set_device_seconds(bad);
    EXPECT_THAT(CheckBudget(budget), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("device_seconds: must")));
  }
}

}  // namespace
}  // namespace cohort::coordinator
