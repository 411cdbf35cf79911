// SPDX-License-Identifier: Apache-2.0
#include "common/config/yaml_document.h"

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <exception>
#include <sstream>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace cohort::common {
namespace {

absl::Status Refusal(std::string_view file_name, int line, std::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(std::string(file_name), ":", line + 1, ": ", std::string(why)));
}

// Looks at the parser's events before any node is built; keeps the first objection.
class StrictEvents final : public YAML::EventHandler {
 public:
  explicit StrictEvents(std::string_view file_name) : file_name_(file_name) {}
  const absl::Status& status() const { return status_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++num_documents_ > 1) Refuse(mark, "a second document begins here; the file must hold one");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Refuse(mark, "aliases (*name) are not supported; write the value out");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, const std::string&) override {
    CheckTag(mark, tag);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    CheckTag(mark, tag);
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, YAML::EmitterStyle::value) override {
    CheckTag(mark, tag);
  }
  void OnMapEnd() override {}

 private:
  // yaml-cpp calls plain values "?" and quoted ones "!".
  void CheckTag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") Refuse(mark, absl::StrCat("type tags are not supported (", tag, ")"));
  }
  void Refuse(const YAML::Mark& mark, std::string_view why) {
    if (status_.ok()) status_ = Refusal(file_name_, mark.line, why);
  }

  const std::string file_name_;
  int num_documents_ = 0;
  absl::Status status_;
};

absl::Status CheckEvents(const std::string& yaml, std::string_view file_name) {
  // yaml-cpp takes a quote that is never closed for closed by the end of the text, but not by an end marker.
  std::istringstream input(yaml + "\n...\n");
  YAML::Parser parser(input);
  StrictEvents events(file_name);
  while (events.status().ok() && parser.HandleNextDocument(events)) {
  }
  return events.status();
}

}  // namespace

absl::StatusOr<YAML::Node> ParseYamlDocument(std::string_view yaml_view, std::string_view file_name) {
  const std::string yaml(yaml_view);
  try {
    COHORT_RETURN_IF_ERROR(CheckEvents(yaml, file_name));
    YAML::Node node = YAML::Load(yaml);
    if (node.IsDefined() && !node.IsNull()) return node;
  } catch (const YAML::Exception& error) {
    const int last_line = static_cast<int>(std::count(yaml.begin(), yaml.end(), '\n'));
    const bool is_deep = dynamic_cast<const YAML::DeepRecursion*>(&error) != nullptr;
    return Refusal(file_name, std::clamp(error.mark.line, 0, last_line),
                   absl::StrCat("invalid YAML: ", is_deep ? "nested too deeply" : error.msg));
  } catch (const std::exception& error) {
    return Refusal(file_name, /*line=*/0, absl::StrCat("invalid YAML: ", error.what()));
  }
  return absl::InvalidArgumentError(absl::StrCat(std::string(file_name), ": is empty"));
}

}  // namespace cohort::common
