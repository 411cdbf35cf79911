// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_TESTING_SIMULATED_SQLITE_VFS_H_
#define COHORT_COORDINATOR_TESTING_SIMULATED_SQLITE_VFS_H_

#include <memory>
#include <string>

#include "common/file_system.h"

struct sqlite3_vfs;

namespace cohort::coordinator {

// Lets SQLite keep its files in a FileSystem: a VFS that is registered under `name` as long as the object lives. As the
// one for Unix it syncs the folder with the first sync of a new journal and promises that a write damages nothing
// beside it. It has no shared memory, which WAL does without in exclusive locking mode, and locks nothing. Registering
// is not thread-safe; `files` must outlive it, and it the connections that use it.
class SimulatedSqliteVfs final {
 public:
  SimulatedSqliteVfs(common::FileSystem* files, const std::string& name);
  ~SimulatedSqliteVfs();
  SimulatedSqliteVfs(const SimulatedSqliteVfs&) = delete;
  SimulatedSqliteVfs& operator=(const SimulatedSqliteVfs&) = delete;

  const std::string& name() const { return name_; }

 private:
  const std::string name_;
  const std::unique_ptr<sqlite3_vfs> vfs_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_TESTING_SIMULATED_SQLITE_VFS_H_
