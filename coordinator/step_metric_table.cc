// SPDX-License-Identifier: Apache-2.0
#include "coordinator/step_metric_table.h"

#include <map>

#include "absl/strings/str_cat.h"

namespace cohort::coordinator {
namespace {

// A gauge of its own.
StepGauge Of(const char* step_metric, const char* name, const char* plot_group, const char* help) {
  return {.name = name, .help = help, .plot_group = plot_group, .labels = {}, .sources = {{step_metric, {}}}};
}

// Of both branches of the objective; the second one's metrics end in _branch2.
StepGauge OfBranches(const std::string& step_metric, const char* name, const char* help) {
  return {.name = name,
          .help = help,
          .plot_group = "policy",
          .labels = {"branch"},
          .sources = {{step_metric, {"1"}}, {step_metric + "_branch2", {"2"}}}};
}

std::vector<StepGauge> MakeTable() {
  return {
      Of("reward_mean", "cohort_training_reward_mean", "reward", "Mean reward of the judged completions."),
      Of("reward_min", "cohort_training_reward_min", "reward", "Smallest reward of a judged completion."),
      Of("reward_max", "cohort_training_reward_max", "reward", "Largest reward of a judged completion."),
      Of("accuracy", "cohort_training_accuracy_ratio", "reward", "Share of judged completions with the full reward."),
      Of("solve_all_share", "cohort_training_solve_all_ratio", "reward",
         "Share of groups all of whose judged completions have the full reward."),
      Of("solve_none_share", "cohort_training_solve_none_ratio", "reward",
         "Share of groups none of whose judged completions has the full reward."),
      Of("no_verdict_share", "cohort_training_no_verdict_ratio", "reward", "Share of completions without a verdict."),
      Of("advantage_abs_mean", "cohort_training_advantage_abs_mean", "reward",
         "Mean magnitude of the advantages of the sequences or list items of the plan."),
      Of("advantage_std", "cohort_training_advantage_std", "reward", "Standard deviation of these advantages."),
      Of("zero_signal_share", "cohort_training_zero_signal_ratio", "reward",
         "Share of groups whose advantages are all 0."),

      Of("completion_tokens_mean", "cohort_training_completion_mean_tokens", "lengths", "Mean completion length."),
      Of("completion_tokens_min", "cohort_training_completion_min_tokens", "lengths", "Shortest completion."),
      Of("completion_tokens_max", "cohort_training_completion_max_tokens", "lengths", "Longest completion."),
      Of("prompt_tokens_mean", "cohort_training_prompt_mean_tokens", "lengths", "Mean prompt length."),
      Of("prompt_tokens_max", "cohort_training_prompt_max_tokens", "lengths", "Longest prompt."),
      Of("truncated_share", "cohort_training_truncated_ratio", "lengths",
         "Share of completions that hit the length limit."),

      Of("groups", "cohort_training_groups", "rollouts", "Groups in the plan."),
      Of("sampled_groups", "cohort_training_sampled_groups", "rollouts",
         "Groups admitted for the step, dropped ones included."),
      Of("staleness_mean", "cohort_training_policy_lag_mean_versions", "rollouts",
         "Mean policy lag of the groups of the plan."),
      Of("staleness_max", "cohort_training_policy_lag_max_versions", "rollouts",
         "Largest policy lag of a group of the plan."),

      Of("loss", "cohort_training_loss", "loss", "The whole loss, mean over the step's updates."),
      {.name = "cohort_training_loss_term",
       .help = "Terms of the loss.",
       .plot_group = "loss",
       .labels = {"term"},
       .sources = {{"surrogate_loss", {"surrogate"}}, {"kl_loss", {"kl"}}, {"entropy_loss", {"entropy"}}}},
      Of("learning_rate", "cohort_training_learning_rate", "loss", "Learning rate of the step's last update."),
      Of("gradient_norm", "cohort_training_gradient_norm", "loss", "Gradient norm before clipping, mean over updates."),
      Of("update_ratio", "cohort_training_update_ratio", "loss",
         "Norm of what the optimizer changed by the norm of the weights."),

      Of("entropy_mean", "cohort_training_entropy_nats", "policy",
         "Entropy of the policy's next-token distribution, mean over trained tokens."),
      OfBranches("ratio_mean", "cohort_training_importance_ratio_mean", "Mean importance ratio."),
      OfBranches("ratio_min", "cohort_training_importance_ratio_min", "Smallest importance ratio."),
      OfBranches("ratio_max", "cohort_training_importance_ratio_max", "Largest importance ratio."),
      {.name = "cohort_training_clipped_ratio",
       .help = "Share of tokens whose gradient a bound of the clip range, or the dual clip, removed.",
       .plot_group = "policy",
       .labels = {"branch", "bound"},
       .sources = {{"clip_fraction_low", {"1", "low"}},
                   {"clip_fraction_high", {"1", "high"}},
                   {"clip_fraction_dual", {"1", "dual"}},
                   {"clip_fraction_low_branch2", {"2", "low"}},
                   {"clip_fraction_high_branch2", {"2", "high"}},
                   {"clip_fraction_dual_branch2", {"2", "dual"}}}},
      Of("mix_weight_mean", "cohort_training_mix_weight_ratio", "policy", "Mean weight of the first branch."),
      Of("effective_sample_share", "cohort_training_effective_sample_ratio", "policy",
         "Effective share of samples of the token ratios: 1 on-policy."),
      Of("unselected_share", "cohort_training_unselected_ratio", "policy",
         "Share of tokens whose surrogate a selection left out."),
      {.name = "cohort_training_policy_kl_nats",
       .help = "How far the step's updates moved the policy: estimates of the KL divergence.",
       .plot_group = "policy",
       .labels = {"estimator"},
       .sources = {{"kl_k1", {"k1"}}, {"kl_k3", {"k3"}}}},
      {.name = "cohort_training_reference_kl_nats",
       .help = "Estimates of the KL divergence from the initial policy.",
       .plot_group = "policy",
       .labels = {"estimator"},
       .sources = {{"reference_kl_k1", {"k1"}}, {"reference_kl_k3", {"k3"}}}},

      Of("mismatch_max_abs", "cohort_training_mismatch_max_nats", "mismatch",
         "Largest train-inference mismatch of a token's log-prob."),
      Of("mismatch_mean_abs", "cohort_training_mismatch_mean_nats", "mismatch",
         "Mean magnitude of the train-inference mismatch."),
      Of("mismatch_kl_k3", "cohort_training_mismatch_kl_nats", "mismatch",
         "Estimate (k3) of the KL divergence between sampler and learner."),
      Of("mismatch_effective_sample_share", "cohort_training_mismatch_effective_sample_ratio", "mismatch",
         "Effective share of samples of the mismatch weights."),
      Of("mismatch_masked_share", "cohort_training_mismatch_masked_ratio", "mismatch",
         "Share of tokens that a mismatch correction masked."),

      Of("step_seconds", "cohort_training_step_seconds", "time", "Time from the commit before to this one."),
      Of("learner_seconds", "cohort_training_learner_seconds", "time",
         "Time from the arrival of the plan to the commit, without waiting."),
      {.name = "cohort_training_phase_seconds",
       .help = "Time by phase of the train step, mean over ranks.",
       .plot_group = "time",
       .labels = {"phase"},
       .sources = {{"wait_seconds", {"wait"}},
                   {"prepare_seconds", {"prepare"}},
                   {"proximal_seconds", {"proximal"}},
                   {"forward_seconds", {"forward"}},
                   {"objective_seconds", {"objective"}},
                   {"backward_seconds", {"backward"}},
                   {"reduce_seconds", {"reduce"}},
                   {"optimizer_seconds", {"optimizer"}},
                   {"digest_seconds", {"digest"}}}},
      Of("trained_tokens", "cohort_training_trained_tokens", "throughput", "Completion tokens in the loss."),
      Of("packed_tokens", "cohort_training_packed_tokens", "throughput",
         "Prompt and completion tokens that went through the model."),
      Of("learner_tokens_per_second", "cohort_training_learner_tokens_per_second", "throughput",
         "Packed tokens by the learner's seconds."),
      Of("generation_tokens_per_second", "cohort_training_generation_tokens_per_second", "throughput",
         "Sampled tokens of the step over the time in which at least one of its groups was being sampled."),
  };
}

std::map<std::string, std::string, std::less<>> MakeTags() {
  std::map<std::string, std::string, std::less<>> tags;
  for (const StepGauge& gauge : StepGauges()) {
    for (const StepGauge::Source& source : gauge.sources) {
      tags[source.step_metric] = absl::StrCat(gauge.plot_group, "/", source.step_metric);
    }
  }
  return tags;
}

}  // namespace

const std::vector<StepGauge>& StepGauges() {
  static const auto* const gauges = new std::vector<StepGauge>(MakeTable());
  return *gauges;
}

std::string PlotTag(std::string_view step_metric) {
  static const auto* const tags = new std::map<std::string, std::string, std::less<>>(MakeTags());
  const auto it = tags->find(step_metric);
  return it == tags->end() ? "other/" + std::string(step_metric) : it->second;
}

}  // namespace cohort::coordinator
