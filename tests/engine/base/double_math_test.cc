#include "engine/base/double_math.h"

#include <algorithm>
#include <cmath>

#include "tests/catch.h"

namespace halfling::testing {

TEST_CASE("The double functions agree with libm") {
  double exp_error = 0;
  double log_error = 0;
  for (double x = -690; x < 690; x += 0.0371) {
    exp_error = std::max(exp_error, std::abs(ExpDouble(x) / std::exp(x) - 1));
    if (x > 0) log_error = std::max(log_error, std::abs(LogDouble(x) - std::log(x)));
  }
  CHECK(exp_error < 1e-14);
  CHECK(log_error < 1e-14);
  CHECK(LogDouble(1e12) == Approx(std::log(1e12)).epsilon(1e-15));
  CHECK(LogDouble(1.0) == 0.0);
  for (int exponent = -1000; exponent <= 1000; ++exponent) {
    const double x = std::ldexp(1.0 + std::abs(std::sin(exponent)), exponent);
    REQUIRE(LogDouble(x) == Approx(std::log(x)).epsilon(1e-14).margin(1e-14));
  }
  CHECK(ExpDouble(0.0) == 1.0);

  double angle_error = 0;
  for (double x = 0; x < 1 << 20; x = x < 100 ? x + 0.0173 : x * 1.00037) {
    for (double angle : {x, -x}) {
      double sine = 0;
      double cosine = 0;
      SinCos(angle, sine, cosine);
      angle_error = std::max({angle_error, std::abs(sine - std::sin(angle)),
                              std::abs(cosine - std::cos(angle))});
    }
  }
  CHECK(angle_error < 1e-14);
}

}  // namespace halfling::testing
