"""One source compiled once for each instruction set of kernels/cpu_target.h."""

_TARGETS = {
    "baseline": [],
    "avx2": ["-mavx2", "-mfma"],
    "avx512": ["-mavx2", "-mfma", "-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl"],
}

_COPTS = ["-O3", "-ffp-contract=off", "-fno-math-errno", "-Wno-psabi"]

def cpu_target_library(name, srcs, hdrs, deps = [], **kwargs):
    """`srcs` define everything inside `namespace COHORT_CPU_TARGET` and include no inline library code.

    An inline function of a library, compiled with wider instructions, could be the copy that the linker keeps for
    everyone. Contraction is off: a multiply-add that only some targets fuse would give them other bits.
    """
    parts = []
    for target, copts in _TARGETS.items():
        native.cc_library(
            name = name + "_" + target,
            srcs = srcs,
            hdrs = hdrs,
            copts = _COPTS + ["-DCOHORT_CPU_TARGET=" + target] + copts,
            deps = deps,
            visibility = ["//visibility:private"],
        )
        parts.append(":" + name + "_" + target)
    native.cc_library(
        name = name,
        hdrs = hdrs,
        deps = deps + parts,
        **kwargs
    )
