#include "engine/layers/linear.h"

#include <algorithm>

#include "engine/layers/feed_forward.h"
#include "engine/layers/rms_norm.h"
#include "tests/catch.h"
#include "tests/engine/kernels/random_values.h"

namespace halfling::testing {
namespace {

// x W^T + b in double.
std::vector<double> Reference(const Matrix& x, const Matrix& weight,
                              const std::vector<float>& bias) {
  std::vector<double> y;
  for (size_t t = 0; t < x.rows(); ++t) {
    for (size_t out = 0; out < weight.rows(); ++out) {
      double sum = bias.empty() ? 0.0 : bias[out];
      for (size_t in = 0; in < x.cols(); ++in) {
        sum += static_cast<double>(x.row(t)[in]) * weight.row(out)[in];
      }
      y.push_back(sum);
    }
  }
  return y;
}

void RequireClose(const Matrix& actual, const std::vector<double>& expected) {
  REQUIRE(actual.values().size() == expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    REQUIRE(actual.values()[i] == Approx(expected[i]).epsilon(1e-5).margin(2e-5));
  }
}

TEST_CASE("A dense linear is x W^T + b") {
  RandomValues random(GENERATE(range(0u, 20u)));
  const Matrix x = random.NewMatrix(random.Size(1, 6), random.Size(1, 50));
  const Matrix weight = random.NewMatrix(random.Size(1, 50), x.cols());
  const bool has_bias = random.Size(0, 1) == 1;
  const std::vector<float> bias = random.Vector(has_bias ? weight.rows() : 0);
  const Linear linear = Linear::Dense(weight, bias);
  CHECK(linear.in_dim() == x.cols());
  CHECK(linear.out_dim() == weight.rows());
  CHECK_FALSE(linear.is_low_rank());
  CHECK(linear.rank() == std::min(x.cols(), weight.rows()));
  CHECK(linear.num_parameters() == weight.values().size() + bias.size());
  Matrix y;
  LinearScratch scratch;
  linear.Apply(x, y, scratch);
  RequireClose(y, Reference(x, weight, bias));
}

TEST_CASE("A low-rank linear is x (left right)^T + b") {
  RandomValues random(GENERATE(range(100u, 120u)));
  const Matrix x = random.NewMatrix(random.Size(1, 6), random.Size(1, 50));
  const size_t out_dim = random.Size(1, 50);
  const size_t rank = random.Size(1, std::min(out_dim, x.cols()));
  const Matrix left = random.NewMatrix(out_dim, rank);
  const Matrix right = random.NewMatrix(rank, x.cols());
  const std::vector<float> bias = random.Vector(out_dim);
  const Linear linear = Linear::LowRank(left, right, bias);
  CHECK(linear.is_low_rank());
  CHECK(linear.in_dim() == x.cols());
  CHECK(linear.out_dim() == out_dim);
  CHECK(linear.rank() == rank);
  CHECK(linear.num_parameters() == rank * (x.cols() + out_dim) + out_dim);

  // left right, in double: the reference's product of `left` with `right` transposed.
  Matrix right_transposed(x.cols(), rank);
  for (size_t r = 0; r < rank; ++r) {
    for (size_t in = 0; in < x.cols(); ++in) right_transposed.row(in)[r] = right.row(r)[in];
  }
  const std::vector<double> product = Reference(left, right_transposed, {});
  const Matrix effective = linear.Unpack();
  REQUIRE(effective.rows() == out_dim);
  RequireClose(effective, product);
  CHECK(std::ranges::equal(linear.UnpackLeft().values(), left.values()));
  CHECK(std::ranges::equal(linear.UnpackRight().values(), right.values()));

  Matrix y;
  LinearScratch scratch;
  linear.Apply(x, y, scratch);
  RequireClose(y, Reference(x, effective, bias));
}

TEST_CASE("RmsNormHeads normalizes each head on its own") {
  RandomValues random(3);
  const std::vector<float> weight = random.Vector(6);
  std::vector<float> heads = random.Vector(18);
  const Matrix rows(3, 6, heads);
  Matrix normed;
  RmsNormRows(rows, weight, 1e-6f, normed);
  RmsNormHeads(weight, 1e-6f, heads);
  CHECK(std::ranges::equal(normed.values(), heads));
  CHECK_FALSE(std::ranges::equal(rows.values(), heads));
}

TEST_CASE("ApplyGate multiplies silu(gate) with up") {
  Matrix gate(1, 3, {0.0f, 1.0f, -2.0f});
  ApplyGate(gate, Matrix(1, 3, {5.0f, 2.0f, 3.0f}));
  CHECK(gate.values()[0] == 0.0f);
  CHECK(gate.values()[1] == Approx(2 * 0.7310585786));
  CHECK(gate.values()[2] == Approx(3 * -0.2384058440));
}

}  // namespace
}  // namespace halfling::testing
