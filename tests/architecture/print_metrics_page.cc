// SPDX-License-Identifier: Apache-2.0
// Prints docs/operations/metrics.md as it should be.
#include <iostream>

#include "tests/architecture/metrics_page.h"

int main() {
  std::cout << cohort::tests::MetricsPage();
  return 0;
}
