#include "engine/search/log_softmax.h"

#include <cmath>
#include <limits>

#include "tests/catch.h"
#include "tests/engine/tiny_model.h"

namespace halfling::testing {

TEST_CASE("Log-softmax agrees with the formula in double") {
  Random random(2);
  std::vector<float> scratch;
  for (int round = 0; round < 200; ++round) {
    std::vector<float> logits(static_cast<size_t>(1 + random.Below(300)));
    const float scale = static_cast<float>(1 + random.Below(60));
    for (float& logit : logits) logit = scale * random.Symmetric();
    double sum = 0;
    for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
    std::vector<float> log_p = logits;
    REQUIRE(LogSoftmax(log_p, scratch));
    for (size_t i = 0; i < logits.size(); ++i) {
      const double expected = static_cast<double>(logits[i]) - std::log(sum);
      REQUIRE(std::abs(log_p[i] - expected) <= 2e-6 * (1.0 + std::abs(expected)));
    }
  }
}

TEST_CASE("Extreme logits stay finite; those that are not finite are refused") {
  std::vector<float> scratch;
  std::vector<float> wide = {3.0e38f, -3.0e38f};
  REQUIRE(LogSoftmax(wide, scratch));
  CHECK(wide[0] == 0.0f);
  CHECK(std::isfinite(wide[1]));
  std::vector<float> one = {-7.0f};
  REQUIRE(LogSoftmax(one, scratch));
  CHECK(one[0] == 0.0f);
  for (const float bad :
       {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
        std::numeric_limits<float>::quiet_NaN()}) {
    for (size_t at = 0; at < 3; ++at) {
      std::vector<float> logits = {1.0f, 2.0f, 3.0f};
      logits[at] = bad;
      CHECK_FALSE(LogSoftmax(logits, scratch));
    }
  }
}

}  // namespace halfling::testing
