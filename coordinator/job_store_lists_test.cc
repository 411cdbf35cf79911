// SPDX-License-Identifier: Apache-2.0
// What every JobStore promises of lists, sums and deletion, run on each.
#include <gmock/gmock.h>

#include <string>

#include "common/testing/status_matchers.h"
#include "coordinator/job_store.h"
#include "coordinator/testing/job_store_fixture.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::IsOkAndHolds;
using common::StatusIs;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

template <typename Backend>
class JobStoreListsTest : public JobStoreFixture<Backend> {
 protected:
  // Groups 0 to 7: step = id / 2, odd ones of evaluation, problem = id % 3, 0 to 5 closed, 2 to 7 with payload.
  void AddGroups(const std::string& job) {
    JobChange change;
    for (int64_t id = 0; id < 8; ++id) {
      GroupRecord group = this->Group(id, id < 6 ? GroupState::kTrained : GroupState::kScored);
      group.step = id / 2;
      group.purpose = id % 2 == 0 ? cohort::v1::GROUP_PURPOSE_TRAIN : cohort::v1::GROUP_PURPOSE_EVALUATE;
      group.problem_id = id % 3;
      if (id >= 2) group.location = {.segment = id / 4, .offset_bytes = 16 + id * 10, .length_bytes = 10, .crc = 1};
      change.groups.push_back(group);
    }
    ASSERT_OK(this->store().Apply(job, change));
  }
  std::vector<int64_t> Listed(GroupFilter filter) {
    if (filter.limit == 0) filter.limit = 100;
    return this->Ids(*this->store().ListGroups(this->job_, filter));
  }
  static cohort::v1::JobEvent StepEvent(int64_t sequence, int64_t version) {
    cohort::v1::JobEvent event;
    event.set_sequence(sequence);
    event.mutable_step()->set_policy_version(version);
    return event;
  }
  std::vector<int64_t> StepSequences(int64_t after_version, int limit) {
    std::vector<int64_t> sequences;
    const auto events = this->store().ListStepEvents(this->job_, after_version, limit);
    for (const auto& event : *events) {
      sequences.push_back(event.sequence());
    }
    return sequences;
  }
};

TYPED_TEST_SUITE(JobStoreListsTest, JobStoreBackends);

