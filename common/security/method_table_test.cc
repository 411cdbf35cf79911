// SPDX-License-Identifier: Apache-2.0
// That no method of a service lacks its row: //coordinator:method_rows_test.
#include "common/security/method_table.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace cohort::security {
namespace {

TEST(MethodTableTest, AMethodWithoutARowIsForNobody) {
  for (const Role role : {Role::kViewer, Role::kSubmitter, Role::kWorker, Role::kAdmin}) {
    EXPECT_FALSE(MayCall(role, "/cohort.v1.JobService/Reboot"));
    EXPECT_FALSE(MayCall(role, "cohort.v1.JobService/GetJob"));
    EXPECT_FALSE(MayCall(role, "/cohort.v1.JobService/GetJob/"));
    EXPECT_FALSE(MayCall(role, ""));
  }
}

TEST(MethodTableTest, AdminsMayCallEveryMethod) {
  for (const MethodRow& row : MethodTable()) EXPECT_TRUE(MayCall(Role::kAdmin, row.method)) << row.method;
}

TEST(MethodTableTest, WorkersDoNotTouchJobsAndPeopleDoNotActAsWorkers) {
  for (const MethodRow& row : MethodTable()) {
    const bool is_of_jobs = row.method.find("JobService") != std::string_view::npos;
    const bool is_reflection = row.method.find("reflection") != std::string_view::npos;
    EXPECT_EQ(MayCall(Role::kWorker, row.method), !is_of_jobs) << row.method;
    EXPECT_EQ(MayCall(Role::kSubmitter, row.method), is_of_jobs || is_reflection) << row.method;
  }
}

TEST(MethodTableTest, ViewersOnlyRead) {
  for (const MethodRow& row : MethodTable()) {
    const std::string method(row.method.substr(row.method.rfind('/') + 1));
    const bool reads = method.rfind("Get", 0) == 0 || method.rfind("List", 0) == 0 || method.rfind("Watch", 0) == 0 ||
                       method.rfind("Download", 0) == 0;
    const bool is_of_jobs = row.method.find("JobService") != std::string_view::npos;
    if (is_of_jobs) {
      EXPECT_EQ(MayCall(Role::kViewer, row.method), reads) << row.method;
    }
  }
}

TEST(MethodTableTest, OnlyHealthIsOpen) {
  EXPECT_TRUE(IsOpenToAll("/grpc.health.v1.Health/Check"));
  EXPECT_TRUE(IsOpenToAll("/grpc.health.v1.Health/Watch"));
  EXPECT_FALSE(IsOpenToAll("/grpc.health.v1.Health/"));
  for (const MethodRow& row : MethodTable()) EXPECT_FALSE(IsOpenToAll(row.method)) << row.method;
}

TEST(MethodTableTest, NoMethodHasTwoRows) {
  std::set<std::string_view> methods;
  for (const MethodRow& row : MethodTable()) EXPECT_TRUE(methods.insert(row.method).second) << row.method;
}

}  // namespace
}  // namespace cohort::security
