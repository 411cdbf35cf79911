# SPDX-License-Identifier: Apache-2.0
"""Rollout engine: how fast completions are sampled, and what keeps the engines from sampling."""

from gpu_row import GPU_ROW
from panels import JOB_NAMESPACE, NAMESPACE, RED, TRAINING_JOBS, YELLOW, Dashboard, Panel, Query, Row, instances_of
from promql import INSTANCE, JOB, median_and_p95, per_second, quantile, rate

WORKER_JOB = JOB + ',instance=~"$instance"'
PER_INSTANCE = "{{instance}}"

SPEED = Row(
    "Speed",
    (
        Panel(
            "Sampled tokens",
            "Tokens that each rollout worker samples.",
            "suffix: tokens/s",
            (Query(rate("cohort_rollout_worker_generated_tokens_total"), PER_INSTANCE),),
            minimum=0,
        ),
        Panel(
            "Prompt tokens",
            "Prompt tokens computed, once per group, and prompt tokens of all sequences: the difference is what"
            " siblings share.",
            "suffix: tokens/s",
            (
                Query(per_second("cohort_rollout_worker_prefilled_tokens_total", INSTANCE), "computed"),
                Query(per_second("cohort_rollout_worker_prompt_tokens_total", INSTANCE), "of all sequences"),
            ),
            minimum=0,
        ),
        Panel(
            "Sequences per decode step",
            "Tokens sampled by one decode step: the mean size of the engine's batch.",
            "suffix: sequences",
            (
                Query(
                    f"{rate('cohort_rollout_worker_generated_tokens_total')} /"
                    f" {rate('cohort_rollout_worker_decode_steps_total')}",
                    PER_INSTANCE,
                ),
            ),
            minimum=0,
        ),
        Panel(
            "Busy and idle",
            "Share of time spent in decode steps, and without decoding by reason, mean over workers. The rest is"
            " prefill and weight changes.",
            "percentunit",
            (
                Query(f"avg({rate('cohort_rollout_worker_generation_seconds_total')})", "decoding"),
                Query(f"avg by (reason) ({rate('cohort_rollout_worker_idle_seconds_total')})", "idle: {{reason}}"),
            ),
            stacked=True,
            minimum=0,
        ),
        Panel(
            "Completion length",
            "Median and 95th percentile of completion lengths.",
            "suffix: tokens",
            median_and_p95("cohort_rollout_worker_completion_tokens", INSTANCE),
            minimum=0,
        ),
        Panel(
            "Distribution of lengths",
            "Completions per second by their length: a bright top band is completions that hit the limit.",
            "none",
            (Query(per_second("cohort_rollout_worker_completion_tokens_bucket", INSTANCE, "le"), "{{le}}"),),
            kind="heatmap",
        ),
    ),
)

SEQUENCES = Row(
    "Sequences",
    (
        Panel(
            "Running and waiting",
            "Sequences being decoded, and claimed sequences that wait for a slot.",
            "suffix: sequences",
            (
                Query(f"sum(cohort_rollout_worker_running_sequences{{{INSTANCE}}})", "running"),
                Query(f"sum(cohort_rollout_worker_waiting_sequences{{{INSTANCE}}})", "waiting"),
            ),
            minimum=0,
        ),
        Panel(
            "KV cache",
            "Share of KV blocks that are held. At 1, sequences wait for memory.",
            "percentunit",
            (Query(f"cohort_rollout_worker_kv_cache_used_ratio{{{INSTANCE}}}", PER_INSTANCE),),
            steps=((0.9, YELLOW), (0.98, RED)),
            minimum=0,
            maximum=1,
        ),
        Panel(
            "Prefix reuse",
            "Share of prompt tokens that were not computed because a sibling had computed them: at most (G - 1) / G for"
            " groups of G.",
            "percentunit",
            (
                Query(
                    f"1 - {per_second('cohort_rollout_worker_prefilled_tokens_total', INSTANCE)}"
                    f" / {per_second('cohort_rollout_worker_prompt_tokens_total', INSTANCE)}",
                    "reused",
                ),
            ),
            minimum=0,
            maximum=1,
        ),
        Panel(
            "Time of a sequence",
            "95th percentile of the time from arrival in the engine to joining the batch, of the step that gave the"
            " first token, and from first to last token.",
            "s",
            tuple(
                Query(quantile(0.95, f"cohort_rollout_worker_sequence_{part}_seconds", INSTANCE), part)
                for part in ("queue", "prefill", "decode")
            ),
            logarithmic=True,
        ),
        Panel(
            "Time per token",
            "Mean time per token of a sequence after its first: median and 95th percentile over sequences.",
            "s",
            median_and_p95("cohort_rollout_worker_sequence_token_seconds", INSTANCE),
            minimum=0,
        ),
        Panel(
            "How completions end",
            "Finished completions by reason: the end token, or the length limit.",
            "suffix: completions/s",
            (
                Query(
                    per_second("cohort_rollout_worker_completions_total", WORKER_JOB, "finish_reason"),
                    "{{finish_reason}}",
                ),
            ),
            stacked=True,
            minimum=0,
        ),
    ),
)

