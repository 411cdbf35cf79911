"""@test_tools: what tests written in Python or shell run, as tools/setup.sh --tests left it in ~/.cache/cohort.

environment.sh sets PYTHONPATH to the test wheels, KUBECTL, PROMETHEUS and PROMTOOL to Debian's programs. Its text names
the folder of the wheels, and the folder the list of wheels: with another list, tests that use it run again. Bazel asks for
none of it until a test that uses it is built: `make build` needs no test tools.
"""

_BUILD = """
exports_files(["environment.sh"], visibility = ["//visibility:public"])
"""

def _impl(ctx):
    cache = ctx.os.environ["HOME"] + "/.cache/cohort"
    name = ctx.execute(["sh", "-c", "sed -n 's/^test-wheel //p' \"$1\" | sha256sum | cut -c1-12", "sh", str(ctx.path(ctx.attr.list))])
    if name.return_code != 0:
        fail("cannot read %s: %s" % (ctx.attr.list, name.stderr))
    wheels = "%s/test-wheels-%s" % (cache, name.stdout.strip())
    kubectl = cache + "/kubernetes-client/usr/bin/kubectl"
    prometheus = cache + "/prometheus/usr/bin/prometheus"
    promtool = cache + "/prometheus/usr/bin/promtool"
    for path in [wheels, kubectl, prometheus, promtool]:
        if not ctx.path(path).exists:
            fail("no %s: run tools/setup.sh --tests, as make test does" % path)
    ctx.file("environment.sh", "export PYTHONPATH='%s' KUBECTL='%s' PROMETHEUS='%s' PROMTOOL='%s'\n" % (wheels, kubectl, prometheus, promtool))
    ctx.file("BUILD", _BUILD)

test_tools_repository = repository_rule(
    _impl,
    attrs = {"list": attr.label(default = "//tools:dependencies.txt")},
    environ = ["HOME"],
    local = True,
)
