// SPDX-License-Identifier: Apache-2.0
#include "common/version.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "cli/verbs.h"

namespace cohort::cli {

void AddVersion(CLI::App& app, VerbContext& context) {
  CLI::App* verb = app.add_subcommand("version", "Prints the version of this program");
  verb->callback([&context] { *context.console.out << "cohortctl " << common::kVersion << std::endl; });
}

}  // namespace cohort::cli
