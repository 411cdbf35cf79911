// SPDX-License-Identifier: Apache-2.0
#include "coordinator/claim_messages.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

// Uses an answer of so many groups, each with a text of so many bytes.
void Use(ClaimMessages* messages, int num_groups, size_t num_bytes, bool is_sent) {
  std::unique_ptr<ClaimAnswer> answer = messages->Take();
  for (int i = 0; i < num_groups; ++i) answer->message()->add_groups()->set_job(std::string(num_bytes, 'x'));
  if (is_sent) {
    EXPECT_GT(answer->message()->SerializeAsString().size(), num_groups * num_bytes);
  } else {
    answer->message()->Clear();
  }
  messages->TakeBack(std::move(answer));
}

TEST(ClaimMessagesTest, WhatComesBackIsGivenOutAgainEmpty) {
  ClaimMessages messages;
  std::unique_ptr<ClaimAnswer> first = messages.Take();
  const ClaimAnswer* const address = first.get();
  first->message()->add_groups()->set_job("job");
  messages.TakeBack(std::move(first));
  const std::unique_ptr<ClaimAnswer> second = messages.Take();
  EXPECT_EQ(second.get(), address);
  EXPECT_EQ(second->message()->groups_size(), 0);
  EXPECT_EQ(second->message()->ByteSizeLong(), 0u);
}

TEST(ClaimMessagesTest, AFewAreKeptAndNoneThatIsLarge) {
  ClaimMessages messages;
  std::vector<std::unique_ptr<ClaimAnswer>> held;
  for (int i = 0; i < 1000; ++i) held.push_back(messages.Take());
  for (auto& answer : held) messages.TakeBack(std::move(answer));
  EXPECT_EQ(messages.NumKept(), 64);
  Use(&messages, /*num_groups=*/1, /*num_bytes=*/1 << 20, /*is_sent=*/true);
  EXPECT_EQ(messages.NumKept(), 63);
}

TEST(ClaimMessagesTest, OnesThatWereLargeOnceAreNotKeptThoughTheySayLittle) {
  ClaimMessages messages;
  // What is cleared keeps its texts' memory, but no messages in it.
  Use(&messages, /*num_groups=*/64, /*num_bytes=*/8192, /*is_sent=*/false);
  EXPECT_EQ(messages.NumKept(), 0);
}

TEST(ClaimMessagesTest, OnesThatGrowLaterAreNotKeptEither) {
  ClaimMessages messages;
  Use(&messages, /*num_groups=*/1, /*num_bytes=*/64, /*is_sent=*/true);
  EXPECT_EQ(messages.NumKept(), 1);
  Use(&messages, /*num_groups=*/64, /*num_bytes=*/8192, /*is_sent=*/true);
  EXPECT_EQ(messages.NumKept(), 0);
  // One that is given back is not sent; it is found out when it has served a while.
  Use(&messages, /*num_groups=*/1, /*num_bytes=*/64, /*is_sent=*/true);
  Use(&messages, /*num_groups=*/64, /*num_bytes=*/8192, /*is_sent=*/false);
  int num_uses = 0;
  for (; messages.NumKept() == 1 && num_uses < 1000; ++num_uses) Use(&messages, 1, 64, /*is_sent=*/true);
  EXPECT_LE(num_uses, 64);
}

}  // namespace
}  // namespace cohort::coordinator
