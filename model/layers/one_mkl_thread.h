// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_LAYERS_ONE_MKL_THREAD_H_
#define COHORT_MODEL_LAYERS_ONE_MKL_THREAD_H_

namespace cohort::model {

// MKL runs on one thread in calls of this thread while it lives.
class OneMklThread final {
 public:
  OneMklThread();
  ~OneMklThread();
  OneMklThread(const OneMklThread&) = delete;
  OneMklThread& operator=(const OneMklThread&) = delete;

 private:
  const int former_;
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_LAYERS_ONE_MKL_THREAD_H_
