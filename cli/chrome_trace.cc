// SPDX-License-Identifier: Apache-2.0
#include "cli/chrome_trace.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/lane_assignment.h"

namespace cohort::cli {
namespace {

using nlohmann::ordered_json;

// Where a span is shown.
struct Place {
  int64_t pid = 0;
  int64_t tid = 0;
};

// Rows of a process from the top down; what is not here comes below, in order of name.
int RankOfTrack(const std::string& track) {
  constexpr const char* kFirst[] = {"steps", "step", "idle", "weights"};
  const auto* const found = std::find(std::begin(kFirst), std::end(kFirst), track);
  if (found != std::end(kFirst)) return static_cast<int>(found - std::begin(kFirst));
  return track == "groups" ? 1000 : 100;
}

// Writes one file. Not thread-safe.
class TraceWriter final {
 public:
  explicit TraceWriter(const Timeline& timeline) : timeline_(timeline), places_(timeline.spans.size()) {
    for (const TimelineSpan& span : timeline.spans) origin_ = std::min(origin_, span.time.begin);
  }

  std::string Write() {
    for (size_t i = 0; i < timeline_.processes.size(); ++i)
      AddProcess(timeline_.processes[i], static_cast<int64_t>(i) + 1);
    for (size_t i = 0; i < timeline_.spans.size(); ++i) AddSpan(timeline_.spans[i], places_[i]);
    for (const TimelineFlow& flow : timeline_.flows) AddFlow(flow);
    ordered_json other = {{"job", timeline_.job}};
    if (!timeline_.spans.empty()) {
      other["first_time"] = absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", origin_, absl::UTCTimeZone());
    }
    const ordered_json file = {
        {"displayTimeUnit", "ms"}, {"otherData", std::move(other)}, {"traceEvents", std::move(events_)}};
    return file.dump(-1, ' ', /*ensure_ascii=*/false, ordered_json::error_handler_t::replace) + "\n";
  }

 private:
  double Micros(absl::Time time) const { return absl::ToDoubleMicroseconds(time - origin_); }

  void AddName(const char* kind, int64_t pid, int64_t tid, ordered_json args) {
    events_.push_back({{"ph", "M"}, {"name", kind}, {"pid", pid}, {"tid", tid}, {"args", std::move(args)}});
  }

  void AddProcess(const TimelineProcess& process, int64_t pid) {
    std::string label;
    if (process.shift != absl::ZeroDuration()) {
      label = absl::StrCat("clock moved by ", absl::FormatDuration(process.shift));
    }
    if (process.uncertainty != absl::InfiniteDuration()) {
      absl::StrAppend(&label, label.empty() ? "" : ", ", "good to ", absl::FormatDuration(process.uncertainty));
    }
    AddName("process_name", pid, 0, {{"name", process.name}});
    AddName("process_sort_index", pid, 0, {{"sort_index", pid}});
    if (!label.empty()) AddName("process_labels", pid, 0, {{"labels", label}});
    std::map<std::pair<int, std::string>, std::vector<size_t>> tracks;
    for (size_t i = 0; i < timeline_.spans.size(); ++i) {
      const TimelineSpan& span = timeline_.spans[i];
      if (span.process == process.name) tracks[{RankOfTrack(span.track), span.track}].push_back(i);
    }
    int64_t next_tid = 1;
    for (const auto& [key, spans] : tracks) next_tid = AddTrack(key.second, spans, pid, next_tid);
  }

  // The number of the next thread.
  int64_t AddTrack(const std::string& track, const std::vector<size_t>& spans, int64_t pid, int64_t first_tid) {
    std::vector<TimeInterval> intervals;
    for (const size_t i : spans) intervals.push_back(timeline_.spans[i].time);
    const std::vector<int> lanes = AssignLanes(intervals);
    const int num_lanes = *std::max_element(lanes.begin(), lanes.end()) + 1;
    for (size_t n = 0; n < spans.size(); ++n) places_[spans[n]] = {pid, first_tid + lanes[n]};
    for (int lane = 0; lane < num_lanes; ++lane) {
      AddName("thread_name", pid, first_tid + lane,
              {{"name", num_lanes == 1 ? track : absl::StrCat(track, " ", lane)}});
      AddName("thread_sort_index", pid, first_tid + lane, {{"sort_index", first_tid + lane}});
    }
    return first_tid + num_lanes;
  }

  ordered_json Complete(const std::string& name, const TimeInterval& time, const Place& place) const {
    return {{"ph", "X"},
            {"name", name},
            {"pid", place.pid},
            {"tid", place.tid},
            {"ts", Micros(time.begin)},
            {"dur", absl::ToDoubleMicroseconds(time.end - time.begin)}};
  }

  void AddSpan(const TimelineSpan& span, const Place& place) {
    ordered_json event = Complete(span.name, span.time, place);
    event["cat"] = span.track;
    event["args"] = span.args;
    events_.push_back(std::move(event));
    for (const auto& [name, time] : span.parts) {
      ordered_json part = Complete(name, time, place);
      part["cat"] = "part";
      events_.push_back(std::move(part));
    }
  }

  void AddFlow(const TimelineFlow& flow) {
    for (size_t i = 0; i < flow.spans.size(); ++i) {
      const bool is_last = i + 1 == flow.spans.size();
      const Place& place = places_[flow.spans[i]];
      ordered_json event = {{"ph", i == 0    ? "s"
                                   : is_last ? "f"
                                             : "t"},
                            {"name", "group"},
                            {"cat", "flow"},
                            {"id", flow.trace_id},
                            {"pid", place.pid},
                            {"tid", place.tid},
                            {"ts", Micros(timeline_.spans[flow.spans[i]].time.begin)}};
      if (is_last) event["bp"] = "e";  // to the span around it
      events_.push_back(std::move(event));
    }
  }

  const Timeline& timeline_;
  std::vector<Place> places_;  // of each span
  absl::Time origin_ = absl::InfiniteFuture();
  ordered_json events_ = ordered_json::array();
};

}  // namespace

std::string FormatChromeTrace(const Timeline& timeline) { return TraceWriter(timeline).Write(); }

}  // namespace cohort::cli
