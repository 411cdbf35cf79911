// SPDX-License-Identifier: Apache-2.0
#include "cli/console.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "absl/strings/ascii.h"

namespace cohort::cli {
namespace {

std::string Colored(const Console& console, std::string_view code, std::string_view text) {
  if (!console.out_has_color) return std::string(text);
  return std::string("\033[").append(code).append("m").append(text).append("\033[0m");
}

// Of a terminal; 80 for anything else.
int ColumnsOf(int fd) {
  winsize size{};
  return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::ostream& Console::Messages() const {
  thread_local std::ostream nowhere(nullptr);
  return is_quiet ? nowhere : *err;
}

Console StandardConsole() {
  Console console{.out = &std::cout, .err = &std::cerr};
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool is_dumb = term == nullptr || std::string_view(term) == "dumb";
  console.out_has_color = isatty(STDOUT_FILENO) && !is_dumb && (no_color == nullptr || *no_color == '\0');
  console.err_is_terminal = isatty(STDERR_FILENO) && !is_dumb;
  if (isatty(STDIN_FILENO) && isatty(STDERR_FILENO)) console.in = &std::cin;
  console.out_is_terminal = isatty(STDOUT_FILENO) && !is_dumb;
  console.err_columns = ColumnsOf(STDERR_FILENO);
  console.out_columns = ColumnsOf(STDOUT_FILENO);
  return console;
}

std::string Green(const Console& console, std::string_view text) { return Colored(console, "32", text); }
std::string Red(const Console& console, std::string_view text) { return Colored(console, "31", text); }

bool Confirm(const Console& console, std::string_view question) {
  if (console.in == nullptr) return true;
  *console.err << question << " [y/N] " << std::flush;
  std::string answer;
  std::getline(*console.in, answer);
  answer = absl::AsciiStrToLower(absl::StripAsciiWhitespace(answer));
  return answer == "y" || answer == "yes";
}

}  // namespace cohort::cli
