// SPDX-License-Identifier: Apache-2.0
#include "learner/replay/replay_report.h"

#include <cstddef>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/sha256.h"

namespace cohort::learner {
namespace {

double ValueOf(const std::map<std::string, double>& metrics, const std::string& name) {
  const auto found = metrics.find(name);
  return found == metrics.end() ? 0.0 : found->second;
}

}  // namespace

std::string ReplayHeader() {
  return absl::StrFormat("%-5s %-7s %-16s %11s %10s %9s %9s %9s %9s %9s %9s\n", "STEP", "UPDATE", "OBJECTIVE", "LOSS",
                         "GRAD NORM", "CLIP LOW", "CLIP HIGH", "RATIO MIN", "MEAN", "MAX", "COS 1ST");
}

std::string ReplayLines(const std::vector<std::string>& names, const ReplayedRow& row) {
  std::string text;
  for (size_t i = 0; i < row.objectives.size(); ++i) {
    const auto& metrics = row.objectives[i].metrics;
    absl::StrAppendFormat(&text, "%-5d %-7d %-16s %11.6f %10.5f %8.2f%% %8.2f%% %9.5f %9.5f %9.5f %9.5f\n", row.step,
                          row.update, names[i], ValueOf(metrics, "loss"), ValueOf(metrics, "gradient_norm"),
                          100 * ValueOf(metrics, "clip_fraction_low"), 100 * ValueOf(metrics, "clip_fraction_high"),
                          ValueOf(metrics, "ratio_min"), ValueOf(metrics, "ratio_mean"), ValueOf(metrics, "ratio_max"),
                          row.objectives[i].cosines[0]);
    if (metrics.count("ratio_mean_branch2") == 0) continue;
    absl::StrAppendFormat(&text, "%-13s %-16s %11s %10s %8.2f%% %8.2f%% %9.5f %9.5f %9.5f\n", "", "  second branch", "",
                          "", 100 * ValueOf(metrics, "clip_fraction_low_branch2"),
                          100 * ValueOf(metrics, "clip_fraction_high_branch2"), ValueOf(metrics, "ratio_min_branch2"),
                          ValueOf(metrics, "ratio_mean_branch2"), ValueOf(metrics, "ratio_max_branch2"));
  }
  return text;
}

std::string ReplaySummary(const std::vector<std::string>& names, const std::vector<ReplayedRow>& rows) {
  std::string text = absl::StrFormat("\nmean over %d updates%26s", rows.size(), "GRAD NORM");
  for (const std::string& name : names) absl::StrAppendFormat(&text, " %15s", absl::StrCat("cos ", name));
  text += "\n";
  for (size_t i = 0; i < names.size(); ++i) {
    double norm = 0;
    std::vector<double> cosines(names.size(), 0);
    for (const ReplayedRow& row : rows) {
      norm += ValueOf(row.objectives[i].metrics, "gradient_norm");
      for (size_t j = 0; j < names.size(); ++j) cosines[j] += row.objectives[i].cosines[j];
    }
    const double count = static_cast<double>(rows.size());
    absl::StrAppendFormat(&text, "%-35s %12.5f", names[i], norm / count);
    for (const double cosine : cosines) absl::StrAppendFormat(&text, " %15.5f", cosine / count);
    text += "\n";
  }
  return text + "\n";
}

std::string ReplayVerdict(const ReplayFacts& facts) {
  return absl::StrFormat(
      "%s: replayed from version %d, weights byte-equal to the record after %d of %d steps, digest of version %d: %s\n",
      facts.job, facts.start_version, facts.num_exact_steps, facts.num_steps, facts.start_version + facts.num_steps,
      common::HexOf(facts.digest));
}

}  // namespace cohort::learner
