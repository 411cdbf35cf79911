// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_DATASET_DATASET_ROOTS_H_
#define COHORT_COORDINATOR_DATASET_DATASET_ROOTS_H_

#include <string>

#include "coordinator/dataset/dataset_store.h"

namespace cohort::coordinator {

// Where the files of one job's datasets are. Plain record; the store must outlive it.
struct DatasetRoots {
  std::string data_root;            // of relative paths
  DatasetStore* uploads = nullptr;  // null: there are no uploaded files
  std::string name_space;           // of the job; its uploads are its own
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_DATASET_DATASET_ROOTS_H_
