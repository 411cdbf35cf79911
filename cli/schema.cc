// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <ostream>

#include "cli/job_schema_text.h"
#include "cli/verbs.h"

namespace cohort::cli {

void AddSchema(CLI::App& app, VerbContext& context) {
  CLI::App* verb = app.add_subcommand("schema", "Prints the JSON Schema of a job file, for editors and programs");
  verb->callback([&context] { *context.console.out << JobSchemaText(); });
}

}  // namespace cohort::cli
