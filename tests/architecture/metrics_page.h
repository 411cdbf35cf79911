// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_TESTS_ARCHITECTURE_METRICS_PAGE_H_
#define COHORT_TESTS_ARCHITECTURE_METRICS_PAGE_H_

#include <string>

namespace cohort::tests {

// docs/operations/metrics.md as it should be: made of the metrics that the processes register.
std::string MetricsPage();

}  // namespace cohort::tests

#endif  // COHORT_TESTS_ARCHITECTURE_METRICS_PAGE_H_
