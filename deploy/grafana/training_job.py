# SPDX-License-Identifier: Apache-2.0
"""Training job: is it learning, is what it learns from sound, and where does the time go."""

# Size: one dashboard, whose panels have no logic to take apart.

from panels import JOB_NAMESPACE, NAMESPACE, RED, TRAINING_JOB, YELLOW, Dashboard, Panel, Query, Row, stat
from promql import JOB, per_second

NATS = "suffix: nats"
TOKENS = "suffix: tokens"


def step(name, legend, labels=""):
    """The value of the newest train step."""
    return Query(f"cohort_training_{name}{{{JOB}{labels}}}", legend)


NOW = Row(
    "Now",
    (
        stat(
            "Train steps done",
            "Committed train steps of those that the job will have.",
            "percentunit",
            f"cohort_coordinator_policy_version{{{JOB}}} / cohort_training_planned_steps{{{JOB}}}",
            minimum=0,
            maximum=1,
        ),
        stat(
            "Policy version",
            "Newest committed policy version: one more with each train step.",
            "none",
            f"cohort_coordinator_policy_version{{{JOB}}}",
        ),
        stat(
            "Mean reward",
            "Mean reward of the newest step's judged completions.",
            "none",
            f"cohort_training_reward_mean{{{JOB}}}",
            decimals=3,
        ),
        stat(
            "Newest accuracy",
            "Share of the newest step's judged completions with the full reward.",
            "percentunit",
            f"cohort_training_accuracy_ratio{{{JOB}}}",
            minimum=0,
            maximum=1,
        ),
        stat(
            "Without a verdict",
            "Share of completions that no verifier could judge. They are left out, not counted as wrong; many of them"
            " mean that the reward is measured on a part only.",
            "percentunit",
            f"cohort_training_no_verdict_ratio{{{JOB}}}",
            steps=((0.01, YELLOW), (0.05, RED)),
        ),
        stat(
            "Largest mismatch",
            "Largest difference between what sampler and learner computed for the same token and weights. 0 on CPU;"
            " grows with other kernels, and on a GPU with reduced precision.",
            NATS,
            f"cohort_training_mismatch_max_nats{{{JOB}}}",
            steps=((0.1, YELLOW), (0.5, RED)),
        ),
        stat(
            "Stalled for",
            "Time since the job last moved, 0 while it moves. `cohortctl describe` names what it waits for.",
            "s",
            f"cohort_coordinator_stalled_seconds{{{JOB}}}",
            steps=((30, YELLOW), (300, RED)),
        ),
        stat(
            "Unsealed steps",
            "Committed train steps that a lost learner would have to replay: newest version less the newest one with a"
            " sealed checkpoint.",
            "none",
            f"cohort_coordinator_policy_version{{{JOB}}} - cohort_coordinator_sealed_version{{{JOB}}}",
        ),
    ),
)

