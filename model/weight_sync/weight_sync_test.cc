// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/grpc_channel.h"
#include "common/grpc_server.h"
#include "common/sha256.h"
#include "model/testing/tiny_model.h"
#include "model/weight_sync/weight_publisher.h"
#include "model/weight_sync/weight_subscriber.h"

namespace cohort::model {
namespace {

using cohort::v1::WeightManifest;
using cohort::v1::WeightSource;

constexpr char kJob[] = "namespaces/default/jobs/a";

std::unique_ptr<common::GrpcServer> Serve(grpc::Service* service) {
  auto server = common::GrpcServer::Create("127.0.0.1:0", {service}, /*enable_reflection=*/false);
  EXPECT_TRUE(server.ok()) << server.status();
  return *std::move(server);
}

bool SameBits(const ParameterMap& a, const ParameterMap& b) {
  for (size_t i = 0; i < a.entries.size(); ++i) {
    if (!at::equal(a.entries[i].second, b.entries[i].second)) return false;
  }
  return a.entries.size() == b.entries.size();
}

// Stands between publisher and subscriber and may change what passes.
class TamperingService final : public cohort::v1::WeightService::Service {
 public:
  explicit TamperingService(cohort::v1::WeightService::Service* inner) : inner_(inner), inner_server_(Serve(inner)) {}

  grpc::Status GetManifest(grpc::ServerContext* context, const cohort::v1::GetManifestRequest* request,
                           WeightManifest* manifest) override {
    const grpc::Status status = inner_->GetManifest(context, request, manifest);
    if (change_manifest) change_manifest(manifest);
    return status;
  }

  grpc::Status FetchWeights(grpc::ServerContext*, const cohort::v1::FetchWeightsRequest* request,
                            grpc::ServerWriter<cohort::v1::WeightChunk>* writer) override {
    const auto stub = cohort::v1::WeightService::NewStub(common::CreateChannel(inner_server_->Address()));
    grpc::ClientContext context;
    const auto reader = stub->FetchWeights(&context, *request);
    cohort::v1::WeightChunk chunk;
    while (reader->Read(&chunk)) {
      ++chunks;
      if (change_chunk && !change_chunk(&chunk)) {
        context.TryCancel();
        reader->Finish();
        return grpc::Status::OK;
      }
      writer->Write(chunk);
    }
    return reader->Finish();
  }

  std::function<void(WeightManifest*)> change_manifest;
  std::function<bool(cohort::v1::WeightChunk*)> change_chunk;  // false ends the stream
  int chunks = 0;

 private:
  cohort::v1::WeightService::Service* inner_;
  std::unique_ptr<common::GrpcServer> inner_server_;
};

class WeightSyncTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = absl::StrCat(testing::TempDir(), "/", testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    ModelConfig config = TinyConfig();
    config.vocab_size = 9000;  // more than one chunk
    published_ = RandomParameters(config, 1);
    received_ = RandomParameters(config, 2);
    before_ = RandomParameters(config, 2);
    publisher_ = WeightPublisher::Create(directory_).value();
    service_ = std::make_unique<TamperingService>(publisher_->service());
    server_ = Serve(service_.get());
    const auto manifest = publisher_->Publish(kJob, 3, published_);
    ASSERT_TRUE(manifest.ok()) << manifest.status();
    manifest_ = *manifest;
    source_.set_job(kJob);
    source_.set_policy_version(3);
    source_.set_address(server_->Address());
    source_.set_digest(manifest_.digest());
  }

  absl::Status Fetch(bool allow_shared_memory) {
    return CreateWeightSubscriber(allow_shared_memory)->Fetch(source_, &received_);
  }

  void ExpectRefused(const absl::Status& status, absl::StatusCode code, const std::string& named) {
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), named)) << status;
    EXPECT_TRUE(SameBits(received_, before_)) << "the parameters were touched";
  }

  // Changes one byte in the middle of tensor 5, in the published file.
  std::string DamageFile() {
    const auto& tensor = manifest_.tensors(5);
    std::fstream file(manifest_.shared_memory_path(), std::ios::in | std::ios::out | std::ios::binary);
    const int64_t at = tensor.offset_bytes() + tensor.size_bytes() / 2;
    file.seekg(at);
    const char byte = static_cast<char>(file.get());
    file.seekp(at);
    file.put(static_cast<char>(byte ^ 1));
    return tensor.name();
  }

  std::string directory_;
  ParameterMap published_, received_, before_;
  std::unique_ptr<WeightPublisher> publisher_;
  std::unique_ptr<TamperingService> service_;
  std::unique_ptr<common::GrpcServer> server_;
  WeightManifest manifest_;
  WeightSource source_;
};

