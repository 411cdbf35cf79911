// SPDX-License-Identifier: Apache-2.0
#include "learner/checkpoint/checkpoint.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/testing/seeded_random.h"
#include "common/testing/simulated_disk.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "learner/checkpoint/manifest.h"
#include "learner/checkpoint/saved_state.h"
#include "learner/checkpoint/sealed_folder.h"
#include "learner/testing/fake_process_group.h"
#include "learner/testing/own_part.h"
#include "learner/testing/step_fixture.h"
#include "learner/testing/tiny_model.h"
#include "learner/train_step.h"
#include "model/weight_sync/weight_digest.h"
#include "model/weights/checkpoint_folder.h"
#include "objective/objective.h"
#include "objective/objective_resolution.h"

namespace cohort::learner {
namespace {

using common::StatusIs;
using ::testing::HasSubstr;

class CheckpointTest : public ::testing::Test {
 protected:
  void SetUp() override {
    model_path_ = MakeTinyModel(dir_.path());
    optimizer_.set_learning_rate(0.01);
    optimizer_.set_warmup_updates(5);
  }

  // Steps from the state's version up to `version`.
  void TrainUpTo(TrainState* state, int64_t version) {
    FakeGang gang(1);
    FakeProcessGroup group(&gang, 0);
    cohort::v1::ObjectiveSpec spec;
    spec.set_preset("grpo");
    ASSERT_OK_AND_ASSIGN(const cohort::v1::ObjectiveSpec resolved,
                         objective::ResolveObjective(spec, {.group_size = 4}));
    ASSERT_OK_AND_ASSIGN(const auto grpo, objective::Objective::Create(resolved));
    const StepDataOptions data_options = {
        .objective = grpo.get(), .limits = {.vocab_size = kTinyVocabSize, .max_sequence_tokens = 64}, .num_updates = 2};
    TrainStep step({.optimizer = optimizer_, .num_updates_in_job = 20}, grpo.get(), nullptr, &group, state);
    while (state->policy_version < version) {
      PhaseTimer timer(common::SystemClock());
      const auto data = BuildStepData(MakeRolloutStep(state->policy_version, 4, 4).ForRank(0, 1), data_options);
      ASSERT_OK(data);
      ASSERT_OK(step.Run(*data, &timer));
    }
  }

  static std::string DigestOf(const TrainState& state) {
    return model::DescribeWeights(state.parameters->parameters())->digest();
  }
  absl::StatusOr<std::string> Seal(const TrainState& state) {
    return Seal(*ViewOf(state, OwnPart(state)), DigestOf(state));
  }
  absl::StatusOr<std::string> Seal(const SavedState& saved, const std::string& digest) {
    return SealCheckpoint(saved, {.parent = dir_.Join("checkpoints"),
                                  .model_path = model_path_,
                                  .weight_digest = digest,
                                  .incarnation = 1,
                                  .spec_digest = "spec"});
  }

  absl::StatusOr<TrainState> Load(const std::string& path) { return Load(path, Manifest(path).policy_version); }
  absl::StatusOr<TrainState> Load(const std::string& path, int64_t version) {
    return LoadCheckpoint(path, {.policy_version = version, .spec_digest = "spec"}, optimizer_, at::kCPU);
  }
  static CheckpointManifest Manifest(const std::string& path) { return *ReadManifest(path); }

