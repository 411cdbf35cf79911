// SPDX-License-Identifier: Apache-2.0
#include "coordinator/sqlite_group_commit.h"

#include <string_view>
#include <utility>

#include "common/status_macros.h"

namespace cohort::coordinator {
namespace {

absl::Status RunStatement(SqliteDatabase* database, std::string_view sql) {
  COHORT_ASSIGN_OR_RETURN(auto statement, database->Prepare(sql));
  return statement.Run();
}

}  // namespace

absl::Status SqliteGroupCommit::Run(const std::function<absl::Status()>& change) {
  Waiting self{.change = &change};
  bool must_wait;
  {
    absl::MutexLock lock(&queue_mutex_);
    queue_.push_back(&self);
    must_wait = std::exchange(has_leader_, true);
  }
  if (must_wait) self.woken.WaitForNotification();
  if (!must_wait || self.is_next_leader) Lead();
  return self.result;
}

int64_t SqliteGroupCommit::num_commits() const {
  absl::MutexLock lock(&queue_mutex_);
  return num_commits_;
}

int64_t SqliteGroupCommit::num_waiting() const {
  absl::MutexLock lock(&queue_mutex_);
  return static_cast<int64_t>(queue_.size());
}

void SqliteGroupCommit::Lead() {
  std::vector<Waiting*> batch;
  {
    absl::MutexLock lock(&queue_mutex_);
    batch.swap(queue_);
  }
  const absl::Status committed = Commit(batch);
  {
    absl::MutexLock lock(&queue_mutex_);
    if (committed.ok()) ++num_commits_;
    has_leader_ = !queue_.empty();
    // Before the others learn of their result: the disk need not wait for them.
    if (has_leader_) {
      queue_.front()->is_next_leader = true;
      queue_.front()->woken.Notify();
    }
  }
  // The first is the leader itself. Each is gone as soon as it is woken.
  for (size_t i = 1; i < batch.size(); ++i) batch[i]->woken.Notify();
}

absl::Status SqliteGroupCommit::Commit(const std::vector<Waiting*>& batch) {
  absl::MutexLock lock(mutex_);
  const absl::Status status = batch.size() == 1 ? RunAlone(batch.front()) : RunTogether(batch);
  // A refusal may rest on what was not committed.
  if (!status.ok()) {
    for (Waiting* waiting : batch) waiting->result = status;
  }
  return status;
}

absl::Status SqliteGroupCommit::RunAlone(Waiting* waiting) {
  COHORT_ASSIGN_OR_RETURN(auto transaction, SqliteTransaction::Begin(database_));
  COHORT_RETURN_IF_ERROR((*waiting->change)());
  return transaction.Commit();
}

absl::Status SqliteGroupCommit::RunTogether(const std::vector<Waiting*>& batch) {
  COHORT_ASSIGN_OR_RETURN(auto transaction, SqliteTransaction::Begin(database_));
  for (Waiting* waiting : batch) COHORT_RETURN_IF_ERROR(RunInSavepoint(waiting));
  return transaction.Commit();
}

absl::Status SqliteGroupCommit::RunInSavepoint(Waiting* waiting) {
  COHORT_RETURN_IF_ERROR(RunStatement(database_, "SAVEPOINT change"));
  waiting->result = (*waiting->change)();
  // After some errors (a full disk, say) SQLite has given up the whole transaction, and there is nothing to go back to.
  if (!waiting->result.ok() && !RunStatement(database_, "ROLLBACK TO change").ok()) return waiting->result;
  return RunStatement(database_, "RELEASE change");
}

}  // namespace cohort::coordinator
