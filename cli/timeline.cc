// SPDX-License-Identifier: Apache-2.0
#include "cli/timeline.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/clock_alignment.h"
#include "cli/output_format.h"
#include "common/telemetry/trace_context.h"

namespace cohort::cli {
namespace {

using cohort::v1::GroupTimings;
using cohort::v1::StepTimings;
using nlohmann::ordered_json;

constexpr char kCoordinator[] = "coordinator";
constexpr char kWait[] = "wait";

std::string WorkerName(const cohort::v1::RolloutGroup& group) { return absl::StrCat("worker ", group.worker_id()); }
std::string RankName(int32_t rank) { return absl::StrCat("rank ", rank); }

// Where and when a group was trained.
struct Training {
  const cohort::v1::StepRecord* step = nullptr;
  int64_t rank_span = -1;  // of the rank that trained it; -1: not known
};

// Builds the timeline in one pass over the steps and one over the groups. Not thread-safe.
class TimelineBuilder final {
 public:
  TimelineBuilder(const std::string& job, const std::vector<cohort::v1::StepRecord>& steps,
                  const std::vector<cohort::v1::StoredRollouts>& groups)
      : steps_(steps), groups_(groups) {
    timeline_.job = job;
  }

  Timeline Build() {
    Align();
    for (const cohort::v1::StepRecord& step : steps_) AddStep(step);
    std::set<int64_t> seen;
    for (const cohort::v1::StoredRollouts& stored : groups_) {
      const bool is_new = seen.insert(stored.group().group_id()).second;
      if (is_new && stored.group().timings().has_accepted_time()) AddGroup(stored);
    }
    AddIdleTimes();
    AddProcesses();
    return std::move(timeline_);
  }

 private:
  // The first pass: every message that went between the coordinator and another process.
  void Align() {
    for (const cohort::v1::StoredRollouts& stored : groups_) {
      const GroupTimings& times = stored.group().timings();
      if (!times.has_claimed_time()) continue;
      const std::string worker = WorkerName(stored.group());
      if (times.has_leased_time())
        clocks_.AddReceipt(worker, TimeOf(times.claimed_time()), TimeOf(times.leased_time()));
      if (times.has_scoring_end_time()) {
        clocks_.AddSending(worker, TimeOf(times.scoring_end_time()), TimeOf(times.accepted_time()));
      }
    }
    for (const cohort::v1::StepRecord& step : steps_) {
      const StepTimings& times = step.step().timings();
      for (const cohort::v1::RankTimings& rank : times.ranks()) {
        for (const cohort::v1::PhaseTiming& phase : rank.phases()) {
          clocks_.AddSending(RankName(rank.rank()), TimeOf(phase.end_time()), TimeOf(step.time()));
          if (phase.phase() != kWait || !times.has_planned_time()) continue;
          clocks_.AddReceipt(RankName(rank.rank()), TimeOf(phase.end_time()), TimeOf(times.planned_time()));
        }
      }
    }
  }

  // A time of that process as one of the coordinator.
  absl::Time At(const std::string& process, const google::protobuf::Timestamp& time) const {
    return TimeOf(time) + clocks_.ShiftOf(process);
  }

  size_t Add(TimelineSpan span) {
    span.time.end = std::max(span.time.end, span.time.begin);
    timeline_.spans.push_back(std::move(span));
    return timeline_.spans.size() - 1;
  }

  ordered_json Args(std::string_view collection, int64_t number, const std::string& span) const {
    const std::string trace_id = common::TraceIdOf(timeline_.job, collection, number);
    return {{"trace_id", trace_id}, {"span_id", common::SpanIdOf(trace_id, span)}};
  }

