// SPDX-License-Identifier: Apache-2.0
#include "rollout_log/rollout_log.h"

#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "gtest/gtest.h"
#include "rollout_log/segment_format.h"

namespace cohort::rollout_log {
namespace {

namespace fs = std::filesystem;

cohort::v1::RolloutGroup MakeGroup(int64_t id) {
  cohort::v1::RolloutGroup group;
  group.set_job("namespaces/default/jobs/sums");
  group.set_group_id(id);
  group.add_rollouts()->set_text("7 + 8 = 15");
  return group;
}

class RolloutLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    directory_ = ::testing::TempDir() + "/" + test->name();
    fs::remove_all(directory_);
  }
  std::string SegmentPath(int64_t segment) const { return directory_ + "/" + SegmentFileName(segment); }
  std::string Bytes(int64_t segment) const {
    std::ifstream file(SegmentPath(segment), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  void Overwrite(int64_t segment, const std::string& bytes) const {
    std::ofstream(SegmentPath(segment), std::ios::binary | std::ios::trunc) << bytes;
  }
  std::unique_ptr<RolloutLog> OpenOrDie(const RecordLocation& end, int64_t max_segment_bytes = 1 << 20) const {
    auto log = RolloutLog::Open(directory_, end, max_segment_bytes);
    EXPECT_TRUE(log.ok()) << log.status();
    return *std::move(log);
  }

  std::string directory_;
};

TEST_F(RolloutLogTest, AppendedGroupsAreReadBackAfterReopening) {
  auto log = OpenOrDie({});
  const auto first = log->Append(MakeGroup(1));
  const auto second = log->Append(MakeGroup(2));
  ASSERT_TRUE(first.ok() && second.ok());
  log = OpenOrDie(*second);
  EXPECT_EQ(log->Read(*first)->group_id(), 1);
  EXPECT_EQ(log->Read(*second)->group_id(), 2);
  EXPECT_EQ(log->Read(*second)->rollouts(0).text(), "7 + 8 = 15");
}

TEST_F(RolloutLogTest, BatchIsWrittenAsConsecutiveRecords) {
  auto log = OpenOrDie({});
  const auto one = MakeGroup(1), two = MakeGroup(2), three = MakeGroup(3);
  const auto locations = log->AppendAll({&one, &two, &three});
  ASSERT_TRUE(locations.ok());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(log->Read((*locations)[i])->group_id(), i + 1);
}

TEST_F(RolloutLogTest, FullSegmentIsFollowedByANewOne) {
  auto log = OpenOrDie({}, /*max_segment_bytes=*/100);
  RecordLocation last;
  for (int64_t id = 0; id < 10; ++id) last = *log->Append(MakeGroup(id));
  EXPECT_GT(last.segment, 1);
  log = OpenOrDie(last, /*max_segment_bytes=*/100);
  EXPECT_EQ(log->Read(last)->group_id(), 9);
}

TEST_F(RolloutLogTest, LastRecordCutAtAnyByteIsATornTail) {
  auto log = OpenOrDie({});
  const RecordLocation first = *log->Append(MakeGroup(1));
  const RecordLocation second = *log->Append(MakeGroup(2));
  log.reset();
  const std::string whole = Bytes(0);
  for (size_t size = second.offset_bytes; size < whole.size(); ++size) {
    Overwrite(0, whole.substr(0, size));
    log = OpenOrDie(first);
    EXPECT_EQ(log->Read(first)->group_id(), 1) << size;
    const auto again = log->Append(MakeGroup(3));
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(again->offset_bytes, second.offset_bytes) << size;
    EXPECT_EQ(log->Read(*again)->group_id(), 3) << size;
  }
}

TEST_F(RolloutLogTest, ReferencedRecordCutAtAnyByteIsDataLoss) {
  auto log = OpenOrDie({});
  const RecordLocation only = *log->Append(MakeGroup(1));
  log.reset();
  const std::string whole = Bytes(0);
  for (size_t size = 0; size < whole.size(); ++size) {
    Overwrite(0, whole.substr(0, size));
    EXPECT_EQ(RolloutLog::Open(directory_, only).status().code(), absl::StatusCode::kDataLoss) << size;
    EXPECT_EQ(Bytes(0).size(), size) << "a refused log must not be touched";
  }
}

TEST_F(RolloutLogTest, FlippedByteBelowTheEndIsDataLossThatNamesSegmentAndOffset) {
  auto log = OpenOrDie({});
  const RecordLocation first = *log->Append(MakeGroup(1));
  const RecordLocation second = *log->Append(MakeGroup(2));
  std::string bytes = Bytes(0);
  bytes[first.offset_bytes + kRecordHeaderBytes + 3] ^= 1;
  Overwrite(0, bytes);
  const absl::Status read = log->Read(first).status();
  EXPECT_EQ(read.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(read.message().find("0000000000.rollouts offset 16: wrong checksum"), absl::string_view::npos) << read;
  log.reset();
  EXPECT_EQ(RolloutLog::Open(directory_, second).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(RolloutLogTest, SegmentsThatTheStoreDoesNotReferToAreRemoved) {
  auto log = OpenOrDie({}, /*max_segment_bytes=*/17);
  const RecordLocation first = *log->Append(MakeGroup(1));
  ASSERT_EQ(log->Append(MakeGroup(2))->segment, first.segment + 1);
  log = OpenOrDie(first);
  EXPECT_FALSE(fs::exists(SegmentPath(first.segment + 1)));
}

TEST_F(RolloutLogTest, LocationOfAnotherRecordIsDataLoss) {
  auto log = OpenOrDie({});
  RecordLocation location = *log->Append(MakeGroup(1));
  location.crc ^= 1;
  EXPECT_EQ(log->Read(location).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(RolloutLogTest, FailedWriteIsTakenBackAndTheLogGoesOn) {
  auto log = OpenOrDie({});
  const RecordLocation first = *log->Append(MakeGroup(1));
  const std::string before = Bytes(0);
  cohort::v1::RolloutGroup large = MakeGroup(2);
  large.add_rollouts()->set_text(std::string(100000, 'x'));
  // As a full disk: a part of the record is written, then no more.
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit unlimited;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &unlimited), 0);
  rlimit limited = unlimited;
  limited.rlim_cur = 50000;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limited), 0);
  const auto refused = log->Append(large);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &unlimited), 0);
  EXPECT_FALSE(refused.ok());
  EXPECT_EQ(Bytes(0), before);
  const RecordLocation second = *log->Append(large);
  EXPECT_EQ(second.offset_bytes, static_cast<int64_t>(before.size()));
  log = OpenOrDie(second);
  EXPECT_EQ(log->Read(first)->group_id(), 1);
  EXPECT_EQ(log->Read(second)->group_id(), 2);
}

TEST_F(RolloutLogTest, MissingSegmentIsAnError) {
  const RecordLocation end{.segment = 4, .offset_bytes = 16, .length_bytes = 10, .crc = 1};
  EXPECT_FALSE(RolloutLog::Open(directory_, end).ok());
}

TEST_F(RolloutLogTest, FinishedSegmentIsRemovedOnceItsRecordsAreSettled) {
  auto log = OpenOrDie({}, /*max_segment_bytes=*/20);
  const RecordLocation first = *log->Append(MakeGroup(1));
  EXPECT_TRUE(log->FinishedSegments()->empty()) << "the next record might go there";
  const RecordLocation second = *log->Append(MakeGroup(2));
  ASSERT_EQ(second.segment, first.segment + 1);
  EXPECT_TRUE(log->FinishedSegments()->empty()) << "whoever wrote the record has not stored where it is";
  EXPECT_EQ(log->RemoveSegment(first.segment).code(), absl::StatusCode::kFailedPrecondition);
  log->Settle({first});
  EXPECT_EQ(*log->FinishedSegments(), std::vector<int64_t>{first.segment});
  EXPECT_TRUE(log->RemoveSegment(first.segment).ok());
  EXPECT_TRUE(log->RemoveSegment(first.segment).ok()) << "gone already";
  EXPECT_FALSE(fs::exists(SegmentPath(first.segment)));
  EXPECT_EQ(log->Read(first).status().code(), absl::StatusCode::kNotFound);
  log->Settle({second});
  EXPECT_EQ(log->RemoveSegment(second.segment).code(), absl::StatusCode::kFailedPrecondition) << "it is written to";
}

TEST_F(RolloutLogTest, LogOpensWithAGapInItsSegments) {
  auto log = OpenOrDie({}, /*max_segment_bytes=*/20);
  std::vector<RecordLocation> locations;
  for (int64_t id = 0; id < 4; ++id) locations.push_back(*log->Append(MakeGroup(id)));
  log.reset();
  fs::remove(SegmentPath(0));
  fs::remove(SegmentPath(2));
  log = OpenOrDie(locations[3], /*max_segment_bytes=*/20);
  EXPECT_EQ(log->Read(locations[1])->group_id(), 1);
  EXPECT_EQ(log->Append(MakeGroup(4))->segment, 4);
  EXPECT_EQ(*log->FinishedSegments(), (std::vector<int64_t>{1, 3}));
}

TEST_F(RolloutLogTest, NumberOfASegmentIsNotUsedAgainWhenNothingRefersToTheLog) {
  auto log = OpenOrDie({}, /*max_segment_bytes=*/20);
  for (int64_t id = 0; id < 3; ++id) (void)*log->Append(MakeGroup(id));
  log = OpenOrDie({});
  EXPECT_EQ(log->Append(MakeGroup(3))->segment, 3);
  EXPECT_FALSE(fs::exists(SegmentPath(0)));
}

}  // namespace
}  // namespace cohort::rollout_log
