// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SQLITE_GROUP_COMMIT_H_
#define COHORT_COORDINATOR_SQLITE_GROUP_COMMIT_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "coordinator/sqlite_database.h"

namespace cohort::coordinator {

// Lets changes that come while another one is being committed share the next transaction, and so one sync: whoever
// finds nobody at work takes all that wait, runs them one after the other and commits them together. A change that
// comes alone is a transaction of its own, with the calls to the disk that it would make by itself. Thread-safe;
// database and mutex must outlive it.
class SqliteGroupCommit final {
 public:
  // `mutex` guards the database; it is held from the beginning of a transaction to the end of its sync.
  SqliteGroupCommit(SqliteDatabase* database, absl::Mutex* mutex) : database_(database), mutex_(mutex) {}

  // Runs `change` once, inside a transaction and perhaps on another caller's thread. OK: it is durable. When `change`
  // returns an error, nothing of it is there, the others of its transaction are not touched, and the caller gets that
  // error. When the transaction fails, nothing of any of them is there, and each gets the error of the transaction.
  absl::Status Run(const std::function<absl::Status()>& change) ABSL_LOCKS_EXCLUDED(mutex_);

  // Transactions that were committed.
  int64_t num_commits() const;
  // Changes that no transaction has taken yet.
  int64_t num_waiting() const;

 private:
  struct Waiting {
    const std::function<absl::Status()>* change;
    absl::Status result;
    bool is_next_leader = false;  // rather than done
    absl::Notification woken;
  };

  void Lead();
  absl::Status Commit(const std::vector<Waiting*>& batch) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status RunAlone(Waiting* waiting) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status RunTogether(const std::vector<Waiting*>& batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // One change in a savepoint of its own. An error is one of the transaction.
  absl::Status RunInSavepoint(Waiting* waiting) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  SqliteDatabase* const database_;
  absl::Mutex* const mutex_;
  mutable absl::Mutex queue_mutex_;
  std::vector<Waiting*> queue_ ABSL_GUARDED_BY(queue_mutex_);
  bool has_leader_ ABSL_GUARDED_BY(queue_mutex_) = false;
  int64_t num_commits_ ABSL_GUARDED_BY(queue_mutex_) = 0;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SQLITE_GROUP_COMMIT_H_
