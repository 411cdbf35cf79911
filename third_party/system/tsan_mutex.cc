// SPDX-License-Identifier: Apache-2.0
// Shows Debian's Abseil to ThreadSanitizer. Its mutexes are compiled without instrumentation, so every variable that
// one of them guards would be reported as a race. These definitions, linked into each test, take the place of the
// shared library's: they call the original and tell ThreadSanitizer what it orders. Empty outside --config=tsan.
#ifdef COHORT_TSAN

#include <dlfcn.h>
#include <stdlib.h>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"

extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
}

namespace {

template <typename Function>
Function* Original(const char* mangled_name) {
  void* const symbol = dlsym(RTLD_NEXT, mangled_name);
  if (symbol == nullptr) abort();
  return reinterpret_cast<Function*>(symbol);
}

// Whoever gives a mutex up evaluates the conditions of those who wait for it, still holding it but after the release
// that ThreadSanitizer was told of.
class IgnoreReads final {
 public:
  IgnoreReads() { AnnotateIgnoreReadsBegin(__FILE__, __LINE__); }
  ~IgnoreReads() { AnnotateIgnoreReadsEnd(__FILE__, __LINE__); }
};

void* AddressOf(const void* object) { return const_cast<void*>(object); }

}  // namespace

#define CALL_ORIGINAL(name, result, signature, ...)                       \
  [&]() -> result {                                                       \
    static auto* const original = Original<result signature>("_ZN" name); \
    return original(__VA_ARGS__);                                         \
  }()

namespace absl {
ABSL_NAMESPACE_BEGIN

#define DEFINE_LOCK(method, name)              \
  void Mutex::method() {                       \
    CALL_ORIGINAL(name, void, (Mutex*), this); \
    __tsan_acquire(this);                      \
  }
DEFINE_LOCK(Lock, "4absl7debian35Mutex4LockEv")
DEFINE_LOCK(ReaderLock, "4absl7debian35Mutex10ReaderLockEv")

#define DEFINE_UNLOCK(method, name)            \
  void Mutex::method() {                       \
    __tsan_release(this);                      \
    const IgnoreReads ignore_reads;            \
    CALL_ORIGINAL(name, void, (Mutex*), this); \
  }
DEFINE_UNLOCK(Unlock, "4absl7debian35Mutex6UnlockEv")
DEFINE_UNLOCK(ReaderUnlock, "4absl7debian35Mutex12ReaderUnlockEv")

#define DEFINE_TRY_LOCK(method, name)                              \
  bool Mutex::method() {                                           \
    const bool locked = CALL_ORIGINAL(name, bool, (Mutex*), this); \
    if (locked) __tsan_acquire(this);                              \
    return locked;                                                 \
  }
DEFINE_TRY_LOCK(TryLock, "4absl7debian35Mutex7TryLockEv")
DEFINE_TRY_LOCK(ReaderTryLock, "4absl7debian35Mutex13ReaderTryLockEv")

// Await and LockWhen, with and without a limit: the mutex is held when they return, whatever they return.
#define DEFINE_WAIT(method, name)                                           \
  void Mutex::method(const Condition& condition) {                          \
    __tsan_release(this);                                                   \
    const IgnoreReads ignore_reads;                                         \
    CALL_ORIGINAL(name, void, (Mutex*, const Condition&), this, condition); \
    __tsan_acquire(this);                                                   \
  }
DEFINE_WAIT(Await, "4absl7debian35Mutex5AwaitERKNS0_9ConditionE")
DEFINE_WAIT(LockWhen, "4absl7debian35Mutex8LockWhenERKNS0_9ConditionE")
DEFINE_WAIT(ReaderLockWhen, "4absl7debian35Mutex14ReaderLockWhenERKNS0_9ConditionE")

#define DEFINE_LIMITED_WAIT(method, Limit, name)                                                              \
  bool Mutex::method(const Condition& condition, Limit limit) {                                               \
    __tsan_release(this);                                                                                     \
    const IgnoreReads ignore_reads;                                                                           \
    const bool is_met = CALL_ORIGINAL(name, bool, (Mutex*, const Condition&, Limit), this, condition, limit); \
    __tsan_acquire(this);                                                                                     \
    return is_met;                                                                                            \
  }
DEFINE_LIMITED_WAIT(AwaitWithTimeout, Duration, "4absl7debian35Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE")
DEFINE_LIMITED_WAIT(AwaitWithDeadline, Time, "4absl7debian35Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE")
DEFINE_LIMITED_WAIT(LockWhenWithTimeout, Duration,
                    "4absl7debian35Mutex19LockWhenWithTimeoutERKNS0_9ConditionENS0_8DurationE")
DEFINE_LIMITED_WAIT(LockWhenWithDeadline, Time, "4absl7debian35Mutex20LockWhenWithDeadlineERKNS0_9ConditionENS0_4TimeE")

void CondVar::Wait(Mutex* mutex) {
  __tsan_release(mutex);
  CALL_ORIGINAL("4absl7debian37CondVar4WaitEPNS0_5MutexE", void, (CondVar*, Mutex*), this, mutex);
  __tsan_acquire(mutex);
}

#define DEFINE_CONDVAR_WAIT(method, Limit, name)                                                   \
  bool CondVar::method(Mutex* mutex, Limit limit) {                                                \
    __tsan_release(mutex);                                                                         \
    const bool is_late = CALL_ORIGINAL(name, bool, (CondVar*, Mutex*, Limit), this, mutex, limit); \
    __tsan_acquire(mutex);                                                                         \
    return is_late;                                                                                \
  }
DEFINE_CONDVAR_WAIT(WaitWithTimeout, Duration, "4absl7debian37CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE")
DEFINE_CONDVAR_WAIT(WaitWithDeadline, Time, "4absl7debian37CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE")

void Notification::Notify() {
  __tsan_release(this);
  CALL_ORIGINAL("4absl7debian312Notification6NotifyEv", void, (Notification*), this);
}

void Notification::WaitForNotification() const {
  CALL_ORIGINAL("K4absl7debian312Notification19WaitForNotificationEv", void, (const Notification*), this);
  __tsan_acquire(AddressOf(this));
}

#define DEFINE_NOTIFICATION_WAIT(method, Limit, name)                                              \
  bool Notification::method(Limit limit) const {                                                   \
    const bool is_notified = CALL_ORIGINAL(name, bool, (const Notification*, Limit), this, limit); \
    if (is_notified) __tsan_acquire(AddressOf(this));                                              \
    return is_notified;                                                                            \
  }
DEFINE_NOTIFICATION_WAIT(WaitForNotificationWithTimeout, Duration,
                         "K4absl7debian312Notification30WaitForNotificationWithTimeoutENS0_8DurationE")
DEFINE_NOTIFICATION_WAIT(WaitForNotificationWithDeadline, Time,
                         "K4absl7debian312Notification31WaitForNotificationWithDeadlineENS0_4TimeE")

ABSL_NAMESPACE_END
}  // namespace absl

#endif  // COHORT_TSAN
