# SPDX-License-Identifier: Apache-2.0
"""Cluster: what runs, what waits, what is about to run out."""

# Size: one dashboard, whose panels have no logic to take apart.

from gpu_row import GPU_ROW
from panels import BLUE, JOB_NAMESPACE, NAMESPACE, RED, TRAINING_JOBS, YELLOW, Dashboard, Panel, Query, Row, stat
from promql import IN_NAMESPACE, JOB, JOB_LINK, per_second, rate

JOB_NAMESPACES = IN_NAMESPACE + ',job_namespace=~"$job_namespace"'


def stalled(selector):
    """For how long jobs have not moved, but for those in the queue, where waiting is no fault unless their ranks are lost."""
    states = 'state=~"running|pausing|cancelling"'
    return (
        f"cohort_coordinator_stalled_seconds{{{selector}}} and on (namespace, training_job)"
        f" (cohort_coordinator_job_state{{{selector},{states}}} == 1"
        f' or (cohort_coordinator_job_state{{{selector},state="queued"}} == 1 and on (namespace, training_job)'
        f" increase(cohort_coordinator_gangs_lost_total{{{selector}}}[6h]) > 0))"
    )


def count_of(component):
    return f'count(cohort_build_info{{{IN_NAMESPACE},component="{component}"}}) or vector(0)'


NOW = Row(
    "Now",
    (
        stat(
            "Coordinators",
            "Coordinators that answer a scrape.",
            "none",
            count_of("cohort-coordinator"),
            steps=((0, RED), (1, BLUE)),
        ),
        stat("Rollout workers", "Rollout workers that answer a scrape.", "none", count_of("cohort-rollout-worker")),
        stat(
            "Learner ranks",
            "Learner ranks that answer a scrape, with or without a job.",
            "none",
            count_of("cohort-learner"),
        ),
        stat(
            "Unfinished jobs",
            "Jobs that have not ended, whatever their state.",
            "none",
            f"sum(cohort_coordinator_jobs_unfinished{{{IN_NAMESPACE}}})",
        ),
        stat(
            "Longest stall",
            "Longest time for which a job that has left the queue has not moved; its name is in the panel of stalls"
            " below.",
            "s",
            f"max({stalled(IN_NAMESPACE)}) or vector(0)",
            steps=((30, YELLOW), (300, RED)),
        ),
        stat(
            "Workers set aside",
            "Rollout workers that get no groups, or one at a time, after failing three times in a row.",
            "none",
            f"sum(cohort_coordinator_workers_set_aside{{{IN_NAMESPACE}}})",
            steps=((1, RED),),
        ),
        stat(
            "Least free disk",
            "Free share of the fullest folder that a coordinator watches.",
            "percentunit",
            f"min(cohort_coordinator_disk_free_bytes{{{IN_NAMESPACE}}} /"
            f" cohort_coordinator_disk_size_bytes{{{IN_NAMESPACE}}})",
            steps=((0, RED), (0.1, YELLOW), (0.2, BLUE)),
        ),
        stat(
            "Firing alerts",
            "Alerts of Cohort's rules that fire, of all jobs; 0 also when the rules are not installed.",
            "none",
            f'count(ALERTS{{{IN_NAMESPACE},alertname=~"Cohort.*",alertstate="firing"}}) or vector(0)',
            steps=((1, RED),),
        ),
    ),
)

JOBS = Row(
    "Jobs",
    (
        Panel(
            "Progress",
            "Committed train steps of those that a job will have.",
            "percentunit",
            (
                Query(
                    f"cohort_coordinator_policy_version{{{JOB}}} / cohort_training_planned_steps{{{JOB}}}",
                    "{{training_job}}",
                ),
            ),
            kind="bargauge",
            minimum=0,
            maximum=1,
            steps=((0, BLUE),),
            link=JOB_LINK,
        ),
        Panel(
            "Accuracy by job",
            "Share of the newest step's judged completions with the full reward.",
            "percentunit",
            (Query(f"cohort_training_accuracy_ratio{{{JOB}}}", "{{training_job}}"),),
            minimum=0,
            maximum=1,
            link=JOB_LINK,
        ),
        Panel(
            "Stalls",
            "Time since a job that has left the queue last moved, 0 while it moves. `cohortctl describe` names what it"
            " waits for.",
            "s",
            (Query(stalled(JOB), "{{training_job}}"),),
            steps=((30, YELLOW), (300, RED)),
            minimum=0,
            link=JOB_LINK,
        ),
        Panel(
            "Jobs by state",
            "Jobs by state; ended ones stay for a while.",
            "suffix: jobs",
            (Query(f"sum by (state) (cohort_coordinator_job_state{{{JOB}}})", "{{state}}"),),
            stacked=True,
            minimum=0,
        ),
        Panel(
            "Queue",
            "Jobs that wait in the queue, by job namespace.",
            "suffix: jobs",
            (
                Query(
                    f"sum by (job_namespace) (cohort_coordinator_queued_jobs{{{JOB_NAMESPACES}}})", "{{job_namespace}}"
                ),
            ),
            stacked=True,
            minimum=0,
        ),
        Panel(
            "Learner ranks held",
            "Learner ranks that jobs hold, by job namespace, and ranks that wait for a gang.",
            "suffix: ranks",
            (
                Query(
                    f"sum by (job_namespace) (cohort_coordinator_ranks_held{{{JOB_NAMESPACES}}})", "{{job_namespace}}"
                ),
                Query(f"sum(cohort_coordinator_learners_waiting{{{IN_NAMESPACE}}})", "waiting"),
            ),
            stacked=True,
            minimum=0,
        ),
        Panel(
            "What jobs wait for",
            "Share of time by what the coordinator saw jobs wait for, summed over jobs.",
            "percentunit",
            (Query(per_second("cohort_coordinator_job_wait_seconds_total", JOB, "waits_for"), "{{waits_for}}"),),
            stacked=True,
            minimum=0,
        ),
        Panel(
            "Device time used",
            "Seconds times the learner ranks and rollout workers that a job has held.",
            "s",
            (Query(f"cohort_training_used_device_seconds{{{JOB}}}", "{{training_job}}"),),
            minimum=0,
            link=JOB_LINK,
        ),
        Panel(
            "Tokens used",
            "Sampled and trained tokens of a job.",
            "suffix: tokens",
            (Query(f"cohort_training_used_tokens{{{JOB}}}", "{{training_job}}"),),
            minimum=0,
            link=JOB_LINK,
        ),
    ),
)

