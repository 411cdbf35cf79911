// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_list.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "coordinator/page_token.h"
#include "coordinator/resource_name.h"
#include "coordinator/storage_trouble.h"

namespace cohort::coordinator {
namespace {

constexpr int kDefaultPageSize = 50;
constexpr int kMaxPageSize = 1000;
// A page is one message of at most 4 MiB, whatever its number of jobs.
constexpr int64_t kMaxPageBytes = 3 << 20;
constexpr int kJobsPerRead = 64;
// A filter that lets nothing through must not walk a store of any size in one call.
constexpr int kMaxJobsLookedAt = 4096;
constexpr char kAllNamespaces[] = "namespaces/-";

absl::StatusOr<std::string> NamePrefix(const std::string& parent) {
  if (parent == kAllNamespaces) return std::string();
  COHORT_ASSIGN_OR_RETURN(const std::string name_space, ParseParent(parent));
  return JobName(name_space, "");
}

absl::Status CheckFilter(const cohort::v1::ListJobsRequest& request) {
  if (!cohort::v1::JobState_IsValid(request.state())) {
    return common::InvalidField("state", absl::StrCat(request.state()), "is no state of a job");
  }
  if (request.labels().count("") > 0) return common::InvalidField("labels", "", "a label needs a name");
  return absl::OkStatus();
}

// AIP-132: fields separated by commas, each with " desc" for descending; blanks around them mean nothing.
absl::StatusOr<bool> IsOldestFirst(const std::string& order_by) {
  const std::vector<std::string> words = absl::StrSplit(order_by, absl::ByAnyChar(" \t\n"), absl::SkipEmpty());
  if (words.empty()) return false;
  if (words == std::vector<std::string>{"create_time"}) return true;
  if (words == std::vector<std::string>{"create_time", "desc"}) return false;
  return common::InvalidField("order_by", order_by, "must be create_time or create_time desc");
}

// Where the next page goes on: behind this job.
int64_t& Position(JobFilter& filter) { return filter.is_oldest_first ? filter.above_sequence : filter.below_sequence; }

bool HasLabels(const cohort::v1::Job& job, const cohort::v1::ListJobsRequest& request) {
  for (const auto& [label, value] : request.labels()) {
    const auto it = job.spec().labels().find(label);
    if (it == job.spec().labels().end()) return false;
    if (!value.empty() && it->second != value) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<cohort::v1::ListJobsResponse> ListJobs(JobStore* store, const cohort::v1::ListJobsRequest& request,
                                                      const NamespaceFilter& may_see) {
  JobFilter filter{.state = request.state(), .limit = kJobsPerRead};
  COHORT_ASSIGN_OR_RETURN(filter.name_prefix, NamePrefix(request.parent()));
  COHORT_ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size(), kDefaultPageSize, kMaxPageSize));
  COHORT_RETURN_IF_ERROR(CheckFilter(request));
  COHORT_ASSIGN_OR_RETURN(filter.is_oldest_first, IsOldestFirst(request.order_by()));
  const std::string query = PageQuery(request);
  if (!request.page_token().empty()) {
    COHORT_ASSIGN_OR_RETURN(Position(filter), DecodePageToken(query, request.page_token()));
  }
  cohort::v1::ListJobsResponse response;
  int64_t num_bytes = 0;
  for (int looked_at = 0; looked_at < kMaxJobsLookedAt; looked_at += kJobsPerRead) {
    const auto records = store->ListJobs(filter);
    if (!records.ok()) return ReadTrouble("list jobs", records.status());
    for (const JobRecord& record : *records) {
      if (may_see(NamespaceOf(record.job.name())) && HasLabels(record.job, request)) {
        num_bytes += static_cast<int64_t>(record.job.ByteSizeLong());
        // One job more than the page tells that there is a next one.
        const bool is_full = response.jobs_size() > 0 && num_bytes > kMaxPageBytes;
        if (is_full || response.jobs_size() == page_size) {
          response.set_next_page_token(EncodePageToken(query, Position(filter)));
          return response;
        }
        *response.add_jobs() = record.job;
      }
      Position(filter) = record.sequence;
    }
    if (static_cast<int>(records->size()) < kJobsPerRead) return response;
  }
  response.set_next_page_token(EncodePageToken(query, Position(filter)));
  return response;
}

}  // namespace cohort::coordinator
