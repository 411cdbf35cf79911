// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_SECURITY_RELOADED_FILE_H_
#define COHORT_COMMON_SECURITY_RELOADED_FILE_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/security/secret_file.h"
#include "common/telemetry/log.h"

namespace cohort::security {

// What a file of secrets says now: it is looked at again, at most every two seconds, when somebody asks, and read again
// when it has changed. A changed file that cannot be read or parsed, or is gone, is logged once as an error, and what
// it said before stays; it is read again at every look until that succeeds. Thread-safe; the clock must outlive it.
template <typename T>
class ReloadedFile final {
 public:
  using Parse = std::function<absl::StatusOr<T>(std::string_view content)>;
  using Reader = std::function<absl::StatusOr<SecretFile>(std::string_view path)>;

  // The first content must be good: errors are those of ReadSecretFile and of `parse`, with the path. `parse` must not
  // put anything of the content into its errors.
  // `read` reads a file as ReadSecretFile does.
  static absl::StatusOr<std::unique_ptr<ReloadedFile>> Open(std::string_view path, Parse parse, common::Clock* clock,
                                                            Reader read = ReadSecretFile) {
    std::unique_ptr<ReloadedFile> self(new ReloadedFile(path, std::move(parse), clock, std::move(read)));
    absl::MutexLock lock(&self->mutex_);
    const absl::Status status = self->Read();
    if (!status.ok()) return status;
    return self;
  }

  std::shared_ptr<const T> Current() {
    absl::MutexLock lock(&mutex_);
    if (clock_->Monotonic() - looked_at_ >= kInterval) Look();
    return value_;
  }

 private:
  static constexpr absl::Duration kInterval = absl::Seconds(2);

  ReloadedFile(std::string_view path, Parse parse, common::Clock* clock, Reader read)
      : path_(path), parse_(std::move(parse)), read_(std::move(read)), clock_(clock), looked_at_(clock->Monotonic()) {}

  absl::Status Read() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    auto file = read_(path_);
    if (!file.ok()) return file.status();
    stamp_ = file->stamp;
    absl::StatusOr<T> value = parse_(file->content);
    if (!value.ok()) return absl::Status(value.status().code(), absl::StrCat(path_, ": ", value.status().message()));
    value_ = std::make_shared<const T>(*std::move(value));
    return absl::OkStatus();
  }

  void Look() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    looked_at_ = clock_->Monotonic();
    const auto stamp = StampOf(path_);
    // What could not be read may be readable without a change of the file: it is tried at every look, and complained of
    // once.
    if (stamp.ok() && *stamp == stamp_ && complaint_.ok()) return;
    const absl::Status status = stamp.ok() ? Read() : stamp.status();
    if (status.ok()) {
      log::Info("secret_file_read_again", {{"file", path_}});
    } else if (status != complaint_) {
      log::Error("secret_file_kept", {{"file", path_}, {"reason", status}});
    }
    complaint_ = status;
  }

  const std::string path_;
  const Parse parse_;
  const Reader read_;
  common::Clock* const clock_;
  absl::Mutex mutex_;
  absl::Duration looked_at_ ABSL_GUARDED_BY(mutex_);
  FileStamp stamp_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const T> value_ ABSL_GUARDED_BY(mutex_);
  absl::Status complaint_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cohort::security

#endif  // COHORT_COMMON_SECURITY_RELOADED_FILE_H_
