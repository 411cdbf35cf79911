// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <utility>

#include "cli/job_file.h"
#include "cli/model_report.h"
#include "cli/output_format.h"
#include "cli/verb_flags.h"
#include "cli/verbs.h"
#include "common/status_macros.h"
#include "model/presets/model_preset.h"
#include "model/weights/model_folder.h"

namespace cohort::cli {
namespace {

struct ModelInitFlags {
  std::string template_directory;
  std::string preset;
  bool is_random = false;
  bool keeps_existing = false;
  std::string output;
  uint64_t seed = 0;
  model::WeightFormat format;
};

struct ModelInspectFlags {
  std::string directory;
  std::string job_file;
  OutputFormat output = OutputFormat::kTable;
  model::WorkerLoad worker;
};

absl::Status InitFromPreset(const ModelInitFlags& flags) {
  COHORT_ASSIGN_OR_RETURN(const model::ModelPreset preset, model::FindModelPreset(flags.preset));
  if (!flags.is_random) {
    return absl::InvalidArgumentError("--preset: has no trained weights; --random asks for random ones");
  }
  return model::WriteRandomModelFromTexts({{"config.json", model::PresetConfigText(preset)},
                                           {"generation_config.json", model::PresetGenerationConfigText(preset)},
                                           {"tokenizer.json", model::PresetTokenizerText(preset)}},
                                          flags.output, flags.seed, flags.format);
}

absl::Status Init(const ModelInitFlags& flags) {
  if (!flags.preset.empty()) return InitFromPreset(flags);
  if (!flags.template_directory.empty()) {
    return model::WriteRandomModel(flags.template_directory, flags.output, flags.seed, flags.format);
  }
  return absl::InvalidArgumentError("model init: one of --template and --preset is needed");
}

void RunModelInit(VerbContext& context, const ModelInitFlags& flags) {
  const absl::Status status = Init(flags);
  if (!status.ok() && !(flags.keeps_existing && absl::IsAlreadyExists(status))) return Fail(context, status);
  const auto summary = model::InspectModelFolder(flags.output);
  if (!summary.ok()) return Fail(context, summary.status());
  *context.console.out << flags.output << ": " << summary->config.architecture << ", " << summary->num_parameters
                       << " parameters" << std::endl;
}

absl::StatusOr<ModelReport> Inspect(const ModelInspectFlags& flags) {
  COHORT_ASSIGN_OR_RETURN(model::ModelFolderSummary summary, model::InspectModelFolder(flags.directory));
  if (flags.job_file.empty()) return MakeModelReport(flags.directory, std::move(summary), nullptr, flags.worker);
  COHORT_ASSIGN_OR_RETURN(const JobFile job, LoadJobFile(flags.job_file));
  auto report = MakeModelReport(flags.directory, std::move(summary), &job.spec, flags.worker);
  if (!report.ok()) return ForFile(report.status(), flags.job_file);
  return report;
}

void RunModelInspect(VerbContext& context, const ModelInspectFlags& flags) {
  const absl::StatusOr<ModelReport> report = Inspect(flags);
  if (!report.ok()) return Fail(context, report.status());
  *context.console.out << FormatModelReport(*report, flags.output);
}

void AddModelInit(CLI::App* model, VerbContext& context) {
  auto flags = std::make_shared<ModelInitFlags>();
  CLI::App* verb = model->add_subcommand("init", "Makes a model folder with random weights");
  CLI::Option* from =
      verb->add_option("--template", flags->template_directory, "folder with config.json and tokenizer files");
  CLI::Option* preset =
      verb->add_option("--preset", flags->preset, "size of a public model, such as qwen3-0.6b")->excludes(from);
  verb->add_flag("--random", flags->is_random, "with --preset: random weights and a tokenizer of single bytes")
      ->needs(preset);
  verb->add_option("--output", flags->output, "folder to make; must not exist")->required();
  verb->add_flag("--keep_existing", flags->keeps_existing,
                 "a model folder that is there already is checked and left as it is");
  verb->add_option("--seed", flags->seed, "weights are a function of config.json and this")->capture_default_str();
  verb->add_option("--dtype", flags->format.dtype, "of the stored weights; default f32")
      ->transform(CLI::CheckedTransformer(std::map<std::string, std::string>{{"f32", "F32"}, {"bf16", "BF16"}})
                      .description("{bf16,f32}"));
  verb->add_option("--max_shard_bytes", flags->format.max_shard_bytes, "a larger model is cut into shards")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb->callback([&context, flags] { RunModelInit(context, *flags); });
}

void AddModelInspect(CLI::App* model, VerbContext& context) {
  auto flags = std::make_shared<ModelInspectFlags>();
  CLI::App* verb = model->add_subcommand(
      "inspect", "Checks a model folder as a submit does and says how large it is, on disk and in memory");
  verb->add_option("directory", flags->directory, "model folder")->required();
  verb->add_option("-f,--file", flags->job_file, "job file (YAML) to take the numbers of the learner from");
  AddOutputFlag(verb, flags->output, {OutputFormat::kTable, OutputFormat::kJson});
  verb->add_option("--kv_cache_tokens", flags->worker.kv_cache_tokens, "as given to cohort-rollout-worker")
      ->check(CLI::Range(int64_t{16}, int64_t{1} << 34))
      ->capture_default_str();
  verb->add_option("--max_sequences", flags->worker.max_sequences, "as given to cohort-rollout-worker")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  verb->callback([&context, flags] { RunModelInspect(context, *flags); });
}

}  // namespace

void AddModel(CLI::App& app, VerbContext& context) {
  CLI::App* model = app.add_subcommand("model", "Works on model folders in Hugging Face layout");
  model->require_subcommand(1);
  AddModelInit(model, context);
  AddModelInspect(model, context);
}

}  // namespace cohort::cli
