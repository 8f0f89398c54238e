// Logits against those that transformers computed for the same weights (scripts/make_golden.py).
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "tests/engine/model/golden_model.h"

namespace halfling::testing {
namespace {

// The largest difference between our logits and the golden ones, relative to the golden row's
// largest logit, over all positions of `tokens`.
double LargestError(const Transformer& transformer, const std::vector<int>& tokens,
                    const std::vector<std::vector<double>>& golden) {
  KvCache cache(transformer.config());
  for (int token : tokens) cache.Append(token, cache.num_slots() - 1);
  TransformerScratch scratch;
  transformer.Forward(cache, 0, scratch);

  std::vector<int> vocabulary(static_cast<size_t>(transformer.config().vocab_size));
  std::iota(vocabulary.begin(), vocabulary.end(), 0);
  std::vector<float> logits(vocabulary.size());
  double largest_error = 0;
  REQUIRE(golden.size() == tokens.size());
  for (size_t t = 0; t < tokens.size(); ++t) {
    REQUIRE(golden[t].size() == vocabulary.size());
    transformer.Logits(scratch.hidden.row(t), vocabulary, logits);
    double scale = 0;
    double error = 0;
    for (size_t v = 0; v < vocabulary.size(); ++v) {
      scale = std::max(scale, std::abs(golden[t][v]));
      error = std::max(error, std::abs(logits[v] - golden[t][v]));
    }
    REQUIRE(std::isfinite(error));
    largest_error = std::max(largest_error, error / scale);
  }
  return largest_error;
}

TEST_CASE("Logits agree with transformers at every position") {
  const std::string name = GENERATE(from_range(std::begin(kGoldens), std::end(kGoldens)));
  CAPTURE(name);
  const Transformer transformer = LoadGolden(name);
  const auto golden = nlohmann::json::parse(ReadTestData("golden/" + name + "/golden.json"));
  REQUIRE(golden["sequences"].size() >= 3);
  for (const auto& sequence : golden["sequences"]) {
    const auto tokens = sequence["tokens"].get<std::vector<int>>();
    CAPTURE(tokens.size());
    CHECK(LargestError(transformer, tokens,
                       sequence["logits"].get<std::vector<std::vector<double>>>()) < 1e-5);
  }
}

}  // namespace
}  // namespace halfling::testing
