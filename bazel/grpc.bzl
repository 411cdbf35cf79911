"""C++ from .proto files, with Debian's protoc."""

_PROTOC = "/usr/bin/protoc -Iproto -Iexternal/googleapis "

def cc_message_library(name, srcs, deps = [], **kwargs):
    """Messages only: no gRPC in what depends on it."""
    outs = [s[:-6] + e for s in srcs for e in [".pb.h", ".pb.cc"]]
    native.genrule(
        name = name + "_gen",
        srcs = srcs + ["@googleapis//:protos"],
        outs = outs,
        cmd = _PROTOC + "--cpp_out=$(GENDIR)/proto " + " ".join(["$(location %s)" % s for s in srcs]),
    )
    native.cc_library(
        name = name,
        srcs = [o for o in outs if o.endswith(".cc")],
        hdrs = [o for o in outs if o.endswith(".h")],
        copts = ["-w"],
        deps = deps + ["//third_party/system:protobuf", "@googleapis//:rpc"],
        **kwargs
    )

def cc_grpc_library(name, srcs, imports = [], deps = [], **kwargs):
    """Services: messages, stubs and service base classes. `imports`: .proto files of `deps`."""
    outs = [s[:-6] + e for s in srcs for e in [".pb.h", ".pb.cc", ".grpc.pb.h", ".grpc.pb.cc"]]
    native.genrule(
        name = name + "_gen",
        srcs = srcs + imports + ["@googleapis//:protos"],
        outs = outs,
        cmd = _PROTOC + "--cpp_out=$(GENDIR)/proto --grpc_out=$(GENDIR)/proto " +
              "--plugin=protoc-gen-grpc=/usr/bin/grpc_cpp_plugin " +
              " ".join(["$(location %s)" % s for s in srcs]),
    )
    native.cc_library(
        name = name,
        srcs = [o for o in outs if o.endswith(".cc")],
        hdrs = [o for o in outs if o.endswith(".h")],
        copts = ["-w"],
        deps = deps + ["//third_party/system:grpc", "@googleapis//:rpc"],
        **kwargs
    )
