// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/verb_fixture.h"
#include "common/exit_codes.h"
#include "common/field_error.h"
#include "common/sha256.h"

namespace cohort::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using SubmitVerbsTest = VerbFixture;

TEST_F(SubmitVerbsTest, SubmitSendsTheSpecUnderTheFilesNameWithARequestId) {
  const std::string path = WriteFile("warm_start.yaml", "training:\n  num_steps: 3\n");
  EXPECT_EQ(Run({"submit", "-f", path}), common::kExitOk) << err_.str();
  EXPECT_EQ(out_.str(), "job warm-start created\n");
  const auto creations = service_.Creations();
  ASSERT_EQ(creations.size(), 1u);
  EXPECT_EQ(creations[0].job_id(), "warm-start");
  EXPECT_EQ(creations[0].request_id().size(), 36u);
  EXPECT_EQ(creations[0].job().spec().training().num_steps(), 3);
}

TEST_F(SubmitVerbsTest, RequestIdIsAnotherEveryTimeUnlessItIsGiven) {
  const std::string path = WriteFile("a.yaml", "training:\n  num_steps: 3\n");
  const auto id_of = [&](const std::vector<std::string>& flags) {
    std::vector<std::string> arguments = {"submit", "-f", path};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    EXPECT_EQ(Run(arguments), common::kExitOk) << err_.str();
    return service_.Creations().back().request_id();
  };
  const std::string first = id_of({});
  EXPECT_NE(id_of({}), first);
  EXPECT_EQ(id_of({"--request_id", "nightly"}), "nightly");
}

TEST_F(SubmitVerbsTest, DryRunOnlyValidates) {
  const std::string path = WriteFile("a.yaml", "training:\n  num_steps: 3\n");
  EXPECT_EQ(Run({"submit", "-f", path, "--id", "b", "--dry-run"}), common::kExitOk);
  EXPECT_TRUE(service_.Creations()[0].validate_only());
  EXPECT_EQ(Run({"get", "b"}), common::kExitNotFound);
}

TEST_F(SubmitVerbsTest, DryRunIsSpelledAsByKubectl) {
  const std::string path = WriteFile("a.yaml", "training:\n  num_steps: 3\n");
  EXPECT_EQ(Run({"submit", "-f", path, "--dry-run=server"}), common::kExitOk) << err_.str();
  EXPECT_EQ(out_.str(), "job a is valid (dry run)\n");
  EXPECT_TRUE(service_.Creations().back().validate_only());
  EXPECT_EQ(Run({"submit", "-f", path, "--dry-run=client"}), common::kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("cohortctl validate"));
  EXPECT_EQ(Run({"submit", "-f", path, "--dry-run=none"}), common::kExitOk) << err_.str();
  EXPECT_FALSE(service_.Creations().back().validate_only());
}

TEST_F(SubmitVerbsTest, TakenNameIsSaidWithTheFlagThatGivesAnother) {
  service_.RefuseCreation(absl::AlreadyExistsError("job_id: a job has this name (a)"));
  EXPECT_EQ(Run({"submit", "-f", WriteFile("a.yaml", "training:\n  num_steps: 3\n")}), common::kExitFailure);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("a.yaml: job_id"), HasSubstr("--id")));
}

TEST_F(SubmitVerbsTest, RefusedJobFileIsOneSentenceOnStandardErrorAndExitTwo) {
  service_.RefuseCreation(common::InvalidField("rlvr.rollout.group_size", "1", "must be at least 2"));
  const std::string path = WriteFile("a.yaml", "training:\n  num_steps: 3\n");
  for (const char* verb : {"submit", "validate"}) {
    EXPECT_EQ(Run({verb, "-f", path}), common::kExitUsage);
    EXPECT_EQ(out_.str(), "");
    EXPECT_THAT(err_.str(), AllOf(HasSubstr("a.yaml: rlvr.rollout.group_size"), HasSubstr("(1)")));
  }
}

TEST_F(SubmitVerbsTest, AbsentJobFileIsAUsageErrorOfEveryVerbThatTakesOne) {
  for (const char* verb : {"submit", "validate", "local"}) {
    EXPECT_EQ(Run({verb, "-f", dir_.Join("absent.yaml")}), common::kExitUsage) << verb;
    EXPECT_THAT(err_.str(), HasSubstr("absent.yaml"));
    EXPECT_EQ(Run({verb, "-f", dir_.path()}), common::kExitUsage) << verb << ": a folder";
    EXPECT_THAT(err_.str(), HasSubstr(dir_.path()));
    EXPECT_EQ(Run({verb}), common::kExitUsage) << verb << ": no file";
  }
  EXPECT_TRUE(service_.Creations().empty());
}

