// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SQLITE_DATABASE_H_
#define COHORT_COORDINATOR_SQLITE_DATABASE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct sqlite3;
struct sqlite3_stmt;

namespace cohort::coordinator {

// One use of a prepared statement: bind in order, step, read columns in order. Not thread-safe; must not outlive its
// database. A failed bind shows in the next Step.
class SqliteStatement final {
 public:
  explicit SqliteStatement(sqlite3_stmt* statement) : statement_(statement) {}
  SqliteStatement(SqliteStatement&& other) noexcept;
  SqliteStatement& operator=(SqliteStatement&&) = delete;
  ~SqliteStatement();

  SqliteStatement& Bind(int64_t value);
  SqliteStatement& Bind(double value);
  SqliteStatement& BindText(std::string_view value);
  SqliteStatement& BindBlob(std::string_view value);

  // True when a row is there to be read. ALREADY_EXISTS for a violated uniqueness; else the code of SQLite's error.
  absl::StatusOr<bool> Step();
  // For statements that give no rows.
  absl::Status Run() { return Step().status(); }

  int64_t Int();
  double Double();
  std::string Bytes();

 private:
  sqlite3_stmt* statement_;
  int next_bind_ = 1;
  int next_column_ = 0;
  int bind_error_ = 0;
};

// A connection in WAL mode with synchronous=FULL: a committed transaction survives power loss. Not thread-safe.
class SqliteDatabase final {
 public:
  // `vfs` names a registered VFS; empty: the default one. UNAVAILABLE when another process holds the file.
  static absl::StatusOr<std::unique_ptr<SqliteDatabase>> Open(const std::string& path, const std::string& vfs = "");
  ~SqliteDatabase();

  // Several statements without parameters.
  absl::Status Execute(const std::string& sql);
  // `sql` is compiled once and kept; it must be a literal.
  absl::StatusOr<SqliteStatement> Prepare(std::string_view sql);
  // Rows that the last statement inserted, updated or deleted.
  int64_t NumChanges() const;

 private:
  explicit SqliteDatabase(sqlite3* connection) : connection_(connection) {}

  sqlite3* connection_;
  std::unordered_map<std::string_view, sqlite3_stmt*> prepared_;
};

// BEGIN IMMEDIATE now; rolls back at the end of the scope unless committed.
class SqliteTransaction final {
 public:
  static absl::StatusOr<SqliteTransaction> Begin(SqliteDatabase* database);
  SqliteTransaction(SqliteTransaction&& other) noexcept;
  SqliteTransaction& operator=(SqliteTransaction&&) = delete;
  ~SqliteTransaction();
  absl::Status Commit();

 private:
  explicit SqliteTransaction(SqliteDatabase* database) : database_(database) {}
  SqliteDatabase* database_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SQLITE_DATABASE_H_
