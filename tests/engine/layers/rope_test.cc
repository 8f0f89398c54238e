#include "engine/layers/rope.h"

#include <cmath>
#include <numbers>

#include "tests/catch.h"
#include "tests/engine/kernels/random_values.h"

namespace halfling::testing {
namespace {

TEST_CASE("Frequencies without scaling fall from 1 as powers of theta") {
  const RopeTable table(8, 10000.0, {}, 16);
  REQUIRE(table.frequencies().size() == 4);
  for (size_t i = 0; i < 4; ++i) {
    CHECK(table.frequencies()[i] == Approx(std::pow(10000.0, -static_cast<double>(i) / 4)));
  }
}

TEST_CASE("Linear scaling divides every frequency") {
  const RopeTable plain(12, 500.0, {}, 16);
  const RopeTable scaled(12, 500.0, {.kind = RopeScaling::Kind::kLinear, .factor = 2.5}, 16);
  for (size_t i = 0; i < 6; ++i) {
    CHECK(scaled.frequencies()[i] == plain.frequencies()[i] / 2.5f);
  }
}

TEST_CASE("llama3 scaling keeps short waves, stretches long ones, blends between") {
  const RopeScaling scaling = {.kind = RopeScaling::Kind::kLlama3,
                               .factor = 8.0,
                               .low_freq_factor = 1.0,
                               .high_freq_factor = 4.0,
                               .original_max_position_embeddings = 8192};
  const RopeTable plain(128, 500000.0, {}, 16);
  const RopeTable scaled(128, 500000.0, scaling, 16);
  int kept = 0;
  int stretched = 0;
  int blended = 0;
  for (size_t i = 0; i < 64; ++i) {
    const double ratio = scaled.frequencies()[i] / plain.frequencies()[i];
    const double wavelength = 2 * std::numbers::pi / plain.frequencies()[i];
    if (wavelength < 2048) {
      CHECK(ratio == 1.0);
      ++kept;
    } else if (wavelength > 8192) {
      CHECK(ratio == Approx(1.0 / 8));
      ++stretched;
    } else {
      const double smooth = (8192 / wavelength - 1) / 3;
      CHECK(ratio == Approx((1 - smooth) / 8 + smooth));
      ++blended;
    }
  }
  CHECK(kept > 0);
  CHECK(stretched > 0);
  CHECK(blended > 0);
}

TEST_CASE("Rotate turns each pair of halves by position times frequency") {
  RandomValues random(5);
  const RopeTable table(6, 100.0, {}, 5000);
  std::vector<float> buffer;
  for (int position : {0, 1, 17, 1023, 1024, 4999}) {  // cached rows, and rows beyond them
    CAPTURE(position);
    std::vector<float> heads = random.Vector(12);
    const std::vector<float> before = heads;
    table.Rotate(position, heads, buffer);
    for (size_t head = 0; head < 12; head += 6) {
      for (size_t i = 0; i < 3; ++i) {
        const double angle = static_cast<float>(position) * table.frequencies()[i];
        const double a = before[head + i];
        const double b = before[head + i + 3];
        CHECK(heads[head + i] ==
              Approx(a * std::cos(angle) - b * std::sin(angle)).margin(1e-6));
        CHECK(heads[head + i + 3] ==
              Approx(b * std::cos(angle) + a * std::sin(angle)).margin(1e-6));
      }
    }
  }
}

TEST_CASE("A row beyond the cached ones has the bits that a cached one would have") {
  RandomValues random(6);
  const RopeTable large(8, 10000.0, {}, 1024);
  const RopeTable small(8, 10000.0, {}, 10);
  std::vector<float> buffer;
  std::vector<float> a = random.Vector(8);
  std::vector<float> b = a;
  large.Rotate(700, a, buffer);
  small.Rotate(700, b, buffer);
  CHECK(a == b);
}

}  // namespace
}  // namespace halfling::testing
