// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/engine/policy_slot.h"

#include <ATen/ops/add.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "common/testing/simulated_clock.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "model/weights/checkpoint_folder.h"
#include "rollout_worker/testing/tiny_model.h"

namespace cohort::rollout_worker {
namespace {

using common::StatusIs;

// Version v is the folder's weights plus v; refuses what it is told to.
class FakeSubscriber final : public model::WeightSubscriber {
 public:
  explicit FakeSubscriber(model::ParameterMap base) : base_(std::move(base)) {}
  absl::Status Fetch(const cohort::v1::WeightSource& source, model::ParameterMap* parameters) override {
    if (source.policy_version() == refused_version) return absl::DataLossError("checksum of the version is wrong");
    if (source.policy_version() == broken_version) {
      parameters->entries[0].second.fill_(-1);
      return absl::InternalError("copy: device error");
    }
    for (size_t i = 0; i < base_.entries.size(); ++i) {
      EXPECT_EQ(parameters->entries[i].first, base_.entries[i].first);
      parameters->entries[i].second.copy_(base_.entries[i].second).add_(static_cast<double>(source.policy_version()));
    }
    return absl::OkStatus();
  }
  void Cancel() override {}
  int64_t refused_version = -1;
  int64_t broken_version = -1;

 private:
  model::ParameterMap base_;
};

class PolicySlotTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(WriteTinyModel(dir_.Join("model"), /*seed=*/5));
    ASSERT_OK_AND_ASSIGN(config_, model::LoadModelConfig(dir_.Join("model")));
    ASSERT_OK_AND_ASSIGN(model::ParameterMap base, model::LoadParameters(dir_.Join("model"), config_, at::kCPU));
    norm_ = base.Find("model.norm.weight").clone();
    subscriber_ = std::make_unique<FakeSubscriber>(std::move(base));
  }

  static cohort::v1::WeightSource Source(const std::string& job, int64_t version) {
    cohort::v1::WeightSource source;
    source.set_job(job);
    source.set_policy_version(version);
    return source;
  }
  bool HasWeightsOf(const PolicySlot& slot, double version) const {
    return at::equal(slot.decoder()->parameters().Find("model.norm.weight"), at::add(norm_, version));
  }

  common::TempDir dir_;
  common::SimulatedClock clock_;
  model::ModelConfig config_;
  at::Tensor norm_;
  std::unique_ptr<FakeSubscriber> subscriber_;
};

constexpr EngineOptions kOptions = {.max_sequences = 4, .kv_cache_tokens = 512};

TEST_F(PolicySlotTest, NextVersionOfTheJobUsesTheSameMemory) {
  PolicySlot slot(kOptions, at::kCPU, &clock_);
  EXPECT_FALSE(slot.Holds("", -1));
  ASSERT_OK(slot.SwitchTo(Source("a", 0), config_, subscriber_.get()));
  EXPECT_TRUE(slot.Holds("a", 0));
  EXPECT_TRUE(HasWeightsOf(slot, 0));
  const Engine* engine = slot.engine();
  ASSERT_OK(slot.SwitchTo(Source("a", 3), config_, subscriber_.get()));
  EXPECT_TRUE(slot.Holds("a", 3));
  EXPECT_TRUE(HasWeightsOf(slot, 3));
  EXPECT_EQ(slot.engine(), engine);
}

TEST_F(PolicySlotTest, SameVersionWithOtherWeightsIsAnotherOne) {
  PolicySlot slot(kOptions, at::kCPU, &clock_);
  cohort::v1::WeightSource source = Source("a", 1);
  source.set_digest(std::string(32, '1'));
  ASSERT_OK(slot.SwitchTo(source, config_, subscriber_.get()));
  EXPECT_TRUE(slot.Holds(source));
  source.set_address("localhost:1");
  EXPECT_TRUE(slot.Holds(source)) << "published again by the next gang";
  source.set_digest(std::string(32, '2'));
  EXPECT_FALSE(slot.Holds(source));
  ASSERT_OK(slot.SwitchTo(source, config_, subscriber_.get()));
  EXPECT_TRUE(slot.Holds(source));
}

