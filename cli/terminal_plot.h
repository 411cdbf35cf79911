// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_TERMINAL_PLOT_H_
#define COHORT_CLI_TERMINAL_PLOT_H_

#include <string>

#include "cli/step_history.h"

namespace cohort::cli {

// One metric as a curve of braille dots under a line with its name and its newest, least and greatest value: lines of
// UTF-8, none wider than `columns` (taken for 40 when it is less). Values that are not finite are counted and leave a
// gap. Every point is drawn, so that among a hundred thousand one outlier is still seen. A pure function.
std::string RenderTerminalPlot(const MetricSeries& series, int columns);

}  // namespace cohort::cli

#endif  // COHORT_CLI_TERMINAL_PLOT_H_
