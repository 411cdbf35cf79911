// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_VERB_FIXTURE_H_
#define COHORT_CLI_VERB_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <istream>
#include <sstream>
#include <string>
#include <vector>

#include "cli/fake_job_service.h"
#include "cli/verbs.h"
#include "common/testing/temp_dir.h"

namespace cohort::cli {

// Command lines against a fake service. Not thread-safe.
class VerbFixture : public ::testing::Test {
 protected:
  // No context of whoever runs the test.
  VerbFixture() { setenv("COHORT_CONFIG", ContextsPath().c_str(), /*overwrite=*/1); }

  // Where the verbs keep contexts; not there at first.
  std::string ContextsPath() const { return dir_.path() + "/contexts.yaml"; }
  // Runs cohortctl with these arguments, after the server flag. With `in`, questions are asked and answered from it.
  int Run(std::vector<std::string> arguments, std::istream* in = nullptr) {
    arguments.insert(arguments.begin(), {"--server", service_.Address()});
    return RunAlone(arguments, in);
  }
  // Without the server flag.
  int RunAlone(const std::vector<std::string>& arguments, std::istream* in = nullptr) {
    out_.str("");
    err_.str("");
    std::vector<const char*> argv = {"cohortctl"};
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    return RunCommandLine(static_cast<int>(argv.size()), argv.data(), {.out = &out_, .err = &err_, .in = in});
  }
  std::string WriteFile(const std::string& name, const std::string& text) {
    const std::string path = dir_.path() + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  // A job of the default namespace that has emitted its state.
  void AddJob(const std::string& id, cohort::v1::JobState state, const std::string& reason = "") {
    cohort::v1::Job job;
    job.set_name("namespaces/default/jobs/" + id);
    job.set_state(state);
    job.set_state_reason(reason);
    job.set_etag("e1");
    service_.SetJob(job);
    cohort::v1::JobEvent event;
    event.set_sequence(1);
    *event.mutable_state_changed() = job;
    service_.SetEvents(job.name(), {event});
  }
  // A job of the default namespace that has come so far, without events.
  void AddJobAt(const std::string& id, cohort::v1::JobState state, int64_t policy_version) {
    cohort::v1::Job job;
    job.set_name("namespaces/default/jobs/" + id);
    job.set_state(state);
    job.set_policy_version(policy_version);
    service_.SetJob(job);
  }
  // A committed step with a usual metric and a rare one.
  static cohort::v1::StepRecord StepOf(int64_t version) {
    cohort::v1::StepRecord step;
    step.mutable_time()->set_seconds(1000 + version);
    step.mutable_step()->set_policy_version(version);
    (*step.mutable_step()->mutable_metrics())["loss"] = 1.0 / static_cast<double>(version);
    (*step.mutable_step()->mutable_metrics())["rare"] = 2;
    return step;
  }

  common::TempDir dir_;
  FakeJobService service_;
  std::ostringstream out_;
  std::ostringstream err_;
};

}  // namespace cohort::cli

#endif  // COHORT_CLI_VERB_FIXTURE_H_