REWARD = Row(
    "Reward",
    (
        Panel(
            "Reward of the step",
            "Mean, least and greatest reward of the judged completions that a train step learned from.",
            "none",
            (step("reward_mean", "mean"), step("reward_min", "least"), step("reward_max", "greatest")),
        ),
        Panel(
            "Accuracy",
            "Share of judged completions with the full reward: of the problems trained on, and of each evaluation run"
            " on held-out ones.",
            "percentunit",
            (step("accuracy_ratio", "training"), step("evaluation_accuracy_ratio", "evaluation {{run}}")),
            minimum=0,
            maximum=1,
        ),
        Panel(
            "Groups without a signal",
            "Share of groups of which all or no completion is right, and of those whose advantages are all 0. They cost"
            " sampling and teach nothing; when they prevail, the problems are too easy or too hard.",
            "percentunit",
            (
                step("solve_all_ratio", "all right"),
                step("solve_none_ratio", "none right"),
                step("zero_signal_ratio", "no advantage"),
            ),
            minimum=0,
            maximum=1,
        ),
        Panel(
            "Completions lost to the reward",
            "Share without a verdict, and share cut off at the length limit.",
            "percentunit",
            (step("no_verdict_ratio", "no verdict"), step("truncated_ratio", "truncated")),
            steps=((0.05, RED),),
            minimum=0,
        ),
        Panel(
            "Advantages",
            "Mean size and standard deviation of the advantages of a step's sequences.",
            "none",
            (step("advantage_abs_mean", "mean of |A|"), step("advantage_std", "standard deviation")),
        ),
        Panel(
            "Evaluations in numbers",
            "Mean reward of the newest evaluation by evaluation run, and the share of its completions without a"
            " verdict.",
            "none",
            (
                step("evaluation_reward_mean", "reward {{run}}"),
                step("evaluation_no_verdict_ratio", "no verdict {{run}}"),
            ),
        ),
        Panel(
            "Evaluated version",
            "Policy version that the newest evaluation is of, beside the newest committed one.",
            "none",
            (
                step("evaluation_policy_version", "evaluated {{run}}"),
                Query(f"cohort_coordinator_policy_version{{{JOB}}}", "committed"),
            ),
            minimum=0,
        ),
        Panel(
            "pass@k of the evaluations",
            "Unbiased estimate of the share of held-out problems that k samples would solve, by evaluation run.",
            "percentunit",
            (step("evaluation_pass_ratio", "{{run}} pass@{{k}}"),),
            minimum=0,
            maximum=1,
        ),
    ),
)

POLICY = Row(
    "Policy",
    (
        Panel(
            "Loss",
            "The whole loss and its terms, mean over the step's updates.",
            NATS,
            (step("loss", "loss"), step("loss_term", "{{term}}")),
        ),
        Panel(
            "Entropy",
            "Mean entropy of the next-token distribution. A fall towards 0 while the reward stands still is a collapse"
            " of exploration.",
            NATS,
            (step("entropy_nats", "entropy"),),
            minimum=0,
        ),
        Panel(
            "KL divergence",
            "How far the step's updates moved the policy, and how far it is from the initial one (only with a KL"
            " penalty), by estimator.",
            NATS,
            (
                step("policy_kl_nats", "of the step, {{estimator}}"),
                step("reference_kl_nats", "from the initial policy, {{estimator}}"),
            ),
        ),
        Panel(
            "Clipped tokens",
            "Share of tokens whose gradient a bound of the clip range removed, by branch of the objective and bound.",
            "percentunit",
            (step("clipped_ratio", "branch {{branch}} {{bound}}"),),
            minimum=0,
        ),
        Panel(
            "Importance ratio",
            "Mean, least and greatest ratio between the policy and its state at the beginning of the step, by branch of"
            " the objective.",
            "none",
            tuple(
                step(f"importance_ratio_{which}", f"branch {{{{branch}}}} {name}")
                for which, name in (("mean", "mean"), ("min", "least"), ("max", "greatest"))
            ),
        ),
        Panel(
            "What the objective uses",
            "Effective sample share of the token ratios (1 is on-policy), share of tokens that a selection left out,"
            " and with two branches the weight of the first.",
            "percentunit",
            (
                step("effective_sample_ratio", "effective samples"),
                step("unselected_ratio", "left out"),
                step("mix_weight_ratio", "weight of the first branch"),
            ),
            minimum=0,
        ),
        Panel(
            "Gradient norm",
            "Global norm before clipping, mean over the step's updates. A spike is a warning, a steady rise an"
            " instability.",
            "none",
            (step("gradient_norm", "norm"),),
        ),
        Panel(
            "Update ratio",
            "Norm of what the optimizer changed by the norm of the weights; about 1e-3 is usual, much more forgets.",
            "sci",
            (step("update_ratio", "update / weights"),),
        ),
        Panel("Learning rate", "Of the step's last update.", "sci", (step("learning_rate", "learning rate"),)),
    ),
)

