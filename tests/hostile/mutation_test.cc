// Valid models with random damage: each either loads and recommends, or gets a typed error.
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "tests/catch.h"
#include "tests/hostile/hostile.h"

namespace halfling::testing {
namespace {

constexpr int kRounds = 2'000;

size_t Below(Random& random, size_t bound) {
  return static_cast<size_t>(random.Below(static_cast<int>(bound)));
}

void FlipBytes(Random& random, std::vector<std::byte>& file) {
  // Most of the file is weights, where a flip does little: aim at the header as often.
  const size_t header = 8 + HeaderOf(file).size();
  const bool in_header = random.Chance(50);
  const int flips = 1 + random.Below(4);
  for (int i = 0; i < flips; ++i) {
    const size_t at =
        in_header ? Below(random, header) : header + Below(random, file.size() - header);
    file[at] ^= static_cast<std::byte>(1 << random.Below(8));
  }
}

void ChangeSize(Random& random, std::vector<std::byte>& file) {
  const size_t at = Below(random, file.size());
  if (random.Chance(50)) {
    file.resize(at);
  } else {
    const size_t length = 1 + Below(random, file.size() - at);
    file.erase(file.begin() + static_cast<std::ptrdiff_t>(at),
               file.begin() + static_cast<std::ptrdiff_t>(at + length));
  }
}

// Puts a number that likes to break things in the place of one of the header's, its length right.
void ReplaceNumber(Random& random, std::vector<std::byte>& file) {
  constexpr std::array kNumbers = {"0",          "1",          "-1",        "2147483647",
                                   "2147483648", "4294967296", "16777216",  "9223372036854775807",
                                   "1.5",        "1e999",      "null",      "18446744073709551615",
                                   "[]",         "{}",         "\\\"8\\\"", "100000"};
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  std::string header = HeaderOf(file);
  std::vector<std::pair<size_t, size_t>> runs;  // [begin, end) of each number
  for (size_t i = 0; i < header.size(); ++i) {
    if (!is_digit(header[i])) continue;
    const size_t begin = i;
    while (i < header.size() && is_digit(header[i])) ++i;
    runs.emplace_back(begin, i);
  }
  const auto [begin, end] = runs[Below(random, runs.size())];
  header.replace(begin, end - begin, kNumbers[Below(random, kNumbers.size())]);
  file = WithHeader(file, header);
}

void Damage(Random& random, std::vector<std::byte>& file) {
  switch (random.Below(4)) {
    case 0:
      return ChangeSize(random, file);
    case 1:
      return ReplaceNumber(random, file);
    default:
      return FlipBytes(random, file);
  }
}

TinyModelOptions SmallOptions(int variant) {
  TinyModelOptions options;
  options.num_items = 12;
  options.low_rank = variant % 2 == 1;
  options.pivoted = variant >= 4;
  if (variant == 4) options.storage = Storage::kInt8;
  if (variant == 5) options.storage = Storage::kMixed;
  options.dtype = variant % 2 == 0 ? DType::kF32 : DType::kF16;
  options.architecture = variant < 2 ? "LlamaForCausalLM" : "Qwen3ForCausalLM";
  return options;
}

}  // namespace

TEST_CASE("Random damage to a model is a typed error or a working model, never worse") {
  std::vector<std::vector<FileBytes>> models;
  for (int variant = 0; variant < 6; ++variant) {
    models.push_back(TinyModelShards(SmallOptions(variant)));
  }
  std::map<std::string, int> outcomes;
  for (int round = 0; round < kRounds; ++round) {
    CAPTURE(round);
    Random random(static_cast<uint32_t>(round));
    std::vector<FileBytes> shards = models[Below(random, models.size())];
    Damage(random, shards[0].bytes);
    auto recommender = Recommender::Load(std::move(shards));
    if (!recommender) {
      REQUIRE_FALSE(recommender.error().message.empty());
      REQUIRE(recommender.error().message.size() < 1'000);
      ++outcomes[std::string(ErrorCodeName(recommender.error().code))];
      continue;
    }
    RecommendRequest request;
    request.history = {0};
    const auto items = recommender->Recommend(request);
    if (!items) {
      REQUIRE(items.error().code == ErrorCode::kNonFiniteWeight);
      ++outcomes["overflow"];
      continue;
    }
    for (const ScoredItem& item : *items) {
      REQUIRE(std::isfinite(item.score));
      REQUIRE(item.item >= 0);
      REQUIRE(item.item < recommender->model().trie.num_items());
    }
    ++outcomes["loaded"];
  }
  for (const auto& [outcome, count] : outcomes) {
    UNSCOPED_INFO(outcome << ": " << count);
  }
  // The damage is neither always fatal nor always harmless, and of many kinds.
  CHECK(outcomes["loaded"] > kRounds / 20);
  CHECK(outcomes["loaded"] < kRounds / 2);
  CHECK(outcomes.size() >= 10);
}

}  // namespace halfling::testing
