"""python_test: a test that Debian's Python runs, with the test wheels of tools/dependencies.txt."""

def python_test(name, src, data = [], **kwargs):
    """Runs `src`, which ends with exit code 0 when it passes, in the root of the runfiles.

    $KUBECTL, $PROMETHEUS and $PROMTOOL are Debian's programs. Modules in the folder of `src` are imported by name and
    must be in `data`.
    """
    native.sh_test(
        name = name,
        srcs = ["//bazel:python_test.sh"],
        args = ["$(location %s)" % src],
        data = [src, "@test_tools//:environment.sh"] + data,
        **kwargs
    )