SOUNDNESS = Row(
    "Mismatch and lag",
    (
        Panel(
            "Train-inference mismatch",
            "Difference of log-probs on the same tokens and weights between rollout worker and learner. Absent when the"
            " objective bypasses it.",
            NATS,
            (
                step("mismatch_max_nats", "largest"),
                step("mismatch_mean_nats", "mean"),
                step("mismatch_kl_nats", "KL (k3)"),
            ),
            steps=((0.5, RED),),
        ),
        Panel(
            "Mismatch correction",
            "Effective sample share of the correction's weights, and share of tokens that it masked.",
            "percentunit",
            (step("mismatch_effective_sample_ratio", "effective samples"), step("mismatch_masked_ratio", "masked")),
            minimum=0,
        ),
        Panel(
            "Policy lag",
            "Train steps between the version that sampled a group and the step that took it: at most the job's"
            " `fixed_lag` or `max_lag`.",
            "suffix: versions",
            (step("policy_lag_mean_versions", "mean"), step("policy_lag_max_versions", "largest")),
            minimum=0,
        ),
    ),
)

LENGTHS = Row(
    "Lengths",
    (
        Panel(
            "Completion length",
            "Tokens of a completion, the end token included. Growth with a rising truncated share means that the limit"
            " is too low.",
            TOKENS,
            (
                step("completion_mean_tokens", "mean"),
                step("completion_min_tokens", "shortest"),
                step("completion_max_tokens", "longest"),
                step("evaluation_completion_mean_tokens", "mean of evaluation {{run}}"),
            ),
            minimum=0,
        ),
        Panel(
            "Prompt length",
            "Tokens of a prompt.",
            TOKENS,
            (step("prompt_mean_tokens", "mean"), step("prompt_max_tokens", "longest")),
            minimum=0,
        ),
        Panel(
            "Tokens of a step",
            "Tokens in the loss, and prompt and completion tokens that went through the model.",
            TOKENS,
            (step("trained_tokens", "trained"), step("packed_tokens", "through the model")),
            minimum=0,
        ),
    ),
)

TIME = Row(
    "Time",
    (
        Panel(
            "Time of a step",
            "From one commit to the next, evaluations included, and what of it the learner computed. The rest is"
            " waiting for rollouts.",
            "s",
            (step("step_seconds", "commit to commit"), step("learner_seconds", "learner")),
            minimum=0,
        ),
        Panel(
            "What the job waits for",
            "Share of time by what the coordinator saw the job wait for: `train_step` is computing ranks, `scores`"
            " sampling and scoring workers, `claims` too few workers.",
            "percentunit",
            (Query(per_second("cohort_coordinator_job_wait_seconds_total", JOB, "waits_for"), "{{waits_for}}"),),
            stacked=True,
            minimum=0,
        ),
        Panel(
            "Learner by phase",
            "Time of a train step by phase, mean over ranks. `wait` is not part of the learner's own time.",
            "s",
            (step("phase_seconds", "{{phase}}"),),
            stacked=True,
            minimum=0,
        ),
        Panel(
            "Speed",
            "Sampled tokens per second of sampling, and tokens through the model per second of training.",
            "suffix: tokens/s",
            (step("generation_tokens_per_second", "sampling"), step("learner_tokens_per_second", "training")),
            minimum=0,
        ),
        Panel(
            "Groups of a step",
            "Groups in the plan, and groups that were admitted for it: those of the plan and those dropped.",
            "suffix: groups",
            (step("groups", "in the plan"), step("sampled_groups", "admitted")),
            minimum=0,
        ),
        Panel(
            "Time used",
            "Time that the job has spent running, and the same times the learner ranks and rollout workers that it"
            " held.",
            "s",
            (step("used_wall_seconds", "running"), step("used_device_seconds", "devices")),
            minimum=0,
        ),
        Panel(
            "Budget used",
            "Share of each budget of the job that is spent; at 1 the job pauses.",
            "percentunit",
            (step("budget_used_ratio", "{{budget}}"),),
            steps=((0.8, YELLOW), (0.95, RED)),
            minimum=0,
        ),
    ),
)

DASHBOARD = Dashboard(
    "cohort-training-job",
    "Training job",
    "One job: is it learning, is what it learns from sound, and where does the time go.",
    (NAMESPACE, JOB_NAMESPACE, TRAINING_JOB),
    (NOW, REWARD, POLICY, SOUNDNESS, LENGTHS, TIME),
)
