// SPDX-License-Identifier: Apache-2.0
#include "model/weights/safetensors_header.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "model/strict_json.h"

namespace cohort::model {
namespace {

using nlohmann::json;

struct DtypeBytes {
  std::string_view name;
  int64_t bytes;
};
constexpr std::array<DtypeBytes, 15> kDtypes = {{{"BOOL", 1},
                                                 {"U8", 1},
                                                 {"I8", 1},
                                                 {"F8_E5M2", 1},
                                                 {"F8_E4M3", 1},
                                                 {"I16", 2},
                                                 {"U16", 2},
                                                 {"F16", 2},
                                                 {"BF16", 2},
                                                 {"I32", 4},
                                                 {"U32", 4},
                                                 {"F32", 4},
                                                 {"F64", 8},
                                                 {"I64", 8},
                                                 {"U64", 8}}};

// Names in messages come from the file: cut and made printable.
std::string Shown(const std::string& name) { return common::Printable(name, /*max_bytes=*/200); }

absl::Status Bad(std::string_view file, const std::string& tensor, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat(std::string(file), ": tensor ", Shown(tensor), ": ", why));
}

// An array of integers from 0 to 2^62, which leaves room for sums.
bool ReadCounts(const json& value, std::vector<int64_t>* counts) {
  if (!value.is_array()) return false;
  for (const json& element : value) {
    if (!element.is_number_unsigned() || element.get<uint64_t>() > (uint64_t{1} << 62)) return false;
    counts->push_back(element.get<int64_t>());
  }
  return true;
}

absl::StatusOr<SafetensorsEntry> ReadEntry(const std::string& name, const json& fields, std::string_view file) {
  if (!fields.is_object()) return Bad(file, name, "its header entry is not an object");
  for (const auto& [key, unused] : fields.items()) {
    if (key != "dtype" && key != "shape" && key != "data_offsets") {
      return Bad(file, name, absl::StrCat("unknown header key (", Shown(key), ")"));
    }
  }
  SafetensorsEntry entry;
  entry.name = name;
  const auto dtype = fields.find("dtype");
  if (dtype == fields.end() || !dtype->is_string()) return Bad(file, name, "dtype is missing or not a string");
  entry.dtype = dtype->get<std::string>();
  if (SafetensorsDtypeBytes(entry.dtype) == 0) {
    return Bad(file, name, absl::StrCat("unknown dtype (", common::Printable(entry.dtype, /*max_bytes=*/40), ")"));
  }
  const auto shape = fields.find("shape");
  if (shape == fields.end() || !ReadCounts(*shape, &entry.shape)) {
    return Bad(file, name, "shape is missing or not an array of sizes");
  }
  std::vector<int64_t> offsets;
  const auto range = fields.find("data_offsets");
  if (range == fields.end() || !ReadCounts(*range, &offsets) || offsets.size() != 2 || offsets[0] > offsets[1]) {
    return Bad(file, name, "data_offsets is missing or not two rising offsets");
  }
  entry.offset_bytes = offsets[0];
  entry.size_bytes = offsets[1] - offsets[0];
  const int64_t expected = TensorSizeBytes(entry.dtype, entry.shape);
  if (expected != entry.size_bytes) {
    return Bad(file, name,
               absl::StrCat("data_offsets span ", entry.size_bytes, " bytes, dtype and shape need ", expected));
  }
  return entry;
}

absl::Status CheckCoverage(const std::vector<SafetensorsEntry>& entries, int64_t data_bytes, std::string_view file) {
  int64_t end = 0;
  for (const SafetensorsEntry& entry : entries) {
    if (entry.offset_bytes != end) {
      return Bad(file, entry.name,
                 absl::StrCat(entry.offset_bytes < end ? "overlaps the tensor before it" : "a hole lies before it",
                              " (starts at ", entry.offset_bytes, ", expected ", end, ")"));
    }
    end += entry.size_bytes;
    if (end > data_bytes) {
      return absl::DataLossError(absl::StrCat(std::string(file), ": tensor ", Shown(entry.name),
                                              ": the file is truncated (needs ", end, " data bytes, has ", data_bytes,
                                              ")"));
    }
  }
  if (end != data_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(file), ": ", data_bytes - end, " bytes follow the last tensor"));
  }
  return absl::OkStatus();
}

}  // namespace

int64_t SafetensorsDtypeBytes(std::string_view dtype) {
  for (const DtypeBytes& known : kDtypes) {
    if (known.name == dtype) return known.bytes;
  }
  return 0;
}

int64_t TensorSizeBytes(std::string_view dtype, const std::vector<int64_t>& shape) {
  int64_t size = SafetensorsDtypeBytes(dtype);
  if (size == 0) return -1;
  for (const int64_t dim : shape) {
    if (dim < 0 || __builtin_mul_overflow(size, dim, &size)) return -1;
  }
  return size;
}

absl::StatusOr<std::vector<SafetensorsEntry>> ParseSafetensorsHeader(std::string_view header, int64_t data_bytes,
                                                                     std::string_view file) {
  COHORT_ASSIGN_OR_RETURN(const json document, ParseJsonObject(header, file));
  std::vector<SafetensorsEntry> entries;
  for (const auto& [name, fields] : document.items()) {
    if (name == "__metadata__") {
      bool strings = fields.is_object();
      for (const json& value : fields) strings = strings && value.is_string();
      if (!strings) {
        return absl::InvalidArgumentError(absl::StrCat(std::string(file), ": __metadata__: not an object of strings"));
      }
      continue;
    }
    COHORT_ASSIGN_OR_RETURN(SafetensorsEntry entry, ReadEntry(name, fields, file));
    entries.push_back(std::move(entry));
  }
  std::sort(entries.begin(), entries.end(), [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
    return std::pair(a.offset_bytes, a.size_bytes) < std::pair(b.offset_bytes, b.size_bytes);
  });
  COHORT_RETURN_IF_ERROR(CheckCoverage(entries, data_bytes, file));
  return entries;
}

std::string EncodeSafetensorsHeader(const std::vector<SafetensorsEntry>& entries) {
  // Ordered, so that a reader of the header sees the file's order. transformers asks for the format.
  nlohmann::ordered_json document;
  document["__metadata__"] = {{"format", "pt"}};
  int64_t offset = 0;
  for (const SafetensorsEntry& entry : entries) {
    document[entry.name] = {
        {"dtype", entry.dtype}, {"shape", entry.shape}, {"data_offsets", {offset, offset + entry.size_bytes}}};
    offset += entry.size_bytes;
  }
  std::string text = document.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  std::string encoded;
  for (int byte = 0; byte < 8; ++byte) encoded.push_back(static_cast<char>(text.size() >> (8 * byte)));
  return encoded + text;
}

}  // namespace cohort::model
