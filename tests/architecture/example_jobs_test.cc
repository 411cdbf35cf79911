// SPDX-License-Identifier: Apache-2.0
// Every job file that is shipped would be accepted; together they are of every kind and use each objective that the
// documentation speaks of.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "common/config/yaml_to_proto.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "coordinator/job_validation.h"

namespace cohort::tests {
namespace {

TEST(ExampleJobsTest, EveryShippedJobFileResolves) {
  std::set<std::string> presets;
  std::set<cohort::v1::JobSpec::KindCase> kinds;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("examples")) {
    if (entry.path().extension() != ".yaml") continue;
    cohort::v1::JobSpec spec;
    ASSERT_OK(common::YamlFileToProto(entry.path().string(), &spec));
    const auto resolved = coordinator::ResolveJobSpec(spec);
    ASSERT_OK(resolved) << entry.path();
    presets.insert(resolved->objective().preset());
    kinds.insert(resolved->kind_case());
  }
  EXPECT_THAT(presets, ::testing::IsSupersetOf({"sft", "grpo", "gspo", "sspo", "dhpo", "dhpo_entropy", "rank_grpo"}));
  EXPECT_THAT(kinds, ::testing::UnorderedElementsAre(cohort::v1::JobSpec::kRlvr, cohort::v1::JobSpec::kSft,
                                                     cohort::v1::JobSpec::kEval, cohort::v1::JobSpec::kRescore));
}

// What the published schema says of the same texts is in job_schema_test.py.
TEST(ExampleJobsTest, ReaderTakesTheTextsThatTheSchemaTakes) {
  ASSERT_OK_AND_ASSIGN(const std::string content, common::ReadFile("tests/architecture/job_texts.txt"));
  const std::vector<std::string> pieces = absl::StrSplit("\n" + content, "\n=== ");
  ASSERT_GT(pieces.size(), 20u);
  for (size_t i = 1; i < pieces.size(); ++i) {
    const size_t end = pieces[i].find('\n');
    const std::string heading = pieces[i].substr(0, end);
    cohort::v1::JobSpec spec;
    const absl::Status status = common::YamlToProto(pieces[i].substr(end + 1), heading, &spec);
    EXPECT_EQ(status.ok(), absl::StartsWith(heading, "accepted: ")) << heading << ": " << status;
  }
}

}  // namespace
}  // namespace cohort::tests