TEST_F(PolicySlotTest, ModelFolderIsLoadedInThePlaceOfAFetch) {
  PolicySlot slot(kOptions, at::kCPU, &clock_);
  cohort::v1::WeightSource source = Source("a", 0);
  source.set_model_path(dir_.Join("model"));
  ASSERT_OK(slot.SwitchTo(source, config_, /*subscriber=*/nullptr));
  EXPECT_TRUE(slot.Holds(source));
  EXPECT_TRUE(HasWeightsOf(slot, 0));
  source.set_model_path(dir_.Join("elsewhere"));
  EXPECT_FALSE(slot.Holds(source));
  EXPECT_THAT(slot.SwitchTo(source, config_, /*subscriber=*/nullptr),
              StatusIs(absl::StatusCode::kFailedPrecondition, ::testing::HasSubstr("elsewhere")));
  EXPECT_EQ(slot.engine(), nullptr) << "a folder may be partly read";
}

TEST_F(PolicySlotTest, Bf16KeepsRoundedWeightsOfWhatWasVerifiedInFp32) {
  constexpr model::Precision kBf16 = model::Precision::kBf16;
  PolicySlot slot(kOptions, at::kCPU, &clock_);
  cohort::v1::WeightSource source = Source("a", 0);
  source.set_model_path(dir_.Join("model"));
  ASSERT_OK(slot.SwitchTo(source, config_, /*subscriber=*/nullptr));
  const std::string digest = slot.folder_digest();
  const int64_t num_bytes = slot.num_bytes();
  EXPECT_FALSE(slot.Holds(source, kBf16)) << "the same weights, computed otherwise";
  source.set_digest(digest);
  ASSERT_OK(slot.SwitchTo(source, config_, /*subscriber=*/nullptr, kBf16));
  EXPECT_TRUE(slot.Holds(source, kBf16));
  EXPECT_FALSE(slot.Holds(source));
  EXPECT_EQ(slot.folder_digest(), digest);
  EXPECT_EQ(slot.num_bytes(), num_bytes) << "as they are fetched";
  EXPECT_EQ(2 * slot.decoder()->parameters().NumBytes(), num_bytes);
  EXPECT_TRUE(at::equal(slot.decoder()->parameters().Find("model.norm.weight"), norm_.to(at::kBFloat16)));
  ASSERT_OK(slot.SwitchTo(Source("a", 1), config_, subscriber_.get(), kBf16));
  EXPECT_TRUE(slot.Holds("a", 1));
}

TEST_F(PolicySlotTest, ModelFolderWithOtherWeightsThanTheJobIsSampledWithIsRefused) {
  PolicySlot slot(kOptions, at::kCPU, &clock_);
  cohort::v1::WeightSource source = Source("a", 0);
  source.set_model_path(dir_.Join("model"));
  ASSERT_OK(slot.SwitchTo(source, config_, /*subscriber=*/nullptr));
  const std::string digest = slot.folder_digest();
  EXPECT_EQ(digest.size(), 32u);
  source.set_digest(digest);
  EXPECT_TRUE(slot.Holds(source)) << "as it was said to be";
  ASSERT_OK(WriteTinyModel(dir_.Join("other"), /*seed=*/6));
  std::filesystem::rename(dir_.Join("other/model.safetensors"), dir_.Join("model/model.safetensors"));
  EXPECT_FALSE(slot.Holds(source));
  EXPECT_THAT(slot.SwitchTo(source, config_, /*subscriber=*/nullptr),
              StatusIs(absl::StatusCode::kAborted, ::testing::HasSubstr("model: holds other weights")));
  EXPECT_EQ(slot.engine(), nullptr);
  ASSERT_OK(slot.SwitchTo(Source("a", 1), config_, subscriber_.get()));
  EXPECT_EQ(slot.folder_digest(), "") << "what is fetched is verified otherwise";
}