  void AddStep(const cohort::v1::StepRecord& record) {
    const StepTimings& times = record.step().timings();
    const int64_t step = record.step().policy_version() - 1;
    const std::string name = absl::StrCat("step ", step);
    ordered_json args = Args("steps", step, kCoordinator);
    args["step"] = step;
    args["groups"] = times.group_ids_size();
    if (times.has_planned_time()) {
      Add({.process = kCoordinator,
           .track = "steps",
           .name = name,
           .time = {TimeOf(times.planned_time()), TimeOf(record.time())},
           .args = std::move(args)});
    }
    std::vector<size_t> rank_spans;
    for (const cohort::v1::RankTimings& rank : times.ranks()) {
      if (const auto span = AddRank(rank, step); span.has_value()) rank_spans.push_back(*span);
    }
    // Group i of the plan belongs to rank i % W (StepPlan).
    const bool knows_ranks = static_cast<int>(rank_spans.size()) == times.ranks_size() && !rank_spans.empty();
    for (int i = 0; i < times.group_ids_size(); ++i) {
      Training& training = trainings_[times.group_ids(i)];
      training.step = &record;
      if (knows_ranks)
        training.rank_span = static_cast<int64_t>(rank_spans[static_cast<size_t>(i) % rank_spans.size()]);
    }
  }

  // The span of the rank's work on the step; nullopt when it says of none.
  std::optional<size_t> AddRank(const cohort::v1::RankTimings& rank, int64_t step) {
    const std::string process = RankName(rank.rank());
    TimeInterval work = {absl::InfiniteFuture(), absl::InfinitePast()};
    for (const cohort::v1::PhaseTiming& phase : rank.phases()) {
      const TimeInterval time = {At(process, phase.begin_time()), At(process, phase.end_time())};
      const bool is_wait = phase.phase() == kWait;
      ordered_json args = Args("steps", step, absl::StrCat(process, "/", phase.phase()));
      args["step"] = step;
      args["busy_seconds"] =
          static_cast<double>(phase.busy_time().seconds()) + static_cast<double>(phase.busy_time().nanos()) * 1e-9;
      Add({.process = process,
           .track = is_wait ? "step" : phase.phase(),
           .name = phase.phase(),
           .time = time,
           .args = std::move(args)});
      if (is_wait) continue;
      work.begin = std::min(work.begin, time.begin);
      work.end = std::max(work.end, time.end);
    }
    if (work.end < work.begin) return std::nullopt;
    ordered_json args = Args("steps", step, process);
    args["step"] = step;
    return Add({.process = process,
                .track = "step",
                .name = absl::StrCat("step ", step),
                .time = work,
                .args = std::move(args)});
  }

  void AddGroup(const cohort::v1::StoredRollouts& stored) {
    ++timeline_.num_groups;
    const auto found = trainings_.find(stored.group().group_id());
    const Training training = found == trainings_.end() ? Training() : found->second;
    TimelineFlow flow;
    flow.trace_id = common::TraceIdOf(timeline_.job, "groups", stored.group().group_id());
    if (stored.group().timings().has_claimed_time()) flow.spans.push_back(AddToWorker(stored));
    flow.spans.push_back(AddToCoordinator(stored, training));
    if (training.rank_span >= 0) flow.spans.push_back(static_cast<size_t>(training.rank_span));
    if (flow.spans.size() > 1) timeline_.flows.push_back(std::move(flow));
  }

  ordered_json GroupArgs(const cohort::v1::StoredRollouts& stored, const std::string& process) const {
    const cohort::v1::RolloutGroup& group = stored.group();
    ordered_json args = Args("groups", group.group_id(), absl::StrCat(process, "/", group.attempt()));
    args["group"] = group.group_id();
    args["purpose"] = EnumText(cohort::v1::GroupPurpose_Name(group.purpose()), "GROUP_PURPOSE_");
    args["step"] = stored.step();
    args["policy_version"] = group.policy_version();
    args["problem"] = group.problem_id();
    args["attempt"] = group.attempt();
    args["fate"] = stored.fate();
    return args;
  }

