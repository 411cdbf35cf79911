// SPDX-License-Identifier: Apache-2.0
#include "coordinator/path_confinement.h"

#include <functional>

#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace cohort::coordinator {
namespace {

namespace fs = std::filesystem;
using ::cohort::common::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

class PathConfinementTest : public ::testing::Test {
 protected:
  PathConfinementTest() {
    for (const char* name : {"models/tiny", "data/sets", "shared", "secret"}) {
      fs::create_directories(folder_.Join(name));
    }
  }

  absl::Status CheckModel(const std::string& path, const std::vector<std::string>& allowed_roots = {}) const {
    cohort::v1::JobSpec spec;
    spec.mutable_model()->set_path(path);
    return PathConfinement(folder_.Join("models"), folder_.Join("data") + "/", allowed_roots).Check(spec, "a");
  }
  auto IsRefused(const std::string& field) const {
    return StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr(field + ": "), HasSubstr("--allowed_root")));
  }

  common::TempDir folder_;
};

TEST_F(PathConfinementTest, PathsWithinTheRootsPass) {
  for (const std::string& path :
       {std::string("tiny"), std::string("."), std::string("tiny/../tiny"), std::string("not/there"),
        folder_.Join("models/tiny"), folder_.Join("data/sets"), folder_.Join("models/../data")}) {
    EXPECT_OK(CheckModel(path)) << path;
  }
}

TEST_F(PathConfinementTest, PathsThatLeaveTheRootsAreRefused) {
  for (const std::string& path :
       {std::string("/etc"), std::string("/"), std::string("../secret"), std::string("tiny/../../secret"),
        folder_.Join("secret"), folder_.Join("models/../secret"), folder_.Join("models2"), folder_.path()}) {
    EXPECT_THAT(CheckModel(path), IsRefused("model.path")) << path;
  }
}

TEST_F(PathConfinementTest, LinksAreFollowed) {
  fs::create_directory_symlink(folder_.Join("secret"), folder_.Join("models/out"));
  fs::create_directory_symlink(folder_.Join("data"), folder_.Join("models/in"));
  EXPECT_THAT(CheckModel("out"), IsRefused("model.path"));
  EXPECT_THAT(CheckModel("out/not/there"), IsRefused("model.path"));
  EXPECT_OK(CheckModel("in/sets"));
}

TEST_F(PathConfinementTest, DotsBehindAFolderThatIsNotThereOrALinkAreNoWayOut) {
  fs::create_directory_symlink(folder_.Join("secret"), folder_.Join("models/out"));
  fs::create_directories(folder_.Join("data/sets/deep"));
  fs::create_directory_symlink(folder_.Join("data/sets/deep"), folder_.Join("models/in"));
  // What is opened is the path without ".." (common::ResolvePath): models/out.
  EXPECT_THAT(CheckModel("nowhere/../out/file"), IsRefused("model.path"));
  EXPECT_THAT(CheckModel("in/../out/file"), IsRefused("model.path"));
  EXPECT_THAT(CheckModel("in/../../../secret"), IsRefused("model.path"));
  EXPECT_OK(CheckModel("nowhere/../tiny"));
}

