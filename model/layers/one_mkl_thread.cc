// SPDX-License-Identifier: Apache-2.0
#include "model/layers/one_mkl_thread.h"

// Of the MKL inside libtorch_cpu.so, which comes without headers: the number of threads of this thread's next calls (0:
// as set for the process); returns the former one.
extern "C" int MKL_Set_Num_Threads_Local(int num_threads);

namespace cohort::model {

OneMklThread::OneMklThread() : former_(MKL_Set_Num_Threads_Local(1)) {}
OneMklThread::~OneMklThread() { MKL_Set_Num_Threads_Local(former_); }

}  // namespace cohort::model
