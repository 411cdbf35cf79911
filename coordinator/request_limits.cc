// SPDX-License-Identifier: Apache-2.0
#include "coordinator/request_limits.h"

#include <google/protobuf/descriptor.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"

namespace cohort::coordinator {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr size_t kMaxTextBytes = 64 << 10;
constexpr int kMaxItems = 1000;
constexpr size_t kMaxShownBytes = 64;

template <typename Limit>
struct FieldLimit {
  std::string_view field;  // its name in whatever message
  Limit most;
};

constexpr FieldLimit<size_t> kTextLimits[] = {
    {"worker_id", 256},    {"learner_id", 256},
    {"device", 64},        {"processor", 1024},
    {"http_address", 512}, {"store_address", 512},
    {"address", 512},      {"weight_service_address", 512},
    {"path", 4096},        {"catalogue_path", 4096},
    {"job", 256},          {"working_directory", 4096},
    {"name", 256},         {"parent", 256},
    {"job_id", 256},       {"request_id", 256},
    {"page_token", 4096},  {"key", 256},
    {"etag", 256},         {"from_job", 256},
};
constexpr FieldLimit<int> kItemLimits[] = {{"leases", 65536}, {"labels", 64}};
constexpr size_t kMaxLabelNameBytes = 63;
constexpr size_t kMaxLabelValueBytes = 255;

template <typename Limit, size_t kSize>
Limit LimitOf(const FieldLimit<Limit> (&limits)[kSize], const FieldDescriptor& field, Limit otherwise) {
  for (const FieldLimit<Limit>& limit : limits) {
    if (limit.field == field.name()) return limit.most;
  }
  return otherwise;
}

absl::Status CheckText(const std::string& path, const std::string& text, size_t most) {
  if (text.size() <= most) return absl::OkStatus();
  return common::InvalidField(path, text.substr(0, kMaxShownBytes),
                              absl::StrCat("must be at most ", most, " bytes, not ", text.size()));
}

absl::Status CheckMessage(const std::string& prefix, const Message& message, bool is_label);

absl::Status CheckItems(const std::string& path, const Message& message, const FieldDescriptor& field) {
  const int num_items = message.GetReflection()->FieldSize(message, &field);
  const int most = LimitOf(kItemLimits, field, kMaxItems);
  if (num_items <= most) return absl::OkStatus();
  return common::InvalidField(path, absl::StrCat(num_items), absl::StrCat("must have at most ", most, " items"));
}

absl::Status CheckRepeated(const std::string& path, const Message& message, const FieldDescriptor& field) {
  const auto* const reflection = message.GetReflection();
  COHORT_RETURN_IF_ERROR(CheckItems(path, message, field));
  for (int i = 0; i < reflection->FieldSize(message, &field); ++i) {
    const std::string item = absl::StrCat(path, "[", i, "]");
    if (field.type() == FieldDescriptor::TYPE_STRING) {
      std::string scratch;
      COHORT_RETURN_IF_ERROR(CheckText(item, reflection->GetRepeatedStringReference(message, &field, i, &scratch),
                                       LimitOf(kTextLimits, field, kMaxTextBytes)));
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      const bool is_label = field.is_map() && field.name() == "labels";
      COHORT_RETURN_IF_ERROR(CheckMessage(item + ".", reflection->GetRepeatedMessage(message, &field, i), is_label));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckMessage(const std::string& prefix, const Message& message, bool is_label) {
  const auto* const reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const std::string path = prefix + field->name();
    if (field->is_repeated()) {
      COHORT_RETURN_IF_ERROR(CheckRepeated(path, message, *field));
    } else if (field->type() == FieldDescriptor::TYPE_STRING) {
      size_t most = LimitOf(kTextLimits, *field, kMaxTextBytes);
      if (is_label) most = field->number() == 1 ? kMaxLabelNameBytes : kMaxLabelValueBytes;
      std::string scratch;
      COHORT_RETURN_IF_ERROR(CheckText(path, reflection->GetStringReference(message, field, &scratch), most));
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      COHORT_RETURN_IF_ERROR(CheckMessage(path + ".", reflection->GetMessage(message, field), /*is_label=*/false));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckRequestLimits(const Message& request) { return CheckMessage("", request, /*is_label=*/false); }

}  // namespace cohort::coordinator
