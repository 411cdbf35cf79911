// SPDX-License-Identifier: Apache-2.0
#include "objective/sequence_layout.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "common/testing/status_matchers.h"
#include "objective/credit.h"
#include "objective/item_segmenter.h"
#include "objective/sentence_segmenter.h"
#include "objective/testing/golden.h"
#include "objective/testing/specs.h"

namespace cohort::objective {
namespace {

using cohort::common::StatusIs;
using cohort::v1::SegmenterSpec;
using testing::HasSubstr;

std::vector<int> Ids(const std::vector<int64_t>& ends) {
  std::vector<int> ids;
  for (size_t s = 0; s < ends.size(); ++s) ids.resize(static_cast<size_t>(ends[s]), static_cast<int>(s));
  return ids;
}

SegmenterSpec Segmenter(const std::string& text) {
  return ResolvedSpec("sspo", "segmenter { " + text + " }").segmenter();
}

std::vector<int> SentenceIds(const std::string& text, const std::vector<std::string>& pieces, bool ends_with_eos) {
  return Ids(SentenceEnds(Segmenter(text), pieces, ends_with_eos));
}

TEST(SentenceSegmenterTest, VectorsAgree) {
  const nlohmann::json& vectors = SegmentVectors().at("sentence");
  const std::vector<std::string> pieces = vectors.at("pieces");
  const std::string sentence = "delimiters: DELIMITERS_SENTENCE ";
  const std::string apart = "attach_eos: false ";
  EXPECT_EQ(SentenceIds(sentence + apart, pieces, true), vectors.at("term").get<std::vector<int>>());
  EXPECT_EQ(SentenceIds(apart, pieces, true), vectors.at("sub").get<std::vector<int>>());
  EXPECT_EQ(SentenceIds(sentence + apart + "decimal_guard: false", pieces, true),
            vectors.at("no_guard").get<std::vector<int>>());
  EXPECT_EQ(SentenceIds(sentence + apart + "min_tokens: 4", pieces, true), vectors.at("min4").get<std::vector<int>>());
  EXPECT_EQ(SentenceIds(sentence, pieces, true), vectors.at("term_eos_attached").get<std::vector<int>>());
}

TEST(SentenceSegmenterTest, NoTokensHaveNoSegmentsAndLoneEosIsOne) {
  EXPECT_TRUE(SentenceIds("", {}, false).empty());
  EXPECT_EQ(SentenceIds("", {"<eos>"}, true), (std::vector<int>{0}));
  EXPECT_EQ(SentenceIds("attach_eos: false", {"<eos>"}, true), (std::vector<int>{0}));
}

TEST(SentenceSegmenterTest, TextWithoutDelimiterOrEosIsOneSegment) {
  EXPECT_EQ(SentenceIds("", {"a", " b", " c"}, false), (std::vector<int>{0, 0, 0}));
}

TEST(SentenceSegmenterTest, ClosersAndBlanksAfterTheDelimiterAreLookedThrough) {
  EXPECT_EQ(SentenceIds("", {"He", " said.\") ", " so", "。」", "x"}, false), (std::vector<int>{0, 0, 1, 1, 2}));
  EXPECT_EQ(SentenceIds("", {"a.", " ", "\t", "b"}, false), (std::vector<int>{0, 0, 0, 1}));
}

TEST(SentenceSegmenterTest, CharacterSplitOverTokensBelongsToTheOneThatCompletesIt) {
  // U+3002 is e3 80 82.
  EXPECT_EQ(SentenceIds("", {"a", "\xe3\x80", "\x82", "b"}, false), (std::vector<int>{0, 0, 0, 1}));
  EXPECT_EQ(SentenceIds("", {"a\xe3", "\x80\x82 b", "c"}, false), (std::vector<int>{0, 0, 0}));
  // A delimiter before the split character still ends its token.
  EXPECT_EQ(SentenceIds("", {"a.\xe3", "\x80\x8c", "b"}, false), (std::vector<int>{0, 1, 1}));
}

TEST(SentenceSegmenterTest, BrokenUtf8AndEmptyPiecesAreTokensLikeOthers) {
  EXPECT_EQ(SentenceIds("", {"\xff", "\x80\x80", ".", "", "\xe3", "x"}, false), (std::vector<int>{0, 0, 0, 0, 1, 1}));
  EXPECT_EQ(SentenceIds("", {"", "", ""}, false), (std::vector<int>{0, 0, 0}));
}

TEST(SentenceSegmenterTest, NewlinesEndSegmentsWhereverTheyStand) {
  EXPECT_EQ(SentenceIds("", {"a\r\n", "b\nc", "\n", "d"}, false), (std::vector<int>{0, 1, 1, 2}));
}

TEST(SentenceSegmenterTest, DigitsOnBothSidesGuardPointsAcrossTokens) {
  EXPECT_EQ(SentenceIds("", {"1", ",", "000", ":", "5", " ;", "x"}, false), (std::vector<int>{0, 0, 0, 0, 0, 0, 1}));
  EXPECT_EQ(SentenceIds("", {"3", ".", " 5"}, false), (std::vector<int>{0, 0, 1}));
  EXPECT_EQ(SentenceIds("", {"3", ".", "<eos>"}, true), (std::vector<int>{0, 0, 0}));
}

TEST(SentenceSegmenterTest, RandomBytesArePartitioned) {
  std::mt19937 random(3);
  const std::string alphabet = ".!?,;: \n\r\t\"'()a1\xe3\x80\x82\xff\xc2";
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> pieces(random() % 30);
    for (std::string& piece : pieces) {
      for (size_t i = random() % 4; i > 0; --i) piece += alphabet[random() % alphabet.size()];
    }
    SegmenterSpec spec = Segmenter("");
    spec.set_min_tokens(static_cast<int32_t>(1 + random() % 5));
    spec.set_attach_eos(random() % 2 == 0);
    const std::vector<int64_t> ends = SentenceEnds(spec, pieces, random() % 2 == 0);
    ASSERT_EQ(ends.empty(), pieces.empty());
    int64_t previous = 0;
    for (const int64_t end : ends) {
      ASSERT_GT(end, previous);
      ASSERT_TRUE(ends.size() == 1 || end - previous >= spec.min_tokens()) << end - previous;
      previous = end;
    }
    ASSERT_EQ(previous, static_cast<int64_t>(pieces.size()));
  }
}

std::vector<int32_t> Items(SegmenterSpec::ItemReading reading, const std::vector<std::string>& pieces, bool eos) {
  return FindItems(reading, pieces, eos).item_T;
}

TEST(ItemSegmenterTest, VectorsAgree) {
  const nlohmann::json& vectors = SegmentVectors().at("rank");
  const std::vector<std::string> pieces = vectors.at("pieces");
  EXPECT_EQ(Items(SegmenterSpec::ITEM_READING_NEWLINES, pieces, true), vectors.at("code").get<std::vector<int32_t>>());
  std::vector<int32_t> parsed;
  for (const nlohmann::json& id : vectors.at("parsed")[0]) parsed.push_back(id.is_null() ? kNoItem : id.get<int>());
  const ItemIds ids = FindItems(SegmenterSpec::ITEM_READING_PARSED_LINES, pieces, true);
  EXPECT_EQ(ids.item_T, parsed);
  EXPECT_EQ(ids.num_items, vectors.at("parsed")[1].get<int32_t>());
}

TEST(ItemSegmenterTest, GoldenListsAgree) {
  const nlohmann::json& record = Golden().at("rank_grpo/code_token-mean");
  const std::vector<std::string> all = record.at("pieces");
  const std::vector<std::string> pieces(all.begin(), all.begin() + 10);
  std::vector<int32_t> expected;
  for (size_t t = 0; t < pieces.size(); ++t) expected.push_back(record.at("seg")[t][1].get<int32_t>());
  EXPECT_EQ(Items(SegmenterSpec::ITEM_READING_NEWLINES, pieces, true), expected);
}

TEST(ItemSegmenterTest, ParsedReadingSeesThroughNumberingBulletsMarkdownAndQuotes) {
  for (const std::string& line :
       {std::string("1. Heat (1995)"), std::string("12) Heat (1995)"), std::string("- **Heat** (1995)"),
        std::string("  • \"Heat\" (1995) - a classic"), std::string("2.0 (2018)"), std::string("\r12 Angry Men (1957)"),
        std::string("“Up” (2009)"), std::string("1984\u00a0(1984)")}) {
    EXPECT_EQ(FindItems(SegmenterSpec::ITEM_READING_PARSED_LINES, std::vector<std::string>{line}, false).num_items, 1)
        << line;
  }
  for (const std::string& line :
       {std::string("Heat"), std::string("(1995)"), std::string("3. (1995)"), std::string("Heat (95)"),
        std::string("Heat(1995)"), std::string("Heat (19955)"), std::string(""), std::string("***")}) {
    EXPECT_EQ(FindItems(SegmenterSpec::ITEM_READING_PARSED_LINES, std::vector<std::string>{line}, false).num_items, 0)
        << line;
  }
}

TEST(ItemSegmenterTest, TokenIsInTheLineOfItsFirstVisibleByte) {
  EXPECT_EQ(
      Items(SegmenterSpec::ITEM_READING_PARSED_LINES, {"Here:", "\n\nUp", " (2009)\nHeat", " (1995)", "\n"}, false),
      (std::vector<int32_t>{kNoItem, 0, 0, 1, 1}));
  EXPECT_EQ(Items(SegmenterSpec::ITEM_READING_NEWLINES, {"Up (2009)\r\n", "Heat", "", "\n\n", "x"}, false),
            (std::vector<int32_t>{0, 1, 1, 1, 3}));
}

// The two lists of the golden record: 3 titles and EOS; 4 titles, of which the last is one too many.
class ListLayoutTest : public testing::Test {
 protected:
  ListLayoutTest() {
    const std::vector<std::string> all = Golden().at("rank_grpo/code_token-mean").at("pieces");
    first_.assign(all.begin(), all.begin() + 10);
    second_.assign(all.begin() + 10, all.end());
  }

