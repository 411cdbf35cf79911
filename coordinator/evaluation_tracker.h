// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_EVALUATION_TRACKER_H_
#define COHORT_COORDINATOR_EVALUATION_TRACKER_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cohort/v1/job.pb.h"
#include "coordinator/group_record.h"
#include "rollout_log/rollout_log.h"

namespace cohort::coordinator {

// Evaluation of one policy version: one group per run and held-out problem. Counts what is in and says when all is. Not
// thread-safe: guarded by its owner.
class EvaluationTracker final {
 public:
  // `max_reward`: of the evaluation's rubric.
  EvaluationTracker(const cohort::v1::EvaluationSpec& spec, int64_t version, int64_t num_problems, double max_reward);

  // Each group once, as scored or as dropped.
  void AddScored(const GroupRecord& group);
  void AddDropped(const GroupRecord& group);
  bool IsFinished() const { return num_outstanding_ == 0; }
  int64_t num_outstanding() const { return num_outstanding_; }
  int64_t version() const { return version_; }

  // One result per run, in the order of the spec. A run without any verdict has accuracy and mean reward 0.
  std::vector<cohort::v1::EvaluationResult> Results() const;
  // FAILED_PRECONDITION names the run when more than this share of its completions had no verdict, or none was judged:
  // its accuracy would mean nothing.
  absl::Status CheckVerdicts(double max_no_verdict_share) const;
  // Records of the first few problems of a run, for people to read.
  std::vector<rollout_log::RecordLocation> SampleLocations(const std::string& run) const;
  // Ids of all scored groups.
  const std::vector<int64_t>& scored_ids() const { return scored_ids_; }

 private:
  // Over the judged completions of one problem.
  struct ProblemMeans {
    int64_t num_judged = 0;
    int64_t num_correct = 0;
    double reward = 0;
    std::vector<double> values;  // one per verifier
  };
  using MeansByProblem = std::map<int64_t, ProblemMeans>;  // in order, so that sums do not depend on that of arrival
  struct RunTotals {
    MeansByProblem means;
    int64_t num_judged = 0;
    int64_t num_no_verdict = 0;
    int64_t num_tokens = 0;
    int64_t num_sampled = 0;
    std::map<int64_t, rollout_log::RecordLocation> samples;  // by problem
  };

  ProblemMeans MeansOf(const cohort::v1::PlannedGroup& planned, int64_t num_judged) const;
  // Accuracy, reward, verifier values and pass@k, over problems.
  void SetMeans(const MeansByProblem& problems, const cohort::v1::EvaluationRun& run,
                cohort::v1::EvaluationResult* result) const;

  const cohort::v1::EvaluationSpec spec_;
  const int64_t version_;
  const double max_reward_;
  int64_t num_outstanding_;
  std::map<std::string, RunTotals> runs_;
  std::vector<int64_t> scored_ids_;
};

// The groups of an evaluation. Ids start at `first_id`, one per run and problem.
std::vector<GroupRecord> EvaluationGroups(const cohort::v1::EvaluationSpec& spec, int64_t version, int64_t first_id,
                                          int64_t num_problems);

// Part of the sampling key of an evaluation run: the same for every version.
int64_t EvaluationSeed(int64_t training_seed, const std::string& run);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_EVALUATION_TRACKER_H_