TYPED_TEST(JobStoreListsTest, GroupsAreSelectedByEveryFieldAlone) {
  ASSERT_OK(this->Create("a"));
  ASSERT_OK(this->Create("b"));
  this->AddGroups(this->job_);
  this->AddGroups("namespaces/default/jobs/b");
  EXPECT_THAT(this->Listed({}), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(this->Listed({.after_id = 5}), ElementsAre(6, 7));
  EXPECT_THAT(this->Listed({.first_step = 2}), ElementsAre(4, 5, 6, 7));
  EXPECT_THAT(this->Listed({.last_step = 0}), ElementsAre(0, 1));
  EXPECT_THAT(this->Listed({.purpose = cohort::v1::GROUP_PURPOSE_TRAIN}), ElementsAre(0, 2, 4, 6));
  EXPECT_THAT(this->Listed({.purpose = cohort::v1::GROUP_PURPOSE_EVALUATE}), ElementsAre(1, 3, 5, 7));
  EXPECT_THAT(this->Listed({.purpose = cohort::v1::GROUP_PURPOSE_RESCORE}), IsEmpty());
  EXPECT_THAT(this->Listed({.problem_id = 0}), ElementsAre(0, 3, 6));
  EXPECT_THAT(this->Listed({.only_with_payload = true}), ElementsAre(2, 3, 4, 5, 6, 7));
  EXPECT_THAT(this->Listed({.only_closed = true}), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(this->Listed({.limit = 3}), ElementsAre(0, 1, 2));
}

TYPED_TEST(JobStoreListsTest, GroupsAreSelectedByAllFieldsTogether) {
  ASSERT_OK(this->Create("a"));
  this->AddGroups(this->job_);
  const auto train = cohort::v1::GROUP_PURPOSE_TRAIN;
  EXPECT_THAT(this->Listed({.first_step = 1, .last_step = 2}), ElementsAre(2, 3, 4, 5));
  EXPECT_THAT(this->Listed({.first_step = 1, .last_step = 3, .limit = 1}), ElementsAre(2));
  EXPECT_THAT(this->Listed({.after_id = 2, .first_step = 1, .purpose = train}), ElementsAre(4, 6));
  EXPECT_THAT(this->Listed({.after_id = 0, .problem_id = 0}), ElementsAre(3, 6));
  EXPECT_THAT(this->Listed({.first_step = 2, .purpose = train, .problem_id = 0}), ElementsAre(6));
  EXPECT_THAT(this->Listed({.purpose = train, .only_closed = true}), ElementsAre(0, 2, 4));
  EXPECT_THAT(this->Listed({.last_step = 1, .only_with_payload = true, .only_closed = true}), ElementsAre(2, 3));
  EXPECT_THAT(this->Listed({.purpose = train, .problem_id = 1, .only_with_payload = true}), ElementsAre(4));
  EXPECT_THAT(this->Listed({.first_step = 1, .purpose = train, .only_with_payload = true}), ElementsAre(2, 4, 6));
  EXPECT_THAT(this->Listed({.first_step = 3, .last_step = 2}), IsEmpty());
}

TYPED_TEST(JobStoreListsTest, GroupOfNoJobIsNotListed) { EXPECT_THAT(this->Listed({}), IsEmpty()); }

TYPED_TEST(JobStoreListsTest, GroupThatTakesAnotherProblemIsFoundByItAlone) {
  ASSERT_OK(this->Create("a"));
  this->AddGroups(this->job_);
  JobChange change;
  change.groups = {this->Group(0, GroupState::kWaiting)};
  change.groups[0].problem_id = 9;
  ASSERT_OK(this->store().Apply(this->job_, change));
  EXPECT_THAT(this->Listed({.problem_id = 0}), ElementsAre(3, 6));
  EXPECT_THAT(this->Listed({.problem_id = 9}), ElementsAre(0));
}

// Through all that can become of a group, found by every list at every moment as what it is.
TYPED_TEST(JobStoreListsTest, GroupIsListedAsItIsThroughItsLife) {
  ASSERT_OK(this->Create("a"));
  GroupRecord group = this->Group(3, GroupState::kWaiting);
  group.step = -1;
  const auto store = [&] {
    JobChange change;
    change.groups = {group};
    ASSERT_OK(this->store().Apply(this->job_, change));
    const bool is_closed = group.state >= GroupState::kTrained;
    EXPECT_EQ(this->store().ListOpenGroups(this->job_)->size(), is_closed ? 0u : 1u);
    EXPECT_EQ(this->Listed({.only_closed = true}).size(), is_closed ? 1u : 0u);
    EXPECT_EQ(this->Listed({.only_with_payload = true}).size(), group.location.length_bytes > 0 ? 1u : 0u);
    EXPECT_THAT(this->store().PayloadBytes(this->job_), IsOkAndHolds(group.location.length_bytes));
    EXPECT_EQ(this->store().EndOfLog()->offset_bytes, group.location.offset_bytes);
    EXPECT_THAT(this->store().CountTrainingGroups(this->job_, group.step), IsOkAndHolds(1));
    ASSERT_OK_AND_ASSIGN(const auto read, this->store().GetGroups(this->job_, {3}));
    EXPECT_EQ(read[0].state, group.state);
    EXPECT_EQ(read[0].attempt, group.attempt);
    EXPECT_EQ(read[0].step, group.step);
  };
  store();
  ++group.attempt;
  store();
  group.state = GroupState::kScored;
  group.scored_attempt = group.attempt;
  group.location = {.segment = 2, .offset_bytes = 32, .length_bytes = 10, .crc = 1};
  store();
  group.location.offset_bytes = 64;  // scored again, say, after a crash
  store();
  group.state = GroupState::kPlanned;
  group.step = 5;
  store();
  group.state = GroupState::kTrained;
  store();
  EXPECT_THAT(this->Listed({.first_step = 5, .last_step = 5}), ElementsAre(3));
  group.location = {};
  store();
  group.state = GroupState::kWaiting;  // its line of history was left
  ++group.attempt;
  store();
  group.state = GroupState::kDropped;
  group.step = 6;
  store();
  EXPECT_THAT(this->Listed({.last_step = 5}), IsEmpty());
}

TYPED_TEST(JobStoreListsTest, PayloadIsCountedUntilItIsReleased) {
  ASSERT_OK(this->Create("a"));
  EXPECT_THAT(this->store().PayloadBytes(this->job_), IsOkAndHolds(0));
  this->AddGroups(this->job_);
  EXPECT_THAT(this->store().PayloadBytes(this->job_), IsOkAndHolds(60));
  EXPECT_THAT(this->store().PayloadBytes("namespaces/default/jobs/b"), IsOkAndHolds(0));
  JobChange change;
  ASSERT_OK_AND_ASSIGN(change.groups, this->store().GetGroups(this->job_, {2, 3}));
  for (GroupRecord& group : change.groups) group.location = {};
  ASSERT_OK(this->store().Apply(this->job_, change));
  EXPECT_THAT(this->store().PayloadBytes(this->job_), IsOkAndHolds(40));
  EXPECT_THAT(this->Listed({.only_with_payload = true}), ElementsAre(4, 5, 6, 7));
}

TYPED_TEST(JobStoreListsTest, SegmentsInUseAreThoseOfAnyJobInOrder) {
  EXPECT_THAT(*this->store().SegmentsInUse(), IsEmpty());
  ASSERT_OK(this->Create("a"));
  ASSERT_OK(this->Create("b"));
  this->AddGroups(this->job_);
  GroupRecord far = this->Group(1, GroupState::kScored);
  far.location = {.segment = 70, .offset_bytes = 16, .length_bytes = 5, .crc = 1};
  JobChange change;
  change.groups = {far};
  ASSERT_OK(this->store().Apply("namespaces/default/jobs/b", change));
  EXPECT_THAT(*this->store().SegmentsInUse(), ElementsAre(0, 1, 70));
  ASSERT_OK(this->store().DeleteJob(this->job_));
  EXPECT_THAT(*this->store().SegmentsInUse(), ElementsAre(70));
}

TYPED_TEST(JobStoreListsTest, StepEventsComeInOrderOfVersionAndTheNewerOfTwoCounts) {
  ASSERT_OK(this->Create("a"));
  EXPECT_THAT(this->StepSequences(-1, 10), IsEmpty());
  JobChange change;
  change.events = {this->StepEvent(2, 1), this->Event(3), this->StepEvent(4, 2), this->StepEvent(5, 3),
                   this->StepEvent(6, 2)};
  ASSERT_OK(this->store().Apply(this->job_, change));
  EXPECT_THAT(this->StepSequences(0, 10), ElementsAre(2, 6, 5));
  EXPECT_THAT(this->StepSequences(1, 1), ElementsAre(6));
  EXPECT_THAT(this->StepSequences(3, 10), IsEmpty());
}

TYPED_TEST(JobStoreListsTest, DeletedJobLeavesNothingAndItsNameCanBeTakenAgain) {
  ASSERT_OK(this->Create("a", "request-1"));
  this->AddGroups(this->job_);
  JobChange change;
  change.plan.emplace().set_version(4);
  change.version = VersionRecord{.version = 5, .digest = std::string(32, '\0'), .checkpoint_path = "/c"};
  change.events = {this->StepEvent(2, 1)};
  ASSERT_OK(this->store().Apply(this->job_, change));
  ASSERT_OK(this->store().DeleteJob(this->job_));
  EXPECT_THAT(this->store().GetJob(this->job_), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(this->store().FindJobByRequestId("default", "request-1"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(*this->store().ListJobs({.limit = 10}), IsEmpty());
  EXPECT_THAT(this->store().DeleteJob(this->job_), StatusIs(absl::StatusCode::kNotFound));

  ASSERT_OK(this->Create("a", "request-1"));
  EXPECT_THAT(this->Listed({}), IsEmpty());
  EXPECT_THAT(this->StepSequences(-1, 10), IsEmpty());
  EXPECT_THAT(*this->store().ListVersions(this->job_), IsEmpty());
  EXPECT_THAT(this->store().GetPlan(this->job_, 4), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(this->store().ListEvents(this->job_, 0, 10)->size(), 1u);
}

TYPED_TEST(JobStoreListsTest, DeletionOfAJobWithManyGroupsLeavesOtherJobs) {
  ASSERT_OK(this->Create("a"));
  ASSERT_OK(this->Create("b"));
  JobChange change;
  for (int64_t id = 0; id < 5000; ++id) change.groups.push_back(this->Group(id, GroupState::kTrained));
  ASSERT_OK(this->store().Apply(this->job_, change));
  ASSERT_OK(this->store().Apply("namespaces/default/jobs/b", change));
  ASSERT_OK(this->store().DeleteJob("namespaces/default/jobs/b"));
  EXPECT_THAT(this->Listed({.after_id = 4997}), ElementsAre(4998, 4999));
  EXPECT_THAT(*this->store().ListGroups("namespaces/default/jobs/b", {.limit = 1}), IsEmpty());
}

}  // namespace
}  // namespace cohort::coordinator
