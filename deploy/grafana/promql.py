# SPDX-License-Identifier: Apache-2.0
"""Parts of PromQL that definitions share. A label matcher with `.*` also takes series that lack the label, so everything
works without Kubernetes too."""

import re

from panels import Query

IN_NAMESPACE = 'namespace=~"$namespace"'
JOB = IN_NAMESPACE + ',training_job=~"$training_job"'
INSTANCE = IN_NAMESPACE + ',instance=~"$instance"'
JOB_LINK = (
    "Training job of this series",
    "/d/cohort-training-job?var-datasource=${datasource}&var-training_job=${__field.labels.training_job}&${__url_time_range}",
)


def rate(metric, selector=INSTANCE):
    """Rate of each series of a counter."""
    return f"rate({metric}{{{selector}}}[$__rate_interval])"


def per_second(metric, selector, by=""):
    """Rate of a counter over all its series, or summed by labels."""
    grouping = f" by ({by})" if by else ""
    return f"sum{grouping} ({rate(metric, selector)})"


def in_range(metric, selector):
    """By how much a counter rose in the time range that the dashboard shows."""
    return f"sum(increase({metric}{{{selector}}}[$__range]))"


def quantile(share, histogram, selector, by=""):
    labels = f"le,{by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) ({rate(histogram + '_bucket', selector)}))"


def median_and_p95(histogram, selector, by=""):
    """The queries of a panel of times: half are faster, and all but the slowest 5 % are."""
    name = f" {{{{{by.split(',')[-1]}}}}}" if by else ""
    return (
        Query(quantile(0.5, histogram, selector, by), "median" + name),
        Query(quantile(0.95, histogram, selector, by), "95th percentile" + name),
    )


_WORDS = frozenset(
    "and or unless by without on ignoring group_left group_right offset bool atan2 inf nan start end".split()
)


def metrics_of(expr):
    """Names of the metrics that a PromQL expression reads."""
    text = re.sub(r'"(?:[^"\\]|\\.)*"', "", expr)
    text = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", text)
    text = re.sub(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", "", text)
    names = re.findall(r"(?<![\w:.])([a-zA-Z_:][\w:]*)(?!\s*\(|[\w:])", text)
    return {name for name in names if name not in _WORDS}


def labels_of(expr):
    """Names of the labels that a PromQL expression matches or groups by."""
    matched = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", expr)
    groups = re.findall(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)", expr)
    return set(matched) | {label.strip() for group in groups for label in group.split(",") if label.strip()}


def base_name(metric):
    """The documented name: histograms are listed without the suffix of their series."""
    return re.sub(r"_(?:bucket|sum|count)$", "", metric)
