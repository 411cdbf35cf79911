// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "cli/verbs.h"
#include "model/weights/model_folder.h"

namespace cohort::cli {
namespace {

struct ModelInitFlags {
  std::string template_directory;
  std::string output;
  uint64_t seed = 0;
};

void RunModelInit(VerbContext& context, const ModelInitFlags& flags) {
  const absl::Status status = model::WriteRandomModel(flags.template_directory, flags.output, flags.seed);
  if (!status.ok()) return Fail(context, status);
  const auto summary = model::InspectModelFolder(flags.output);
  if (!summary.ok()) return Fail(context, summary.status());
  *context.console.out << flags.output << ": " << summary->config.architecture << ", " << summary->num_parameters
                       << " parameters" << std::endl;
}

}  // namespace

void AddModel(CLI::App& app, VerbContext& context) {
  auto flags = std::make_shared<ModelInitFlags>();
  CLI::App* model = app.add_subcommand("model", "Works on model folders in Hugging Face layout");
  model->require_subcommand(1);
  CLI::App* verb = model->add_subcommand("init", "Makes a model folder with random weights");
  verb->add_option("--template", flags->template_directory, "folder with config.json and tokenizer files")->required();
  verb->add_option("--output", flags->output, "folder to make; must not exist")->required();
  verb->add_option("--seed", flags->seed, "weights are a function of config.json and this")->capture_default_str();
  verb->callback([&context, flags] { RunModelInit(context, *flags); });
}

}  // namespace cohort::cli
