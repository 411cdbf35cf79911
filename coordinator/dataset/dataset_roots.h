// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_DATASET_DATASET_ROOTS_H_
#define COHORT_COORDINATOR_DATASET_DATASET_ROOTS_H_

#include <atomic>
#include <string>

#include "common/file_system.h"
#include "coordinator/dataset/dataset_store.h"
#include "coordinator/dataset/row_index_store.h"

namespace cohort::coordinator {

// Where the files of one job's datasets are, and how they are read. Plain record; what it points to must outlive it.
struct DatasetRoots {
  std::string data_root;            // of relative paths
  DatasetStore* uploads = nullptr;  // null: there are no uploaded files
  std::string name_space;           // of the job; its uploads are its own
  common::FileSystem* files = common::RealFileSystem();
  RowIndexStore* indices = nullptr;               // null: every file is read to be opened
  const std::atomic<bool>* is_stopped = nullptr;  // once true, reading ends with CANCELLED
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_DATASET_DATASET_ROOTS_H_
