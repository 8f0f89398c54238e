#include "engine/base/text.h"

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>

#include "tests/catch.h"

namespace halfling::testing {
namespace {

std::string SixDigits(double number) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.6g", number);
  return text;
}

}  // namespace

TEST_CASE("Texts and integers follow one another") {
  const std::string name = "size";
  const std::string_view part = std::string_view("of it all").substr(0, 5);
  CHECK(Concat(name, " ", part, ": ", 3, ", ", size_t{0}, " and ", int64_t{-7}) ==
        "size of it: 3, 0 and -7");
  CHECK(Concat(INT64_MIN) == "-9223372036854775808");
  CHECK(Concat(INT64_MAX) == "9223372036854775807");
  CHECK(Concat(UINT64_MAX) == "18446744073709551615");
  CHECK(Concat(uint8_t{200}, int8_t{-128}) == "200-128");
  CHECK(Concat().empty());
}

TEST_CASE("Integers among doubles are shown whole, the rest with six digits") {
  CHECK(Concat(0.0) == "0");
  CHECK(Concat(1.0) == "1");
  CHECK(Concat(-4294967297.0) == "-4294967297");
  CHECK(Concat(9007199254740991.0) == "9007199254740991");
  CHECK(Concat(9007199254740992.0) == "9.0072e+15");
  CHECK(Concat(1.5) == "1.5");
  CHECK(Concat(-0.25f) == "-0.25");
  CHECK(Concat(1e-12) == "1e-12");
  CHECK(Concat(1e300) == "1e+300");
  CHECK(Concat(0.00012345678) == "0.000123457");
  CHECK(Concat(0.0000123) == "1.23e-5");
  CHECK(Concat(200000.25) == "200000");
  CHECK(Concat(999999.75) == "1e+6");
  CHECK(Concat(std::numeric_limits<double>::max()) == "1.79769e+308");
  CHECK(Concat(std::numeric_limits<double>::denorm_min()) == "4.94066e-324");
  CHECK(Concat(std::numeric_limits<double>::quiet_NaN()) == "nan");
  CHECK(Concat(-std::numeric_limits<double>::infinity()) == "-inf");
}

TEST_CASE("Six digits are those that printf shows") {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> exponent(-300, 300);
  for (int i = 0; i < 20'000; ++i) {
    const double number = std::pow(10.0, exponent(random)) * (i % 2 == 0 ? 1 : -1);
    CAPTURE(i, SixDigits(number));
    // Beyond six digits printf leaves integers out; and it pads an exponent to two digits.
    if (std::abs(number) < 9e15 && number == std::floor(number)) continue;
    if (std::strtod(Concat(number).c_str(), nullptr) !=
        std::strtod(SixDigits(number).c_str(), nullptr)) {
      CHECK(Concat(number) == SixDigits(number));
    }
  }
}

TEST_CASE("Names from a file are shown without control characters, and not at any length") {
  CHECK(Quoted("a\n\x1b[b") == "\"a\\x0a\\x1b[b\"");
  CHECK(Quoted(std::string(1000, 'x')).size() < 120);
  CHECK(Quoted(std::string(95, 'x') + "üü") == "\"" + std::string(95, 'x') + "…\"");
}

}  // namespace halfling::testing
