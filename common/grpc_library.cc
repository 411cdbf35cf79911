// SPDX-License-Identifier: Apache-2.0
#include "common/grpc_library.h"

#include <grpc/grpc.h>
#include <grpc/support/log.h>

#include <mutex>

#include "common/telemetry/log.h"

namespace cohort::common {
namespace {

void LogGrpcMessage(gpr_log_func_args* args) {
  log::Debug("grpc_message", {{"file", args->file}, {"line", args->line}, {"text", args->message}});
}

}  // namespace

void PrepareGrpcLibrary() {
  static std::once_flag once;
  std::call_once(once, [] {
    gpr_set_log_function(&LogGrpcMessage);
    grpc_init();  // has no grpc_shutdown
  });
}

}  // namespace cohort::common
