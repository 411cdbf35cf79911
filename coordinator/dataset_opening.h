// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_DATASET_OPENING_H_
#define COHORT_COORDINATOR_DATASET_OPENING_H_

#include <atomic>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "coordinator/coordinator_context.h"
#include "coordinator/job_data.h"
#include "coordinator/job_store.h"

namespace cohort::coordinator {

// Opens the data of one job where CoordinatorContext::read_apart says: to read a large dataset takes a while, and
// whoever wants it holds the lock of the job, or more. For an EVAL job without a stored digest of its weights, the
// model folder is read too. Not thread-safe; the context must outlive it and what it has begun. The opening need not
// outlive that, and weights are read no further when it ends.
class DatasetOpening final {
 public:
  // How soon a dataset that could not be read is read again, at first and at last.
  static constexpr absl::Duration kFirstWait = absl::Seconds(1);
  static constexpr absl::Duration kLongestWait = absl::Seconds(30);

  explicit DatasetOpening(const CoordinatorContext* context) : context_(context) {}
  ~DatasetOpening();
  DatasetOpening(const DatasetOpening&) = delete;
  DatasetOpening& operator=(const DatasetOpening&) = delete;

  // The data of a stored job, when they are those of its submit. While they are read, of which the first call makes a
  // beginning, an error that IsBeingRead; plans_signal moves when that is over. Any other error stands for a while,
  // twice as long each time in a row up to kLongestWait; a call after that begins anew.
  absl::StatusOr<std::unique_ptr<JobData>> Take(const JobRecord& record);
  // Begun and not at its end.
  bool IsReading() const;
  // Whether that is, or was last time, of the weights too.
  bool ReadsWeights() const { return reads_weights_; }

 private:
  struct Result {
    std::atomic<bool> is_abandoned{false};
    absl::Mutex mutex;
    bool is_there ABSL_GUARDED_BY(mutex) = false;
    bool is_awaited ABSL_GUARDED_BY(mutex) = false;  // somebody was told to ask again
    absl::StatusOr<std::unique_ptr<JobData>> data ABSL_GUARDED_BY(mutex) = absl::UnknownError("not read");
  };

  static absl::StatusOr<std::unique_ptr<JobData>> Read(const CoordinatorContext& context, const JobRecord& record,
                                                       bool reads_weights, const Result& result);

  const CoordinatorContext* const context_;
  bool reads_weights_ = false;
  std::shared_ptr<Result> result_;  // null: nothing has begun
  absl::Status error_;              // of the last reading, while it stands
  absl::Duration wait_;
  absl::Duration stands_until_;
};

// Nothing is wrong: the data are being read, and who asks again gets them.
bool IsBeingRead(const absl::Status& status);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_DATASET_OPENING_H_