TEST_F(PathConfinementTest, TheCoordinatorsOwnFoldersAreClosedButForRunsOfTheNamespace) {
  const std::string root = folder_.path();
  const PathConfinement::OwnFolders own{.state = {folder_.Join("state"), folder_.Join("state/datasets")},
                                        .checkpoint_root = folder_.Join("runs")};
  const auto check = [&](const std::string& path, const std::string& top,
                         const std::vector<std::string>& allowed_roots = {}) {
    cohort::v1::JobSpec spec;
    spec.mutable_sft()->mutable_data()->mutable_jsonl()->set_path(path);
    return PathConfinement(top, top, allowed_roots, own).Check(spec, "a");
  };
  fs::create_directories(folder_.Join("state/datasets/b"));
  fs::create_directory_symlink(folder_.Join("state"), folder_.Join("data/link"));
  for (const char* path : {"state/datasets/b/x.jsonl", "state", "data/link/rollouts", "runs",
                           "runs/b/job/metrics.jsonl", "runs/a/../b/job", "runs/ab/job", "nowhere/../state/x"}) {
    EXPECT_THAT(check(path, root), StatusIs(absl::StatusCode::kInvalidArgument,
                                            AllOf(HasSubstr("sft.data.jsonl.path: "), HasSubstr("of this namespace"))))
        << path;
  }
  for (const char* path : {"runs/a/job/checkpoints/step-000001", "data/sets", "states/x"}) {
    EXPECT_OK(check(path, root)) << path;
  }
  // Whoever names such a folder, or one in it, as a root means it.
  EXPECT_OK(check("runs/shared/model", root, {folder_.Join("runs/shared")}));
  EXPECT_OK(check("own.jsonl", folder_.Join("state")));
  EXPECT_THAT(check("datasets/b/x.jsonl", folder_.Join("state")), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(PathConfinementTest, ARootMayBeALinkAndFurtherRootsMayBeGiven) {
  fs::create_directory_symlink(folder_.Join("shared"), folder_.Join("link"));
  EXPECT_THAT(CheckModel(folder_.Join("shared/model")), IsRefused("model.path"));
  EXPECT_OK(CheckModel(folder_.Join("shared/model"), {folder_.Join("link")}));
  EXPECT_OK(CheckModel(folder_.Join("link/model"), {folder_.Join("shared") + "/"}));
}

TEST_F(PathConfinementTest, EveryPathOfAJobIsChecked) {
  const std::string bad = folder_.Join("secret/file");
  using Spec = cohort::v1::JobSpec;
  struct Case {
    std::string field;
    std::function<void(Spec*)> set;
  };
  const std::vector<Case> cases = {
      {"rlvr.data.jsonl.path",
       [&](Spec* spec) { spec->mutable_rlvr()->mutable_data()->mutable_jsonl()->set_path(bad); }},
      {"sft.data.jsonl.path", [&](Spec* spec) { spec->mutable_sft()->mutable_data()->mutable_jsonl()->set_path(bad); }},
      {"evaluation.data.jsonl.path",
       [&](Spec* spec) { spec->mutable_evaluation()->mutable_data()->mutable_jsonl()->set_path(bad); }},
      {"rlvr.reward.verifiers[0].command.working_directory",
       [&](Spec* spec) {
         auto* verifier = spec->mutable_rlvr()->mutable_reward()->add_verifiers();
         verifier->mutable_command()->set_working_directory(bad);
       }},
      {"evaluation.reward.verifiers[0].command.argv[0]",
       [&](Spec* spec) {
         auto* verifier = spec->mutable_evaluation()->mutable_reward()->add_verifiers();
         verifier->mutable_command()->add_argv("../../secret/program");
         verifier->mutable_command()->set_working_directory("sets");
       }},
      {"rescore.reward.verifiers[1].ranking.catalogue_path",
       [&](Spec* spec) {
         auto* reward = spec->mutable_rescore()->mutable_reward();
         reward->add_verifiers()->mutable_command()->add_argv("python3");
         reward->add_verifiers()->mutable_ranking()->set_catalogue_path(bad);
       }},
  };
  const PathConfinement confinement(folder_.Join("models"), folder_.Join("data"), {});
  for (const Case& test : cases) {
    Spec spec;
    test.set(&spec);
    EXPECT_THAT(confinement.Check(spec, "a"), IsRefused(test.field));
  }
}

TEST_F(PathConfinementTest, AProgramInTheWorkingDirectoryPasses) {
  cohort::v1::JobSpec spec;
  auto& command = *spec.mutable_rlvr()->mutable_reward()->add_verifiers()->mutable_command();
  command.add_argv("./verify");
  command.set_working_directory("sets");
  EXPECT_OK(PathConfinement(folder_.Join("models"), folder_.Join("data"), {}).Check(spec, "a"));
}

}  // namespace
}  // namespace cohort::coordinator