TEST_F(PolicySlotTest, ModelFolderThatWasWrittenAnewIsLoadedAgain) {
  PolicySlot slot(kOptions, at::kCPU, &clock_);
  cohort::v1::WeightSource source = Source("a", 0);
  source.set_model_path(dir_.Join("model"));
  ASSERT_OK(slot.SwitchTo(source, config_, /*subscriber=*/nullptr));
  ASSERT_OK(WriteTinyModel(dir_.Join("other"), /*seed=*/6));
  std::filesystem::rename(dir_.Join("other/model.safetensors"), dir_.Join("model/model.safetensors"));
  EXPECT_FALSE(slot.Holds(source)) << "a job of the same name, of the same path";
  ASSERT_OK(slot.SwitchTo(source, config_, /*subscriber=*/nullptr));
  EXPECT_TRUE(slot.Holds(source));
  std::filesystem::remove_all(dir_.Join("model"));
  EXPECT_TRUE(slot.Holds(source)) << "what is loaded is not read again";
}

TEST_F(PolicySlotTest, OtherModelUnderTheNameOfAJobGetsMemoryOfItsOwn) {
  PolicySlot slot(kOptions, at::kCPU, &clock_);
  ASSERT_OK(slot.SwitchTo(Source("a", 1), config_, subscriber_.get()));
  model::ModelConfig other = config_;
  other.rope_theta *= 2;
  ASSERT_OK(slot.SwitchTo(Source("a", 1), other, subscriber_.get()));
  EXPECT_EQ(slot.decoder()->config().rope_theta, other.rope_theta);
}

TEST_F(PolicySlotTest, RefusedVersionLeavesTheOneBeforeInPlace) {
  PolicySlot slot(kOptions, at::kCPU, &clock_);
  ASSERT_OK(slot.SwitchTo(Source("a", 1), config_, subscriber_.get()));
  subscriber_->refused_version = 2;
  EXPECT_THAT(slot.SwitchTo(Source("a", 2), config_, subscriber_.get()), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_TRUE(slot.Holds("a", 1));
  EXPECT_TRUE(HasWeightsOf(slot, 1));
}

TEST_F(PolicySlotTest, RefusedFirstVersionOfAJobLeavesNothing) {
  PolicySlot slot(kOptions, at::kCPU, &clock_);
  ASSERT_OK(slot.SwitchTo(Source("a", 1), config_, subscriber_.get()));
  subscriber_->refused_version = 2;
  EXPECT_THAT(slot.SwitchTo(Source("b", 2), config_, subscriber_.get()), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_FALSE(slot.Holds("a", 1));
  EXPECT_EQ(slot.engine(), nullptr);
}

TEST_F(PolicySlotTest, CopyThatBreaksInTheMiddleLeavesNothingToSampleWith) {
  PolicySlot slot(kOptions, at::kCPU, &clock_);
  ASSERT_OK(slot.SwitchTo(Source("a", 1), config_, subscriber_.get()));
  subscriber_->broken_version = 2;
  EXPECT_THAT(slot.SwitchTo(Source("a", 2), config_, subscriber_.get()), StatusIs(absl::StatusCode::kInternal));
  EXPECT_FALSE(slot.Holds("a", 1));
  ASSERT_OK(slot.SwitchTo(Source("a", 1), config_, subscriber_.get()));
  EXPECT_TRUE(HasWeightsOf(slot, 1));
}

TEST_F(PolicySlotTest, VersionInUseIsNotReplaced) {
  PolicySlot slot(kOptions, at::kCPU, &clock_);
  ASSERT_OK(slot.SwitchTo(Source("a", 0), config_, subscriber_.get()));
  EngineGroup group;
  group.prompt_token_ids = {1, 2, 3};
  group.sampling.max_completion_tokens = 4;
  ASSERT_OK(slot.engine()->Add(group));
  EXPECT_THAT(slot.SwitchTo(Source("a", 1), config_, subscriber_.get()),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_TRUE(HasWeightsOf(slot, 0));
  while (slot.engine()->HasWork()) ASSERT_OK(slot.engine()->Step());
  EXPECT_OK(slot.SwitchTo(Source("a", 1), config_, subscriber_.get()));
}

}  // namespace
}  // namespace cohort::rollout_worker
