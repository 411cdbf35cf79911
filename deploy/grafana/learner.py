# SPDX-License-Identifier: Apache-2.0
"""Learner: how fast ranks train, what they wait for, and whether a crash would cost much."""

import functools

import panels
import promql
from gpu_row import GPU_ROW
from panels import BLUE, JOB_NAMESPACE, NAMESPACE, RED, TRAINING_JOB, YELLOW, Dashboard, Panel, Query, Row, instances_of
from promql import INSTANCE, JOB, in_range, median_and_p95

RANK = JOB + ',instance=~"$instance"'
PER_INSTANCE = "{{instance}}"


def gauge(name, legend=PER_INSTANCE):
    return Query(f"cohort_learner_{name}{{{RANK}}}", legend)


def rate(name, selector=RANK):
    return promql.rate(f"cohort_learner_{name}", selector)


stat = functools.partial(panels.stat, width=4)


NOW = Row(
    "Now",
    (
        stat(
            "Ranks",
            "Learner ranks that have trained a step of the job.",
            "none",
            f"count(cohort_learner_policy_version{{{RANK}}})",
        ),
        stat(
            "Policy version", "Newest version that a rank has.", "none", f"max(cohort_learner_policy_version{{{RANK}}})"
        ),
        stat(
            "Age of the newest checkpoint",
            "Time since the newest checkpoint was sealed; after a crash, everything since is computed again.",
            "s",
            f"time() - max(cohort_coordinator_checkpoint_timestamp_seconds{{{JOB}}}"
            f" or cohort_learner_checkpoint_timestamp_seconds{{{RANK}}})",
            steps=((3600, YELLOW), (7200, RED)),
        ),
        stat(
            "Steps without a checkpoint",
            "Committed train steps that a lost gang would replay.",
            "none",
            f"max(cohort_coordinator_policy_version{{{JOB}}}) - max(cohort_coordinator_sealed_version{{{JOB}}})",
        ),
        stat(
            "Size of a checkpoint",
            "Size of the newest sealed checkpoint.",
            "bytes",
            f"max(cohort_learner_checkpoint_bytes{{{RANK}}})",
        ),
        stat(
            "Gangs lost",
            "Times in the time range shown that a gang was dissolved while in use: a rank died, hung, or lost its"
            " network.",
            "none",
            in_range("cohort_coordinator_gangs_lost_total", JOB),
            steps=((0.5, RED),),
            decimals=0,
        ),
    ),
)

SPEED = Row(
    "Speed",
    (
        Panel(
            "Trained tokens",
            "Tokens in the loss per second of wall time, over all ranks, as each rank counts them; waiting included.",
            "suffix: tokens/s",
            (Query(rate("trained_tokens_total"), PER_INSTANCE),),
            minimum=0,
        ),
        Panel(
            "Train steps",
            "Train steps per minute, replays included.",
            "suffix: steps/min",
            (Query("60 * " + rate("train_steps_total"), PER_INSTANCE),),
            minimum=0,
        ),
        Panel(
            "Time of a train step",
            "From the arrival of the plan to the commit.",
            "s",
            median_and_p95("cohort_learner_step_seconds", RANK),
            minimum=0,
        ),
        Panel(
            "Time by phase",
            "Share of wall time by phase of the train step, mean over ranks. `reduce` is waiting for other ranks'"
            " gradients, `wait` for the plan.",
            "percentunit",
            (Query(f"avg by (phase) ({rate('phase_seconds_total')})", "{{phase}}"),),
            stacked=True,
            minimum=0,
        ),
        Panel(
            "Idle",
            "Share of time in which ranks had nothing to train, by reason: no job (`gang`), no plan, or no coordinator."
            " Mean over ranks, whatever their job.",
            "percentunit",
            (Query(f"avg by (reason) ({rate('idle_seconds_total', INSTANCE)})", "{{reason}}"),),
            stacked=True,
            minimum=0,
        ),
        Panel(
            "Version of each rank",
            "Policy version that each rank has: all the same but for a moment.",
            "none",
            (gauge("policy_version"),),
            minimum=0,
        ),
        Panel(
            "Memory of tensors",
            "Peak of a rank's tensors over the job's train steps, and what the estimate of `cohortctl model inspect`"
            " gives for the largest microbatch that came.",
            "bytes",
            (
                gauge("memory_peak_bytes", "{{instance}} peak"),
                gauge("memory_predicted_bytes", "{{instance}} predicted"),
            ),
            minimum=0,
        ),
    ),
)

NUMBERS = Row(
    "Numbers",
    (
        Panel("Loss", "Loss of the last train step.", "suffix: nats", (gauge("loss_nats"),)),
        Panel("Gradient norm", "Gradient norm before clipping, last train step.", "none", (gauge("gradient_norm"),)),
        Panel(
            "Update ratio",
            "Norm of an update by the norm of the weights, last train step.",
            "sci",
            (gauge("update_ratio"),),
        ),
        Panel(
            "Largest mismatch",
            "Largest train-inference mismatch of the last train step, as the ranks computed it.",
            "suffix: nats",
            (gauge("mismatch_max_nats"),),
            steps=((0.5, RED),),
        ),
    ),
)

PUBLICATION = Row(
    "Publication and checkpoints",
    (
        Panel(
            "Publication",
            "Time to copy and hash a version for the rollout workers.",
            "s",
            median_and_p95("cohort_learner_publish_seconds", RANK),
            minimum=0,
        ),
        Panel(
            "Published bytes",
            "Bytes of published versions.",
            "Bps",
            (Query(rate("published_bytes_total"), PER_INSTANCE),),
            minimum=0,
        ),
        Panel(
            "Time to seal a checkpoint",
            "Time to write and seal a checkpoint, while training goes on.",
            "s",
            median_and_p95("cohort_learner_checkpoint_seconds", RANK),
            minimum=0,
        ),
        Panel(
            "Training held up by checkpoints",
            "Time that training stood still to copy what a checkpoint holds, and to wait for the checkpoint before.",
            "s",
            median_and_p95("cohort_learner_checkpoint_stall_seconds", RANK),
            minimum=0,
        ),
        Panel(
            "Newest and sealed version",
            "Newest committed version, and newest version with a sealed checkpoint.",
            "none",
            (
                Query(f"max(cohort_coordinator_policy_version{{{JOB}}})", "committed"),
                Query(f"max(cohort_coordinator_sealed_version{{{JOB}}})", "sealed"),
            ),
            minimum=0,
        ),
        Panel(
            "Ranks and checkpoints in trouble",
            "In the time range shown: times that a rank lost its gang, checkpoints that could not be sealed, damaged"
            " ones that a rank met, and those that ranks could not take up. None is normal.",
            "none",
            (
                Query(in_range("cohort_learner_gang_losses_total", RANK), "gang lost"),
                Query(
                    in_range("cohort_learner_checkpoint_failures_total", RANK),
                    "not sealed",
                ),
                Query(
                    in_range("cohort_learner_damaged_checkpoints_total", RANK),
                    "damaged",
                ),
                Query(
                    in_range("cohort_coordinator_checkpoints_unusable_total", JOB),
                    "unusable",
                ),
            ),
            kind="bargauge",
            steps=((0, BLUE), (0.5, RED)),
            decimals=0,
        ),
    ),
)

DASHBOARD = Dashboard(
    "cohort-learner",
    "Learner",
    "How fast ranks train, what they wait for, and whether a crash would cost much.",
    (NAMESPACE, JOB_NAMESPACE, TRAINING_JOB, instances_of("cohort-learner")),
    (NOW, SPEED, NUMBERS, PUBLICATION, GPU_ROW),
)
