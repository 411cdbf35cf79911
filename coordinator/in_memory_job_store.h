// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_IN_MEMORY_JOB_STORE_H_
#define COHORT_COORDINATOR_IN_MEMORY_JOB_STORE_H_

#include <memory>

#include "coordinator/job_store.h"

namespace cohort::coordinator {

// A store for tests: the contract of JobStore without durability.
std::unique_ptr<JobStore> MakeInMemoryJobStore();

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_IN_MEMORY_JOB_STORE_H_
