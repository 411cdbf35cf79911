// SPDX-License-Identifier: Apache-2.0
#include "common/connect_error.h"

#include "absl/strings/str_cat.h"

namespace cohort::common {
namespace {

constexpr std::string_view kFailed = "failed to connect to all addresses";
constexpr std::string_view kCause = "last error: ";

struct Explanation {
  std::string_view symptom;
  std::string_view sentence;
};

constexpr Explanation kExplanations[] = {
    // Of a server that speaks TLS to a client that does not, and of one that asks for a client certificate.
    {"Socket closed", "the server hung up at once, as one does that wants TLS (--tls_ca) or a client certificate"},
    {"Connection reset", "the server hung up at once, as one does that wants TLS (--tls_ca) or a client certificate"},
    {"wrong version number", "the server does not speak TLS"},
    {"certificate verify failed", "the server's certificate has expired or is not of an authority in --tls_ca"},
    {"Hostname Verification Check failed", "the server's certificate is not made out to this address"},
};

bool Has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace

std::string ExplainConnectError(std::string_view message) {
  if (message.substr(0, kFailed.size()) != kFailed) return std::string(message);
  const size_t at = message.find(kCause);
  const std::string_view cause = at == std::string_view::npos ? message : message.substr(at + kCause.size());
  for (const Explanation& explanation : kExplanations) {
    if (!Has(cause, explanation.symptom)) continue;
    return absl::StrCat("cannot connect: ", std::string(explanation.sentence), " (", std::string(cause), ")");
  }
  return std::string(message);
}

}  // namespace cohort::common