TEST_F(WeightSyncTest, SharedMemoryBringsTheBitsWithoutAStream) {
  const absl::Status status = Fetch(/*allow_shared_memory=*/true);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(SameBits(received_, published_));
  EXPECT_EQ(service_->chunks, 0);
}

TEST_F(WeightSyncTest, StreamBringsTheSameBits) {
  const absl::Status status = Fetch(/*allow_shared_memory=*/false);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(SameBits(received_, published_));
  EXPECT_GT(service_->chunks, 1);
}

TEST_F(WeightSyncTest, RoundedParametersGetTheVersionRounded) {
  for (auto& [name, tensor] : received_.entries) tensor = tensor.to(at::kBFloat16);
  for (auto& [name, tensor] : published_.entries) tensor = tensor.to(at::kBFloat16);
  EXPECT_TRUE(Fetch(/*allow_shared_memory=*/true).ok());
  EXPECT_TRUE(SameBits(received_, published_));
}

TEST_F(WeightSyncTest, FlippedByteInSharedMemoryIsDataLossAndNamesTheTensor) {
  const std::string name = DamageFile();
  ExpectRefused(Fetch(/*allow_shared_memory=*/true), absl::StatusCode::kDataLoss, name);
}

TEST_F(WeightSyncTest, FlippedByteInTheStreamIsDataLossAndNamesTheTensor) {
  service_->change_chunk = [](cohort::v1::WeightChunk* chunk) {
    if (chunk->offset_bytes() == 0) (*chunk->mutable_content())[1000] ^= 1;
    return true;
  };
  ExpectRefused(Fetch(/*allow_shared_memory=*/false), absl::StatusCode::kDataLoss, "model.embed_tokens.weight");
}

TEST_F(WeightSyncTest, TruncatedSharedMemoryFallsBackToTheStream) {
  service_->change_manifest = [this](WeightManifest* manifest) {
    const std::string cut = directory_ + "/cut";
    std::filesystem::copy_file(manifest_.shared_memory_path(), cut, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(cut, 1000);
    manifest->set_shared_memory_path(cut);
  };
  const absl::Status status = Fetch(/*allow_shared_memory=*/true);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(SameBits(received_, published_));
  EXPECT_GT(service_->chunks, 1);
}

TEST_F(WeightSyncTest, FileTruncatedUnderThePublisherIsDataLossAndEndsNobody) {
  std::filesystem::resize_file(manifest_.shared_memory_path(), 1000);
  for (const bool allow_shared_memory : {true, false}) {
    ExpectRefused(Fetch(allow_shared_memory), absl::StatusCode::kDataLoss, "truncated (ends at byte 1000)");
  }
  EXPECT_TRUE(publisher_->Publish(kJob, 4, published_).ok());
}

TEST_F(WeightSyncTest, SharedMemoryThatIsNoRegularFileFallsBackToTheStream) {
  service_->change_manifest = [](WeightManifest* manifest) { manifest->set_shared_memory_path("/dev/zero"); };
  const absl::Status status = Fetch(/*allow_shared_memory=*/true);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(SameBits(received_, published_));
}

TEST_F(WeightSyncTest, ChunkBeyondTheVersionsEndIsDataLoss) {
  service_->change_chunk = [](cohort::v1::WeightChunk* chunk) {
    chunk->mutable_content()->resize(3 << 20, 'x');
    return true;
  };
  ExpectRefused(Fetch(/*allow_shared_memory=*/false), absl::StatusCode::kDataLoss, "does not follow");
}

TEST_F(WeightSyncTest, PublisherOnAnotherHostIsStreamedFrom) {
  service_->change_manifest = [](WeightManifest* manifest) { manifest->set_host_boot_id("another"); };
  ASSERT_TRUE(Fetch(/*allow_shared_memory=*/true).ok());
  EXPECT_GT(service_->chunks, 1);
}

TEST_F(WeightSyncTest, StreamThatEndsEarlyIsUnavailable) {
  service_->change_chunk = [](cohort::v1::WeightChunk* chunk) { return chunk->offset_bytes() == 0; };
  ExpectRefused(Fetch(/*allow_shared_memory=*/false), absl::StatusCode::kUnavailable, "ended after");
}

TEST_F(WeightSyncTest, StreamWithAGapIsDataLoss) {
  service_->change_chunk = [](cohort::v1::WeightChunk* chunk) {
    chunk->set_offset_bytes(chunk->offset_bytes() + 8);
    return true;
  };
  ExpectRefused(Fetch(/*allow_shared_memory=*/false), absl::StatusCode::kDataLoss, "does not follow");
}

TEST_F(WeightSyncTest, DigestOtherThanTheCommittedIsDataLoss) {
  source_.set_digest(std::string(32, 'x'));
  ExpectRefused(Fetch(/*allow_shared_memory=*/true), absl::StatusCode::kDataLoss, common::HexOf(source_.digest()));
}

TEST_F(WeightSyncTest, ManifestThatContradictsItselfIsDataLoss) {
  const std::vector<std::pair<std::string, std::function<void(WeightManifest*)>>> changes = {
      {"digest", [](WeightManifest* m) { (*m->mutable_tensors(2)->mutable_sha256())[0] ^= 1; }},
      {"offset", [](WeightManifest* m) { m->mutable_tensors(2)->set_offset_bytes(1); }},
      {"size", [](WeightManifest* m) { m->mutable_tensors(2)->set_size_bytes(1); }},
      {"total_bytes", [](WeightManifest* m) { m->set_total_bytes(int64_t{1} << 60); }},
      {"size", [](WeightManifest* m) { m->mutable_tensors(2)->set_shape(0, int64_t{1} << 62); }},
      {"digest", [](WeightManifest* m) { m->mutable_tensors(2)->set_name("another"); }},
      {"digest", [](WeightManifest* m) { m->mutable_tensors(2)->add_shape(1); }},
      {"digest", [](WeightManifest* m) { m->mutable_tensors(2)->set_dtype("I32"); }},
      {"checksum", [](WeightManifest* m) { m->mutable_tensors(2)->mutable_sha256()->pop_back(); }},
      {"policy version 4", [](WeightManifest* m) { m->set_policy_version(4); }},
  };
  for (const auto& [named, change] : changes) {
    service_->change_manifest = change;
    ExpectRefused(Fetch(/*allow_shared_memory=*/true), absl::StatusCode::kDataLoss, named);
  }
}

TEST_F(WeightSyncTest, ModelOfAnotherShapeIsRefused) {
  received_.entries[3].second = at::zeros({7, 7});
  const absl::Status status = Fetch(/*allow_shared_memory=*/true);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(status.message(), received_.entries[3].first)) << status;
}

