// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset/dataset.h"

#include <gmock/gmock.h>

#include <string>

#include "common/files.h"
#include "common/sha256.h"
#include "common/testing/simulated_clock.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

class DatasetTest : public ::testing::Test {
 protected:
  DatasetTest() {
    spec_.mutable_jsonl()->set_path("rows.jsonl");
    spec_.mutable_fields()->set_prompt("question");
    spec_.mutable_fields()->set_answer("answer");
    spec_.mutable_fields()->set_completion("solution");
  }
  absl::StatusOr<std::unique_ptr<Dataset>> Open(const std::string& content) {
    EXPECT_OK(common::WriteFileAtomically(folder_.Join("rows.jsonl"), content));
    return Dataset::Open(spec_, {.data_root = folder_.path()});
  }

  common::TempDir folder_;
  cohort::v1::DatasetSpec spec_;
};

TEST_F(DatasetTest, FieldsAreMappedWithPrefixAndSuffix) {
  spec_.set_prompt_prefix("Q: ");
  spec_.set_prompt_suffix(" A:");
  ASSERT_OK_AND_ASSIGN(const auto dataset,
                       Open("{\"question\": \"1+1\", \"answer\": 2}\n{\"question\": \"x\", \"answer\": \"y\"}"));
  EXPECT_EQ(dataset->NumRows(), 2);
  ASSERT_OK_AND_ASSIGN(const auto problem, dataset->ReadProblem(0));
  EXPECT_EQ(problem.prompt(), "Q: 1+1 A:");
  EXPECT_EQ(problem.answer(), "2") << "a number is its JSON text";
  EXPECT_EQ(problem.row_json(), "{\"question\": \"1+1\", \"answer\": 2}");
  EXPECT_EQ(dataset->ReadProblem(1)->problem_id(), 1);
}

TEST_F(DatasetTest, AnswerIsWhatFollowsTheLastMarker) {
  spec_.mutable_fields()->set_answer_marker("####");
  ASSERT_OK_AND_ASSIGN(const auto dataset, Open("{\"question\": \"q\", \"answer\": \"a #### b #### 1,234 \"}\n"
                                                "{\"question\": \"q\", \"answer\": \"no marker\"}\n"));
  EXPECT_EQ(dataset->ReadProblem(0)->answer(), "1,234");
  EXPECT_THAT(dataset->ReadProblem(1), StatusIs(absl::StatusCode::kInvalidArgument,
                                                AllOf(HasSubstr("row 1 (line 2)"), HasSubstr("(no marker)"))));
}

TEST_F(DatasetTest, BadRowsAreNamedByFileRowAndReason) {
  ASSERT_OK_AND_ASSIGN(const auto dataset, Open("{\"question\": \"q\"}\n[1]\n{\"question\": \"\xC3(\"}\nnot json\n\n"));
  ASSERT_EQ(dataset->NumRows(), 5);
  EXPECT_THAT(dataset->ReadProblem(0), StatusIs(absl::StatusCode::kInvalidArgument,
                                                AllOf(HasSubstr("rows.jsonl row 0 (line 1)"), HasSubstr("(answer)"))));
  EXPECT_THAT(dataset->ReadProblem(1),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("row 1 (line 2): not a JSON object ([1])")));
  EXPECT_THAT(dataset->ReadProblem(2),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("row 2 (line 3): not UTF-8 at byte 14")));
  EXPECT_THAT(dataset->ReadProblem(3),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not a JSON object (not json)")));
  EXPECT_THAT(dataset->ReadProblem(4), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("row 4 (line 5)")));
  EXPECT_THAT(dataset->ReadProblem(5), StatusIs(absl::StatusCode::kOutOfRange));
}

TEST_F(DatasetTest, DeeplyNestedRowIsRefusedByNameAndBracketsInTextAreNot) {
  const std::string bomb = std::string(500000, '[') + std::string(500000, ']');
  const std::string brackets(1000, '[');
  ASSERT_OK_AND_ASSIGN(const auto dataset,
                       Open("{\"question\": " + bomb + ", \"answer\": 1}\n{\"question\": \"\\\"" + brackets +
                            "\", \"answer\": [[1]]}\n{\"question\": " + std::string(500000, '{') + "\n"));
  EXPECT_THAT(dataset->ReadProblem(0),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("row 0 (line 1): nested too deeply"), HasSubstr("{\"question\": [[["))));
  ASSERT_OK_AND_ASSIGN(const auto problem, dataset->ReadProblem(1));
  EXPECT_EQ(problem.prompt(), "\"" + brackets);
  EXPECT_EQ(problem.answer(), "[[1]]");
  EXPECT_THAT(dataset->ReadProblem(2), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nested too deeply")));
}

TEST_F(DatasetTest, RowTooLargeForOneMessageIsRefusedByName) {
  const std::string text(2 << 20, 'a');
  ASSERT_OK_AND_ASSIGN(const auto dataset, Open("{\"question\":\"" + text + "\",\"answer\":1,\"solution\":\"s\"}\n"));
  EXPECT_THAT(dataset->ReadProblem(0),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("row 0 (line 1): too large to be sent (4194")));
  EXPECT_OK(dataset->ReadDemonstration(0)) << "which does not carry the row itself";
}

