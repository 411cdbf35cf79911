// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_JOB_SCHEMA_TEXT_H_
#define COHORT_CLI_JOB_SCHEMA_TEXT_H_

namespace cohort::cli {

// docs/schema/job.schema.json, as it was when this was compiled.
const char* JobSchemaText();

}  // namespace cohort::cli

#endif  // COHORT_CLI_JOB_SCHEMA_TEXT_H_
