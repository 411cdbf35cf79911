// SPDX-License-Identifier: Apache-2.0
// cohort-rollout-worker: serves a coordinator, or works offline (generate, logprobs).
#include <ATen/Parallel.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "common/exit_codes.h"
#include "common/security/security_flags.h"
#include "common/shutdown.h"
#include "common/telemetry/log.h"
#include "common/version.h"
#include "reward/sandbox/zygote.h"
#include "rollout_worker/generate_command.h"
#include "rollout_worker/logprobs_command.h"
#include "rollout_worker/serve_command.h"

namespace {

using cohort::rollout_worker::GenerateOptions;
using cohort::rollout_worker::LogprobsOptions;
using cohort::rollout_worker::ServeOptions;

struct Flags {
  ServeOptions serve;
  GenerateOptions generate;
  LogprobsOptions logprobs;
  int threads = 1;
  std::string log_level = "info";
};

std::string HostName() {
  char name[256] = "worker";
  gethostname(name, sizeof(name) - 1);
  return name;
}

void AddServeFlags(CLI::App* app, Flags* flags) {
  ServeOptions& serve = flags->serve;
  serve.worker_id = HostName();
  app->add_option("--coordinator", serve.coordinator, "host:port of the coordinator");
  app->add_option("--worker_id", serve.worker_id, "name, unique and stable over restarts");
  app->add_option("--device", serve.device, "cpu or cuda:N");
  app->add_option("--threads", flags->threads, "threads of one operator; the learner's must be equal")
      ->check(CLI::PositiveNumber);
  app->add_option("--max_sequences", serve.max_sequences, "sequences decoded together at most");
  app->add_option("--kv_cache_tokens", serve.kv_cache_tokens, "size of the KV cache of one policy version");
  app->add_option("--http_listen", serve.http_listen, "host:port of /metrics, /healthz, /readyz; port 0: any");
  app->add_option("--scoring_children", serve.scoring_children, "judgements at once");
  app->add_option("--allow_shared_memory", serve.allow_shared_memory, "map weights of a publisher on this host");
  app->add_option("--log_level", flags->log_level, "debug, info, warning or error");
  cohort::security::AddClientSecurityFlags(app, &serve.security, /*reads_environment=*/false);
}

// The flags of what both subcommands' options have.
template <typename Options>
void AddOfflineFlags(CLI::App* command, Flags* flags, Options* options) {
  command->add_option("--model", options->model, "model folder in Hugging Face layout")->required();
  command->add_option("--input", options->input, "JSONL file")->required();
  command->add_option("--output", options->output, "JSONL file, replaced when all rows are done")->required();
  command->add_option("--device", options->device, "cpu or cuda:N");
  command->add_option("--precision", options->precision, "fp32 or bf16: what the model is computed in");
  command->add_option("--threads", flags->threads, "threads of one operator")->check(CLI::PositiveNumber);
}

CLI::App* AddGenerate(CLI::App* app, Flags* flags) {
  GenerateOptions& options = flags->generate;
  CLI::App* command = app->add_subcommand("generate", "sample completions of the rows' \"prompt\", without services");
  AddOfflineFlags(command, flags, &options);
  command->add_option("--temperature", options.sampling.temperature, "0 is greedy");
  command->add_option("--top_k", options.sampling.top_k, "keep the k most likely tokens; 0: all");
  command->add_option("--top_p", options.sampling.top_p, "keep the likeliest tokens with this probability");
  command->add_option("--max_completion_tokens", options.sampling.max_completion_tokens, "EOS included");
  command->add_option("--samples", options.samples, "completions per prompt");
  command->add_option("--seed", options.seed, "seed of sampling");
  return command;
}

CLI::App* AddLogprobs(CLI::App* app, Flags* flags) {
  LogprobsOptions& options = flags->logprobs;
  CLI::App* command = app->add_subcommand(
      "logprobs", "log-prob and entropy of each token of the rows' \"token_ids\", without services");
  AddOfflineFlags(command, flags, &options);
  command->add_option("--temperature", options.temperature, "divides the logits");
  return command;
}

absl::Status Serve(const Flags& flags) {
  // The zygote forks before anything starts a thread.
  absl::StatusOr<std::unique_ptr<cohort::reward::Zygote>> zygote = cohort::reward::Zygote::Start();
  if (!zygote.ok()) return zygote.status();
  const cohort::common::Shutdown shutdown;
  at::set_num_threads(flags.threads);
  return RunServe(flags.serve, cohort::common::SystemClock(), &shutdown, zygote->get());
}

int ExitCode(const absl::Status& status) {
  if (status.ok()) return cohort::common::kExitOk;
  std::fprintf(stderr, "cohort-rollout-worker: %s\n", std::string(status.message()).c_str());
  if (absl::IsNotFound(status)) return cohort::common::kExitNotFound;
  return absl::IsInvalidArgument(status) ? cohort::common::kExitUsage : cohort::common::kExitFailure;
}

}  // namespace

int main(int argc, char** argv) {
  // Debian builds Abseil with it on, for every lock of the process; tests keep it.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  CLI::App app("Samples groups of completions and scores them. Without a subcommand it serves a coordinator.");
  Flags flags;
  app.option_defaults()->always_capture_default();
  app.set_version_flag("--version", cohort::common::kVersion);
  AddServeFlags(&app, &flags);
  const CLI::App* generate = AddGenerate(&app, &flags);
  const CLI::App* logprobs = AddLogprobs(&app, &flags);
  app.require_subcommand(0, 1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? cohort::common::kExitOk : cohort::common::kExitUsage;
  }
  if (const absl::Status status = cohort::log::Configure("cohort-rollout-worker", flags.log_level); !status.ok()) {
    return ExitCode(status);
  }
  if (!generate->parsed() && !logprobs->parsed()) return ExitCode(Serve(flags));
  at::set_num_threads(flags.threads);
  cohort::common::Clock* clock = cohort::common::SystemClock();
  return ExitCode(generate->parsed() ? RunGenerate(flags.generate, clock) : RunLogprobs(flags.logprobs, clock));
}