  common::TempDir dir_;
  std::string model_path_;
  cohort::v1::OptimizerSpec optimizer_;
};

TEST_F(CheckpointTest, ResumedRunEqualsTheUninterruptedOneByteForByte) {
  absl::StatusOr<TrainState> whole = CreateTrainState(model_path_, optimizer_, at::kCPU);
  ASSERT_OK(whole);
  TrainUpTo(&*whole, 4);

  absl::StatusOr<TrainState> first = CreateTrainState(model_path_, optimizer_, at::kCPU);
  TrainUpTo(&*first, 2);
  ASSERT_OK_AND_ASSIGN(const std::string path, Seal(*first));
  ASSERT_OK_AND_ASSIGN(TrainState resumed, Load(path));
  EXPECT_EQ(resumed.policy_version, 2);
  EXPECT_EQ(resumed.num_updates, 4);
  TrainUpTo(&resumed, 4);

  EXPECT_TRUE(at::equal(resumed.parameters->weights_L(), whole->parameters->weights_L()));
  EXPECT_TRUE(at::equal(resumed.optimizer->exp_avg_S(), whole->optimizer->exp_avg_S()));
  EXPECT_TRUE(at::equal(resumed.optimizer->exp_avg_sq_S(), whole->optimizer->exp_avg_sq_S()));
}

TEST_F(CheckpointTest, WeightsAreTheSameWhateverTheyAreComputedIn) {
  constexpr model::Precision bf16 = model::Precision::kBf16;
  absl::StatusOr<TrainState> first = CreateTrainState(model_path_, optimizer_, at::kCPU, /*place=*/{}, bf16);
  ASSERT_OK(first);
  TrainUpTo(&*first, 2);
  ASSERT_OK_AND_ASSIGN(const std::string path, Seal(*first));
  ASSERT_OK_AND_ASSIGN(const TrainState in_fp32, Load(path));
  EXPECT_EQ(in_fp32.decoder->precision(), model::Precision::kFp32);
  EXPECT_TRUE(at::equal(in_fp32.parameters->weights_L(), first->parameters->weights_L()));
  ASSERT_OK_AND_ASSIGN(TrainState in_bf16, LoadCheckpoint(path, {.policy_version = 2, .spec_digest = "spec"},
                                                          optimizer_, at::kCPU, /*place=*/{}, bf16));
  TrainUpTo(&in_bf16, 3);
  TrainUpTo(&*first, 3);
  EXPECT_TRUE(at::equal(in_bf16.parameters->weights_L(), first->parameters->weights_L()));
}

TEST_F(CheckpointTest, SnapshotIsTheVersionThatItWasTakenOfWhileTrainingGoesOn) {
  absl::StatusOr<TrainState> state = CreateTrainState(model_path_, optimizer_, at::kCPU);
  StateSnapshot snapshot;
  for (const int64_t version : {1, 3}) {  // the second one in the memory of the first
    TrainUpTo(&*state, version);
    const std::string digest = DigestOf(*state);
    const at::Tensor exp_avg_P = state->optimizer->exp_avg_S().clone();
    ASSERT_OK_AND_ASSIGN(const SavedState saved, snapshot.Take(*state, OwnPart(*state)));
    TrainUpTo(&*state, version + 1);
    ASSERT_OK_AND_ASSIGN(const std::string path, Seal(saved, digest));
    ASSERT_OK_AND_ASSIGN(const TrainState loaded, Load(path, version));
    EXPECT_EQ(loaded.num_updates, 2 * version);
    EXPECT_TRUE(at::equal(loaded.optimizer->exp_avg_S(), exp_avg_P));
    EXPECT_FALSE(at::equal(loaded.parameters->weights_L(), state->parameters->weights_L()));
  }
}

TEST_F(CheckpointTest, OneWhoseManifestLostAFileIsNotKeptWhenItsVersionIsSealedAgain) {
  const absl::StatusOr<TrainState> state = CreateTrainState(model_path_, optimizer_, at::kCPU);
  ASSERT_OK_AND_ASSIGN(const std::string path, Seal(*state));
  CheckpointManifest manifest = Manifest(path);
  std::erase_if(manifest.files, [](const ManifestEntry& file) { return file.name == "optimizer.safetensors"; });
  ASSERT_OK(WriteManifest(path, manifest));
  ASSERT_OK(VerifyManifest(path)) << "what is listed is there";
  ASSERT_OK(Seal(*state));
  EXPECT_OK(Load(path));
}

// The files as they are, on a disk that loses power.
TEST_F(CheckpointTest, DeathAtAnyCallOfTheWriteLeavesTheCheckpointBefore) {
  absl::StatusOr<TrainState> state = CreateTrainState(model_path_, optimizer_, at::kCPU);
  const auto seal = [&](int64_t version, common::FileSystem* files) {
    state->policy_version = version;
    return SealCheckpoint(*ViewOf(*state, OwnPart(*state)),
                          {.parent = "/checkpoints", .model_path = model_path_, .weight_digest = "d", .files = files});
  };
  bool has_survived = false;
  for (int64_t call = 1; !has_survived; ++call) {
    ASSERT_LT(call, 1000);
    common::SimulatedDisk disk;
    common::SimulatedFileSystem first(&disk);
    ASSERT_OK(seal(1, &first));
    common::SimulatedFileSystem dying(&disk);
    dying.DieAt(call, common::SimulatedFileSystem::Moment::kWithin);
    has_survived = seal(2, &dying).ok();
    common::SeededRandom random(static_cast<uint64_t>(call));
    disk.LosePower(&random);
    common::SimulatedFileSystem next(&disk);
    const std::vector<SealedFolder> sealed = ListSealedFolders("/checkpoints", &next);
    for (const SealedFolder& folder : sealed) EXPECT_OK(VerifyManifest(folder.path, &next)) << "call " << call;
    ASSERT_FALSE(sealed.empty()) << "call " << call;
    EXPECT_EQ(sealed.back().policy_version, 1);
    if (has_survived) {
      EXPECT_EQ(sealed.front().policy_version, 2);
    }
  }
}

TEST_F(CheckpointTest, SealedFolderIsAModelFolder) {
  absl::StatusOr<TrainState> state = CreateTrainState(model_path_, optimizer_, at::kCPU);
  TrainUpTo(&*state, 1);
  ASSERT_OK_AND_ASSIGN(const std::string path, Seal(*state));
  ASSERT_OK(model::InspectModelFolder(path));
  EXPECT_TRUE(std::filesystem::exists(path + "/tokenizer.json"));
  ASSERT_OK_AND_ASSIGN(const TrainState loaded, CreateTrainState(path, optimizer_, at::kCPU));
  EXPECT_TRUE(at::equal(loaded.parameters->weights_L(), state->parameters->weights_L()));
}

TEST_F(CheckpointTest, DamagedWeightsOrOptimizerStateAreNamedAtLoad) {
  absl::StatusOr<TrainState> state = CreateTrainState(model_path_, optimizer_, at::kCPU);
  for (const char* file : {"model.safetensors", "optimizer.safetensors"}) {
    ++state->policy_version;
    ASSERT_OK_AND_ASSIGN(const std::string path, Seal(*state));
    std::filesystem::resize_file(path + "/" + file, std::filesystem::file_size(path + "/" + file) - 4);
    EXPECT_THAT(Load(path), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(file)));
  }
}

TEST_F(CheckpointTest, CheckpointOfAnotherSpecIsRefused) {
  absl::StatusOr<TrainState> state = CreateTrainState(model_path_, optimizer_, at::kCPU);
  ASSERT_OK_AND_ASSIGN(const std::string path, Seal(*state));
  EXPECT_THAT(LoadCheckpoint(path, {.spec_digest = "other"}, optimizer_, at::kCPU),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(CheckpointTest, CheckpointOfAnotherVersionThanItsNameIsDamaged) {
  absl::StatusOr<TrainState> state = CreateTrainState(model_path_, optimizer_, at::kCPU);
  ASSERT_OK_AND_ASSIGN(const std::string path, Seal(*state));
  EXPECT_THAT(Load(path, 3), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("holds version 0 instead of 3")));
}

TEST_F(CheckpointTest, ManifestThatVouchesForTooLittleIsDamaged) {
  absl::StatusOr<TrainState> state = CreateTrainState(model_path_, optimizer_, at::kCPU);
  ASSERT_OK_AND_ASSIGN(const std::string path, Seal(*state));
  CheckpointManifest manifest = Manifest(path);
  std::erase_if(manifest.files, [](const ManifestEntry& file) { return file.name == "optimizer.safetensors"; });
  ASSERT_OK(WriteManifest(path, manifest));
  EXPECT_THAT(Load(path), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("lacks a file, optimizer.safetensors")));
}

// A model above the size limit of one file is sealed in shards.
TEST_F(CheckpointTest, CheckpointInShardsIsLoaded) {
  absl::StatusOr<TrainState> state = CreateTrainState(model_path_, optimizer_, at::kCPU);
  ASSERT_OK_AND_ASSIGN(const std::string path, Seal(*state));
  ASSERT_OK(model::WriteModelFolder(path, model_path_, state->parameters->parameters(), /*max_shard_bytes=*/4096));
  ASSERT_FALSE(std::filesystem::exists(path + "/model.safetensors"));
  CheckpointManifest manifest = Manifest(path);
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (entry.path().filename() != kManifestFile) names.push_back(entry.path().filename().string());
  }
  ASSERT_OK_AND_ASSIGN(manifest.files, DescribeFiles(path, names));
  ASSERT_OK(WriteManifest(path, manifest));
  ASSERT_OK_AND_ASSIGN(const TrainState loaded, Load(path));
  EXPECT_TRUE(at::equal(loaded.parameters->weights_L(), state->parameters->weights_L()));
  std::erase_if(manifest.files, [](const ManifestEntry& file) { return file.name == "model.safetensors.index.json"; });
  ASSERT_OK(WriteManifest(path, manifest));
  EXPECT_THAT(Load(path), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("lacks a file, model.safetensors")));
}

TEST_F(CheckpointTest, WeightsOfAnotherDigestThanTheManifestsAreDamaged) {
  absl::StatusOr<TrainState> state = CreateTrainState(model_path_, optimizer_, at::kCPU);
  ASSERT_OK_AND_ASSIGN(const std::string path, Seal(*state));
  CheckpointManifest manifest = Manifest(path);
  manifest.weight_digest[0] = manifest.weight_digest[0] == '0' ? '1' : '0';
  ASSERT_OK(WriteManifest(path, manifest));
  EXPECT_THAT(Load(path), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("not those of the manifest")));
}

}  // namespace
}  // namespace cohort::learner
