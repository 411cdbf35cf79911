"""@googleapis: the google.rpc messages of error details, from the googleapis-common-protos wheel."""

_BUILD = """
package(default_visibility = ["//visibility:public"])

exports_files(glob(["google/rpc/*.proto"]))

filegroup(
    name = "protos",
    srcs = glob(["google/rpc/*.proto"]),
)

genrule(
    name = "rpc_gen",
    srcs = [":protos"],
    outs = ["google/rpc/%s.pb.%s" % (n, e) for n in ["code", "error_details", "status"] for e in ["h", "cc"]],
    cmd = "/usr/bin/protoc -Iexternal/googleapis --cpp_out=$(GENDIR)/external/googleapis $(SRCS)",
)

cc_library(
    name = "rpc",
    srcs = ["google/rpc/%s.pb.cc" % n for n in ["code", "error_details", "status"]],
    hdrs = ["google/rpc/%s.pb.h" % n for n in ["code", "error_details", "status"]],
    copts = ["-w"],
    includes = ["."],
    deps = ["@cohort//third_party/system:protobuf"],
)
"""

def _impl(ctx):
    root = ctx.os.environ.get("COHORT_GOOGLEAPIS", "") or ctx.os.environ["HOME"] + "/.cache/cohort/googleapis-1.76.0"
    for name in ["code", "error_details", "status"]:
        proto = ctx.path("%s/google/rpc/%s.proto" % (root, name))
        if not proto.exists:
            fail("no google/rpc/%s.proto in %s: run tools/setup.sh or set COHORT_GOOGLEAPIS" % (name, root))
        ctx.symlink(proto, "google/rpc/%s.proto" % name)
    ctx.file("BUILD", _BUILD)

googleapis_repository = repository_rule(_impl, environ = ["COHORT_GOOGLEAPIS", "HOME"], local = True)