TEST_F(DatasetTest, DigestIsOfTheRowsThatAreUsed) {
  const std::string two = "{\"question\":\"a\",\"answer\":1}\n{\"question\":\"b\",\"answer\":2}\n";
  const std::string digest = (*Open(two))->Digest();
  EXPECT_EQ(digest.size(), 32u);
  EXPECT_EQ((*Open(two))->Digest(), digest);
  EXPECT_NE((*Open(two + "{\"question\":\"c\",\"answer\":3}\n"))->Digest(), digest);
  spec_.set_max_rows(2);
  EXPECT_EQ((*Open(two + "{\"question\":\"c\",\"answer\":3}\n"))->Digest(), digest);
  EXPECT_NE((*Open("{\"question\":\"a\",\"answer\":1}\n{\"question\":\"b\",\"answer\":3}\n"))->Digest(), digest);
}

TEST_F(DatasetTest, DemonstrationNeedsANonEmptyCompletion) {
  ASSERT_OK_AND_ASSIGN(const auto dataset, Open("{\"question\": \"q\", \"solution\": \"s\"}\n"
                                                "{\"question\": \"q\", \"solution\": \"\"}\n{\"question\": \"q\"}\n"));
  EXPECT_EQ(dataset->ReadDemonstration(0)->completion(), "s");
  EXPECT_THAT(dataset->ReadDemonstration(1),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("row 1 (line 2): nothing to imitate (solution)")));
  EXPECT_THAT(dataset->ReadDemonstration(2),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("field missing (solution)")));
}

TEST_F(DatasetTest, MaxRowsCutsTheFile) {
  spec_.set_max_rows(2);
  ASSERT_OK_AND_ASSIGN(const auto dataset, Open("{\"question\":\"a\",\"answer\":1}\n{\"question\":\"b\",\"answer\":1}\n"
                                                "not even json\n"));
  EXPECT_EQ(dataset->NumRows(), 2);
  EXPECT_EQ(dataset->ReadProblem(1)->prompt(), "b");
}

TEST_F(DatasetTest, RowsLongerThanTheReadBufferAreWhole) {
  const std::string text(1 << 20, 'a');
  ASSERT_OK_AND_ASSIGN(const auto dataset,
                       Open("{\"question\":\"" + text + "\",\"answer\":1}\n{\"question\":\"b\",\"answer\":1}\n"));
  ASSERT_EQ(dataset->NumRows(), 2);
  EXPECT_EQ(dataset->ReadProblem(0)->prompt(), text);
  EXPECT_EQ(dataset->ReadProblem(1)->prompt(), "b");
}

TEST_F(DatasetTest, RowThatIsTooLongIsNamed) {
  EXPECT_THAT(Open("{}\n" + std::string((16 << 20) + 1, 'a') + "\n"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("jsonl.path"), HasSubstr("row 1 (line 2)"), HasSubstr("longer than 16 MiB"))));
}

TEST_F(DatasetTest, UploadedFileIsReadByItsDigest) {
  const std::string rows = "{\"question\":\"a\",\"answer\":1}\n{\"question\":\"b\",\"answer\":2}";
  const std::string sha256 = common::HexOf(common::Sha256Of(rows));
  common::SimulatedClock clock;
  ASSERT_OK_AND_ASSIGN(const auto uploads, DatasetStore::Open(folder_.Join("datasets"), 1000, &clock));
  ASSERT_OK_AND_ASSIGN(const auto upload, uploads->BeginUpload("a", sha256));
  ASSERT_OK(upload->Append(rows));
  ASSERT_OK(upload->Finish());
  spec_.mutable_uploaded()->set_sha256(sha256);
  const DatasetRoots roots{.data_root = folder_.path(), .uploads = uploads.get(), .name_space = "a"};
  ASSERT_OK_AND_ASSIGN(const auto dataset, Dataset::Open(spec_, roots));
  EXPECT_EQ(dataset->NumRows(), 2);
  EXPECT_EQ(dataset->ReadProblem(1)->prompt(), "b");
  const std::string digest = dataset->Digest();
  EXPECT_EQ(digest.size(), 32u);
  spec_.set_max_rows(1);
  EXPECT_NE((*Dataset::Open(spec_, roots))->Digest(), digest) << "other rows";
  spec_.mutable_uploaded()->set_sha256(std::string(64, '0'));
  EXPECT_THAT(Dataset::Open(spec_, roots),
              StatusIs(absl::StatusCode::kNotFound, AllOf(HasSubstr("uploaded.sha256"), HasSubstr("000"))));
  EXPECT_THAT(Dataset::Open(spec_, {.data_root = folder_.path()}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("uploaded.sha256")));
}

TEST_F(DatasetTest, EmptyMissingAndEscapingFilesAreRefusedByField) {
  EXPECT_THAT(Open(""), StatusIs(absl::StatusCode::kInvalidArgument,
                                 AllOf(HasSubstr("jsonl.path"), HasSubstr("no rows"), HasSubstr("rows.jsonl"))));
  spec_.mutable_jsonl()->set_path("missing.jsonl");
  EXPECT_THAT(Dataset::Open(spec_, {.data_root = folder_.path()}),
              StatusIs(absl::StatusCode::kNotFound, AllOf(HasSubstr("jsonl.path"), HasSubstr("missing.jsonl"))));
  spec_.mutable_jsonl()->set_path("../../etc/passwd");
  EXPECT_THAT(Dataset::Open(spec_, {.data_root = folder_.path()}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("../../etc/passwd")));
}

}  // namespace
}  // namespace cohort::coordinator
