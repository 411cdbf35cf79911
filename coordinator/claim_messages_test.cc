// SPDX-License-Identifier: Apache-2.0
#include "coordinator/claim_messages.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

TEST(ClaimMessagesTest, WhatComesBackIsGivenOutAgainEmpty) {
  ClaimMessages messages;
  ClaimMessages::Holder* const first = messages.AllocateMessages();
  first->request()->set_max_groups(3);
  first->response()->add_groups()->set_job("job");
  first->Release();
  ClaimMessages::Holder* const second = messages.AllocateMessages();
  EXPECT_EQ(second, first);
  EXPECT_EQ(second->request()->max_groups(), 0);
  EXPECT_EQ(second->response()->groups_size(), 0);
  EXPECT_EQ(second->response()->ByteSizeLong(), 0u);
  second->Release();
}

TEST(ClaimMessagesTest, AFewAreKeptAndNoneThatIsLarge) {
  ClaimMessages messages;
  std::vector<ClaimMessages::Holder*> held;
  for (int i = 0; i < 1000; ++i) held.push_back(messages.AllocateMessages());
  for (ClaimMessages::Holder* holder : held) holder->Release();
  EXPECT_LE(messages.NumKept(), 64);
  const int num_kept = messages.NumKept();
  ClaimMessages::Holder* const large = messages.AllocateMessages();
  large->response()->add_groups()->mutable_problem()->set_prompt(std::string(1 << 20, 'x'));
  large->Release();
  EXPECT_EQ(messages.NumKept(), num_kept - 1);
}

TEST(ClaimMessagesTest, MessagesThatWereLargeOnceAreNotKeptThoughTheySayLittle) {
  ClaimMessages messages;
  ClaimMessages::Holder* const answered = messages.AllocateMessages();
  // What is cleared keeps its texts' memory, but no messages in it.
  for (int i = 0; i < 64; ++i) answered->response()->add_groups()->set_job(std::string(8192, 'x'));
  answered->response()->Clear();
  answered->Release();
  EXPECT_EQ(messages.NumKept(), 0);
  ClaimMessages::Holder* const asked = messages.AllocateMessages();
  asked->request()->mutable_worker()->set_worker_id(std::string(1 << 20, 'x'));
  asked->Release();
  EXPECT_EQ(messages.NumKept(), 0);
}

}  // namespace
}  // namespace cohort::coordinator
