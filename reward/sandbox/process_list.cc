// SPDX-License-Identifier: Apache-2.0
#include "reward/sandbox/process_list.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace cohort::reward {
namespace {

// The name of the program stands in brackets and may hold anything, brackets too: what counts follows the last one.
bool ReadEntry(int proc_fd, const char* pid, ProcessEntry* entry) {
  char path[64];
  std::snprintf(path, sizeof(path), "%.32s/stat", pid);
  const int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char text[512];
  const ssize_t size = read(fd, text, sizeof(text) - 1);
  close(fd);
  if (size <= 0) return false;
  text[size] = '\0';
  const char* const name_end = std::strrchr(text, ')');
  int parent = 0, group = 0, session = 0;
  if (name_end == nullptr || std::sscanf(name_end + 1, " %*c %d %d %d", &parent, &group, &session) != 3) return false;
  *entry = {std::atoi(pid), parent, session};
  return true;
}

}  // namespace

std::vector<ProcessEntry> ListProcesses() {
  std::vector<ProcessEntry> processes;
  DIR* const proc = opendir("/proc");
  if (proc == nullptr) return processes;
  while (const dirent* const entry = readdir(proc)) {
    ProcessEntry process;
    const bool is_process = entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
    if (is_process && ReadEntry(dirfd(proc), entry->d_name, &process)) processes.push_back(process);
  }
  closedir(proc);
  return processes;
}

}  // namespace cohort::reward
