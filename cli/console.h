// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_CONSOLE_H_
#define COHORT_CLI_CONSOLE_H_

#include <iosfwd>
#include <string>
#include <string_view>

namespace cohort::cli {

// Where a verb writes: data to `out`, messages and progress to `err`. Plain data; the streams outlive it. Not
// thread-safe: one thread writes.
struct Console {
  std::ostream* out;
  std::ostream* err;
  // Colour codes may be written to `out`: it is a terminal and NO_COLOR is not set.
  bool out_has_color = false;
  // A line on `err` may be drawn over: it is a terminal.
  bool err_is_terminal = false;
  // Columns of the terminal behind `err`.
  int err_columns = 80;
  // Columns of the terminal behind `out`.
  int out_columns = 80;
  // `out` may be drawn over: it is a terminal.
  bool out_is_terminal = false;
  // --quiet: of what is meant for `err`, errors alone are written.
  bool is_quiet = false;
  // Answers of a person: standard input, when it and `err` are terminals; null when nobody can be asked.
  std::istream* in = nullptr;

  // `err` for what is no error: one that swallows everything with --quiet.
  std::ostream& Messages() const;
};

// The process's standard streams.
Console StandardConsole();

// `text` in green or red where colour is allowed.
std::string Green(const Console& console, std::string_view text);
std::string Red(const Console& console, std::string_view text);

// Asks a yes-or-no question on `err`; yes is "y" or "yes". True without a question when nobody can be asked.
bool Confirm(const Console& console, std::string_view question);

}  // namespace cohort::cli

#endif  // COHORT_CLI_CONSOLE_H_
