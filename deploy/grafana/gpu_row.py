# SPDX-License-Identifier: Apache-2.0
"""The row of GPU panels. NVIDIA's dcgm-exporter gives their metrics, Cohort none."""

from panels import RED, YELLOW, Panel, Query, Row

LEGEND = "{{Hostname}} GPU {{gpu}}"


def _panel(title, description, unit, expr, **options):
    return Panel(
        title, description + " From dcgm-exporter, of every GPU it sees.", unit, (Query(expr, LEGEND),), **options
    )


GPU_ROW = Row(
    "GPUs (dcgm-exporter)",
    (
        _panel(
            "Graphics engine active",
            "Share of time in which any kernel ran; also right under MIG, unlike utilization.",
            "percentunit",
            "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
            minimum=0,
            maximum=1,
        ),
        _panel(
            "Tensor cores active",
            "Share of cycles in which a tensor core worked: how near matrix products are to the chip's limit.",
            "percentunit",
            "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
            minimum=0,
            maximum=1,
        ),
        _panel(
            "GPU memory",
            "Share of the device's memory in use.",
            "percentunit",
            "DCGM_FI_DEV_FB_USED / (DCGM_FI_DEV_FB_USED + DCGM_FI_DEV_FB_FREE)",
            steps=((0.95, YELLOW),),
            minimum=0,
            maximum=1,
        ),
        _panel("GPU power", "Power draw.", "watt", "DCGM_FI_DEV_POWER_USAGE", minimum=0),
        _panel(
            "GPU temperature",
            "Temperature of the chip; above about 85 degrees it slows down.",
            "celsius",
            "DCGM_FI_DEV_GPU_TEMP",
            steps=((80, YELLOW), (88, RED)),
        ),
        _panel(
            "NVLink traffic", "Traffic over all links of a GPU.", "MBs", "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL", minimum=0
        ),
        _panel(
            "XID errors",
            "Number of the last XID error, 0 for none: NVIDIA's list of XID errors says what it means.",
            "none",
            "DCGM_FI_DEV_XID_ERRORS",
            steps=((1, RED),),
        ),
    ),
    optional="needs GPUs and dcgm-exporter",
)