  size_t AddToWorker(const cohort::v1::StoredRollouts& stored) {
    const cohort::v1::RolloutGroup& group = stored.group();
    const GroupTimings& times = group.timings();
    const std::string process = WorkerName(group);
    const auto at = [&](const google::protobuf::Timestamp& time) { return At(process, time); };
    TimelineSpan span{.process = process,
                      .track = "groups",
                      .name = absl::StrCat("group ", group.group_id()),
                      .args = GroupArgs(stored, process)};
    span.time.begin = at(times.claimed_time());
    absl::Time last = span.time.begin;
    const auto part = [&](const char* name, absl::Time end) {
      if (end > last) span.parts.push_back({name, {last, end}});
      last = std::max(last, end);
    };
    if (times.has_sampling_begin_time()) {
      part("prepare", at(times.sampling_begin_time()));
      part("sample", at(times.sampling_end_time()));
    }
    if (times.has_scoring_begin_time()) {
      part("wait for a judge", at(times.scoring_begin_time()));
      part("score", at(times.scoring_end_time()));
      part("submit", TimeOf(times.accepted_time()));
    }
    span.time.end = last;
    if (times.has_fetch()) {
      ordered_json args = Args("groups", group.group_id(), absl::StrCat(process, "/fetch"));
      args["policy_version"] = times.fetch().policy_version();
      args["bytes"] = times.fetch().num_bytes();
      Add({.process = process,
           .track = "weights",
           .name = absl::StrCat("fetch version ", times.fetch().policy_version()),
           .time = {at(times.fetch().begin_time()), at(times.fetch().end_time())},
           .args = std::move(args)});
    }
    with_groups_[process].push_back(span.time);
    return Add(std::move(span));
  }

  size_t AddToCoordinator(const cohort::v1::StoredRollouts& stored, const Training& training) {
    const GroupTimings& times = stored.group().timings();
    TimelineSpan span{.process = kCoordinator,
                      .track = "groups",
                      .name = absl::StrCat("group ", stored.group().group_id()),
                      .args = GroupArgs(stored, kCoordinator)};
    const absl::Time accepted = TimeOf(times.accepted_time());
    absl::Time last = times.has_admitted_time() ? TimeOf(times.admitted_time())
                      : times.has_leased_time() ? TimeOf(times.leased_time())
                                                : accepted;
    span.time.begin = last;
    const auto part = [&](const char* name, absl::Time end) {
      if (end > last) span.parts.push_back({name, {last, end}});
      last = std::max(last, end);
    };
    if (times.has_leased_time()) part("wait for a worker", TimeOf(times.leased_time()));
    part("leased", accepted);
    if (training.step != nullptr) {
      const StepTimings& step = training.step->step().timings();
      if (step.has_planned_time()) part("wait for its plan", TimeOf(step.planned_time()));
      part(step.has_planned_time() ? "planned" : "wait for its commit", TimeOf(training.step->time()));
    }
    span.time.end = last;
    return Add(std::move(span));
  }

  // Of workers; those of ranks are their waits.
  void AddIdleTimes() {
    for (const auto& [process, intervals] : with_groups_) {
      for (const TimeInterval& gap : GapsBetween(intervals)) {
        Add({.process = process, .track = "idle", .name = "no group", .time = gap});
      }
    }
  }

  // The coordinator, then ranks in order of number, then workers.
  void AddProcesses() {
    std::set<std::pair<size_t, std::string>> names;  // shorter numbers first
    for (const TimelineSpan& span : timeline_.spans) names.insert({span.process.size(), span.process});
    for (const char* prefix : {kCoordinator, "rank ", "worker "}) {
      for (const auto& [size, name] : names) {
        if (name.rfind(prefix, 0) != 0) continue;
        timeline_.processes.push_back(
            {.name = name, .shift = clocks_.ShiftOf(name), .uncertainty = clocks_.UncertaintyOf(name)});
      }
    }
  }

  const std::vector<cohort::v1::StepRecord>& steps_;
  const std::vector<cohort::v1::StoredRollouts>& groups_;
  Timeline timeline_;
  ClockAlignment clocks_;
  std::map<int64_t, Training> trainings_;  // by group
  std::map<std::string, std::vector<TimeInterval>> with_groups_;
};

}  // namespace

Timeline BuildTimeline(const std::string& job, const std::vector<cohort::v1::StepRecord>& steps,
                       const std::vector<cohort::v1::StoredRollouts>& groups) {
  return TimelineBuilder(job, steps, groups).Build();
}

}  // namespace cohort::cli
