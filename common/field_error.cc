// SPDX-License-Identifier: Apache-2.0
#include "common/field_error.h"

#include <optional>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/utf8.h"
#include "google/rpc/error_details.pb.h"

namespace cohort::common {
namespace {

constexpr char kBadRequestUrl[] = "type.googleapis.com/google.rpc.BadRequest";
constexpr size_t kMaxValueBytes = 200;

void SetBadRequest(const google::rpc::BadRequest& bad_request, absl::Status* status) {
  status->SetPayload(kBadRequestUrl, absl::Cord(bad_request.SerializeAsString()));
}

std::optional<google::rpc::BadRequest> GetBadRequest(const absl::Status& status) {
  const auto payload = status.GetPayload(kBadRequestUrl);
  google::rpc::BadRequest bad_request;
  if (!payload.has_value() || !bad_request.ParseFromString(std::string(*payload))) return std::nullopt;
  return bad_request;
}

std::string JoinPath(std::string_view prefix, const std::string& field) {
  const bool joined = prefix.empty() || field.empty() || field[0] == '.' || field[0] == '[';
  return absl::StrCat(std::string(prefix), joined ? "" : ".", field);
}

absl::Status WithMessage(const absl::Status& status, const std::string& message) {
  absl::Status result(status.code(), message);
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) { result.SetPayload(url, payload); });
  return result;
}

}  // namespace

absl::Status InvalidField(std::string_view field, std::string_view value, std::string_view why) {
  const std::string sentence =
      value.empty() ? std::string(why) : absl::StrCat(std::string(why), " (", Printable(value, kMaxValueBytes), ")");
  const std::string path = Printable(field, kMaxValueBytes);
  google::rpc::BadRequest bad_request;
  auto* violation = bad_request.add_field_violations();
  violation->set_field(path);
  violation->set_description(sentence);
  absl::Status status = absl::InvalidArgumentError(absl::StrCat(path, ": ", sentence));
  SetBadRequest(bad_request, &status);
  return status;
}

absl::Status PrefixField(const absl::Status& status, std::string_view prefix) {
  if (status.ok() || prefix.empty()) return status;
  std::string message(status.message());
  auto bad_request = GetBadRequest(status);
  if (!bad_request.has_value() || bad_request->field_violations().empty()) {
    return WithMessage(status, absl::StrCat(std::string(prefix), ": ", message));
  }
  // The path may stand behind a file name and line.
  const std::string path = bad_request->field_violations(0).field();
  const size_t position = message.find(path + ": ");
  if (position == std::string::npos) {
    message = absl::StrCat(std::string(prefix), ": ", message);
  } else {
    message.replace(position, path.size(), JoinPath(prefix, path));
  }
  for (auto& violation : *bad_request->mutable_field_violations()) {
    violation.set_field(JoinPath(prefix, violation.field()));
  }
  absl::Status result = WithMessage(status, message);
  SetBadRequest(*bad_request, &result);
  return result;
}

absl::Status PrefixMessage(const absl::Status& status, std::string_view prefix) {
  if (status.ok()) return status;
  return WithMessage(status, absl::StrCat(std::string(prefix), ": ", std::string(status.message())));
}

}  // namespace cohort::common
