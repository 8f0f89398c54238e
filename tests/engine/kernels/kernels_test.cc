// The kernels against their definitions, written out plainly here.
#include "engine/kernels/kernels.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <span>

#include "tests/catch.h"
#include "tests/engine/kernels/random_values.h"

namespace halfling::testing {
namespace {

// The contract's dot product: 16 accumulators, then a tree.
float DotByDefinition(const float* a, const float* b, size_t dim) {
  float sums[16] = {};
  for (size_t i = 0; i < dim; ++i) {
    const float product = a[i] * b[i];
    sums[i % 16] += product;
  }
  for (size_t half = 8; half > 0; half /= 2) {
    for (size_t j = 0; j < half; ++j) sums[j] += sums[j + half];
  }
  return sums[0];
}

TEST_CASE("PackedMatrix unpacks to what was packed") {
  RandomValues random(GENERATE(range(0u, 20u)));
  const Matrix weight = random.NewMatrix(random.Size(1, 40), random.Size(1, 40));
  const PackedMatrix packed(weight);
  const Matrix unpacked = packed.Unpack();
  REQUIRE(unpacked.rows() == weight.rows());
  REQUIRE(unpacked.cols() == weight.cols());
  CHECK(std::equal(weight.values().begin(), weight.values().end(), unpacked.values().begin()));
}

TEST_CASE("MatMul is the plain sum over the inputs, token by token") {
  RandomValues random(GENERATE(range(0u, 20u)));
  const Matrix x = random.NewMatrix(random.Size(1, 9), random.Size(1, 70));
  const Matrix weight = random.NewMatrix(random.Size(1, 70), x.cols());
  Matrix y;
  kernels::MatMul(x, PackedMatrix(weight), y);
  REQUIRE(y.rows() == x.rows());
  REQUIRE(y.cols() == weight.rows());
  for (size_t t = 0; t < x.rows(); ++t) {
    for (size_t out = 0; out < weight.rows(); ++out) {
      float sum = 0;
      for (size_t in = 0; in < x.cols(); ++in) {
        const float product = x.row(t)[in] * weight.row(out)[in];
        sum += product;
      }
      REQUIRE(y.row(t)[out] == sum);
    }
  }
}

// y of one token and one output by the contract, with a sum that cannot overflow.
float IntegerOutput(std::span<const float> x, const Int8Matrix& weight, size_t out, float limit) {
  float largest = 0;
  for (const float value : x) largest = std::max(largest, std::abs(value));
  const float inverse = limit / largest;
  int64_t sum = 0;
  for (size_t in = 0; in < x.size(); ++in) {
    const auto integer = static_cast<int64_t>(std::nearbyint(x[in] * inverse));
    sum += integer * weight.values[out * weight.cols + in];
  }
  REQUIRE(std::abs(sum) <= std::numeric_limits<int32_t>::max());
  return static_cast<float>(sum) * weight.scales[out] * (largest / limit);
}

Matrix Product(const Matrix& x, const PackedInt8Matrix& weight) {
  Matrix y;
  kernels::QuantizedRows scratch;
  kernels::MatMul(x, weight, y, scratch);
  return y;
}

Matrix Product(const Matrix& x, const PackedInt7Matrix& weight) {
  Matrix y;
  kernels::QuantizedRows quantized;
  kernels::QuantizeInt7(x, quantized);
  kernels::MatMul(quantized, weight, y);
  return y;
}

// With every implementation.
template <typename Packed>
void RequireIntegerProduct(const Matrix& x, const Int8Matrix& weight, float limit) {
  for (const auto* implementation : kernels::AvailableImplementations()) {
    CAPTURE(implementation->name, x.rows(), x.cols(), weight.rows);
    REQUIRE(kernels::UseImplementation(implementation->name));
    const Matrix y = Product(x, Packed(weight));
    REQUIRE(y.rows() == x.rows());
    REQUIRE(y.cols() == weight.rows);
    for (size_t t = 0; t < x.rows(); ++t) {
      for (size_t out = 0; out < weight.rows; ++out) {
        REQUIRE(y.row(t)[out] == IntegerOutput(x.row(t), weight, out, limit));
      }
    }
  }
  kernels::UseImplementation(kernels::AvailableImplementations().front()->name);
}

void RequireInt8Product(const Matrix& x, const Int8Matrix& weight) {
  const auto limit = static_cast<float>(kernels::Int8InputLimit(x.cols()));
  RequireIntegerProduct<PackedInt8Matrix>(x, weight, limit);
}

void RequireInt7Product(const Matrix& x, const Int8Matrix& weight) {
  RequireIntegerProduct<PackedInt7Matrix>(x, weight, kernels::kInt7InputLimit);
}

TEST_CASE("PackedInt8Matrix unpacks to what was packed") {
  RandomValues random(GENERATE(range(0u, 20u)));
  const Int8Matrix weight =
      QuantizeInt8(random.NewMatrix(random.Size(1, 40), random.Size(1, 40)));
  const Int8Matrix unpacked = PackedInt8Matrix(weight).Unpack();
  CHECK(unpacked.rows == weight.rows);
  CHECK(unpacked.cols == weight.cols);
  CHECK(unpacked.values == weight.values);
  CHECK(unpacked.scales == weight.scales);
}

TEST_CASE("The int8 MatMul is the exact integer sum, scaled") {
  RandomValues random(GENERATE(range(0u, 30u)));
  const size_t in_dim = random.Size(1, 70) + (random.Size(0, 2) == 0 ? 500 : 0);
  const Matrix x = random.NewMatrix(random.Size(1, 9), in_dim);
  RequireInt8Product(x, QuantizeInt8(random.NewMatrix(random.Size(1, 70), in_dim)));
}

TEST_CASE("PackedInt7Matrix unpacks to what was packed") {
  RandomValues random(GENERATE(range(0u, 20u)));
  const Int8Matrix weight = random.NewInt7Matrix(random.Size(1, 40), random.Size(1, 40));
  const Int8Matrix unpacked = PackedInt7Matrix(weight).Unpack();
  CHECK(unpacked.rows == weight.rows);
  CHECK(unpacked.cols == weight.cols);
  CHECK(unpacked.values == weight.values);
  CHECK(unpacked.scales == weight.scales);
}

TEST_CASE("A matrix is int7 if each integer is, and sums stay within 32 bits") {
  Int8Matrix weight{2, 2, {63, -63, 0, 1}, {1.0f, 1.0f}};
  CHECK(IsInt7(weight));
  weight.values[3] = 64;
  CHECK(!IsInt7(weight));
  weight.values[3] = -64;
  CHECK(!IsInt7(weight));
  const size_t widest = kernels::kMaxInt7InDim;
  CHECK(IsInt7({1, widest, std::vector<int8_t>(widest, 63), {1.0f}}));
  CHECK(!IsInt7({1, widest + 1, std::vector<int8_t>(widest + 1, 63), {1.0f}}));
}

TEST_CASE("The int7 MatMul is the exact integer sum, scaled") {
  RandomValues random(GENERATE(range(0u, 30u)));
  const size_t in_dim = random.Size(1, 70) + (random.Size(0, 2) == 0 ? 500 : 0);
  const Matrix x = random.NewMatrix(random.Size(1, 9), in_dim);
  RequireInt7Product(x, random.NewInt7Matrix(random.Size(1, 70), in_dim));
}

TEST_CASE("The int7 MatMul's largest sums do not overflow") {
  for (const size_t in_dim : {size_t{1}, size_t{4097}, kernels::kMaxInt7InDim}) {
    Matrix x(4, in_dim);
    Int8Matrix weight{2, in_dim, std::vector<int8_t>(2 * in_dim, 63), {1.0f, 0.5f}};
    for (size_t in = 0; in < in_dim; ++in) {
      weight.values[in_dim + in] = -63;
      x.row(0)[in] = 3.0f;
      x.row(1)[in] = -3.0f;
      x.row(2)[in] = in % 2 == 0 ? -1.7f : 1.7f;
      x.row(3)[in] = in % 4 < 2 ? -1.7f : 1.7f;
    }
    RequireInt7Product(x, weight);
  }
}

TEST_CASE("The int8 MatMul's largest sums do not overflow") {
  for (const size_t in_dim : {1u, 515u, 516u, 517u, 4096u, 70001u}) {
    Matrix x(2, in_dim);
    Int8Matrix weight{2, in_dim, std::vector<int8_t>(2 * in_dim, 127), {1.0f, 0.5f}};
    for (size_t in = 0; in < in_dim; ++in) {
      x.row(0)[in] = 3.0f;
      x.row(1)[in] = in % 2 == 0 ? -1.7f : 1.7f;
      if (in % 2 == 1) weight.values[in_dim + in] = -127;
    }
    RequireInt8Product(x, weight);
  }
}

TEST_CASE("The int8 MatMul stays close to the f32 one of the same weights") {
  RandomValues random(GENERATE(range(0u, 20u)));
  const size_t in_dim = random.Size(1, 600);
  const Matrix x = random.NewMatrix(3, in_dim);
  const Int8Matrix weight = QuantizeInt8(random.NewMatrix(40, in_dim));
  const Matrix widened = ToMatrix(weight);
  Matrix y;
  kernels::QuantizedRows scratch;
  kernels::MatMul(x, PackedInt8Matrix(weight), y, scratch);
  for (size_t t = 0; t < x.rows(); ++t) {
    for (size_t out = 0; out < weight.rows; ++out) {
      double expected = 0;
      double magnitudes = 0;
      for (size_t in = 0; in < in_dim; ++in) {
        const double w = widened.row(out)[in];
        expected += w * x.row(t)[in];
        magnitudes += std::abs(w);
      }
      // Each input is off by half a step at most; the rest is f32's own rounding.
      const double bound = 0.5001 * scratch.scales[t] * magnitudes + 1e-6 * std::abs(expected);
      REQUIRE(std::abs(y.row(t)[out] - expected) <= bound);
    }
  }
}

TEST_CASE("The integer MatMuls of rows that have no scale") {
  using Limits = std::numeric_limits<float>;
  const float special = GENERATE(Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity(), 0.0f,
                                 -0.0f, 1e-40f);
  const size_t in_dim = GENERATE(1u, 17u, 64u);
  Matrix x(5, in_dim, std::vector<float>(5 * in_dim, 1.0f));
  const size_t at = GENERATE(0u, 16u) % in_dim;
  for (float& value : x.row(2)) value = std::abs(special) < 1 ? special : 1.0f;
  x.row(2)[at] = special;
  const Int8Matrix weight = QuantizeInt8(Matrix(19, in_dim, std::vector<float>(19 * in_dim, 2.0f)));
  const Int8Matrix narrow = {19, in_dim, std::vector<int8_t>(19 * in_dim, 50),
                             std::vector<float>(19, 0.04f)};
  for (const auto* implementation : kernels::AvailableImplementations()) {
    CAPTURE(implementation->name, special, in_dim, at);
    REQUIRE(kernels::UseImplementation(implementation->name));
    for (const Matrix& y :
         {Product(x, PackedInt8Matrix(weight)), Product(x, PackedInt7Matrix(narrow))}) {
      for (const float value : y.row(2)) {
        if (std::isfinite(special)) {
          REQUIRE(value == 0.0f);
        } else {
          REQUIRE(std::isnan(value));
        }
      }
      for (const size_t other : {0u, 1u, 3u, 4u}) {
        for (const float value : y.row(other)) {
          REQUIRE(value == Approx(2.0 * static_cast<double>(in_dim)));
        }
      }
    }
  }
  kernels::UseImplementation(kernels::AvailableImplementations().front()->name);
}

TEST_CASE("DotRows and AccumulateRows follow their definitions") {
  RandomValues random(GENERATE(range(0u, 30u)));
  const size_t dim = random.Size(1, 80);
  const size_t count = random.Size(1, 12);
  const Matrix rows = random.NewMatrix(count, dim);
  const std::vector<float> x = random.Vector(dim);
  const std::vector<float> weights = random.Vector(count);
  const kernels::Rows view = {rows.values().data(), dim, nullptr, count};

  std::vector<float> dots(count);
  kernels::DotRows(x, view, dots);
  for (size_t i = 0; i < count; ++i) {
    REQUIRE(dots[i] == DotByDefinition(x.data(), rows.row(i).data(), dim));
  }

  std::vector<float> sums = x;
  kernels::AccumulateRows(weights, view, sums);
  for (size_t d = 0; d < dim; ++d) {
    float expected = x[d];
    for (size_t i = 0; i < count; ++i) {
      const float product = weights[i] * rows.row(i)[d];
      expected += product;
    }
    REQUIRE(sums[d] == expected);
  }
}

TEST_CASE("Exp is within 2 ulp of the true exponential") {
  std::vector<float> x;
  for (double value = -87.3; value < 88.3; value += 0.000137) {
    x.push_back(static_cast<float>(value));
  }
  std::vector<float> y(x.size());
  kernels::Exp(x, y);
  double largest_error = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double exact = std::exp(static_cast<double>(x[i]));
    const double ulp = std::ldexp(1.0, std::ilogb(exact) - 23);
    largest_error = std::max(largest_error, std::abs(y[i] - exact) / ulp);
  }
  CHECK(largest_error < 2.0);
}

TEST_CASE("Exp at and beyond the ends of its range") {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> x = {0.0f, -0.0f, -87.31f, -1000.0f, -infinity, 200.0f, infinity};
  std::vector<float> y(x.size());
  kernels::Exp(x, y);
  CHECK(y[0] == 1.0f);
  CHECK(y[1] == 1.0f);
  CHECK(y[2] == 0.0f);
  CHECK(y[3] == 0.0f);
  CHECK(y[4] == 0.0f);
  CHECK(y[5] == y[6]);
  CHECK(y[5] == Approx(std::exp(88.37)).epsilon(1e-5));
}

TEST_CASE("SoftmaxTerms over their sum are a softmax, of extreme scores too") {
  RandomValues random(GENERATE(range(0u, 20u)));
  std::vector<float> scores = random.Vector(random.Size(1, 70), 30.0f);
  const std::vector<float> before = scores;
  const float sum = kernels::SoftmaxTerms(scores, 0.5f);
  double total = 0;
  for (float score : before) total += std::exp(0.5 * static_cast<double>(score));
  for (size_t i = 0; i < scores.size(); ++i) {
    REQUIRE(scores[i] / sum == Approx(std::exp(0.5 * static_cast<double>(before[i])) / total)
                             .epsilon(1e-5).margin(1e-12));
  }

  std::vector<float> extreme = {3e38f, -3e38f, 3e38f};
  CHECK(kernels::SoftmaxTerms(extreme, 1.0f) == 2.0f);
  CHECK(extreme == std::vector<float>{1.0f, 0.0f, 1.0f});
  CHECK(kernels::SoftmaxTerms(std::span<float>(), 1.0f) == 0.0f);
  for (const size_t at : {0u, 2u, 21u, 39u}) {
    std::vector<float> poisoned(40, 1.0f);
    poisoned[at] = std::numeric_limits<float>::quiet_NaN();
    CHECK(std::isnan(kernels::SoftmaxTerms(poisoned, 1.0f)));
  }
}

TEST_CASE("RmsNorm follows its formula, in place too") {
  RandomValues random(GENERATE(range(0u, 20u)));
  const std::vector<float> x = random.Vector(random.Size(1, 70), 4.0f);
  const std::vector<float> weight = random.Vector(x.size());
  std::vector<float> y(x.size());
  kernels::RmsNorm(x, weight, 1e-5f, y);
  double squares = 0;
  for (float value : x) squares += static_cast<double>(value) * value;
  const double inverse = 1 / std::sqrt(squares / static_cast<double>(x.size()) + 1e-5);
  for (size_t i = 0; i < x.size(); ++i) {
    REQUIRE(y[i] == Approx(x[i] * inverse * weight[i]).epsilon(1e-5).margin(1e-7));
  }
  std::vector<float> in_place = x;
  kernels::RmsNorm(in_place, weight, 1e-5f, in_place);
  CHECK(in_place == y);
}

TEST_CASE("SiluMultiply follows its formula, for large gates too") {
  RandomValues random(7);
  std::vector<float> gate = random.Vector(101, 20.0f);
  gate[0] = -3e38f;
  gate[1] = 3e38f;
  gate[2] = -100.0f;
  const std::vector<float> before = gate;
  const std::vector<float> up = random.Vector(gate.size());
  kernels::SiluMultiply(gate, up);
  for (size_t i = 3; i < gate.size(); ++i) {
    const double g = before[i];
    REQUIRE(gate[i] == Approx(g / (1 + std::exp(-g)) * up[i]).epsilon(1e-5).margin(1e-7));
  }
  CHECK(std::abs(gate[0]) < 2.0f);  // e^88.37 stands in for infinity
  CHECK(gate[1] == 3e38f * up[1]);
  CHECK(std::abs(gate[2]) < 1e-30f);
}

}  // namespace
}  // namespace halfling::testing
