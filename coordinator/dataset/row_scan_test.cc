// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset/row_scan.h"

#include <array>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

constexpr std::array<std::string_view, 2> kNames = {"q", "a"};

struct Scan {
  bool is_scanned = false;
  std::array<bool, 2> is_found{};
  std::array<std::string, 2> texts;
};

Scan ScanOf(std::string_view row) {
  Scan scan;
  std::array<ScannedField, 2> fields;
  for (size_t i = 0; i < fields.size(); ++i) fields[i] = {.name = kNames[i], .text = &scan.texts[i]};
  scan.is_scanned = ScanRow(row, absl::MakeSpan(fields));
  for (size_t i = 0; i < fields.size(); ++i) scan.is_found[i] = fields[i].is_found;
  return scan;
}

TEST(RowScanTest, TextsOfTheFieldsThatAreThere) {
  const Scan scan = ScanOf(R"( {"x": [1, {"q": "inner"}, -0.5], "q": "one\n\"two\" \\ \/ é", "z": null} )");
  ASSERT_TRUE(scan.is_scanned);
  EXPECT_TRUE(scan.is_found[0]);
  EXPECT_EQ(scan.texts[0], "one\n\"two\" \\ / é");
  EXPECT_FALSE(scan.is_found[1]);
}

TEST(RowScanTest, OfANameThatComesTwiceTheLastValueCounts) {
  const Scan scan = ScanOf(R"({"q": "first\t", "q": "second"})");
  ASSERT_TRUE(scan.is_scanned);
  EXPECT_EQ(scan.texts[0], "second");
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
    for (size_t i = 0; i < kNames.size(); ++i) {
      const auto it = parsed.find(std::string(kNames[i]));
      ASSERT_EQ(scan.is_found[i], it != parsed.end()) << row;
      if (!scan.is_found[i]) continue;
      ASSERT_EQ(*it, scan.texts[i]) << row;
    }
  }
  EXPECT_GT(num_scanned, 50'000);
}

// Strings are read eight bytes at a time: every byte at every place of such a word, and behind the last whole one.
TEST(RowScanTest, AByteIsReadAlikeWhereverItStands) {
  for (size_t length = 1; length <= 20; ++length) {
    for (size_t at = 0; at < length; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(length, '!');  // one above a space, and so beside the quote
        text[at] = static_cast<char>(byte);
        const std::string row = "{\"q\": \"" + text + "\"}";
        const auto parsed = nlohmann::json::parse(row, /*cb=*/nullptr, /*allow_exceptions=*/false);
        const Scan scan = ScanOf(row);
        ASSERT_EQ(scan.is_scanned, parsed.is_object()) << length << " " << at << " " << byte;
        if (!scan.is_scanned) continue;
        ASSERT_EQ(parsed["q"], scan.texts[0]) << length << " " << at << " " << byte;
      }
    }
  }
}

}  // namespace
}  // namespace cohort::coordinator
