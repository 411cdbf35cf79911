// SPDX-License-Identifier: Apache-2.0
// Loading a checkpoint of several shards from the page cache into fresh memory, against copying as many bytes with
// memcpy and against mapping the files. Rates are bytes of the destination a second, fp32 whatever is stored; the first
// argument is the number of threads. `peak_over_model`: the most memory that the process had, less what it had before,
// over the model's fp32 bytes. COHORT_BENCHMARK_BYTES sets the size of the model (fp32), 1 GB by default.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/testing/temp_dir.h"
#include "kernels/normal_draw.h"
#include "model/architectures/parameter_spec.h"
#include "model/weights/piece_threads.h"
#include "model/weights/random_weights.h"
#include "model/weights/tensor_loader.h"
#include "model/weights/weight_files.h"

namespace cohort::model {
namespace {

constexpr int64_t kShardBytes = 300'000'000;

int64_t ModelBytes() {
  const char* text = std::getenv("COHORT_BENCHMARK_BYTES");
  return text == nullptr ? 1'000'000'000 : std::atoll(text);
}

// Tensors as a small model has them: an embedding of a third, then squares.
std::vector<ParameterSpec> Parameters() {
  const int64_t num_elements = ModelBytes() / 4;
  std::vector<ParameterSpec> parameters = {{"embedding", {num_elements / 3 / 1024, 1024}}};
  const int64_t side_squared = 2048 * 2048;
  for (int64_t left = num_elements * 2 / 3; left > 0; left -= side_squared) {
    parameters.push_back({"matrix." + std::to_string(left), {2048, 2048}});
  }
  return parameters;
}

// One folder for each dtype, made when it is first asked for and kept to the end.
const std::string& Folder(const std::string& dtype) {
  static auto& folders = *new std::map<std::string, std::unique_ptr<common::TempDir>>();
  static const bool removes_at_exit = std::atexit([] { folders.clear(); }) == 0;
  benchmark::DoNotOptimize(removes_at_exit);
  std::unique_ptr<common::TempDir>& folder = folders[dtype];
  if (folder == nullptr) {
    folder = std::make_unique<common::TempDir>();
    const absl::Status status =
        WriteRandomWeights(folder->path(), Parameters(), 0.02, 1, {.dtype = dtype, .max_shard_bytes = kShardBytes});
    if (!status.ok()) std::abort();
  }
  return folder->path();
}

// The median of five: others use the machine too.
void FiveTimes(benchmark::internal::Benchmark* benchmark) {
  benchmark->UseRealTime()->Unit(benchmark::kMillisecond)->Repetitions(5)->DisplayAggregatesOnly(true);
}

// A line of /proc/self/status in bytes.
int64_t StatusBytes(const std::string& key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(key, 0) == 0) return 1024 * std::atoll(line.c_str() + key.size() + 1);
  }
  return 0;
}

void ResetPeak() { std::ofstream("/proc/self/clear_refs") << 5; }

