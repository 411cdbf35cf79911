// SPDX-License-Identifier: Apache-2.0
#include "common/config/yaml_to_proto.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/cord.h"
#include "common/config/yaml_test.pb.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "google/rpc/error_details.pb.h"

namespace cohort::common {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using yaml_test::Settings;

Settings Parse(const std::string& yaml) {
  Settings settings;
  EXPECT_OK(YamlToProto(yaml, "a.yaml", &settings));
  return settings;
}

absl::Status Error(const std::string& yaml) {
  Settings settings;
  return YamlToProto(yaml, "a.yaml", &settings);
}

// The whole message of the INVALID_ARGUMENT that `yaml` gives.
std::string Message(const std::string& yaml) {
  const absl::Status status = Error(yaml);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_EQ(status.message().find('\n'), absl::string_view::npos);
  return std::string(status.message());
}

TEST(YamlToProtoTest, ReadsScalars) {
  const Settings settings = Parse(
      "name: cohort\nsmall: -5\nlarge: 9223372036854775807\nsmall_count: 4294967295\n"
      "large_count: 18446744073709551615\nratio: 1e-4\ncoarse: 0.5\nenabled: true\ntoken: AP8=\n"
      "loss_reduction: sequence_mean\n");
  EXPECT_EQ(settings.name(), "cohort");
  EXPECT_EQ(settings.small(), -5);
  EXPECT_EQ(settings.large(), INT64_MAX);
  EXPECT_EQ(settings.small_count(), UINT32_MAX);
  EXPECT_EQ(settings.large_count(), UINT64_MAX);
  EXPECT_EQ(settings.ratio(), 1e-4);
  EXPECT_EQ(settings.coarse(), 0.5f);
  EXPECT_TRUE(settings.enabled());
  EXPECT_EQ(settings.token(), std::string("\x00\xFF", 2));
  EXPECT_EQ(settings.loss_reduction(), yaml_test::LOSS_REDUCTION_SEQUENCE_MEAN);
}

TEST(YamlToProtoTest, ReadsNestedListsAndMaps) {
  const Settings settings = Parse(
      "rollout: {group_size: 8, nested: {group_size: 9}}\n"
      "rollouts:\n- group_size: 1\n- {}\n- group_size: 3\n"
      "sizes: [1, 2, 3]\n"
      "labels:\n  team: math\n  \"a b\": \"\"\n"
      "weights: {-1: 0.5, 2: 1}\n"
      "named: {x: {group_size: 4}}\n"
      "delays: [1s, 2m]\n");
  EXPECT_EQ(settings.rollout().nested().group_size(), 9);
  ASSERT_EQ(settings.rollouts_size(), 3);
  EXPECT_EQ(settings.rollouts(2).group_size(), 3);
  EXPECT_THAT(settings.sizes(), ::testing::ElementsAre(1, 2, 3));
  EXPECT_EQ(settings.labels().at("team"), "math");
  EXPECT_EQ(settings.labels().at("a b"), "");
  EXPECT_EQ(settings.weights().at(-1), 0.5);
  EXPECT_EQ(settings.named().at("x").group_size(), 4);
  EXPECT_EQ(settings.delays(1).seconds(), 120);
}

TEST(YamlToProtoTest, ReadsDurationsAndTimes) {
  EXPECT_EQ(Parse("deadline: 5s").deadline().seconds(), 5);
  EXPECT_EQ(Parse("deadline: 200ms").deadline().nanos(), 200'000'000);
  EXPECT_EQ(Parse("deadline: 2m").deadline().seconds(), 120);
  EXPECT_EQ(Parse("deadline: 1.5h").deadline().seconds(), 5400);
  EXPECT_EQ(Parse("start_time: 2026-01-01T00:00:00.5Z").start_time().seconds(), 1767225600);
  EXPECT_EQ(Parse("start_time: 2026-01-01T00:00:00.5Z").start_time().nanos(), 500'000'000);
}

TEST(YamlToProtoTest, OptionalZeroIsSet) {
  EXPECT_TRUE(Parse("temperature: 0").has_temperature());
  EXPECT_FALSE(Parse("name: x").has_temperature());
}

TEST(YamlToProtoTest, EmptyMessageSelectsItsOneofMember) {
  EXPECT_EQ(Parse("inline: {}").source_case(), Settings::kInline);
  EXPECT_EQ(Parse("path: \"\"").source_case(), Settings::kPath);
}

TEST(YamlToProtoTest, StringsKeepTheirText) {
  EXPECT_EQ(Parse("name: 5").name(), "5");
  EXPECT_EQ(Parse("name: \"null\"").name(), "null");
  EXPECT_EQ(Parse("name: \"####\"").name(), "####");
  EXPECT_EQ(Parse("name: |\n  two\n  lines\n").name(), "two\nlines\n");
}

TEST(YamlToProtoTest, FormerContentIsReplaced) {
  Settings settings;
  settings.set_large(7);
  ASSERT_OK(YamlToProto("name: x", "a.yaml", &settings));
  EXPECT_EQ(settings.large(), 0);
}

TEST(YamlToProtoTest, FailureLeavesAnEmptyMessage) {
  Settings settings;
  EXPECT_FALSE(YamlToProto("name: x\nsmall: y", "a.yaml", &settings).ok());
  EXPECT_EQ(settings.ByteSizeLong(), 0);
}

TEST(YamlToProtoTest, UnknownFieldNamesPathAndClosestField) {
  EXPECT_EQ(Message("name: x\nrollout:\n  group_sise: 8\n"),
            "a.yaml:3: rollout.group_sise: unknown field; did you mean group_size?");
  EXPECT_EQ(Message("rollout: {temperature: 1}"),
            "a.yaml:1: rollout.temperature: unknown field; known are group_size, nested");
  EXPECT_EQ(Message("inline: {a: 1}"), "a.yaml:1: inline.a: unknown field; nothing can be set here");
  EXPECT_EQ(Message("rollouts: [{}, {grp_size: 1}]"),
            "a.yaml:1: rollouts[1].grp_size: unknown field; did you mean group_size?");
}

TEST(YamlToProtoTest, ErrorsCarryTheFieldPathForGrpc) {
  const auto payload = Error("rollout: {group_sise: 8}").GetPayload("type.googleapis.com/google.rpc.BadRequest");
  ASSERT_TRUE(payload.has_value());
  google::rpc::BadRequest bad_request;
  ASSERT_TRUE(bad_request.ParseFromString(std::string(*payload)));
  EXPECT_EQ(bad_request.field_violations(0).field(), "rollout.group_sise");
}

TEST(YamlToProtoTest, WrongTypesNamePathValueAndWhatWasExpected) {
  EXPECT_EQ(Message("small: 8.5"), "a.yaml:1: small: expected an integer from -2147483648 to 2147483647 (8.5)");
  EXPECT_EQ(Message("enabled: yes"), "a.yaml:1: enabled: expected true or false (yes)");
  EXPECT_EQ(Message("deadline: 5"),
            "a.yaml:1: deadline: expected a duration with its unit, such as 5s, 200ms or 1.5h (5)");
  EXPECT_EQ(Message("start_time: noon"), "a.yaml:1: start_time: expected a time such as 2026-01-01T00:00:00Z (noon)");
  EXPECT_EQ(Message("loss_reduction: TOKEN_MEAN"),
            "a.yaml:1: loss_reduction: expected one of token_mean, sequence_mean (TOKEN_MEAN)");
  EXPECT_EQ(Message("sizes: 3"), "a.yaml:1: sizes: expected a list (3)");
  EXPECT_EQ(Message("sizes: [1, x]"), "a.yaml:1: sizes[1]: expected an integer from -2147483648 to 2147483647 (x)");
  EXPECT_EQ(Message("rollout: [1]"), "a.yaml:1: rollout: expected a mapping of fields (a list)");
  EXPECT_EQ(Message("name: {a: b}"), "a.yaml:1: name: expected a single value (a mapping)");
  EXPECT_EQ(Message("labels: 3"), "a.yaml:1: labels: expected a mapping (3)");
  EXPECT_EQ(Message("weights: {a: 1}"), "a.yaml:1: weights.a: expected an integer from -2147483648 to 2147483647 (a)");
  EXPECT_EQ(Message("token: \"*\""), "a.yaml:1: token: expected bytes in base64 (\"*\")");
}

TEST(YamlToProtoTest, NumbersOutOfRangeOrNotNumbersAreRefused) {
  for (const char* yaml :
       {"small: 2147483648", "small: 1e3", "small: 0x10", "small: \"5\"", "small: ''", "small: \"-\"",
        "large: 9223372036854775808", "small_count: -1", "large_count: 18446744073709551616", "ratio: nan",
        "ratio: .inf", "ratio: 1e999", "coarse: 1e39", "ratio: \"0.5\"", "ratio: 1.5x", "enabled: 1",
        "enabled: \"true\"", "deadline: inf", "deadline: 99999999h"}) {
    EXPECT_THAT(Message(yaml), HasSubstr("expected")) << yaml;
  }
}

TEST(YamlToProtoTest, MissingValuesAreRefused) {
  EXPECT_EQ(Message("name:"), "a.yaml:1: name: has no value");
  EXPECT_EQ(Message("small: ~"), "a.yaml:1: small: has no value");
  EXPECT_EQ(Message("inline:"), "a.yaml:1: inline: has no value; write {} for an empty one");
  EXPECT_EQ(Message("sizes: [1, null]"), "a.yaml:1: sizes[1]: has no value");
  EXPECT_EQ(Message("sizes:"), "a.yaml:1: sizes: expected a list (null)");
}

TEST(YamlToProtoTest, DuplicateKeysAreRefused) {
  EXPECT_EQ(Message("name: x\nsmall: 1\nname: y\n"), "a.yaml:3: name: is given twice");
  EXPECT_EQ(Message("labels: {a: 1, a: 2}"), "a.yaml:1: labels.a: is given twice");
}

TEST(YamlToProtoTest, TwoMembersOfOneOneofAreRefused) {
  EXPECT_EQ(Message("path: x\ninline: {}\n"), "a.yaml:2: inline: path is given too; only one of path, inline can be");
}

TEST(YamlToProtoTest, TopLevelMustBeOneMapping) {
  EXPECT_EQ(Message("- a\n- b\n"), "a.yaml:1: expected a mapping of fields (a list)");
  EXPECT_EQ(Message("just text"), "a.yaml:1: expected a mapping of fields (just text)");
  EXPECT_EQ(Message(""), "a.yaml: is empty");
  EXPECT_EQ(Message("# only a comment\n"), "a.yaml: is empty");
  EXPECT_EQ(Message("name: x\n---\nname: y\n"), "a.yaml:2: a second document begins here; the file must hold one");
}

TEST(YamlToProtoTest, InvalidYamlNamesTheLine) {
  EXPECT_THAT(Message("name: x\nrollout: {group_size: 8\n"), StartsWith("a.yaml:"));
  EXPECT_THAT(Message("name: x\nsmall: [1\nlarge: 2\n"), HasSubstr("invalid YAML"));
  EXPECT_THAT(Message("name: x\npath: \"never closed\n"), StartsWith("a.yaml:"));
  EXPECT_THAT(Message("name: x\npath: 'never closed"), StartsWith("a.yaml:"));
  EXPECT_THAT(Message("\tname: x"), HasSubstr("invalid YAML"));
}

TEST(YamlToProtoTest, AliasesAndTagsAreRefused) {
  EXPECT_EQ(Message("rollout: &r {group_size: 1}\nrollouts: [*r, *r]\n"),
            "a.yaml:2: aliases (*name) are not supported; write the value out");
  EXPECT_THAT(Message("name: !!binary AA==\n"), HasSubstr("a.yaml:1: type tags are not supported"));
}

TEST(YamlToProtoTest, BombsEndAtOnce) {
  std::string laughs = "a: &a [x, x]\n";
  for (char c = 'b'; c <= 'z'; ++c) {
    laughs += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 9; ++i) laughs += std::string("*") + static_cast<char>(c - 1) + ",";
    laughs += "x]\n";
  }
  EXPECT_THAT(Message(laughs), HasSubstr("aliases"));
  EXPECT_THAT(Message("name: " + std::string(100'000, '[')), StartsWith("a.yaml:1: invalid YAML: nested too deeply"));
  EXPECT_THAT(Message(std::string(100'000, '{')), StartsWith("a.yaml:1: invalid YAML: nested too deeply"));
}

TEST(YamlToProtoTest, BinaryRubbishIsAnErrorNotACrash) {
  std::string rubbish;
  for (int i = 0; i < 4096; ++i) rubbish += static_cast<char>((i * 2654435761u) >> 24);
  EXPECT_FALSE(Error(rubbish).ok());
  EXPECT_FALSE(Error("name: \xFF\xFE").ok() && Parse("name: \xFF\xFE").name() == "\xFF\xFE");
}

TEST(YamlFileToProtoTest, NamesTheFile) {
  const TempDir folder;
  Settings settings;
  EXPECT_THAT(YamlFileToProto(folder.Join("job.yaml"), &settings),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("job.yaml")));
  ASSERT_OK(WriteFileAtomically(folder.Join("job.yaml"), "nam: x"));
  EXPECT_THAT(YamlFileToProto(folder.Join("job.yaml"), &settings),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       folder.Join("job.yaml") + ":1: nam: unknown field; did you mean name?"));
  ASSERT_OK(WriteFileAtomically(folder.Join("job.yaml"), "name: x"));
  ASSERT_OK(YamlFileToProto(folder.Join("job.yaml"), &settings));
  EXPECT_EQ(settings.name(), "x");
}

}  // namespace
}  // namespace cohort::common
