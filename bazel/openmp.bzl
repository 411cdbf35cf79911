"""For sources that call at::parallel_for: compiled without OpenMP it is a plain loop."""

OPENMP_COPTS = ["-fopenmp"]

# LibTorch's copy of the runtime is the one in use.
OPENMP_LINKOPTS = ["-l:libgomp.so.1"]
