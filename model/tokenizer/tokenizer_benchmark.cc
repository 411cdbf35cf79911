// SPDX-License-Identifier: Apache-2.0
// Encodes and decodes the shipped slice of GSM8K with GPT-2's vocabulary, one thread, and prints MB/s. With a tokenizer
// folder and a JSON array of texts it is our side of tools/benchmark_tokenizer.py: it prints a digest of its ids, then
// runs a round for each line "encode" or "decode" of its input and prints the round's CPU seconds.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/tokenizer/testing/gpt2_tokenizer.h"
#include "model/tokenizer/testing/id_digest.h"
#include "model/tokenizer/tokenizer.h"

namespace cohort::model {
namespace {

using nlohmann::json;

constexpr int kRounds = 9;

double CpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

struct Workload {
  std::unique_ptr<Tokenizer> tokenizer;
  std::vector<std::string> texts;
  std::vector<std::vector<int32_t>> ids;
  size_t num_bytes = 0;
};

void EncodeOnce(Workload* workload) {
  workload->ids.clear();
  for (const std::string& text : workload->texts) workload->ids.push_back(workload->tokenizer->Encode(text).value());
}

// False when a text does not come back.
bool DecodeOnce(const Workload& workload) {
  size_t num_bytes = 0;
  for (const auto& ids : workload.ids) num_bytes += workload.tokenizer->Decode(ids).value().size();
  return num_bytes == workload.num_bytes;
}

template <typename Round>
double Seconds(const Round& round) {
  const double start = CpuSeconds();
  round();
  return CpuSeconds() - start;
}

void Answer(Workload* workload) {
  IdDigest digest;
  for (const auto& ids : workload->ids) digest.Add(ids);
  std::printf("%s\n", digest.Hex().c_str());
  std::fflush(stdout);
  for (std::string what; std::getline(std::cin, what);) {
    const double seconds =
        what == "encode" ? Seconds([&] { EncodeOnce(workload); }) : Seconds([&] { DecodeOnce(*workload); });
    std::printf("%.9f\n", seconds);
    std::fflush(stdout);
  }
}

void PrintMedians(Workload* workload) {
  std::vector<double> encode, decode;
  for (int i = 0; i < kRounds; ++i) {
    encode.push_back(Seconds([&] { EncodeOnce(workload); }));
    decode.push_back(Seconds([&] { DecodeOnce(*workload); }));
  }
  const double megabytes = 1e-6 * static_cast<double>(workload->num_bytes);
  for (auto* seconds : {&encode, &decode}) {
    std::sort(seconds->begin(), seconds->end());
    std::printf("%s %.1f MB/s (median of %d rounds over %.2f MB)\n", seconds == &encode ? "encode" : "decode",
                megabytes / (*seconds)[kRounds / 2], kRounds, megabytes);
  }
}

int Fail(const std::string& why) {
  std::fprintf(stderr, "tokenizer_benchmark: %s\n", why.c_str());
  return 1;
}

int Run(int argc, char** argv) {
  const bool answers = argc == 3;
  Workload workload;
  std::string folder = std::filesystem::temp_directory_path() / "tokenizer_benchmark.XXXXXX";
  if (!answers && mkdtemp(folder.data()) == nullptr) return Fail("no temporary folder");
  auto tokenizer = answers ? Tokenizer::Load(argv[1]) : LoadGpt2Tokenizer(folder);
  if (!answers) std::filesystem::remove_all(folder);
  if (!tokenizer.ok()) return Fail(tokenizer.status().ToString());
  workload.tokenizer = *std::move(tokenizer);
  if (answers) {
    workload.texts = json::parse(std::ifstream(argv[2])).get<std::vector<std::string>>();
  } else {
    std::ifstream rows("examples/gsm8k/train_100.jsonl");
    for (std::string row; std::getline(rows, row);) {
      const json fields = json::parse(row);
      for (const char* key : {"question", "answer"}) workload.texts.push_back(fields[key].get<std::string>());
    }
  }
  for (const std::string& text : workload.texts) workload.num_bytes += text.size();
  EncodeOnce(&workload);
  if (workload.texts.empty() || !DecodeOnce(workload)) return Fail("the texts do not come back from their ids");
  if (answers) {
    Answer(&workload);
  } else {
    PrintMedians(&workload);
  }
  return 0;
}

}  // namespace
}  // namespace cohort::model

int main(int argc, char** argv) { return cohort::model::Run(argc, argv); }
