// SPDX-License-Identifier: Apache-2.0
#include "common/telemetry/trace_context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace cohort::common {
namespace {

using ::testing::MatchesRegex;

TEST(TraceContextTest, IdsAreFunctionsOfNames) {
  // First half of `printf namespaces/default/jobs/demo/groups/7 | sha256sum`.
  EXPECT_EQ(TraceIdOf("namespaces/default/jobs/demo", "groups", 7), "d5361ffe2d0918a491296a066e7fbccf");
  const std::string trace = TraceIdOf("namespaces/default/jobs/demo", "groups", 7);
  EXPECT_EQ(SpanIdOf(trace, "sample"), SpanIdOf(trace, "sample"));
  EXPECT_NE(SpanIdOf(trace, "sample"), SpanIdOf(trace, "score"));
}

TEST(TraceContextTest, NamesDoNotRunIntoEachOther) {
  const std::set<std::string> ids = {TraceIdOf("a", "groups", 11), TraceIdOf("a", "groups", 1),
                                     TraceIdOf("a", "steps", 1), TraceIdOf("b", "groups", 1)};
  EXPECT_EQ(ids.size(), 4u);
}

TEST(TraceContextTest, HeaderHasTheFormOfTheStandard) {
  const std::string trace = TraceIdOf("a", "steps", 3);
  EXPECT_THAT(TraceParent(trace, SpanIdOf(trace, "CommitStep")), MatchesRegex("00-[0-9a-f]{32}-[0-9a-f]{16}-01"));
}

}  // namespace
}  // namespace cohort::common
