_BUILD = """
load("@cohort//bazel:libtorch.bzl", "missing_library")
package(default_visibility = ["//visibility:public"])
cc_library(
    name = "headers",
    hdrs = glob(["include/**/*.h", "include/**/*.hpp", "include/**/*.cuh"]),
    includes = ["include", "include/torch/csrc/api/include"],
    defines = ["_GLIBCXX_USE_CXX11_ABI=1", "USE_DISTRIBUTED", "USE_C10D_GLOO"],
)
cc_library(
    name = "torch_cpu",
    srcs = ["stamp.cc"],
    linkopts = ["-L{torch}/lib", "-Wl,--disable-new-dtags,-rpath,{torch}/lib,-rpath-link,{cu13}",
                "-Wl,--push-state,--no-as-needed", "-ltorch_cpu", "-lc10", "-Wl,--pop-state"],
    deps = [":headers"],
)
"""
_CUDA = """
cc_library(
    name = "torch_cuda",
    hdrs = glob(["nccl/**/*.h"]),
    includes = ["nccl"],
    linkopts = ["-Wl,-rpath-link,{all}", "-L{cu13}", "-Wl,-rpath,{cu13}", "-l:libcudart.so.13",
                "-Wl,--push-state,--no-as-needed", "-ltorch_cuda", "-lc10_cuda", "-Wl,--pop-state"],
    deps = [":torch_cpu", "@local_cuda//:headers"],
)
"""
_MISSING = 'missing_library(name = "torch_cuda", message = "--config=cuda needs the nvidia-* wheels in {root}: tools/setup.sh --cuda")'
def _missing_impl(ctx):
    fail(ctx.attr.message)
missing_library = rule(_missing_impl, provides = [CcInfo], attrs = {"message": attr.string()})
def _impl(ctx):
    root = ctx.os.environ.get("COHORT_SITE_PACKAGES", "") or ctx.os.environ["HOME"] + "/.cache/cohort/libtorch-2.11.0"
    torch = ctx.path(root + "/torch")
    if not ctx.path(root + "/torch/lib/libtorch_cpu.so").exists:
        fail("no torch wheel in %s: run tools/setup.sh or set COHORT_SITE_PACKAGES" % root)
    version = ctx.read(root + "/torch/version.py")
    if "'2.11.0" not in version:
        fail("torch in %s is not 2.11.0" % root)
    for tree in ["ATen", "c10", "torch", "caffe2"]:  # not google/, fmt/, pybind11/
        ctx.symlink(root + "/torch/include/" + tree, "include/" + tree)
    ctx.file("stamp.cc", "extern const char kLibtorch[];\nconst char kLibtorch[] = R\"(%s)\";\n" % version)
    libs = ["%s/nvidia/%s/lib" % (root, p) for p in ["cu13", "nccl", "cudnn", "nvshmem", "cusparselt"]]
    cuda = _CUDA if all([ctx.path(p).exists for p in libs]) else _MISSING
    if cuda == _CUDA:
        ctx.symlink(root + "/nvidia/nccl/include", "nccl")
    ctx.file("BUILD", (_BUILD + cuda).format(torch = torch, cu13 = libs[0], all = ":".join(libs), root = root))
libtorch_repository = repository_rule(_impl, environ = ["COHORT_SITE_PACKAGES", "HOME"], local = True)
