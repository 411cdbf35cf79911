// SPDX-License-Identifier: Apache-2.0
#include "cli/context_file.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/config/proto_to_yaml.h"
#include "common/config/yaml_to_proto.h"
#include "common/field_error.h"
#include "common/file_system.h"
#include "common/files.h"
#include "common/network_address.h"
#include "common/status_macros.h"

namespace cohort::cli {
namespace {

using cohort::v1::ClientContexts;

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

absl::Status CheckMode(const std::string& path) {
  struct stat description;
  if (stat(path.c_str(), &description) != 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  if ((description.st_mode & S_IWOTH) == 0) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrFormat("%s: says where tokens are sent and others may write it (mode %03o): chmod o-w", path,
                      static_cast<unsigned>(description.st_mode & 0777)));
}

absl::Status Check(const ClientContexts& contexts) {
  for (const auto& [name, context] : contexts.contexts()) {
    COHORT_RETURN_IF_ERROR(CheckContextName(name));
    const std::string complaint = ServerComplaint(context.server());
    if (!complaint.empty()) {
      return common::InvalidField(absl::StrCat("contexts.", name, ".server"), context.server(), complaint);
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string ContextFilePath() {
  if (const std::string path = Variable("COHORT_CONFIG"); !path.empty()) return path;
  // The XDG specification ignores relative folders.
  if (const std::string folder = Variable("XDG_CONFIG_HOME"); !folder.empty() && folder[0] == '/') {
    return absl::StrCat(folder, "/cohort/contexts.yaml");
  }
  const std::string home = Variable("HOME");
  return home.empty() ? "" : absl::StrCat(home, "/.config/cohort/contexts.yaml");
}

absl::StatusOr<ClientContexts> LoadContexts(std::string_view path_view) {
  const std::string path(path_view);
  ClientContexts contexts;
  std::error_code error;
  if (path.empty() || !std::filesystem::exists(path, error)) return contexts;
  COHORT_RETURN_IF_ERROR(CheckMode(path));
  COHORT_RETURN_IF_ERROR(common::YamlFileToProto(path, &contexts));
  const absl::Status status = Check(contexts);
  if (!status.ok()) return common::PrefixMessage(status, path);
  return contexts;
}

absl::Status SaveContexts(std::string_view path_view, const ClientContexts& contexts) {
  const std::string path(path_view);
  if (path.empty()) {
    return absl::InvalidArgumentError("there is no place for the context file: set COHORT_CONFIG to its path, or HOME");
  }
  COHORT_RETURN_IF_ERROR(Check(contexts));
  const std::string folder = std::filesystem::path(path).parent_path().string();
  if (!folder.empty()) COHORT_RETURN_IF_ERROR(common::RealFileSystem()->MakeFolders(folder));
  COHORT_RETURN_IF_ERROR(common::WriteFileAtomically(path, common::ProtoToYaml(contexts)));
  if (chmod(path.c_str(), S_IRUSR | S_IWUSR) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot change the mode of ", path));
}

absl::Status CheckContextName(std::string_view name) {
  bool is_good = !name.empty();
  for (const char c : name) is_good = is_good && (absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-');
  if (is_good) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the name of a context is letters, digits, '.', '_' and '-' (", std::string(name), ")"));
}

std::string ServerComplaint(const std::string& text) {
  const auto address = common::ParseAddress(text);
  if (!address.ok()) return std::string(address.status().message());
  return address->port == 0 ? absl::StrCat("no server listens at port 0 (", text, ")") : "";
}

}  // namespace cohort::cli
