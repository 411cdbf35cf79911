// SPDX-License-Identifier: Apache-2.0
// Options and suppressions that every test carries, so that sanitizer runs need no environment.
// gRPC and Abseil come uninstrumented from Debian: ThreadSanitizer cannot see their locks.
extern "C" const char* __tsan_default_options() { return "ignore_noninstrumented_modules=1:second_deadlock_stack=1"; }
extern "C" const char* __tsan_default_suppressions() {
  return "race:grpc::internal::\n"
         "race:grpc::Server::\n"
         "race:std::_Function_base::~_Function_base\n";
}
