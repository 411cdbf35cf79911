// SPDX-License-Identifier: Apache-2.0
// Every method of every service has its row in the table of roles, and docs/security.md has that table.
#include "common/security/method_table.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "cohort/v1/job_service.pb.h"
#include "cohort/v1/learner_service.pb.h"
#include "cohort/v1/rollout_service.pb.h"
#include "cohort/v1/weights.pb.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "tests/architecture/source_tree.h"

namespace cohort::tests {
namespace {

constexpr char kOurPrefix[] = "/cohort.v1.";

std::set<std::string> MethodsOfProtos() {
  std::set<std::string> methods;
  for (const auto* message :
       {cohort::v1::GetJobRequest::descriptor(), cohort::v1::JoinGangRequest::descriptor(),
        cohort::v1::ClaimGroupsRequest::descriptor(), cohort::v1::GetManifestRequest::descriptor()}) {
    for (int i = 0; i < message->file()->service_count(); ++i) {
      const auto* service = message->file()->service(i);
      for (int j = 0; j < service->method_count(); ++j) {
        methods.insert(absl::StrCat("/", service->full_name(), "/", service->method(j)->name()));
      }
    }
  }
  return methods;
}

TEST(MethodTableTest, EveryMethodHasItsRow) {
  std::set<std::string> rows;
  for (const auto& row : security::MethodTable()) {
    if (row.method.substr(0, sizeof(kOurPrefix) - 1) == kOurPrefix) rows.emplace(row.method);
  }
  ASSERT_GE(rows.size(), 27u);
  EXPECT_EQ(rows, MethodsOfProtos());
}

TEST(MethodTableTest, TheDocumentedTableIsTheOneThatIsUsed) {
  ASSERT_OK_AND_ASSIGN(const std::string root, FindSourceRoot());
  ASSERT_OK_AND_ASSIGN(const std::string page, common::ReadFile(root + "/docs/security.md"));
  const auto word = [](bool may) { return may ? "yes" : "-"; };
  for (const auto& row : security::MethodTable()) {
    const std::string method(row.method.substr(row.method.rfind('.') + 1));
    const std::string line = absl::StrCat("| `", method, "` | ", word(row.viewer), " | ", word(row.submitter), " | ",
                                          word(row.worker), " | yes |\n");
    EXPECT_NE(page.find(line), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace cohort::tests
