// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset/row_scan.h"

#include <array>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

struct Scan {
  bool is_scanned = false;
  std::array<ScannedField, 2> fields = {ScannedField{.name = "q"}, ScannedField{.name = "a"}};
};

Scan ScanOf(std::string_view row) {
  Scan scan;
  scan.is_scanned = ScanRow(row, absl::MakeSpan(scan.fields));
  return scan;
}

TEST(RowScanTest, TextsOfTheFieldsThatAreThere) {
  const Scan scan = ScanOf(R"( {"x": [1, {"q": "inner"}, -0.5], "q": "one\n\"two\" \\ \/ é", "z": null} )");
  ASSERT_TRUE(scan.is_scanned);
  EXPECT_TRUE(scan.fields[0].is_found);
  EXPECT_EQ(scan.fields[0].text, "one\n\"two\" \\ / é");
  EXPECT_FALSE(scan.fields[1].is_found);
}

TEST(RowScanTest, OfANameThatComesTwiceTheLastValueCounts) {
  const Scan scan = ScanOf(R"({"q": "first\t", "q": "second"})");
  ASSERT_TRUE(scan.is_scanned);
  EXPECT_EQ(scan.fields[0].text, "second");
}

TEST(RowScanTest, WhatOnlyAFullParserReadsIsLeftToIt) {
  for (const char* row : {R"({"q": 1})", R"({"q": null})", R"({"q": "x", "q": {}})", R"({"z": "\u00e9"})",
                          R"({"z": 1e999})", R"({"z": 12345678901234567890})", R"({"\u0071": "x"})"}) {
    EXPECT_FALSE(ScanOf(row).is_scanned) << row;
  }
  EXPECT_TRUE(ScanOf(R"({"z":)" + std::string(63, '[') + std::string(63, ']') + "}").is_scanned);
  EXPECT_FALSE(ScanOf(R"({"z":)" + std::string(64, '[') + std::string(64, ']') + "}").is_scanned);
}

// Rows and their ruins: where the scan answers, a full parser gives the same.
TEST(RowScanTest, WhatIsScannedIsWhatAFullParserGives) {
  const std::string rows[] = {
      R"({"q": "What is 1 + 2?", "a": "3"})",
      R"({"q":"a\nb","n":[-1,0,2.50,true,false,null],"a":"","o":{"q":{"a":[]}}})",
      "{\"a\": \"h\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\", \"x\": 10}",
  };
  const std::string bytes = "\"\\{}[]:,0123456789.-+eEntfu \n\t\x01\x7F\x80\xC3\xE2\xF0 aq";
  std::mt19937 random(7);
  int num_scanned = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string row = rows[random() % std::size(rows)];
    for (int change = static_cast<int>(random() % 4); change > 0; --change) {
      const size_t at = random() % row.size();
      const char byte = bytes[random() % bytes.size()];
      const int kind = static_cast<int>(random() % 3);
      if (kind == 0) row[at] = byte;
      if (kind == 1) row.insert(at, 1, byte);
      if (kind == 2 && row.size() > 1) row.erase(at, 1);
    }
    const Scan scan = ScanOf(row);
    if (!scan.is_scanned) continue;
    ++num_scanned;
    const auto parsed = nlohmann::json::parse(row, /*cb=*/nullptr, /*allow_exceptions=*/false);
    ASSERT_TRUE(parsed.is_object()) << row;
    for (const ScannedField& field : scan.fields) {
      const auto it = parsed.find(std::string(field.name));
      ASSERT_EQ(field.is_found, it != parsed.end()) << row;
      if (!field.is_found) continue;
      ASSERT_EQ(*it, field.text) << row;
    }
  }
  EXPECT_GT(num_scanned, 50'000);
}

}  // namespace
}  // namespace cohort::coordinator