// Memory that nothing has touched, as a new tensor's is.
class FreshMemory final {
 public:
  explicit FreshMemory(int64_t bytes)
      : bytes_(static_cast<size_t>(bytes)),
        memory_(mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {}
  ~FreshMemory() { munmap(memory_, bytes_); }
  FreshMemory(const FreshMemory&) = delete;
  FreshMemory& operator=(const FreshMemory&) = delete;
  char* get() const { return static_cast<char*>(memory_); }

 private:
  size_t bytes_;
  void* memory_;
};

void Report(benchmark::State& state, int64_t bytes_before) {
  state.SetBytesProcessed(state.iterations() * ModelBytes());
  state.counters["peak_over_model"] =
      static_cast<double>(StatusBytes("VmHWM") - bytes_before) / static_cast<double>(ModelBytes());
}

// `load` (files, destinations) into fresh memory, timed; opening and checking the files is part of it.
template <typename Load>
void RunLoad(benchmark::State& state, const std::string& dtype, const Load& load) {
  const std::string& folder = Folder(dtype);
  const std::vector<ParameterSpec> parameters = Parameters();
  ResetPeak();
  const int64_t bytes_before = StatusBytes("VmRSS");
  for (auto _ : state) {
    state.PauseTiming();
    auto memory = std::make_unique<FreshMemory>(ModelBytes() + (int64_t{64} << 20));
    std::vector<TensorDestination> destinations;
    float* next = reinterpret_cast<float*>(memory->get());
    for (const ParameterSpec& parameter : parameters) {
      destinations.push_back({parameter.name, next});
      next += parameter.NumElements();
    }
    state.ResumeTiming();
    const auto files = WeightFiles::Open(folder);
    if (!files.ok() || !files->Check(parameters, false).ok() || !load(*files, destinations)) std::abort();
    state.PauseTiming();
    memory.reset();
    state.ResumeTiming();
  }
  Report(state, bytes_before);
}

void LoadF32(benchmark::State& state) {
  RunLoad(state, "F32", [&](const WeightFiles& files, const auto& destinations) {
    return LoadTensors(files, destinations, static_cast<int>(state.range(0))).ok();
  });
}

void LoadBf16(benchmark::State& state) {
  RunLoad(state, "BF16", [&](const WeightFiles& files, const auto& destinations) {
    return LoadTensors(files, destinations, static_cast<int>(state.range(0))).ok();
  });
}

// The alternative that ADR 6 turns down: F32 files mapped, tensors copied from the mapping, on as many threads.
void LoadF32Mapped(benchmark::State& state) {
  RunLoad(state, "F32", [&](const WeightFiles& files, const auto& destinations) {
    return ForEachPiece(static_cast<int64_t>(destinations.size()), static_cast<int>(state.range(0)),
                        [&](int64_t i) -> absl::Status {
                          const TensorDestination& destination = destinations[static_cast<size_t>(i)];
                          const WeightFiles::Tensor& tensor = files.Get(destination.name);
                          const int fd = open(tensor.file->path().c_str(), O_RDONLY | O_CLOEXEC);
                          const auto file_bytes = static_cast<size_t>(tensor.file->size_bytes());
                          void* mapped = mmap(nullptr, file_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
                          close(fd);
                          if (mapped == MAP_FAILED) return absl::InternalError("mmap");
                          // Where the data begin does not matter to the time.
                          std::memcpy(destination.values, static_cast<char*>(mapped) + tensor.entry->offset_bytes,
                                      static_cast<size_t>(tensor.entry->size_bytes));
                          munmap(mapped, file_bytes);
                          return absl::OkStatus();
                        })
        .ok();
  });
}

// The bound: as many bytes from memory into memory that nothing has touched.
void Memcpy(benchmark::State& state) {
  constexpr int64_t kPieceBytes = 4 << 20;
  const std::vector<char> source(kPieceBytes * 64, 1);  // larger than the caches of a core
  ResetPeak();
  const int64_t bytes_before = StatusBytes("VmRSS");
  for (auto _ : state) {
    state.PauseTiming();
    auto memory = std::make_unique<FreshMemory>(ModelBytes() + kPieceBytes);
    state.ResumeTiming();
    const int64_t num_pieces = ModelBytes() / kPieceBytes;
    ForEachPiece(num_pieces, static_cast<int>(state.range(0)), [&](int64_t piece) {
      std::memcpy(memory->get() + piece * kPieceBytes, source.data() + piece % 64 * kPieceBytes, kPieceBytes);
      return absl::OkStatus();
    }).IgnoreError();
    benchmark::DoNotOptimize(memory->get());
    state.PauseTiming();
    memory.reset();
    state.ResumeTiming();
  }
  Report(state, bytes_before);
}

// What WriteRandomWeights computes, without writing it: fp32 bytes a second.
void DrawRandom(benchmark::State& state) {
  constexpr int64_t kPieceElements = 1 << 15, kPieces = 1024;
  std::vector<float> values(kPieceElements * kPieces);
  for (auto _ : state) {
    ForEachPiece(kPieces, static_cast<int>(state.range(0)), [&](int64_t piece) {
      const int64_t first = piece * kPieceElements;
      kernels::DrawNormal({.seed = 1, .scale = 0.02}, first, kPieceElements, values.data() + first);
      return absl::OkStatus();
    }).IgnoreError();
    benchmark::DoNotOptimize(values.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(4 * values.size()));
}

// Bytes written a second: random numbers, and the disk with its fsync.
void WriteRandom(benchmark::State& state) {
  const WeightFormat format = {.dtype = state.range(0) == 4 ? "F32" : "BF16", .max_shard_bytes = kShardBytes};
  for (auto _ : state) {
    const common::TempDir folder;
    if (!WriteRandomWeights(folder.path(), Parameters(), 0.02, 1, format).ok()) std::abort();
  }
  state.SetBytesProcessed(state.iterations() * WeightBytes(Parameters(), format));
}

BENCHMARK(Memcpy)->Arg(1)->Arg(2)->Apply(FiveTimes);
BENCHMARK(LoadF32)->Arg(1)->Arg(2)->Apply(FiveTimes);
BENCHMARK(LoadBf16)->Arg(1)->Arg(2)->Apply(FiveTimes);
BENCHMARK(LoadF32Mapped)->Arg(1)->Arg(2)->Apply(FiveTimes);
BENCHMARK(DrawRandom)->Arg(1)->Arg(2)->Apply(FiveTimes);
BENCHMARK(WriteRandom)->Arg(4)->Arg(2)->Iterations(1)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace cohort::model

BENCHMARK_MAIN();
