# SPDX-License-Identifier: Apache-2.0
"""Coordinator and rewards: how groups flow, how calls fare, and how verifiers judge."""

from panels import JOB_NAMESPACE, NAMESPACE, RED, TRAINING_JOBS, YELLOW, Dashboard, Panel, Query, Row
from promql import IN_NAMESPACE, JOB, in_range, median_and_p95, per_second, quantile

NO_VERDICT = JOB + ',outcome="no_verdict"'


def coordinator(name, legend):
    return Query(f"sum(cohort_coordinator_{name}{{{IN_NAMESPACE}}})", legend)


GROUPS = Row(
    "Groups",
    (
        Panel(
            "Open groups",
            "Open groups by state: `waiting` for a worker, `in_flight` on one, `scored`, and `planned` for a train"
            " step.",
            "suffix: groups",
            (Query(f"sum by (state) (cohort_coordinator_groups{{{JOB}}})", "{{state}}"),),
            stacked=True,
            minimum=0,
        ),
        Panel(
            "Accepted groups",
            "Scored groups accepted and durable, by job.",
            "suffix: groups/s",
            (Query(per_second("cohort_coordinator_groups_accepted_total", JOB, "training_job"), "{{training_job}}"),),
            stacked=True,
            minimum=0,
        ),
        Panel(
            "Dropped groups",
            "Groups given up, by reason; zero-signal groups of dynamic sampling among them.",
            "suffix: groups/s",
            (Query(per_second("cohort_coordinator_groups_dropped_total", JOB, "reason"), "{{reason}}"),),
            stacked=True,
            minimum=0,
        ),
        Panel(
            "Work in vain",
            "In the time range shown: leases that ran out unrenewed, and submitted groups discarded because the lease"
            " was lost or they were malformed.",
            "none",
            (
                Query(
                    in_range("cohort_coordinator_leases_expired_total", JOB),
                    "leases expired",
                ),
                Query(
                    in_range("cohort_coordinator_submits_refused_total", JOB),
                    "submits refused",
                ),
            ),
            kind="stat",
            steps=((1, YELLOW),),
            decimals=0,
        ),
        Panel(
            "Train steps",
            "Time from one committed train step to the next, over all chosen jobs.",
            "s",
            median_and_p95("cohort_coordinator_step_duration_seconds", JOB),
            minimum=0,
        ),
        Panel(
            "Incidents",
            "In the time range shown: gangs lost, versions whose digest differed from the committed one, checkpoints"
            " that ranks could not take up, and jobs that made room for others.",
            "none",
            tuple(
                Query(in_range(f"cohort_coordinator_{name}_total", JOB), legend)
                for name, legend in (
                    ("gangs_lost", "gangs lost"),
                    ("digest_mismatches", "digests differ"),
                    ("checkpoints_unusable", "checkpoints unusable"),
                    ("preemptions", "preemptions"),
                )
            ),
            kind="stat",
            steps=((0.5, RED),),
            decimals=0,
        ),
    ),
)

MEMBERS = Row(
    "Who is there",
    (
        Panel(
            "Workers and ranks",
            "Rollout workers heard of lately, those set aside among them, and learner ranks that wait for a gang.",
            "none",
            (
                coordinator("workers", "workers"),
                coordinator("workers_set_aside", "workers set aside"),
                coordinator("learners_waiting", "ranks waiting"),
            ),
            minimum=0,
        ),
        Panel(
            "Waiting calls",
            "Claims of rollout workers that wait for groups, open streams of WatchJob and WatchLogs, and open downloads of"
            " checkpoints. Many waiting claims mean more workers than work.",
            "none",
            (
                coordinator("claims_waiting", "claims"),
                coordinator("watches_open", "watches"),
                coordinator("downloads_open", "downloads"),
            ),
            minimum=0,
        ),
        Panel(
            "What waits for storage",
            "Datasets that wait for a thread to read them, and writes to the store and the rollout log that wait for the"
            " sync of those before them. Writes that wait for long mean a slow disk.",
            "none",
            (
                coordinator("dataset_readings_waiting", "datasets"),
                coordinator("store_changes_waiting", "store"),
                coordinator("log_appends_waiting", "rollout log"),
            ),
            minimum=0,
        ),
        Panel(
            "Processor kinds",
            "Processor kinds of the registered workers; more than one breaks repeatability.",
            "none",
            (Query(f"cohort_coordinator_processor_kinds{{{IN_NAMESPACE}}}", "{{instance}}"),),
            steps=((2, YELLOW),),
            minimum=0,
        ),
        Panel(
            "Held log lines",
            "Memory of the log lines about jobs that the coordinator holds for `cohortctl logs`.",
            "bytes",
            (coordinator("log_bytes", "lines"),),
            minimum=0,
        ),
    ),
)

