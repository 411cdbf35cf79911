// SPDX-License-Identifier: Apache-2.0
#include "common/config/proto_to_yaml.h"

#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "common/config/yaml_test.pb.h"
#include "common/config/yaml_to_proto.h"
#include "common/testing/status_matchers.h"

namespace cohort::common {
namespace {

using google::protobuf::util::MessageDifferencer;
using yaml_test::Settings;

void ExpectRoundTrip(const Settings& settings) {
  const std::string yaml = ProtoToYaml(settings);
  Settings read;
  ASSERT_OK(YamlToProto(yaml, "a.yaml", &read)) << yaml;
  EXPECT_TRUE(MessageDifferencer::Equals(read, settings)) << yaml << read.DebugString();
  EXPECT_EQ(ProtoToYaml(read), yaml);
}

TEST(ProtoToYamlTest, WritesSetFieldsInDeclarationOrder) {
  Settings settings;
  settings.set_very_last(2);
  settings.set_last(0);
  settings.set_name("cohort");
  settings.set_loss_reduction(yaml_test::LOSS_REDUCTION_TOKEN_MEAN);
  settings.mutable_deadline()->set_seconds(5400);
  settings.add_rollouts()->set_group_size(8);
  settings.add_rollouts();
  (*settings.mutable_labels())["b"] = "yes";
  (*settings.mutable_labels())["a"] = "x y";
  settings.mutable_inline_();
  EXPECT_EQ(ProtoToYaml(settings),
            "name: cohort\n"
            "loss_reduction: token_mean\n"
            "deadline: 1h30m\n"
            "rollouts:\n"
            "  - group_size: 8\n"
            "  - {}\n"
            "labels:\n"
            "  a: \"x y\"\n"
            "  b: \"yes\"\n"
            "inline: {}\n"
            "last: 0\n"
            "very_last: 2\n");
}

TEST(ProtoToYamlTest, EmptyMessageIsAnEmptyMapping) {
  EXPECT_EQ(ProtoToYaml(Settings()), "{}\n");
  ExpectRoundTrip(Settings());
}

TEST(ProtoToYamlTest, AwkwardStringsReadBack) {
  for (const std::string text : {"",
                                 " ",
                                 "null",
                                 "~",
                                 "true",
                                 "No",
                                 "5",
                                 "1e3",
                                 "- a",
                                 "a: b",
                                 "#",
                                 "a #b",
                                 "'",
                                 "\"",
                                 "\\",
                                 "\n",
                                 "a\nb\n",
                                 "\t",
                                 "\x01\x7F",
                                 "\xC3\xA9",
                                 "\xF0\x9F\x98\x80",
                                 "*a",
                                 "&a",
                                 "!t",
                                 "{",
                                 "]",
                                 "%",
                                 "@",
                                 "`",
                                 "|",
                                 ">",
                                 "?",
                                 "---",
                                 "\r\n",
                                 "\xC2\x85",
                                 "\xE2\x80\xA8",
                                 "\xEF\xBB\xBF",
                                 "/abs/path",
                                 "../rel",
                                 "x:",
                                 ".5"}) {
    Settings settings;
    settings.set_name(text);
    (*settings.mutable_labels())[text] = text;
    ExpectRoundTrip(settings);
  }
}

TEST(ProtoToYamlTest, NumbersReadBackExactly) {
  for (const double number : {0.1, 1e-300, -1e300, 3.0, 1.0 / 3, 5e-324, 123456789012345680.0}) {
    Settings settings;
    settings.set_ratio(number);
    settings.set_temperature(-number);
    settings.set_coarse(0.1f);
    settings.set_small(std::numeric_limits<int32_t>::min());
    settings.set_large(std::numeric_limits<int64_t>::min());
    settings.set_large_count(std::numeric_limits<uint64_t>::max());
    ExpectRoundTrip(settings);
  }
}

TEST(ProtoToYamlTest, EveryKindOfFieldReadsBack) {
  Settings settings;
  settings.set_enabled(true);
  settings.set_token(std::string("\x00\xFFz", 3));
  settings.mutable_deadline()->set_nanos(1);
  settings.mutable_start_time()->set_seconds(1767225600);
  settings.mutable_start_time()->set_nanos(123456789);
  settings.mutable_rollout()->mutable_nested()->mutable_nested()->set_group_size(3);
  settings.add_sizes(1);
  settings.add_sizes(0);
  (*settings.mutable_weights())[-7] = 0;
  (*settings.mutable_named())["m"].mutable_nested();
  settings.set_path("");
  settings.add_delays()->set_seconds(-3);
  settings.add_delays();
  ExpectRoundTrip(settings);
}

}  // namespace
}  // namespace cohort::common
