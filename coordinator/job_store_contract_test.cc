// SPDX-License-Identifier: Apache-2.0
// What every JobStore promises of single jobs and groups, run on each. Lists: job_store_lists_test.cc.
#include <gmock/gmock.h>

#include <string>

#include "common/testing/status_matchers.h"
#include "coordinator/job_store.h"
#include "coordinator/testing/job_store_fixture.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

template <typename Backend>
class JobStoreContractTest : public JobStoreFixture<Backend> {};

TYPED_TEST_SUITE(JobStoreContractTest, JobStoreBackends);

TYPED_TEST(JobStoreContractTest, EpochRisesAtEveryStart) {
  EXPECT_THAT(this->store().BeginEpoch(), common::IsOkAndHolds(1));
  EXPECT_THAT(this->store().BeginEpoch(), common::IsOkAndHolds(2));
}

TYPED_TEST(JobStoreContractTest, CreatedJobIsFoundByNameAndRequestId) {
  ASSERT_OK(this->Create("a", "request-1"));
  ASSERT_OK_AND_ASSIGN(const JobRecord by_name, this->store().GetJob(this->job_));
  EXPECT_EQ(by_name.model_path, "/models/small");
  EXPECT_EQ(by_name.request_digest, std::string("\0\xFF", 2));
  EXPECT_GT(by_name.sequence, 0);
  ASSERT_OK_AND_ASSIGN(const JobRecord by_request, this->store().FindJobByRequestId("default", "request-1"));
  EXPECT_EQ(by_request.job.name(), this->job_);
  EXPECT_THAT(this->store().GetJob("namespaces/default/jobs/b"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(this->store().FindJobByRequestId("default", "request-2"), StatusIs(absl::StatusCode::kNotFound));
}

TYPED_TEST(JobStoreContractTest, TakenNameOrRequestIdIsAlreadyExists) {
  ASSERT_OK(this->Create("a", "request-1"));
  EXPECT_THAT(this->Create("a"), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(this->Create("b", "request-1"), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(this->store().GetJob("namespaces/default/jobs/b"), StatusIs(absl::StatusCode::kNotFound));
}

TYPED_TEST(JobStoreContractTest, RequestIdIsOfOneNamespace) {
  ASSERT_OK(this->Create("a", "request-1"));
  ASSERT_OK(this->Create("a", "request-1", "team"));
  EXPECT_EQ(this->store().FindJobByRequestId("default", "request-1")->job.name(), this->job_);
  EXPECT_EQ(this->store().FindJobByRequestId("team", "request-1")->job.name(), "namespaces/team/jobs/a");
  EXPECT_THAT(this->store().FindJobByRequestId("other", "request-1"), StatusIs(absl::StatusCode::kNotFound));
}

TYPED_TEST(JobStoreContractTest, EmptyRequestIdsNeverCollide) {
  ASSERT_OK(this->Create("a"));
  ASSERT_OK(this->Create("b"));
  EXPECT_THAT(this->store().FindJobByRequestId("default", ""), StatusIs(absl::StatusCode::kNotFound));
}

TYPED_TEST(JobStoreContractTest, ListGivesOldestFirstWhenAsked) {
  for (const char* id : {"a", "b", "c"}) ASSERT_OK(this->Create(id));
  const std::string prefix = "namespaces/default/jobs/";
  ASSERT_OK_AND_ASSIGN(const auto all,
                       this->store().ListJobs({.name_prefix = prefix, .is_oldest_first = true, .limit = 10}));
  EXPECT_THAT(this->Names(all), ElementsAre(prefix + "a", prefix + "b", prefix + "c"));
  ASSERT_OK_AND_ASSIGN(
      const auto page,
      this->store().ListJobs(
          {.name_prefix = prefix, .above_sequence = all[0].sequence, .is_oldest_first = true, .limit = 1}));
  EXPECT_THAT(this->Names(page), ElementsAre(prefix + "b"));
}

TYPED_TEST(JobStoreContractTest, ListGivesNewestFirstWithinPrefixStateAndLimit) {
  ASSERT_OK(this->Create("a"));
  ASSERT_OK_AND_ASSIGN(JobRecord b, this->Create("b"));
  ASSERT_OK(this->Create("c"));
  b.job.set_state(cohort::v1::JOB_STATE_RUNNING);
  JobChange change;
  change.job = b;
  ASSERT_OK(this->store().Apply(b.job.name(), change));
  const std::string prefix = "namespaces/default/jobs/";
  ASSERT_OK_AND_ASSIGN(const auto all, this->store().ListJobs({.name_prefix = prefix, .limit = 10}));
  EXPECT_THAT(this->Names(all), ElementsAre(prefix + "c", prefix + "b", prefix + "a"));
  ASSERT_OK_AND_ASSIGN(const auto page,
                       this->store().ListJobs({.name_prefix = prefix, .below_sequence = all[0].sequence, .limit = 1}));
  EXPECT_THAT(this->Names(page), ElementsAre(prefix + "b"));
  ASSERT_OK_AND_ASSIGN(
      const auto queued,
      this->store().ListJobs({.name_prefix = prefix, .state = cohort::v1::JOB_STATE_QUEUED, .limit = 10}));
  EXPECT_THAT(this->Names(queued), ElementsAre(prefix + "c", prefix + "a"));
  ASSERT_OK_AND_ASSIGN(const auto elsewhere,
                       this->store().ListJobs({.name_prefix = "namespaces/other/jobs/", .limit = 10}));
  EXPECT_THAT(elsewhere, IsEmpty());
}

TYPED_TEST(JobStoreContractTest, ChangeIsAppliedAsAWhole) {
  ASSERT_OK_AND_ASSIGN(JobRecord record, this->Create("a"));
  record.incarnation = 3;
  JobChange change;
  change.job = record;
  change.groups = {this->Group(1, GroupState::kWaiting)};
  change.plan.emplace().set_version(4);
  change.version = VersionRecord{.version = 5, .digest = std::string(32, '\0'), .checkpoint_path = "/c"};
  change.events = {this->Event(2)};
  ASSERT_OK(this->store().Apply(this->job_, change));
  EXPECT_EQ(this->store().GetJob(this->job_)->incarnation, 3);
  EXPECT_EQ(this->store().GetPlan(this->job_, 4)->version(), 4);
  ASSERT_OK_AND_ASSIGN(const auto versions, this->store().ListVersions(this->job_));
  ASSERT_EQ(versions.size(), 1u);
  EXPECT_EQ(versions[0].digest, std::string(32, '\0'));
  EXPECT_EQ(versions[0].checkpoint_path, "/c");
}

TYPED_TEST(JobStoreContractTest, RefusedChangeLeavesNothing) {
  ASSERT_OK(this->Create("a"));
  JobChange change;
  change.groups = {this->Group(1, GroupState::kWaiting)};
  change.plan.emplace().set_version(4);
  change.events = {this->Event(2), this->Event(1)};
  EXPECT_THAT(this->store().Apply(this->job_, change), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(*this->store().ListOpenGroups(this->job_), IsEmpty());
  EXPECT_THAT(this->store().GetPlan(this->job_, 4), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(this->store().ListEvents(this->job_, 0, 10)->size(), 1u);
  EXPECT_THAT(this->store().Apply("namespaces/default/jobs/b", {}), StatusIs(absl::StatusCode::kNotFound));
}

TYPED_TEST(JobStoreContractTest, GroupKeepsEveryField) {
  ASSERT_OK(this->Create("a"));
  GroupRecord group = this->Group(12, GroupState::kScored);
  group.purpose = cohort::v1::GROUP_PURPOSE_EVALUATE;
  group.evaluation_run = "greedy";
  group.problem_id = 3;
  group.epoch = 4;
  group.step = 5;
  group.policy_version = 6;
  group.attempt = 7;
  group.failed_attempts = 2;
  group.drop_reason = "why";
  group.scored_epoch = 8;
  group.scored_attempt = 9;
  group.location = {.segment = 1, .offset_bytes = 16, .length_bytes = 99, .crc = 0xFFFFFFFF};
  group.outcome.planned.set_group_id(12);
  group.outcome.planned.add_rewards(0.5);
  group.outcome.num_truncated = 2;
  group.outcome.generation_begin_seconds = 1.5;
  group.outcome.generation_end_seconds = 2.5;
  JobChange change;
  change.groups = {group};
  ASSERT_OK(this->store().Apply(this->job_, change));
  ASSERT_OK_AND_ASSIGN(const auto read, this->store().GetGroups(this->job_, {12}));
  const GroupRecord& copy = read.at(0);
  EXPECT_EQ(copy.purpose, group.purpose);
  EXPECT_EQ(copy.evaluation_run, "greedy");
  EXPECT_EQ(copy.problem_id, 3);
  EXPECT_EQ(copy.epoch, 4);
  EXPECT_EQ(copy.step, 5);
  EXPECT_EQ(copy.policy_version, 6);
  EXPECT_EQ(copy.state, GroupState::kScored);
  EXPECT_EQ(copy.attempt, 7);
  EXPECT_EQ(copy.failed_attempts, 2);
  EXPECT_EQ(copy.drop_reason, "why");
  EXPECT_EQ(copy.scored_epoch, 8);
  EXPECT_EQ(copy.scored_attempt, 9);
  EXPECT_EQ(copy.location.segment, 1);
  EXPECT_EQ(copy.location.offset_bytes, 16);
  EXPECT_EQ(copy.location.length_bytes, 99);
  EXPECT_EQ(copy.location.crc, 0xFFFFFFFFu);
  EXPECT_EQ(copy.outcome.planned.rewards(0), 0.5);
  EXPECT_EQ(copy.outcome.num_truncated, 2);
  EXPECT_EQ(copy.outcome.generation_begin_seconds, 1.5);
  EXPECT_EQ(copy.outcome.generation_end_seconds, 2.5);
}

TYPED_TEST(JobStoreContractTest, TrainingGroupsAreCountedInEveryState) {
  ASSERT_OK_AND_ASSIGN(const JobRecord job, this->Create("a"));
  const std::string& name = job.job.name();
  EXPECT_THAT(this->store().CountTrainingGroups(name, 0), common::IsOkAndHolds(0));
  EXPECT_THAT(this->store().LargestTrainingGroup(name), common::IsOkAndHolds(-1));
  JobChange change;
  for (int64_t id = 0; id < 5; ++id) {
    change.groups.push_back(this->Group(id, id % 2 == 0 ? GroupState::kDropped : GroupState::kWaiting));
    change.groups.back().step = id / 3;
  }
  change.groups.push_back(this->Group(100, GroupState::kWaiting));
  change.groups.back().purpose = cohort::v1::GROUP_PURPOSE_EVALUATE;
  ASSERT_OK(this->store().Apply(name, change));
  EXPECT_THAT(this->store().CountTrainingGroups(name, 0), common::IsOkAndHolds(3));
  EXPECT_THAT(this->store().CountTrainingGroups(name, 1), common::IsOkAndHolds(2));
  EXPECT_THAT(this->store().LargestTrainingGroup(name), common::IsOkAndHolds(4));
}

TYPED_TEST(JobStoreContractTest, OpenGroupsAreThoseNotYetTrainedOrDropped) {
  ASSERT_OK(this->Create("a"));
  JobChange change;
  int64_t id = 0;
  for (const auto state : {GroupState::kEvaluated, GroupState::kWaiting, GroupState::kScored, GroupState::kPlanned,
                           GroupState::kTrained, GroupState::kDropped}) {
    change.groups.push_back(this->Group(id++, state));
  }
  ASSERT_OK(this->store().Apply(this->job_, change));
  EXPECT_THAT(this->Ids(*this->store().ListOpenGroups(this->job_)), ElementsAre(1, 2, 3));
  change.groups = {this->Group(2, GroupState::kTrained)};
  ASSERT_OK(this->store().Apply(this->job_, change));
  EXPECT_THAT(this->Ids(*this->store().ListOpenGroups(this->job_)), ElementsAre(1, 3));
}

TYPED_TEST(JobStoreContractTest, GroupsComeInTheOrderAskedForAndAMissingOneIsNotFound) {
  ASSERT_OK(this->Create("a"));
  JobChange change;
  for (int64_t id = 0; id < 3; ++id) change.groups.push_back(this->Group(id, GroupState::kTrained));
  ASSERT_OK(this->store().Apply(this->job_, change));
  EXPECT_THAT(this->Ids(*this->store().GetGroups(this->job_, {2, 0})), ElementsAre(2, 0));
  EXPECT_THAT(this->store().GetGroups(this->job_, {2, 7}), StatusIs(absl::StatusCode::kNotFound));
}

TYPED_TEST(JobStoreContractTest, EventsComeInOrderAfterASequenceUpToALimit) {
  ASSERT_OK(this->Create("a"));
  JobChange change;
  change.events = {this->Event(2), this->Event(3), this->Event(4)};
  ASSERT_OK(this->store().Apply(this->job_, change));
  ASSERT_OK_AND_ASSIGN(const auto events, this->store().ListEvents(this->job_, 1, 2));
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].notice(), "event 2");
  EXPECT_EQ(events[1].notice(), "event 3");
}

TYPED_TEST(JobStoreContractTest, NewestEventIsOfTheJobAlone) {
  ASSERT_OK(this->Create("a"));
  ASSERT_OK(this->Create("b"));
  JobChange change;
  change.events = {this->Event(2), this->Event(3)};
  ASSERT_OK(this->store().Apply(this->job_, change));
  EXPECT_EQ(*this->store().NewestEventSequence(this->job_), 3);
  EXPECT_EQ(*this->store().NewestEventSequence("namespaces/default/jobs/b"), 1);
  EXPECT_EQ(*this->store().NewestEventSequence("namespaces/default/jobs/none"), 0);
}

TYPED_TEST(JobStoreContractTest, EndOfLogIsTheLastRecordThatAnyJobRefersTo) {
  EXPECT_EQ(this->store().EndOfLog()->length_bytes, 0);
  ASSERT_OK(this->Create("a"));
  ASSERT_OK(this->Create("b"));
  GroupRecord early = this->Group(1, GroupState::kTrained);
  early.location = {.segment = 0, .offset_bytes = 900, .length_bytes = 10, .crc = 1};
  GroupRecord late = this->Group(2, GroupState::kScored);
  late.location = {.segment = 1, .offset_bytes = 16, .length_bytes = 20, .crc = 2};
  JobChange change;
  change.groups = {late, this->Group(3, GroupState::kWaiting)};
  ASSERT_OK(this->store().Apply(this->job_, change));
  change.groups = {early};
  ASSERT_OK(this->store().Apply("namespaces/default/jobs/b", change));
  EXPECT_EQ(this->store().EndOfLog()->segment, 1);
  EXPECT_EQ(this->store().EndOfLog()->length_bytes, 20);
}

}  // namespace
}  // namespace cohort::coordinator