TEST_F(WeightSyncTest, VersionThatIsNotHeldIsNotFound) {
  source_.set_policy_version(2);
  ExpectRefused(Fetch(/*allow_shared_memory=*/true), absl::StatusCode::kNotFound, "policy version 2");
}

TEST_F(WeightSyncTest, PublishingAgainNeedsTheSameBytes) {
  const WeightManifest again = publisher_->Publish(kJob, 3, published_).value();
  EXPECT_EQ(again.SerializeAsString(), manifest_.SerializeAsString());
  EXPECT_EQ(publisher_->Publish(kJob, 3, received_).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(WeightSyncTest, PublishedBytesDoNotFollowTheParameters) {
  const at::Tensor kept = published_.entries[0].second.clone();
  published_.entries[0].second.zero_();
  ASSERT_TRUE(Fetch(/*allow_shared_memory=*/true).ok());
  EXPECT_TRUE(at::equal(received_.entries[0].second, kept));
}

TEST_F(WeightSyncTest, RetiredVersionsAreGoneAndTheirFilesToo) {
  ASSERT_TRUE(publisher_->Publish(kJob, 4, published_).ok());
  ASSERT_TRUE(publisher_->Publish("namespaces/default/jobs/b", 1, published_).ok());
  publisher_->Retire(kJob, 4);
  EXPECT_FALSE(std::filesystem::exists(manifest_.shared_memory_path()));
  ExpectRefused(Fetch(/*allow_shared_memory=*/true), absl::StatusCode::kNotFound, "policy version 3");
  source_.set_policy_version(4);
  EXPECT_TRUE(Fetch(/*allow_shared_memory=*/true).ok());
  server_.reset();
  service_.reset();
  publisher_.reset();
  EXPECT_TRUE(std::filesystem::is_empty(directory_));
}

TEST_F(WeightSyncTest, FilesOfAKilledPublisherAreRemovedAndThoseOfALivingOneKept) {
  const std::string abandoned = directory_ + "/cohort-weights-1-dead-1-0";
  std::ofstream(abandoned) << "left behind";
  const auto second = WeightPublisher::Create(directory_).value();
  EXPECT_FALSE(std::filesystem::exists(abandoned));
  EXPECT_TRUE(std::filesystem::exists(manifest_.shared_memory_path()));
  EXPECT_NE(second->Publish(kJob, 3, published_)->shared_memory_path(), manifest_.shared_memory_path());
}

}  // namespace
}  // namespace cohort::model
