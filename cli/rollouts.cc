// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <ostream>

#include "cli/job_client.h"
#include "cli/rollout_output.h"
#include "cli/verb_flags.h"
#include "cli/verbs.h"

namespace cohort::cli {
namespace {

using cohort::v1::GroupPurpose;
using cohort::v1::ScoreOutcome;

constexpr int kMaxPageSize = 100;

struct RolloutsFlags {
  std::string job;
  std::optional<int64_t> step;
  std::optional<int64_t> first_step;
  std::optional<int64_t> last_step;
  std::optional<int64_t> problem;
  std::optional<double> min_reward;
  std::optional<double> max_reward;
  GroupPurpose purpose = cohort::v1::GROUP_PURPOSE_UNSPECIFIED;
  ScoreOutcome outcome = cohort::v1::SCORE_OUTCOME_UNSPECIFIED;
  int limit = 10;
  bool shows_tokens = false;
  OutputFormat output = OutputFormat::kTable;
};

std::map<std::string, GroupPurpose> Purposes() {
  return {{"train", cohort::v1::GROUP_PURPOSE_TRAIN},
          {"evaluate", cohort::v1::GROUP_PURPOSE_EVALUATE},
          {"rescore", cohort::v1::GROUP_PURPOSE_RESCORE}};
}

std::map<std::string, ScoreOutcome> Outcomes() {
  return {{"graded", cohort::v1::SCORE_OUTCOME_GRADED},
          {"wrong", cohort::v1::SCORE_OUTCOME_WRONG},
          {"no_verdict", cohort::v1::SCORE_OUTCOME_NO_VERDICT}};
}

cohort::v1::RolloutFilter FilterOf(const RolloutsFlags& flags) {
  cohort::v1::RolloutFilter filter;
  const auto first = flags.step.has_value() ? flags.step : flags.first_step;
  const auto last = flags.step.has_value() ? flags.step : flags.last_step;
  if (first.has_value()) filter.set_first_step(*first);
  if (last.has_value()) filter.set_last_step(*last);
  if (flags.problem.has_value()) filter.set_problem_id(*flags.problem);
  if (flags.min_reward.has_value()) filter.set_min_reward(*flags.min_reward);
  if (flags.max_reward.has_value()) filter.set_max_reward(*flags.max_reward);
  filter.set_purpose(flags.purpose);
  filter.set_outcome(flags.outcome);
  return filter;
}

void RunRollouts(VerbContext& context, const RolloutsFlags& flags) {
  JobClient client = Connect(context);
  cohort::v1::ListRolloutsRequest request;
  request.set_parent(JobName(context.namespace_id, flags.job));
  *request.mutable_filter() = FilterOf(flags);
  request.set_text_only(!flags.shows_tokens);
  // A page token belongs to its page size: all pages are of one size, and what is too much is left out.
  request.set_page_size(std::min(flags.limit, kMaxPageSize));
  cohort::v1::ListRolloutsResponse all;
  do {
    const auto page = client.ListRollouts(request);
    if (!page.ok()) return Fail(context, page.status());
    all.set_num_released_groups(all.num_released_groups() + page->num_released_groups());
    for (const auto& rollouts : page->rollouts()) {
      if (all.rollouts_size() < flags.limit) *all.add_rollouts() = rollouts;
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty() && all.rollouts_size() < flags.limit);
  *context.console.out << FormatRollouts(all, flags.output, context.console) << std::flush;
  if (all.rollouts().empty()) context.console.Messages() << "cohortctl: no rollouts" << std::endl;
  if (all.num_released_groups() > 0) {
    context.console.Messages() << "cohortctl: the rollouts of " << all.num_released_groups()
                               << " groups are not kept any more (retention of the job file)" << std::endl;
  }
}

}  // namespace

void AddRollouts(CLI::App& app, VerbContext& context) {
  auto flags = std::make_shared<RolloutsFlags>();
  CLI::App* verb = app.add_subcommand(
      "rollouts", "Shows stored rollouts of a job: prompts, completions, scores, rewards and what became of them");
  AddJobArgument(verb, flags->job);
  CLI::Option* step =
      verb->add_option("--step", flags->step,
                       "only groups sampled for this train step: the one that starts from this policy version, from 0");
  verb->add_option("--first_step", flags->first_step, "... for this one or a later one")->excludes(step);
  verb->add_option("--last_step", flags->last_step, "... for this one or an earlier one")->excludes(step);
  verb->add_option("--purpose", flags->purpose, "only groups of this purpose")
      ->transform(CLI::CheckedTransformer(Purposes()).description(ChoicesText(Purposes())));
  verb->add_option("--problem", flags->problem, "only of this row of the dataset, from 0");
  verb->add_option("--min_reward", flags->min_reward, "only completions with at least this reward");
  verb->add_option("--max_reward", flags->max_reward, "only completions with at most this reward");
  verb->add_option("--outcome", flags->outcome, "only completions with this outcome")
      ->transform(CLI::CheckedTransformer(Outcomes()).description(ChoicesText(Outcomes())));
  verb->add_option("--limit", flags->limit, "at most so many groups")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  verb->add_flag("--tokens", flags->shows_tokens, "fetch token ids and log-probs, too, for json and yaml");
  AddOutputFlag(verb, flags->output,
                {OutputFormat::kTable, OutputFormat::kWide, OutputFormat::kJson, OutputFormat::kYaml});
  verb->callback([&context, flags] { RunRollouts(context, *flags); });
}

}  // namespace cohort::cli
