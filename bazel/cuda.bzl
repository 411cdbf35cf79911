def _toolkit_impl(ctx):
    root = ctx.os.environ.get("CUDA_HOME", "/usr/local/cuda")
    if not ctx.path(root + "/bin/nvcc").exists:
        fail("no nvcc in %s: --config=cuda needs the CUDA toolkit (set CUDA_HOME)" % root)
    ctx.symlink(root + "/include", "include")
    ctx.file("nvcc", "#!/bin/sh\nexec %s/bin/nvcc \"$@\"\n" % root, executable = True)
    ctx.file("BUILD", """
package(default_visibility = ["//visibility:public"])
cc_library(name = "headers", includes = ["include"], hdrs = glob(["include/**"], exclude = ["include/cccl/**"]))
# The runtime for programs without torch; those with it take the wheel's.
cc_library(name = "cudart", linkopts = ["-L%s/lib64", "-lcudart_static", "-ldl", "-lrt", "-lpthread"], deps = [":headers"])
exports_files(["nvcc"])""" % root)
cuda_toolkit_repository = repository_rule(_toolkit_impl, environ = ["CUDA_HOME"], local = True)
def _objects_impl(ctx):
    outs = []
    cc = cc_common.merge_cc_infos(cc_infos = [d[CcInfo] for d in ctx.attr.deps]).compilation_context
    for src in ctx.files.srcs:
        out = ctx.actions.declare_file(ctx.label.name + "/" + src.basename[:-3] + ".pic.o")
        args = ctx.actions.args()
        args.add_all(["-std=c++20", "-O3", "-Xcompiler", "-fPIC", "--expt-relaxed-constexpr"])
        args.add_all(["80,code=sm_80", "90,code=sm_90", "90,code=compute_90"], format_each = "-gencode=arch=compute_%s")
        args.add_all(cc.defines, before_each = "-D")
        args.add_all([".", ctx.bin_dir.path], before_each = "-I")
        args.add_all(depset(transitive = [cc.quote_includes, cc.includes]), before_each = "-I")
        args.add_all(cc.system_includes, before_each = "-isystem")
        args.add_all(["-c", src, "-o", out])
        ctx.actions.run(executable = ctx.file.nvcc, arguments = [args], outputs = [out], mnemonic = "CudaCompile",
                        inputs = depset(ctx.files.srcs + ctx.files.hdrs, transitive = [cc.headers]),
                        env = {"PATH": "/usr/local/bin:/usr/bin:/bin"})
        outs.append(out)
    return [DefaultInfo(files = depset(outs))]
_cuda_objects = rule(_objects_impl, attrs = {
    "srcs": attr.label_list(allow_files = [".cu"]), "hdrs": attr.label_list(allow_files = True),
    "deps": attr.label_list(providers = [CcInfo]), "nvcc": attr.label(allow_single_file = True)})
ONLY_CUDA = select({"//bazel:cuda_enabled": [], "//conditions:default": ["@platforms//:incompatible"]})

# What LibTorch's CUDA headers want to be told. Of the sources that include one alone: as a define of a dependency it
# would compile everything above it once more.
TORCH_CUDA_DEFINES = select({"//bazel:cuda_enabled": ["USE_CUDA", "USE_C10D_NCCL"], "//conditions:default": []})
def if_cuda(labels):  # behind select, or the default configuration would fetch @local_cuda
    return select({"//bazel:cuda_enabled": labels, "//conditions:default": []})
def cuda_library(name, srcs, hdrs = [], deps = [], **kwargs):
    _cuda_objects(name = name + "_objects", srcs = srcs, hdrs = hdrs, deps = if_cuda(deps), target_compatible_with = ONLY_CUDA,
                  nvcc = select({"//bazel:cuda_enabled": "@local_cuda//:nvcc", "//conditions:default": None}))
    native.cc_library(name = name, srcs = [name + "_objects"], hdrs = hdrs, deps = if_cuda(deps),
                      target_compatible_with = ONLY_CUDA, **kwargs)
