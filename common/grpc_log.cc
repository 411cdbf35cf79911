// SPDX-License-Identifier: Apache-2.0
#include "common/grpc_log.h"

#include <grpc/support/log.h>

#include "common/telemetry/log.h"

namespace cohort::common {
namespace {

void LogGrpcMessage(gpr_log_func_args* args) {
  log::Debug("grpc_message", {{"file", args->file}, {"line", args->line}, {"text", args->message}});
}

}  // namespace

void RedirectGrpcLog() { gpr_set_log_function(&LogGrpcMessage); }

}  // namespace cohort::common
