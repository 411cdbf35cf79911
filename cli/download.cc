// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "cli/checkpoint_download.h"
#include "cli/job_client.h"
#include "cli/progress.h"
#include "cli/verb_flags.h"
#include "cli/verbs.h"

namespace cohort::cli {
namespace {

// A line that is drawn more often cannot be read.
constexpr absl::Duration kRedraw = absl::Milliseconds(100);
constexpr char kLatest[] = "latest";

struct DownloadFlags {
  std::string job;
  std::string checkpoint = kLatest;
  std::string target;
  bool for_inference = false;
};

// What CLI11 prints behind the flag; empty when the text names a checkpoint.
std::string CheckpointComplaint(const std::string& text) {
  int64_t version = 0;
  const bool is_version = absl::SimpleAtoi(text, &version) && version >= 0;
  return is_version || text == kLatest ? "" : absl::StrCat("is neither a policy version nor latest (", text, ")");
}

std::string ProgressOf(int64_t num_bytes, int64_t total_bytes) {
  constexpr double kMebibyte = 1 << 20;
  const double share =
      total_bytes > 0 ? 100.0 * static_cast<double>(num_bytes) / static_cast<double>(total_bytes) : 100;
  return absl::StrFormat("%.1f of %.1f MiB  %.0f%%", static_cast<double>(num_bytes) / kMebibyte,
                         static_cast<double>(total_bytes) / kMebibyte, share);
}

void RunDownload(VerbContext& context, const DownloadFlags& flags) {
  JobClient client = Connect(context);
  ProgressLine line(context.console, absl::InfiniteDuration());
  absl::Time next_redraw = absl::InfinitePast();
  const CheckpointDownload download = {
      .name = absl::StrCat(JobName(context.namespace_id, flags.job), "/checkpoints/", flags.checkpoint),
      .for_inference = flags.for_inference,
      .target = flags.target,
      .patience = kPatience,
      .on_progress = [&](int64_t num_bytes, int64_t total_bytes) {
        const absl::Time now = absl::Now();
        if (!context.console.err_is_terminal || now < next_redraw) return;
        line.Show(ProgressOf(num_bytes, total_bytes), now);
        next_redraw = now + kRedraw;
      }};
  const absl::Status status = DownloadCheckpoint(&client, download);
  line.Clear();
  if (!status.ok()) return Fail(context, status);
  *context.console.out << flags.target << "\n";
}

}  // namespace

void AddDownload(CLI::App& app, VerbContext& context) {
  auto flags = std::make_shared<DownloadFlags>();
  CLI::App* verb = app.add_subcommand("download", "Copies a sealed checkpoint of a job to this machine");
  AddJobArgument(verb, flags->job);
  verb->add_option("--checkpoint", flags->checkpoint, "policy version, or latest")
      ->check(CheckpointComplaint)
      ->capture_default_str();
  verb->add_option("--output", flags->target, "folder to make; must not be there")->required();
  verb->add_flag("--for_inference", flags->for_inference, "leave out what only training needs: the optimizer's state");
  verb->callback([&context, flags] { RunDownload(context, *flags); });
}

}  // namespace cohort::cli