GROUPS = Row(
    "Groups",
    (
        Panel(
            "What becomes of claimed groups",
            "Claimed groups by outcome: all but `submitted` is work in vain, `released` is work handed back in a"
            " drain.",
            "suffix: groups/s",
            (Query(per_second("cohort_rollout_worker_groups_total", WORKER_JOB, "outcome"), "{{outcome}}"),),
            stacked=True,
            minimum=0,
        ),
        Panel(
            "Queues behind the engine",
            "Sampled groups that wait for a score, and scored groups that wait to be submitted.",
            "suffix: groups",
            (
                Query(f"sum(cohort_rollout_worker_scoring_queue_groups{{{INSTANCE}}})", "for a score"),
                Query(f"sum(cohort_rollout_worker_submit_queue_groups{{{INSTANCE}}})", "for the coordinator"),
            ),
            minimum=0,
        ),
        Panel(
            "Failed calls to the coordinator",
            "Calls that failed; they are tried again.",
            "suffix: calls/s",
            (Query(rate("cohort_rollout_worker_coordinator_errors_total"), PER_INSTANCE),),
            steps=((1, RED),),
            minimum=0,
        ),
    ),
)

WEIGHTS = Row(
    "Weight sync",
    (
        Panel(
            "Versions behind",
            "Policy versions between the coordinator's newest and the one a worker has in use, by job. The job's lag"
            " allows some.",
            "suffix: versions",
            (
                Query(
                    f"max by (namespace, training_job) (cohort_coordinator_policy_version{{{JOB}}}) - on (namespace,"
                    f" training_job) group_right () cohort_rollout_worker_policy_version{{{WORKER_JOB}}}",
                    "{{instance}} {{training_job}}",
                ),
            ),
        ),
        Panel(
            "Weight fetch",
            "Time to fetch and verify one policy version.",
            "s",
            median_and_p95("cohort_rollout_worker_weight_fetch_seconds", INSTANCE),
            minimum=0,
        ),
        Panel(
            "Weight traffic",
            "Bytes of fetched versions.",
            "Bps",
            (Query(rate("cohort_rollout_worker_weight_fetch_bytes_total"), PER_INSTANCE),),
            minimum=0,
        ),
        Panel(
            "Refused versions",
            "Versions refused because their checksum was wrong, in the time range shown. None is normal: anything else"
            " is a broken network or disk.",
            "none",
            (Query(f"increase(cohort_rollout_worker_refused_versions_total{{{INSTANCE}}}[$__range])", PER_INSTANCE),),
            kind="stat",
            steps=((0.5, RED),),
            decimals=0,
        ),
        Panel(
            "Row dependence",
            "1 where the bits of a linear layer's row depend on its batch, so that log-probs are not exact; 0 where"
            " they are.",
            "none",
            (Query(f"cohort_rollout_worker_row_dependence{{{INSTANCE}}}", PER_INSTANCE),),
            kind="stat",
            steps=((1, YELLOW),),
        ),
    ),
)

DASHBOARD = Dashboard(
    "cohort-rollout-engine",
    "Rollout engine",
    "How fast completions are sampled, and what keeps the engines from sampling.",
    (NAMESPACE, JOB_NAMESPACE, TRAINING_JOBS, instances_of("cohort-rollout-worker")),
    (SPEED, SEQUENCES, GROUPS, WEIGHTS, GPU_ROW),
)
