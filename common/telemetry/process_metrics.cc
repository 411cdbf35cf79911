// SPDX-License-Identifier: Apache-2.0
#include "common/telemetry/process_metrics.h"

#include <dirent.h>
#include <time.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/files.h"
#include "common/version.h"

namespace cohort::common {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// Fields of /proc/self/stat after the command, numbered as in proc(5) minus 3.
constexpr int kUserTicks = 14 - 3;
constexpr int kSystemTicks = 15 - 3;
constexpr int kStartTicks = 22 - 3;
constexpr int kResidentPages = 24 - 3;

void Add(std::string_view name, std::string_view help, MetricType type, std::optional<double> value,
         std::vector<MetricFamily>* families) {
  if (!value.has_value()) return;
  MetricFamily& family = families->emplace_back();
  family.name = std::string(name);
  family.help = std::string(help);
  family.type = type;
  ClientMetric& metric = family.metric.emplace_back();
  metric.counter.value = *value;
  metric.gauge.value = *value;
}

std::optional<double> NumberAt(const std::vector<std::string>& fields, size_t index) {
  double number = 0;
  if (index >= fields.size() || !absl::SimpleAtod(fields[index], &number)) return std::nullopt;
  return number;
}

std::vector<std::string> ReadStat() {
  const auto text = ReadFile("/proc/self/stat");
  if (!text.ok()) return {};
  const size_t end_of_command = text->rfind(") ");  // the command may hold blanks and brackets
  if (end_of_command == std::string::npos) return {};
  return absl::StrSplit(text->substr(end_of_command + 2), ' ');
}

// Seconds since the epoch at which the machine started.
std::optional<double> BootTime() {
  const auto text = ReadFile("/proc/stat");
  if (!text.ok()) return std::nullopt;
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    double seconds = 0;
    if (absl::ConsumePrefix(&line, "btime ") && absl::SimpleAtod(line, &seconds)) return seconds;
  }
  return std::nullopt;
}

std::optional<double> CountOpenDescriptors() {
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr) return std::nullopt;
  int count = 0;
  while (const dirent* entry = readdir(folder)) count += entry->d_name[0] != '.';
  closedir(folder);
  return count - 1;  // the one just used for counting
}

}  // namespace

std::vector<MetricFamily> CollectProcessMetrics(std::string_view component) {
  std::vector<MetricFamily> families;
  const std::vector<std::string> stat = ReadStat();
  const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto user = NumberAt(stat, kUserTicks), system = NumberAt(stat, kSystemTicks);
  const auto start = NumberAt(stat, kStartTicks), pages = NumberAt(stat, kResidentPages), boot = BootTime();
  Add("process_cpu_seconds_total", "User and system CPU time of the process.", MetricType::Counter,
      user && system ? std::optional((*user + *system) / ticks) : std::nullopt, &families);
  Add("process_resident_memory_bytes", "Resident memory of the process.", MetricType::Gauge,
      pages ? std::optional(*pages * static_cast<double>(sysconf(_SC_PAGESIZE))) : std::nullopt, &families);
  Add("process_open_fds", "Open file descriptors of the process.", MetricType::Gauge, CountOpenDescriptors(),
      &families);
  Add("process_start_time_seconds", "Start of the process, seconds since the epoch.", MetricType::Gauge,
      start && boot ? std::optional(*boot + *start / ticks) : std::nullopt, &families);
  Add("cohort_build_info", "Always 1; the labels say what runs.", MetricType::Gauge, 1, &families);
  families.back().metric[0].label = {{"component", std::string(component)}, {"version", kVersion}};
  return families;
}

}  // namespace cohort::common
