// The linear algebra against numpy and scipy (scripts/make_linalg_golden.py), and its properties.
#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>

#include "compressor/linalg/cholesky.h"
#include "compressor/linalg/compensated_rounding.h"
#include "compressor/linalg/gram.h"
#include "compressor/linalg/interpolative.h"
#include "compressor/linalg/low_rank.h"
#include "compressor/linalg/matrices.h"
#include "engine/layers/linear.h"
#include "tests/catch.h"
#include "tests/compressor/tiny_checkpoint.h"

namespace halfling {
namespace {

using Eigen::MatrixXd;
using Json = nlohmann::json;

const Json& Golden() {
  static const Json golden = Json::parse(testing::ReadText("tests/golden/linalg.json"));
  return golden;
}

MatrixXd ToMatrix(const Json& rows) {
  MatrixXd matrix(rows.size(), rows[0].size());
  for (Eigen::Index i = 0; i < matrix.rows(); ++i) {
    for (Eigen::Index j = 0; j < matrix.cols(); ++j) matrix(i, j) = rows[i][j].get<double>();
  }
  return matrix;
}

MatrixXd RandomMatrix(Eigen::Index rows, Eigen::Index cols, uint32_t seed) {
  testing::Random random(seed);
  return MatrixXd::NullaryExpr(rows, cols,
                               [&random] { return static_cast<double>(random.Symmetric()); });
}

}  // namespace

TEST_CASE("a truncated SVD has numpy's singular values and errors") {
  const MatrixXd weight = ToMatrix(Golden()["weight"]);
  const Json& expected = Golden()["svd"];
  for (Eigen::Index rank = 1; rank <= weight.rows(); ++rank) {
    const LowRankFactors factors = TruncateSvd(weight, rank);
    REQUIRE(factors.left.cols() == rank);
    REQUIRE(factors.right.rows() == rank);
    for (Eigen::Index i = 0; i < weight.rows(); ++i) {
      CHECK(factors.singular_values(i) ==
            Approx(expected["singular_values"][i].get<double>()).epsilon(1e-12));
    }
    CHECK((weight - factors.left * factors.right).norm() ==
          Approx(expected["errors"][rank - 1].get<double>()).epsilon(1e-10).margin(1e-12));
  }
}

TEST_CASE("a truncated SVD splits the singular values evenly, whichever side is longer") {
  for (const auto& [rows, cols] : {std::pair{9, 5}, {5, 9}, {6, 6}}) {
    const MatrixXd weight = RandomMatrix(rows, cols, 11);
    const LowRankFactors factors = TruncateSvd(weight, 3);
    const MatrixXd singular = factors.singular_values.head(3).asDiagonal();
    CHECK((factors.left.transpose() * factors.left - singular).norm() < 1e-12);
    CHECK((factors.right * factors.right.transpose() - singular).norm() < 1e-12);
  }
}

TEST_CASE("a truncated SVD takes matrices of less than full rank") {
  for (const auto& [rows, cols] : {std::pair{9, 5}, {5, 9}}) {
    const MatrixXd weight = RandomMatrix(rows, 2, 12) * RandomMatrix(2, cols, 13);
    const LowRankFactors factors = TruncateSvd(weight, 4);
    CHECK((weight - factors.left * factors.right).norm() < 1e-12);
    CHECK((factors.left.allFinite() && factors.right.allFinite()));
    CHECK(factors.singular_values.size() == 5);
    CHECK(std::ranges::is_sorted(factors.singular_values, std::greater()));
    CHECK(factors.singular_values.tail(3).maxCoeff() < 1e-7 * factors.singular_values(0));
    CHECK(factors.singular_values.minCoeff() >= 0);

    const LowRankFactors none = TruncateSvd(MatrixXd::Zero(rows, cols), 4);
    CHECK((none.left * none.right).isZero(0.0));
    CHECK(none.singular_values.isZero(0.0));
  }
}

TEST_CASE("a covariance factorizes as scipy has it, without a ridge") {
  const MatrixXd inputs = ToMatrix(Golden()["inputs"]);
  const auto factor = FactorCovariance(inputs * inputs.transpose(), "test");
  REQUIRE(factor.has_value());
  CHECK(factor->ridge == 0.0);
  CHECK((factor->lower - ToMatrix(Golden()["whitened"]["lower"])).norm() < 1e-10);
}

TEST_CASE("a whitened SVD reaches the least output error, which is what it discards") {
  const MatrixXd weight = ToMatrix(Golden()["weight"]);
  const MatrixXd inputs = ToMatrix(Golden()["inputs"]);
  const auto covariance = FactorCovariance(inputs * inputs.transpose(), "test");
  REQUIRE(covariance.has_value());
  for (Eigen::Index rank = 1; rank <= weight.rows(); ++rank) {
    const LowRankFactors factors = TruncateWhitenedSvd(weight, covariance->lower, rank);
    const double error = ((weight - factors.left * factors.right) * inputs).norm();
    const double least = Golden()["whitened"]["errors"][rank - 1].get<double>();
    CHECK(error == Approx(least).epsilon(1e-9).margin(1e-9));
    const auto discarded = factors.singular_values.tail(weight.rows() - rank);
    CHECK(error == Approx(discarded.norm()).epsilon(1e-9).margin(1e-9));
    const LowRankFactors plain = TruncateSvd(weight, rank);
    CHECK(error <= ((weight - plain.left * plain.right) * inputs).norm() + 1e-9);
  }
}

TEST_CASE("the refitted left factor is numpy's least-squares solution") {
  const MatrixXd weight = ToMatrix(Golden()["weight"]);
  const MatrixXd inputs = ToMatrix(Golden()["inputs"]);
  const MatrixXd drifted = ToMatrix(Golden()["refit"]["drifted_inputs"]);
  const MatrixXd right = ToMatrix(Golden()["refit"]["right"]);
  const auto left = RefitLeftFactor(weight * inputs * drifted.transpose(),
                                    drifted * drifted.transpose(), right, "test");
  REQUIRE(left.has_value());
  CHECK((*left - ToMatrix(Golden()["refit"]["left"])).norm() < 1e-9);
}

TEST_CASE("reduced-rank regression reaches the least error that numpy finds") {
  const MatrixXd weight = ToMatrix(Golden()["weight"]);
  const MatrixXd inputs = ToMatrix(Golden()["inputs"]);
  const MatrixXd drifted = ToMatrix(Golden()["refit"]["drifted_inputs"]);
  const auto covariance = FactorCovariance(drifted * drifted.transpose(), "test");
  REQUIRE(covariance.has_value());
  for (Eigen::Index rank = 1; rank <= weight.rows(); ++rank) {
    const LowRankFactors factors =
        TruncateRegression(weight * inputs * drifted.transpose(), covariance->lower, rank);
    const double error = (weight * inputs - factors.left * factors.right * drifted).norm();
    CHECK(error == Approx(Golden()["regression"]["errors"][rank - 1].get<double>()).epsilon(1e-9));
  }
}

TEST_CASE("a singular covariance gets the smallest ridge that lets it factorize") {
  const MatrixXd few = RandomMatrix(12, 4, 7);  // four tokens in twelve dimensions
  const MatrixXd gram = few * few.transpose();
  const auto factor = FactorCovariance(gram, "test");
  REQUIRE(factor.has_value());
  CHECK(factor->ridge > 0);
  CHECK(factor->ridge <= 1e-6 * gram.trace() / 12);
  const MatrixXd rebuilt = factor->lower * factor->lower.transpose();
  CHECK((rebuilt - gram - factor->ridge * MatrixXd::Identity(12, 12)).norm() < 1e-12);

  // The weights still come out right for what the four tokens can tell.
  const MatrixXd weight = RandomMatrix(6, 12, 8);
  const LowRankFactors factors = TruncateWhitenedSvd(weight, factor->lower, 4);
  CHECK(((weight - factors.left * factors.right) * few).norm() < 1e-3 * (weight * few).norm());
}

TEST_CASE("degenerate covariances are handled or refused") {
  const auto zero = FactorCovariance(MatrixXd::Zero(3, 3), "test");
  REQUIRE(zero.has_value());
  CHECK(zero->lower.isIdentity());

  MatrixXd broken = MatrixXd::Identity(3, 3);
  broken(1, 1) = std::numeric_limits<double>::quiet_NaN();
  const auto not_finite = FactorCovariance(broken, "layer 3");
  REQUIRE_FALSE(not_finite.has_value());
  CHECK(not_finite.error().code == ErrorCode::kNonFiniteWeight);
  CHECK(not_finite.error().message.find("layer 3") != std::string::npos);

  CHECK_FALSE(FactorCovariance(-MatrixXd::Identity(3, 3), "test").has_value());
}

TEST_CASE("products and Gram matrices sum up over tiles, whatever the threads") {
  constexpr Eigen::Index kTokens = 70;
  constexpr Eigen::Index kDim = 300;  // more than two tiles, the last of them smaller
  const TokenMatrix x = RandomMatrix(kTokens, kDim, 3);
  const TokenMatrix y = RandomMatrix(kTokens, kDim, 4);
  MatrixXd gram = MatrixXd::Zero(kDim, kDim);
  MatrixXd product = gram;
  for (int round = 0; round < 2; ++round) {
    AddGram(x, 2, gram);
    AddProduct(x, y, 2, product);
  }
  MirrorLower(gram);
  CHECK((gram - 2 * x.transpose() * x).norm() < 1e-10);
  CHECK((product - 2 * x.transpose() * y).norm() < 1e-10);

  MatrixXd serial = MatrixXd::Zero(kDim, kDim);
  for (int round = 0; round < 2; ++round) AddProduct(x, y, 1, serial);
  CHECK(serial == product);
}

TEST_CASE("some rows of a low-rank product give all others") {
  for (const Eigen::Index rank : {1, 3, 11}) {
    const MatrixXd left = RandomMatrix(12, rank, 3);
    const MatrixXd right = RandomMatrix(rank, 20, 4);
    const MatrixXd product = left * right;
    const InterpolativeFactors factors = Interpolate(left, right);
    REQUIRE(factors.pivots.size() == static_cast<size_t>(rank));
    CHECK(std::ranges::is_sorted(factors.pivots));
    const std::vector<int> others = OtherRows(factors.pivots, 12);
    REQUIRE(others.size() + factors.pivots.size() == 12);
    CHECK((product(factors.pivots, Eigen::all) - factors.pivot_rows).norm() < 1e-12);
    CHECK((product(others, Eigen::all) - factors.coefficients * factors.pivot_rows).norm() <
          1e-10 * product.norm());
    // Column pivoting keeps them of the size of 1, so that rounding them is harmless.
    CHECK(factors.coefficients.cwiseAbs().maxCoeff() < 3);
  }
}

TEST_CASE("uncorrelated inputs leave nothing to compensate") {
  const MatrixXd weight = RandomMatrix(6, 70, 5);
  const MatrixXd gram = MatrixXd::Identity(70, 70);
  const Matrix floats = ToFloatMatrix(weight);
  const auto rounding = RoundingCompensation::Create(gram, "test");
  REQUIRE(rounding.has_value());
  CHECK(rounding->ToInt8(weight, kLargestInt8).values == QuantizeInt8(floats).values);
  const Int4Matrix int4 = rounding->ToInt4(weight);
  CHECK(int4.packed == QuantizeInt4(floats).packed);
  CHECK(int4.scales == QuantizeInt4(floats).scales);
}

TEST_CASE("rounding in strips is rounding column by column") {
  constexpr Eigen::Index kDim = 150;  // more than two strips
  const MatrixXd weight = RandomMatrix(4, kDim, 21);
  const MatrixXd inputs = RandomMatrix(kDim, 40, 22) * RandomMatrix(40, 300, 23);
  const MatrixXd gram = inputs * inputs.transpose() + MatrixXd::Identity(kDim, kDim);
  const auto rounding = RoundingCompensation::Create(gram, "test");
  REQUIRE(rounding.has_value());
  const Int8Matrix rounded = rounding->ToInt8(weight, kLargestInt8);

  // As the paper has it: the upper Cholesky factor of the damped covariance's inverse.
  const MatrixXd damping = 0.01 * gram.diagonal().mean() * MatrixXd::Identity(kDim, kDim);
  const MatrixXd upper = (gram + damping).inverse().llt().matrixU();
  MatrixXd remaining = weight;
  for (Eigen::Index j = 0; j < kDim; ++j) {
    for (Eigen::Index i = 0; i < weight.rows(); ++i) {
      const auto at = static_cast<size_t>(i * kDim + j);
      const double scale = rounded.scales[static_cast<size_t>(i)];
      const double q = std::clamp(std::nearbyint(remaining(i, j) / scale), -127.0, 127.0);
      REQUIRE(static_cast<int>(rounded.values[at]) == static_cast<int>(q));
      const double error = (remaining(i, j) - q * scale) / upper(j, j);
      remaining.row(i).tail(kDim - j - 1) -= error * upper.row(j).tail(kDim - j - 1);
    }
  }
}

TEST_CASE("a compensated column is off by what its neighbours cannot make good") {
  // Two columns that always agree: what rounding takes from the first, the second gives back.
  MatrixXd weight(1, 2);
  weight << 0.3, 1.0;
  MatrixXd gram(2, 2);
  gram << 1, 1, 1, 1;
  const auto rounding = RoundingCompensation::Create(gram, "test");
  REQUIRE(rounding.has_value());
  const Matrix values = halfling::ToMatrix(rounding->ToInt4(weight));
  const float sum = values.row(0)[0] + values.row(0)[1];
  CHECK(sum == Approx(1.3).margin(0.5 / 7));
  CHECK(rounding->ToInt8(MatrixXd::Zero(3, 2), kLargestInt8).values == std::vector<int8_t>(6, 0));

  MatrixXd broken = gram;
  broken(0, 0) = std::numeric_limits<double>::quiet_NaN();
  const auto refused = RoundingCompensation::Create(broken, "layer");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message.find("layer") != std::string::npos);
}

TEST_CASE("a weight beyond the scales of int4 leaves its neighbours finite") {
  MatrixXd weight = RandomMatrix(2, 70, 6);
  weight(0, 3) = 1e6;  // an F16 scale of it is infinite
  const auto rounding = RoundingCompensation::Create(MatrixXd::Identity(70, 70), "test");
  REQUIRE(rounding.has_value());
  const Int4Matrix rounded = rounding->ToInt4(weight);
  CHECK(std::isinf(rounded.scales[0]));  // which the writer refuses
  CHECK(rounded.scales[rounded.groups_per_row()] ==
        QuantizeInt4(ToFloatMatrix(weight)).scales[rounded.groups_per_row()]);
}

}  // namespace halfling
