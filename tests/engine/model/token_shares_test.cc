#include "engine/model/token_shares.h"

#include <algorithm>

#include "tests/engine/model/golden_model.h"

namespace halfling::testing {
namespace {

TEST_CASE("Shares lie side by side, cover all tokens, and have the outputs of the last ones") {
  const Transformer transformer = LoadGolden("llama-bias-f32");
  KvCache cache(transformer.config());
  for (int slot = 0; slot < 60; ++slot) cache.Append(1, slot - 1);
  TransformerScratch scratch;
  for (int first_slot = 0; first_slot < 60; first_slot += 7) {
    const int num_tokens = 60 - first_slot;
    for (const int num_outputs : {1, 3, num_tokens}) {
      for (size_t num_shares = 2; num_shares <= 4; ++num_shares) {
        if (num_outputs > num_tokens || static_cast<int>(num_shares) * 2 > num_tokens) continue;
        CAPTURE(first_slot, num_outputs, num_shares);
        const auto shares =
            DivideTokens({first_slot, num_tokens, num_outputs, &scratch}, num_shares,
                         transformer.config(), transformer.weights().layers.front(), cache);
        REQUIRE(shares.size() == num_shares);
        int slot = first_slot;
        for (const TokenShare& share : shares) {
          CHECK(share.first_slot == slot);
          CHECK(share.num_tokens > 0);
          slot += share.num_tokens;
          const int outputs = std::clamp(slot - (60 - num_outputs), 0, share.num_tokens);
          CHECK(share.num_outputs == outputs);
          CHECK(share.scratch->scores.capacity() >= 60);
        }
        CHECK(slot == 60);
      }
    }
  }
}

TEST_CASE("Of a long prompt, who comes later has fewer tokens, for each of them sees more") {
  const Transformer transformer = LoadGolden("llama-bias-f32");
  KvCache cache(transformer.config());
  for (int slot = 0; slot < 2000; ++slot) cache.Append(1, slot - 1);
  TransformerScratch scratch;
  const auto shares = DivideTokens({0, 2000, 1, &scratch}, 4, transformer.config(),
                                   transformer.weights().layers.front(), cache);
  for (size_t i = 1; i < shares.size(); ++i) {
    CHECK(shares[i].num_tokens < shares[i - 1].num_tokens);
  }
}

TEST_CASE("Few tokens, or no threads, are one share") {
  TransformerScratch scratch;
  CHECK(NumShares({0, 100, 1, &scratch}) == 1);
  ThreadPool threads(4);
  scratch.threads = &threads;
  CHECK(NumShares({0, 100, 1, &scratch}) == threads.threads());
  CHECK(NumShares({0, 1, 1, &scratch}) == 1);
  CHECK(NumShares({0, 5, 5, &scratch}) == std::min(size_t{2}, threads.threads()));
}

}  // namespace
}  // namespace halfling::testing
