// SPDX-License-Identifier: Apache-2.0
#include "coordinator/segment_cleanup.h"

#include <gmock/gmock.h>

#include <memory>
#include <vector>

#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "coordinator/in_memory_job_store.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::IsOkAndHolds;

constexpr char kJob[] = "namespaces/default/jobs/sums";

class SegmentCleanupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    JobRecord job;
    job.job.set_name(kJob);
    ASSERT_OK(store_->CreateJob(job, {}));
    // Its header and a record fill a segment.
    ASSERT_OK_AND_ASSIGN(log_, rollout_log::RolloutLog::Open(folder_.path(), {}, /*max_segment_bytes=*/17));
    for (int64_t id = 0; id < 4; ++id) {
      cohort::v1::RolloutGroup group;
      group.set_group_id(id + 1);
      ASSERT_OK_AND_ASSIGN(const auto location, log_->Append(group));
      locations_.push_back(location);
    }
  }
  void Store(int64_t id, const rollout_log::RecordLocation& location) {
    JobChange change;
    GroupRecord& group = change.groups.emplace_back();
    group.group_id = id;
    group.location = location;
    ASSERT_OK(store_->Apply(kJob, change));
  }
  absl::StatusOr<int64_t> Remove(int64_t limit = 10) { return RemoveUnusedSegments(store_.get(), log_.get(), limit); }

  common::TempDir folder_;
  std::unique_ptr<JobStore> store_ = MakeInMemoryJobStore();
  std::unique_ptr<rollout_log::RolloutLog> log_;
  std::vector<rollout_log::RecordLocation> locations_;
};

TEST_F(SegmentCleanupTest, SegmentsThatNobodyRefersToGo) {
  Store(1, locations_[1]);
  log_->Settle(locations_);
  EXPECT_THAT(Remove(), IsOkAndHolds(2)) << "the first and the third; the last is written to";
  EXPECT_OK(log_->Read(locations_[1]));
  EXPECT_OK(log_->Read(locations_[3]));
  EXPECT_FALSE(log_->Read(locations_[0]).ok());
  Store(1, {});
  EXPECT_THAT(Remove(), IsOkAndHolds(1)) << "its payload was released";
}

TEST_F(SegmentCleanupTest, RecordThatIsBeingStoredIsNotLost) {
  log_->Settle({locations_[1], locations_[2], locations_[3]});
  EXPECT_THAT(Remove(), IsOkAndHolds(2));
  EXPECT_OK(log_->Read(locations_[0]));
}

TEST_F(SegmentCleanupTest, WorkOfOneCallIsBounded) {
  log_->Settle(locations_);
  EXPECT_THAT(Remove(/*limit=*/2), IsOkAndHolds(2));
  EXPECT_THAT(Remove(/*limit=*/2), IsOkAndHolds(1));
  EXPECT_THAT(Remove(/*limit=*/2), IsOkAndHolds(0));
}

}  // namespace
}  // namespace cohort::coordinator