TEST_F(SubmitVerbsTest, ValidateChecksAJobFromAnEarlierFileWithThatFilesModel) {
  const std::string first = WriteFile("warm_start.yaml", "model:\n  path: tiny\n");
  const std::string second = WriteFile("rl.yaml", "model:\n  from_job: warm-start\n");
  EXPECT_EQ(Run({"validate", "-f", first, "-f", second}), common::kExitOk) << err_.str();
  const auto creations = service_.Creations();
  ASSERT_EQ(creations.size(), 2u);
  EXPECT_TRUE(creations[1].validate_only());
  EXPECT_EQ(creations[1].job().spec().model().path(), "tiny");
  EXPECT_EQ(Run({"validate", "-f", second}), common::kExitOk) << err_.str();
  EXPECT_EQ(service_.Creations().back().job().spec().model().from_job(), "warm-start");
}

TEST_F(SubmitVerbsTest, ValidateLeavesOutARescoreOfAnEarlierFilesJob) {
  const std::string first = WriteFile("train.yaml", "model:\n  path: tiny\n");
  const std::string second = WriteFile("again.yaml", "rescore:\n  job: train\n");
  EXPECT_EQ(Run({"validate", "-f", first, "-f", second}), common::kExitOk) << err_.str();
  EXPECT_EQ(service_.Creations().size(), 1u);
  EXPECT_THAT(out_.str(), HasSubstr("again.yaml: not checked"));
  EXPECT_EQ(Run({"validate", "-f", second}), common::kExitOk) << err_.str();
  EXPECT_EQ(service_.Creations().size(), 2u);
}

TEST_F(SubmitVerbsTest, UploadPrintsTheDigestAndSendsTheFileOnceMore) {
  const std::string path = WriteFile("rows.jsonl", "{}\n{}\n");
  const std::string sha256 = common::HexOf(common::Sha256Of("{}\n{}\n"));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Run({"upload", path}), common::kExitOk) << err_.str();
    EXPECT_EQ(out_.str(), sha256 + "\n");
  }
  EXPECT_EQ(Run({"upload", path, "-o", "json"}), common::kExitOk);
  EXPECT_THAT(out_.str(), HasSubstr("\"existed\": true"));
  EXPECT_EQ(Run({"upload", dir_.Join("absent.jsonl")}), common::kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("absent.jsonl"));
}

TEST_F(SubmitVerbsTest, SubmitWithUploadDataReplacesReadersByUploadedFiles) {
  WriteFile("train.jsonl", "{\"q\": 1}\n");
  const std::string sha256 = common::HexOf(common::Sha256Of("{\"q\": 1}\n"));
  const std::string path = WriteFile("a.yaml",
                                     "rlvr:\n  data:\n    jsonl: {path: train.jsonl}\n    max_rows: 7\n"
                                     "evaluation:\n  data:\n    jsonl: {path: ./train.jsonl}\n");
  EXPECT_EQ(Run({"submit", "-f", path, "--upload_data"}), common::kExitOk) << err_.str();
  ASSERT_EQ(service_.Creations().size(), 1u);
  const auto spec = service_.Creations()[0].job().spec();
  EXPECT_EQ(spec.rlvr().data().uploaded().sha256(), sha256);
  EXPECT_EQ(spec.rlvr().data().max_rows(), 7);
  EXPECT_EQ(spec.evaluation().data().uploaded().sha256(), sha256);
  EXPECT_EQ(service_.ChunkBytes().size(), 1u) << "a file that two datasets read is sent once";
  EXPECT_EQ(Run({"submit", "-f", path}), common::kExitOk) << err_.str();
  EXPECT_EQ(service_.Creations()[1].job().spec().rlvr().data().jsonl().path(), "train.jsonl");
}

TEST_F(SubmitVerbsTest, UploadDataNamesTheFieldOfAFileThatIsNotThere) {
  const std::string path = WriteFile("a.yaml", "sft:\n  data:\n    jsonl: {path: absent.jsonl}\n");
  EXPECT_EQ(Run({"submit", "-f", path, "--upload_data"}), common::kExitUsage);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("a.yaml: sft.data.jsonl.path"), HasSubstr("absent.jsonl")));
  EXPECT_TRUE(service_.Creations().empty());
}

}  // namespace
}  // namespace cohort::cli