  SequenceLayout LayOut(const cohort::v1::ObjectiveSpec& spec, const std::vector<double>& items,
                        const std::vector<std::string>& pieces, bool ends_with_eos = true) {
    const absl::StatusOr<SequenceLayout> layout =
        LayOutSequence(spec, {.advantage = 0, .item_advantages = items}, pieces, ends_with_eos);
    EXPECT_TRUE(layout.ok()) << layout.status();
    return layout.ok() ? *layout : SequenceLayout();
  }

  const cohort::v1::ObjectiveSpec code_ = ResolvedSpec("rank_grpo", "advantage { item { num_items: 3 } }");
  std::vector<std::string> first_;
  std::vector<std::string> second_;
};

std::vector<double> Slice(const std::vector<double>& values, size_t begin, size_t end) {
  return {values.begin() + static_cast<int64_t>(begin), values.begin() + static_cast<int64_t>(end)};
}

TEST_F(ListLayoutTest, CodeReadingMatchesGolden) {
  const nlohmann::json& items = Golden().at("rank_grpo/paper_rank-mean").at("item_advantages");
  const std::vector<double> expected = GoldenNumbers("rank_grpo/code_token-mean", "adv");
  const SequenceLayout first = LayOut(code_, items[0], first_);
  EXPECT_EQ(first.token_advantages, Slice(expected, 0, 10));
  EXPECT_EQ(first.item_ends, (std::vector<int64_t>{4, 7, 10}));
  EXPECT_TRUE(first.mask.empty());
  const SequenceLayout second = LayOut(code_, items[1], second_);
  EXPECT_EQ(second.token_advantages, Slice(expected, 10, 22));
  EXPECT_EQ(second.item_ends, (std::vector<int64_t>{3, 6, 9, 12}));
}

TEST_F(ListLayoutTest, PaperReadingTrainsTheRewardedItemsOnly) {
  const nlohmann::json& record = Golden().at("rank_grpo/paper_rank-mean");
  const std::vector<double> expected = record.at("adv");
  const std::vector<uint8_t> mask = record.at("mask");
  for (const auto& reading : {"ITEM_READING_NEWLINES", "ITEM_READING_PARSED_LINES"}) {
    const cohort::v1::ObjectiveSpec spec =
        ResolvedSpec("rank_grpo_paper",
                     std::string("advantage { item { num_items: 3 } } segmenter { item_reading: ") + reading + " }");
    const SequenceLayout first = LayOut(spec, record.at("item_advantages")[0], first_);
    EXPECT_EQ(first.token_advantages, Slice(expected, 0, 10)) << reading;
    EXPECT_EQ(first.mask, std::vector<uint8_t>(mask.begin(), mask.begin() + 10)) << reading;
    const SequenceLayout second = LayOut(spec, record.at("item_advantages")[1], second_);
    EXPECT_EQ(second.token_advantages, Slice(expected, 10, 22)) << reading;
    EXPECT_EQ(second.mask, std::vector<uint8_t>(mask.begin() + 10, mask.end())) << reading;
  }
}

// Pitfalls of the reference code: a newline before EOS changes the shaping.
TEST_F(ListLayoutTest, NewlineBeforeEosShiftsTheShapingOfTheCodeReading) {
  std::vector<std::string> full = first_;
  full.insert(full.end() - 1, "\n");
  EXPECT_EQ(LayOut(code_, {0, 0, 0}, full).token_advantages.back(), -0.1);  // EOS is past item N
  const std::vector<std::string> two = {"Up (2009)\n", "Heat (1995)", "\n", "<eos>"};
  EXPECT_EQ(LayOut(code_, {0, 0, 0}, two).token_advantages.back(), 0.1);
  const std::vector<std::string> plain = {"Up (2009)\n", "Heat (1995)", "<eos>"};
  EXPECT_EQ(LayOut(code_, {0, 0, 0}, plain).token_advantages.back(), -0.1);
}

TEST_F(ListLayoutTest, TruncatedListHasNoEosTerm) {
  std::vector<std::string> cut(first_.begin(), first_.end() - 1);
  const SequenceLayout layout = LayOut(code_, {1, 2, 3}, cut, /*ends_with_eos=*/false);
  EXPECT_EQ(layout.token_advantages, (std::vector<double>{1, 1, 1, 1, 2, 2, 2, 3, 3}));
}

TEST_F(ListLayoutTest, WithoutVerdictThereIsNoCreditAndNoShaping) {
  const SequenceLayout layout = LayOut(code_, {}, second_);
  EXPECT_EQ(layout.token_advantages, std::vector<double>(12, 0.0));
  EXPECT_EQ(layout.item_ends.back(), 12);
}

// Dynamic sampling drops such a group although its tokens past item N would get a gradient: docs/objectives.md.
TEST_F(ListLayoutTest, ShapingIsNoSignalOfTheRewards) {
  const std::vector<double> nothing = {0, 0, 0};
  EXPECT_TRUE(IsZeroSignal(GroupCredit{{.advantage = 0, .item_advantages = nothing}}));
  EXPECT_NE(LayOut(code_, nothing, second_).token_advantages, std::vector<double>(12, 0.0));
}

TEST_F(ListLayoutTest, ParsedReadingWithShapingKeepsPreambleAndEosApart) {
  cohort::v1::ObjectiveSpec spec = ResolvedSpec(
      "rank_grpo", "advantage { item { num_items: 2 } } segmenter { item_reading: ITEM_READING_PARSED_LINES }");
  const std::vector<std::string> pieces = {"Sure:", "\n", "Up (2009)", "\n", "Heat (1995)", "<eos>"};
  const SequenceLayout layout = LayOut(spec, {1, 2}, pieces);
  EXPECT_EQ(layout.token_advantages, (std::vector<double>{0, 0, 1, 1, 2, 0.1}));
  EXPECT_EQ(layout.item_ends, (std::vector<int64_t>{2, 4, 5, 6}));
  // Past item N one bin, blank lines included, up to EOS.
  const std::vector<std::string> many = {"Up (2009)\n", "Heat (1995)\n", "Alien (1979)\n",
                                         "\n",          "Jaws (1975)",   "<eos>"};
  const SequenceLayout overflow = LayOut(spec, {1, 2}, many);
  EXPECT_EQ(overflow.token_advantages, (std::vector<double>{1, 2, -0.1, -0.1, -0.1, 0}));
  EXPECT_EQ(overflow.item_ends, (std::vector<int64_t>{1, 2, 5, 6}));
}

TEST_F(ListLayoutTest, CreditOfAnotherLengthIsRefused) {
  EXPECT_THAT(LayOutSequence(code_, {.advantage = 0, .item_advantages = {1, 2}}, first_, true),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("item_advantages: 2 for 3")));
}

TEST(SequenceLayoutTest, ObjectivesThatDoNotReadTextHaveAnEmptyLayout) {
  const absl::StatusOr<SequenceLayout> layout = LayOutSequence(ResolvedSpec("gspo"), {.advantage = 1}, {}, true);
  ASSERT_TRUE(layout.ok());
  EXPECT_TRUE(layout->token_advantages.empty() && layout->mask.empty() && layout->subsentence_ends.empty() &&
              layout->item_ends.empty());
}

}  // namespace
}  // namespace cohort::objective
