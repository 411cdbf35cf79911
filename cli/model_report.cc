// SPDX-License-Identifier: Apache-2.0
#include "cli/model_report.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "model/learner_load.h"
#include "model/precision.h"
#include "objective/job_context.h"
#include "objective/objective_resolution.h"

namespace cohort::cli {
namespace {

using Json = nlohmann::ordered_json;
using Rows = std::vector<std::vector<std::string>>;

absl::Status CheckRange(const char* field, int64_t value, int64_t most) {
  if (value >= 0 && value <= most) return absl::OkStatus();
  return common::InvalidField(field, absl::StrCat(value), absl::StrCat("must be from 0 to ", most));
}

// What this report multiplies; a submit checks the rest.
absl::Status CheckNumbers(const cohort::v1::JobSpec& spec, const model::ModelConfig& config) {
  const cohort::v1::TrainingSpec& training = spec.training();
  COHORT_RETURN_IF_ERROR(CheckRange("training.world_size", training.world_size(), 1 << 20));
  COHORT_RETURN_IF_ERROR(
      CheckRange("training.max_sequence_tokens", training.max_sequence_tokens(), config.max_position_embeddings));
  COHORT_RETURN_IF_ERROR(
      CheckRange("training.max_tokens_per_microbatch", training.max_tokens_per_microbatch(), 1 << 30));
  COHORT_RETURN_IF_ERROR(CheckRange("training.updates_per_step", training.updates_per_step(), INT32_MAX));
  COHORT_RETURN_IF_ERROR(CheckRange("sft.sequences_per_step", spec.sft().sequences_per_step(), 1 << 30));
  COHORT_RETURN_IF_ERROR(CheckRange("rlvr.rollout.groups_per_step", spec.rlvr().rollout().groups_per_step(), 1 << 30));
  COHORT_RETURN_IF_ERROR(CheckRange("rlvr.rollout.group_size", spec.rlvr().rollout().group_size(), 1 << 12));
  COHORT_RETURN_IF_ERROR(CheckRange("rlvr.rollout.max_lag", spec.rlvr().rollout().max_lag(), 1 << 6));
  return CheckRange("rlvr.rollout.fixed_lag", spec.rlvr().rollout().fixed_lag(), 1 << 6);
}

absl::StatusOr<model::LearnerLoad> LoadOf(const cohort::v1::JobSpec& spec) {
  cohort::v1::JobSpec job = spec;
  auto resolved = objective::ResolveObjective(spec.objective(), objective::ContextOfJob(spec));
  if (!resolved.ok()) return common::PrefixField(resolved.status(), "objective");
  *job.mutable_objective() = *std::move(resolved);
  // 0 where the file does not say: the budget of a microbatch counts alone.
  return model::LearnerLoadOf(job, spec.training().max_sequence_tokens());
}

// "2.22 GiB"; a billion is easier to compare than ten digits.
std::string SizeText(int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (value >= 1 << 30) return absl::StrFormat("%.2f GiB", value / (1 << 30));
  if (value >= 1 << 20) return absl::StrFormat("%.2f MiB", value / (1 << 20));
  if (value >= 1 << 10) return absl::StrFormat("%.2f KiB", value / (1 << 10));
  return absl::StrCat(bytes, " B");
}

const char* PrecisionName(model::Precision precision) { return precision == model::Precision::kBf16 ? "bf16" : "fp32"; }

void AddBytes(const std::string& what, int64_t bytes, Rows* rows) {
  rows->push_back({"  " + what, absl::StrCat(bytes), SizeText(bytes)});
}

void AddParameterRows(const ModelReport& report, Rows* rows) {
  const model::ParameterCounts& counts = report.counts;
  rows->push_back({"PARAMETERS", absl::StrCat(counts.total)});
  rows->push_back({"  embedding", absl::StrCat(counts.embedding)});
  rows->push_back({"  output head", absl::StrCat(counts.output_head)});
  if (counts.output_head == 0) rows->back().push_back("tied to the embedding");
  rows->push_back(
      {absl::StrCat("  each of ", report.summary.config.num_layers, " layers"), absl::StrCat(counts.per_layer)});
  rows->push_back({"  other", absl::StrCat(counts.other)});
}

void AddFileRows(const ModelReport& report, Rows* rows) {
  int64_t total_bytes = 0;
  for (const model::WeightFileSize& file : report.summary.files) total_bytes += file.size_bytes;
  rows->push_back({"ON DISK", absl::StrCat(total_bytes), SizeText(total_bytes)});
  for (const auto& [dtype, bytes] : report.summary.weight_bytes_by_dtype) AddBytes("as " + dtype, bytes, rows);
  for (const model::WeightFileSize& file : report.summary.files) AddBytes(file.name, file.size_bytes, rows);
}

void AddLearnerRows(const ModelReport& report, Rows* rows) {
  const model::LearnerMemory& memory = report.learner;
  rows->push_back({"LEARNER RANK", absl::StrCat(memory.total), SizeText(memory.total)});
  const int64_t shards = report.learner_load.optimizer_shards;
  const bool shards_layers = report.learner_load.shards_layers;
  const std::string share = shards_layers ? absl::StrCat(", layers: one of ", shards, " shards, and two whole") : "";
  AddBytes(absl::StrCat("weights, fp32", share), memory.weights, rows);
  AddBytes(absl::StrCat("gradients, fp32", share), memory.gradients, rows);
  AddBytes(shards > 1 ? absl::StrCat("AdamW moments, fp32, one of ", shards, " shards") : "AdamW moments, fp32",
           memory.optimizer, rows);
  const char* precision = PrecisionName(report.learner_load.precision);
  const char* reference_precision = shards_layers ? PrecisionName(model::Precision::kFp32) : precision;
  if (memory.reference > 0) AddBytes(absl::StrCat("reference policy, ", reference_precision), memory.reference, rows);
  AddBytes(absl::StrCat("activations of ", report.learner_load.microbatch_tokens, " tokens, ", precision),
           memory.activations, rows);
  AddBytes("backward pass: logits, gradients under way", memory.backward, rows);
  if (report.job.has_value() && report.job->world_size > 1) {
    const int64_t all_bytes = model::BoundedProduct(report.job->world_size, memory.total);
    AddBytes(absl::StrCat("all ", report.job->world_size, " ranks"), all_bytes, rows);
  }
  AddBytes(absl::StrCat("rank 0 besides: ", report.learner_load.held_versions, " versions in /dev/shm"),
           memory.published, rows);
  if (memory.snapshot > 0) AddBytes("on the host besides: copy of its part for checkpoints", memory.snapshot, rows);
  if (memory.gathered_optimizer > 0) {
    AddBytes("on the host besides: sharded state of its part for a checkpoint", memory.gathered_optimizer, rows);
  }
  if (memory.gathered_weights > 0) {
    AddBytes("rank 0 besides: weights of all ranks for a version", memory.gathered_weights, rows);
  }
}

void AddWorkerRows(const ModelReport& report, Rows* rows) {
  const model::WorkerMemory& memory = report.worker;
  const model::Precision precision = report.worker_load.precision;
  const int64_t kv_bytes = model::KvBytesPerToken(report.summary.config, precision);
  const int64_t context = report.summary.config.max_position_embeddings;
  rows->push_back({"ROLLOUT WORKER", absl::StrCat(memory.total), SizeText(memory.total)});
  AddBytes(absl::StrCat("weights, ", PrecisionName(precision), ", each of 2 versions"), memory.weights, rows);
  AddBytes(absl::StrCat("KV cache of ", report.worker_load.kv_cache_tokens, " tokens, each of 2 versions"),
           memory.kv_cache, rows);
  AddBytes(absl::StrCat("logits of ", report.worker_load.max_sequences, " sequences"), memory.logits, rows);
  AddBytes("buffer of a version that is fetched", memory.fetch_buffer, rows);
  rows->push_back({absl::StrCat("KV CACHE, ", PrecisionName(precision))});
  AddBytes("one token", kv_bytes, rows);
  AddBytes(absl::StrCat("the full context of ", context, " tokens"), model::BoundedProduct(context, kv_bytes), rows);
  if (report.job.has_value() && report.job->group_size > 0) {
    AddBytes(absl::StrCat("a group of ", report.job->group_size, " times ", report.job->sequence_tokens, " tokens"),
             model::BoundedProduct(report.job->group_size * report.job->sequence_tokens, kv_bytes), rows);
  }
}

Json LearnerJson(const ModelReport& report) {
  const model::LearnerMemory& memory = report.learner;
  return {{"world_size", report.job.has_value() ? report.job->world_size : 1},
          {"microbatch_tokens", report.learner_load.microbatch_tokens},
          {"weights_bytes", memory.weights},
          {"gradients_bytes", memory.gradients},
          {"optimizer_bytes", memory.optimizer},
          {"reference_bytes", memory.reference},
          {"activations_bytes", memory.activations},
          {"backward_bytes", memory.backward},
          {"total_bytes", memory.total},
          {"rank_0_shared_memory_bytes", memory.published},
          {"snapshot_bytes", memory.snapshot},
          {"gathered_optimizer_bytes", memory.gathered_optimizer},
          {"rank_0_gathered_weights_bytes", memory.gathered_weights}};
}

Json WorkerJson(const ModelReport& report) {
  const model::WorkerMemory& memory = report.worker;
  return {{"kv_cache_tokens", report.worker_load.kv_cache_tokens},
          {"max_sequences", report.worker_load.max_sequences},
          {"num_versions", 2},
          {"weights_bytes_per_version", memory.weights},
          {"kv_cache_bytes_per_version", memory.kv_cache},
          {"logits_bytes", memory.logits},
          {"fetch_buffer_bytes", memory.fetch_buffer},
          {"total_bytes", memory.total}};
}

Json ReportJson(const ModelReport& report) {
  const model::ModelConfig& config = report.summary.config;
  const int64_t kv_bytes = model::KvBytesPerToken(config, report.worker_load.precision);
  Json json = {{"directory", report.directory}, {"architecture", config.architecture}};
  json["parameters"] = {{"total", report.counts.total},
                        {"embedding", report.counts.embedding},
                        {"output_head", report.counts.output_head},
                        {"num_layers", config.num_layers},
                        {"per_layer", report.counts.per_layer},
                        {"other", report.counts.other}};
  json["precision"] = PrecisionName(report.learner_load.precision);
  json["weight_bytes_by_dtype"] = report.summary.weight_bytes_by_dtype;
  json["files"] = Json::array();
  for (const model::WeightFileSize& file : report.summary.files) {
    json["files"].push_back({{"name", file.name}, {"size_bytes", file.size_bytes}});
  }
  json["learner_rank"] = LearnerJson(report);
  json["rollout_worker"] = WorkerJson(report);
  json["kv_bytes_per_token"] = kv_bytes;
  json["context_tokens"] = config.max_position_embeddings;
  json["kv_bytes_of_full_context"] = model::BoundedProduct(kv_bytes, config.max_position_embeddings);
  if (report.job.has_value() && report.job->group_size > 0) {
    json["group_size"] = report.job->group_size;
    json["sequence_tokens"] = report.job->sequence_tokens;
    json["kv_bytes_of_group"] = model::BoundedProduct(report.job->group_size * report.job->sequence_tokens, kv_bytes);
  }
  return json;
}

}  // namespace

absl::StatusOr<ModelReport> MakeModelReport(const std::string& directory, model::ModelFolderSummary summary,
                                            const cohort::v1::JobSpec* spec, const model::WorkerLoad& worker_load) {
  ModelReport report;
  report.directory = directory;
  report.summary = std::move(summary);
  report.worker_load = worker_load;
  const model::ModelConfig& config = report.summary.config;
  const std::vector<model::ParameterSpec>& parameters = report.summary.parameters;
  if (spec != nullptr) {
    COHORT_RETURN_IF_ERROR(CheckNumbers(*spec, config));
    COHORT_ASSIGN_OR_RETURN(report.learner_load, LoadOf(*spec));
    report.worker_load.precision = report.learner_load.precision;
    const int64_t longest = spec->training().max_sequence_tokens();
    ModelReport::JobLoad job;
    job.world_size = std::max(1, spec->training().world_size());
    job.group_size = spec->rlvr().rollout().group_size();
    job.sequence_tokens = longest > 0 ? longest : config.max_position_embeddings;
    report.job = job;
  }
  report.counts = model::CountParameters(parameters, config.num_layers);
  report.learner = model::EstimateLearnerMemory(config, parameters, report.learner_load);
  report.worker = model::EstimateWorkerMemory(config, parameters, report.worker_load);
  return report;
}

std::string FormatModelReport(const ModelReport& report, OutputFormat format) {
  if (format == OutputFormat::kJson) return ReportJson(report).dump(2) + "\n";
  Rows rows;
  AddParameterRows(report, &rows);
  AddFileRows(report, &rows);
  AddLearnerRows(report, &rows);
  AddWorkerRows(report, &rows);
  return absl::StrCat(report.directory, ": ", report.summary.config.architecture, "\n", FormatTable(rows));
}

}  // namespace cohort::cli
