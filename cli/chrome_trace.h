// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_CHROME_TRACE_H_
#define COHORT_CLI_CHROME_TRACE_H_

#include <string>

#include "cli/timeline.h"

namespace cohort::cli {

// The timeline as a file that Perfetto and chrome://tracing open: the JSON of Chrome's trace events, with complete
// events ("X") for spans and their parts, flows ("s", "t", "f"), and names ("M"). Times are microseconds from the first
// span on, whose date is in otherData. Spans of one thread nest or do not touch. Pure.
std::string FormatChromeTrace(const Timeline& timeline);

}  // namespace cohort::cli

#endif  // COHORT_CLI_CHROME_TRACE_H_