THROUGHPUT = Row(
    "Throughput and idle time",
    (
        Panel(
            "Tokens",
            "Sampled tokens of all rollout workers, and trained tokens of all jobs.",
            "suffix: tokens/s",
            (
                Query(per_second("cohort_rollout_worker_generated_tokens_total", IN_NAMESPACE), "sampled"),
                Query(
                    "sum(max by (namespace, training_job)"
                    f" ({rate('cohort_learner_trained_tokens_total', JOB)}))",
                    "trained",
                ),
            ),
            minimum=0,
        ),
        Panel(
            "Idle share of rollout workers",
            "Share of time in which the engines did not decode, by reason, mean over workers.",
            "percentunit",
            (
                Query(
                    "avg by (reason)"
                    f" ({rate('cohort_rollout_worker_idle_seconds_total', IN_NAMESPACE)})",
                    "{{reason}}",
                ),
            ),
            stacked=True,
            minimum=0,
        ),
        Panel(
            "Idle share of learner ranks",
            "Share of time in which ranks had nothing to train, by reason, mean over ranks.",
            "percentunit",
            (
                Query(
                    f"avg by (reason) ({rate('cohort_learner_idle_seconds_total', IN_NAMESPACE)})",
                    "{{reason}}",
                ),
            ),
            stacked=True,
            minimum=0,
        ),
    ),
)

PROCESSES = Row(
    "Processes and disks",
    (
        Panel(
            "Processor time",
            "Processor cores that a process uses.",
            "suffix: cores",
            (
                Query(
                    rate("process_cpu_seconds_total", IN_NAMESPACE + ',job=~"cohort-.*"'),
                    "{{job}} {{instance}}",
                ),
            ),
            minimum=0,
        ),
        Panel(
            "Resident memory",
            "Resident memory of each process.",
            "bytes",
            (Query(f'process_resident_memory_bytes{{{IN_NAMESPACE},job=~"cohort-.*"}}', "{{job}} {{instance}}"),),
            minimum=0,
        ),
        Panel(
            "Open file descriptors",
            "Open file descriptors of each process; a steady rise is a leak.",
            "none",
            (Query(f'process_open_fds{{{IN_NAMESPACE},job=~"cohort-.*"}}', "{{job}} {{instance}}"),),
            minimum=0,
        ),
        Panel(
            "Free disk",
            "Free share of the disks of the coordinator's state and of the checkpoints. When they are full, nothing is"
            " acknowledged and no checkpoint sealed.",
            "percentunit",
            (
                Query(
                    f"cohort_coordinator_disk_free_bytes{{{IN_NAMESPACE}}} /"
                    f" cohort_coordinator_disk_size_bytes{{{IN_NAMESPACE}}}",
                    "{{folder}} {{instance}}",
                ),
            ),
            minimum=0,
            maximum=1,
        ),
        Panel(
            "Storage trouble",
            "1 while storage refuses what a job writes or reads: the job waits and goes on by itself when storage is"
            " back.",
            "none",
            (Query(f"cohort_coordinator_storage_trouble{{{JOB}}}", "{{training_job}}"),),
            steps=((1, RED),),
            minimum=0,
            maximum=1,
            link=JOB_LINK,
        ),
        Panel(
            "Uptime",
            "Time since a process started: a saw tooth is a process that restarts.",
            "s",
            (Query(f'time() - process_start_time_seconds{{{IN_NAMESPACE},job=~"cohort-.*"}}', "{{job}} {{instance}}"),),
            minimum=0,
        ),
        Panel(
            "Certificates",
            "Time until the first certificate of a file expires that a coordinator or learner serves TLS with. A"
            " renewed file is taken up by itself.",
            "s",
            (
                Query(
                    f"cohort_tls_certificate_not_after_timestamp_seconds{{{IN_NAMESPACE}}} - time()",
                    "{{file}} {{instance}}",
                ),
            ),
            # Below the next step, long expired ones included.
            steps=((-(10**9), RED), (2 * 86400, YELLOW), (14 * 86400, BLUE)),
            optional="empty without TLS",
        ),
        Panel(
            "Versions",
            "Processes by component and version: one version each, but for the time of an upgrade.",
            "none",
            (
                Query(
                    f"count by (component, version) (cohort_build_info{{{IN_NAMESPACE}}})", "{{component}} {{version}}"
                ),
            ),
            kind="bargauge",
            steps=((0, BLUE),),
        ),
    ),
)

DASHBOARD = Dashboard(
    "cohort-cluster",
    "Cluster",
    "What runs, what waits, and what is about to run out.",
    (NAMESPACE, JOB_NAMESPACE, TRAINING_JOBS),
    (NOW, JOBS, THROUGHPUT, PROCESSES, GPU_ROW),
)
