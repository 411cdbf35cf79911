// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "absl/time/clock.h"
#include "cli/job_client.h"
#include "cli/job_description.h"
#include "cli/output_format.h"
#include "cli/verb_flags.h"
#include "cli/verbs.h"
#include "cohort/v1/client_documents.pb.h"

namespace cohort::cli {
namespace {

constexpr int kNumCheckpoints = 5;

struct DescribeFlags {
  std::string job;
  int num_events = 10;
  OutputFormat output = OutputFormat::kTable;
};

void RunDescribe(VerbContext& context, const DescribeFlags& flags) {
  JobClient client = Connect(context);
  cohort::v1::JobDescription description;
  auto job = client.Get(JobName(context.namespace_id, flags.job));
  if (!job.ok()) return Fail(context, job.status());
  *description.mutable_job() = *std::move(job);
  cohort::v1::ListCheckpointsRequest request;
  request.set_parent(description.job().name());
  request.set_page_size(kNumCheckpoints);
  const auto checkpoints = client.ListCheckpoints(request);
  if (!checkpoints.ok()) return Fail(context, checkpoints.status());
  *description.mutable_checkpoints() = checkpoints->checkpoints();
  const auto events = client.RecentEvents(description.job().name(), flags.num_events);
  if (!events.ok()) return Fail(context, events.status());
  description.mutable_events()->Assign(events->begin(), events->end());
  const auto document = AsDocument(description, flags.output);
  *context.console.out << (document.has_value() ? *document : DescribeJob(description, absl::Now(), context.console));
}

}  // namespace

void AddDescribe(CLI::App& app, VerbContext& context) {
  auto flags = std::make_shared<DescribeFlags>();
  CLI::App* verb = app.add_subcommand(
      "describe",
      "Tells of one job what it is, what it waits for and since when, what it used, and what happened lately");
  AddJobArgument(verb, flags->job);
  verb->add_option("--events", flags->num_events, "how many recent events")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  AddOutputFlag(verb, flags->output, {OutputFormat::kTable, OutputFormat::kJson, OutputFormat::kYaml});
  verb->callback([&context, flags] { RunDescribe(context, *flags); });
}

}  // namespace cohort::cli