CALLS = Row(
    "Calls",
    (
        Panel(
            "Calls by method",
            "Finished calls per second.",
            "suffix: calls/s",
            (Query(per_second("cohort_coordinator_rpcs_total", IN_NAMESPACE, "method"), "{{method}}"),),
            stacked=True,
            minimum=0,
        ),
        Panel(
            "Time of calls",
            "95th percentile by method. ClaimGroups, GetStep and heartbeats wait for something to happen: their times"
            " are no cost.",
            "s",
            (Query(quantile(0.95, "cohort_coordinator_rpc_seconds", IN_NAMESPACE, "method"), "{{method}}"),),
            logarithmic=True,
        ),
        Panel(
            "Failed calls",
            "Finished calls by code, OK left out, and UNAVAILABLE for GetStep too: it says that there is no plan yet.",
            "suffix: calls/s",
            (
                Query(
                    per_second(
                        "cohort_coordinator_rpcs_total",
                        IN_NAMESPACE + ',code!="OK",method!="LearnerService/GetStep"',
                        "code,method",
                    )
                    + " or "
                    + per_second(
                        "cohort_coordinator_rpcs_total",
                        IN_NAMESPACE + ',code!~"OK|UNAVAILABLE",method="LearnerService/GetStep"',
                        "code,method",
                    ),
                    "{{code}} {{method}}",
                ),
            ),
            minimum=0,
            optional="empty until the first call fails",
        ),
    ),
)

REWARDS = Row(
    "Rewards",
    (
        Panel(
            "Reward by job",
            "Mean reward of the newest step's judged completions.",
            "none",
            (Query(f"cohort_training_reward_mean{{{JOB}}}", "{{training_job}}"),),
        ),
        Panel(
            "Verdicts",
            "Judgements by verifier and outcome: `graded` with a value, `wrong`, or `no_verdict` when it could not"
            " judge.",
            "suffix: judgements/s",
            (
                Query(
                    per_second("cohort_rollout_worker_verdicts_total", JOB, "verifier,outcome"),
                    "{{verifier}} {{outcome}}",
                ),
            ),
            stacked=True,
            minimum=0,
        ),
        Panel(
            "Without a verdict",
            "Share of judgements that came to no verdict, by verifier. They are left out of the group's statistics.",
            "percentunit",
            (
                Query(
                    f"({per_second('cohort_rollout_worker_verdicts_total', NO_VERDICT, 'verifier')}"
                    f" or 0 * {per_second('cohort_rollout_worker_verdicts_total', JOB, 'verifier')})"
                    f" / {per_second('cohort_rollout_worker_verdicts_total', JOB, 'verifier')}",
                    "{{verifier}}",
                ),
            ),
            steps=((0.01, YELLOW), (0.05, RED)),
            minimum=0,
        ),
        Panel(
            "Time of a judgement",
            "Median and 95th percentile by verifier.",
            "s",
            median_and_p95("cohort_rollout_worker_verifier_seconds", JOB, "verifier"),
            logarithmic=True,
        ),
        Panel(
            "Verifier timeouts",
            "Tries that ran past the verifier's deadline. Each is tried once more elsewhere before it becomes a missing"
            " verdict.",
            "suffix: tries/s",
            (Query(per_second("cohort_rollout_worker_verifier_timeouts_total", JOB, "verifier"), "{{verifier}}"),),
            steps=((0.1, RED),),
            minimum=0,
        ),
        Panel(
            "Time to score a group",
            "From the first to the last verifier of a group, over all rollout workers.",
            "s",
            median_and_p95("cohort_rollout_worker_scoring_seconds", IN_NAMESPACE),
            minimum=0,
        ),
        Panel(
            "Groups that wait for a score",
            "Sampled groups that wait for a score, by rollout worker. A queue that grows means that the verifiers are"
            " the bottleneck.",
            "suffix: groups",
            (Query(f"cohort_rollout_worker_scoring_queue_groups{{{IN_NAMESPACE}}}", "{{instance}}"),),
            minimum=0,
        ),
        Panel(
            "Evaluations",
            "Accuracy of the newest evaluation by job and evaluation run.",
            "percentunit",
            (Query(f"cohort_training_evaluation_accuracy_ratio{{{JOB}}}", "{{training_job}} {{run}}"),),
            minimum=0,
            maximum=1,
        ),
        Panel(
            "Reward of evaluations",
            "Mean reward of the newest evaluation by job and evaluation run.",
            "none",
            (Query(f"cohort_training_evaluation_reward_mean{{{JOB}}}", "{{training_job}} {{run}}"),),
        ),
    ),
)

DASHBOARD = Dashboard(
    "cohort-coordinator-and-rewards",
    "Coordinator and rewards",
    "How groups flow, how calls fare, and how verifiers judge.",
    (NAMESPACE, JOB_NAMESPACE, TRAINING_JOBS),
    (GROUPS, MEMBERS, CALLS, REWARDS),
)
