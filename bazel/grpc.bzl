"""C++ from .proto files, with Debian's protoc."""

# Of every file that imports name: proto/.
_ROOT = "proto/"

# Where generated files go, below the package: what includes them says "cohort/v1/job.pb.h", and an include path must not
# lead out of its package.
_INCLUDE = "include"

_PROTOC = "/usr/bin/protoc -I" + _ROOT + " -Iexternal/googleapis "

def _outs(srcs, suffixes):
    folder = _INCLUDE + "/" + native.package_name()[len(_ROOT):] + "/"
    return [folder + s[:-len(".proto")] + e for s in srcs for e in suffixes]

def cc_message_library(name, srcs, deps = [], **kwargs):
    """Messages only: no gRPC in what depends on it."""
    outs = _outs(srcs, [".pb.h", ".pb.cc"])
    native.genrule(
        name = name + "_gen",
        srcs = srcs + ["@googleapis//:protos"],
        outs = outs,
        cmd = _PROTOC + "--cpp_out=$(RULEDIR)/" + _INCLUDE + " " + " ".join(["$(location %s)" % s for s in srcs]),
    )
    native.cc_library(
        name = name,
        srcs = [o for o in outs if o.endswith(".cc")],
        hdrs = [o for o in outs if o.endswith(".h")],
        copts = ["-w"],
        includes = [_INCLUDE],
        deps = deps + ["//third_party/system:protobuf", "@googleapis//:rpc"],
        **kwargs
    )

def descriptor_set(name, srcs):
    """name.bin: the descriptors of `srcs` and all they import, with comments, which the compiled ones lack."""
    native.genrule(
        name = name,
        srcs = srcs + ["@googleapis//:protos"],
        outs = [name + ".bin"],
        cmd = _PROTOC + "--include_imports --include_source_info --descriptor_set_out=$@ " +
              " ".join(["$(location %s)" % s for s in srcs]),
    )

def cc_grpc_library(name, srcs, imports = [], deps = [], **kwargs):
    """Services: messages, stubs and service base classes. `imports`: .proto files of `deps`."""
    outs = _outs(srcs, [".pb.h", ".pb.cc", ".grpc.pb.h", ".grpc.pb.cc"])
    native.genrule(
        name = name + "_gen",
        srcs = srcs + imports + ["@googleapis//:protos"],
        outs = outs,
        cmd = _PROTOC + "--cpp_out=$(RULEDIR)/" + _INCLUDE + " --grpc_out=$(RULEDIR)/" + _INCLUDE + " " +
              "--plugin=protoc-gen-grpc=/usr/bin/grpc_cpp_plugin " +
              " ".join(["$(location %s)" % s for s in srcs]),
    )
    native.cc_library(
        name = name,
        srcs = [o for o in outs if o.endswith(".cc")],
        hdrs = [o for o in outs if o.endswith(".h")],
        copts = ["-w"],
        includes = [_INCLUDE],
        deps = deps + ["//third_party/system:grpc", "@googleapis//:rpc"],
        **kwargs
    )
