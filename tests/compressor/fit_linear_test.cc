// One weight fitted to made-up inputs that have drifted a little.
#include "compressor/stages/fit_linear.h"

#include <Eigen/Core>
#include <cmath>
#include <variant>

#include "compressor/linalg/matrices.h"
#include "engine/kernels/packed_integer_matrix.h"
#include "tests/catch.h"
#include "tests/engine/tiny_model.h"

namespace halfling {
namespace {

using Eigen::MatrixXd;

MatrixXd MadeUpMatrix(Eigen::Index rows, Eigen::Index cols, uint32_t seed) {
  testing::Random random(seed);
  MatrixXd matrix(rows, cols);
  for (Eigen::Index i = 0; i < rows; ++i) {
    for (Eigen::Index j = 0; j < cols; ++j) matrix(i, j) = random.Symmetric();
  }
  return matrix;
}

struct Data {
  MatrixXd weight = MadeUpMatrix(24, 40, 1);
  MatrixXd x;    // [40, tokens]
  MatrixXd own;  // the same, drifted
  MatrixXd lack;  // [24, tokens] of the hidden states; empty for a weight that is not added to them
  OutputWeights outputs;

  Data() {
    // Correlated inputs, as activations are.
    x = MadeUpMatrix(40, 12, 2) * MadeUpMatrix(12, 400, 3) + 0.1 * MadeUpMatrix(40, 400, 4);
    own = x + 0.2 * MadeUpMatrix(40, 400, 5);
  }

  InputMoments Moments(MomentChoice choice) const {
    InputMoments moments;
    moments.tokens = x.cols();
    if (choice.original) moments.original = x * x.transpose();
    if (choice.cross) moments.cross = x * own.transpose();
    if (choice.compressed) moments.compressed = own * own.transpose();
    if (choice.lack && lack.size() > 0) {
      moments.lack_original = lack * x.transpose();
      moments.lack_compressed = lack * own.transpose();
      moments.lack_square = lack.squaredNorm();
    }
    if (choice.sample) moments.sample = ToFloatMatrix(own.transpose());
    return moments;
  }

  FittedLinear Fit(FitMethod method, const LinearPlan& plan) const {
    auto fitter = LinearFitter::Create(method, Moments(MomentsFor(method)), "weight");
    REQUIRE(fitter.has_value());
    auto fitted = fitter->Fit(weight, outputs, plan, "weight");
    REQUIRE(fitted.has_value());
    return *std::move(fitted);
  }

  // ||W X - W^ X'||^2
  double Error(const FittedLinear& fitted) const {
    return (weight * x - Effective(fitted) * own).squaredNorm();
  }
  double ErrorWithoutDrift(const FittedLinear& fitted) const {
    return ((weight - Effective(fitted)) * x).squaredNorm();
  }

  // The same with the outputs as the engine calculates them, from inputs that it rounds.
  double EngineError(const FittedLinear& fitted) const {
    Matrix given;
    LinearScratch scratch;
    MakeLinear(fitted.stored).Apply(ToFloatMatrix(own.transpose()), given, scratch);
    return (weight * x - ToDoubles(given).transpose()).squaredNorm();
  }

  static MatrixXd Effective(const FittedLinear& fitted) {
    return ToDoubles(MakeLinear(fitted.stored).Unpack());
  }
};

}  // namespace

TEST_CASE("a pivoted fit is the low-rank one in fewer parameters") {
  const Data data;
  for (const int64_t rank : {1, 6, 23}) {
    const FittedLinear low_rank =
        data.Fit(FitMethod::kRegression, {Storage::kLowRank, DType::kF32, rank});
    const FittedLinear pivoted =
        data.Fit(FitMethod::kRegression, {Storage::kPivoted, DType::kF32, rank});
    const MatrixXd expected = Data::Effective(low_rank);
    CHECK((Data::Effective(pivoted) - expected).norm() < 1e-4 * expected.norm());
    CHECK(MakeLinear(pivoted.stored).num_parameters() <
          MakeLinear(low_rank.stored).num_parameters());
  }
}

TEST_CASE("the reported errors are those on the inputs") {
  const Data data;
  const LinearPlan plan = {Storage::kLowRank, DType::kI8, 8};
  for (const FitMethod method : {FitMethod::kAlignedSvd, FitMethod::kRegression}) {
    const FittedLinear fitted = data.Fit(method, plan);
    CHECK(*fitted.squared_error == Approx(data.Error(fitted)).epsilon(1e-6));
    CHECK(*fitted.squared_output == Approx((data.weight * data.x).squaredNorm()));
  }
  const FittedLinear whitened = data.Fit(FitMethod::kWhitenedSvd, plan);
  CHECK(*whitened.squared_error == Approx(data.ErrorWithoutDrift(whitened)).epsilon(1e-6));
  CHECK_FALSE(data.Fit(FitMethod::kSvd, plan).squared_error.has_value());
}

TEST_CASE("factors are the best of their rank as the outputs count") {
  Data data;
  const MatrixXd half = MadeUpMatrix(24, 8, 10);
  auto outputs = OutputWeights::Create({half * half.transpose()}, "weight");
  REQUIRE(outputs.has_value());
  const auto error = [&](const FittedLinear& fitted) {
    MatrixXd lost = data.weight * data.x - Data::Effective(fitted) * data.own;
    outputs->Weigh(lost);
    return lost.squaredNorm();
  };
  for (const Storage storage : {Storage::kLowRank, Storage::kPivoted}) {
    for (const DType dtype : {DType::kF32, DType::kI8}) {
      const LinearPlan plan = {storage, dtype, 8};
      data.outputs = {};
      const FittedLinear alike = data.Fit(FitMethod::kRegression, plan);
      data.outputs = *outputs;
      const FittedLinear weighed = data.Fit(FitMethod::kRegression, plan);
      CHECK(error(weighed) < 0.9 * error(alike));
      CHECK(data.Error(weighed) > data.Error(alike));
      // The reported one counts all outputs alike.
      CHECK(*weighed.squared_error == Approx(data.Error(weighed)).epsilon(1e-6));
    }
  }
}

TEST_CASE("a weight that is added to the hidden states makes good what they lack") {
  Data data;
  const MatrixXd kept = data.weight * data.x;
  // Half of it can be told from the inputs, half cannot.
  data.lack = 0.3 * MadeUpMatrix(24, 40, 7) * data.own + 2 * MadeUpMatrix(24, 400, 8);
  const auto error = [&](const FittedLinear& fitted) {
    return (kept + data.lack - Data::Effective(fitted) * data.own).squaredNorm();
  };
  for (const DType dtype : {DType::kF32, DType::kI8}) {
    for (const Storage storage : {Storage::kLowRank, Storage::kPivoted, Storage::kDense}) {
      if (storage == Storage::kDense && dtype == DType::kF32) continue;  // kept as it is
      const LinearPlan plan = {storage, dtype, 16};
      const FittedLinear fitted = data.Fit(FitMethod::kRegression, plan);
      CHECK(*fitted.squared_error == Approx(error(fitted)).epsilon(1e-6));
      CHECK(*fitted.squared_output == Approx((kept + data.lack).squaredNorm()));
      Data ignorant = data;
      ignorant.lack = {};
      CHECK(error(fitted) < 0.9 * error(ignorant.Fit(FitMethod::kRegression, plan)));
    }
  }
}

TEST_CASE("what int8 takes from the factors, the regression mostly gives back") {
  const Data data;
  const LinearPlan exact = {Storage::kPivoted, DType::kF32, 10};
  const LinearPlan rounded = {Storage::kPivoted, DType::kI8, 10};
  const double floor = data.Error(data.Fit(FitMethod::kRegression, exact));
  CHECK(data.Error(data.Fit(FitMethod::kRegression, rounded)) < 1.01 * floor);
}

TEST_CASE("inputs that eight bits would spoil are read in sixteen") {
  const auto is_fast = [](const StoredMatrix& matrix) {
    return IsInt7(std::get<Int8Matrix>(matrix));
  };
  const LinearPlan pivoted = {Storage::kPivoted, DType::kI8, 12};
  const auto factors = [&](const FittedLinear& fitted) {
    return std::get<StoredFactors>(fitted.stored.weight);
  };
  const auto fit_unaware = [&](const Data& data) {
    MomentChoice choice = MomentsFor(FitMethod::kRegression);
    choice.sample = false;
    auto fitter = LinearFitter::Create(FitMethod::kRegression, data.Moments(choice), "weight");
    REQUIRE(fitter.has_value());
    auto fitted = fitter->Fit(data.weight, {}, pivoted, "weight");
    REQUIRE(fitted.has_value());
    return *std::move(fitted);
  };

  Data data;
  CHECK(is_fast(factors(data.Fit(FitMethod::kRegression, pivoted)).left));
  CHECK(is_fast(factors(data.Fit(FitMethod::kRegression, pivoted)).right));

  // One input is a thousand times the others, and hardly matters to the outputs.
  data.x.row(7) *= 1000;
  data.own.row(7) *= 1000;
  data.weight.col(7) /= 1000;
  const FittedLinear giant = data.Fit(FitMethod::kRegression, pivoted);
  CHECK_FALSE(is_fast(factors(giant).right));
  CHECK(data.EngineError(giant) < 0.5 * data.EngineError(fit_unaware(data)));
  const FittedLinear dense =
      data.Fit(FitMethod::kRegression, {Storage::kDense, DType::kI8, 0});
  CHECK_FALSE(is_fast(std::get<StoredMatrix>(dense.stored.weight)));

  // One output is thirty times the others, and a pivot.
  data = {};
  data.own = data.x;
  data.weight.row(3) *= 30;
  const FittedLinear loud = data.Fit(FitMethod::kRegression, pivoted);
  CHECK_FALSE(is_fast(factors(loud).left));
  CHECK(data.EngineError(loud) < 0.8 * data.EngineError(fit_unaware(data)));
}

TEST_CASE("compensated rounding loses less than rounding to nearest") {
  const Data data;
  const InputMoments moments = data.Moments({.compressed = true});
  for (const DType dtype : {DType::kI8, DType::kU8}) {
    const LinearPlan plan = {Storage::kDense, dtype, 0};
    const FittedLinear compensated = data.Fit(FitMethod::kRounding, plan);
    const FittedLinear nearest = data.Fit(FitMethod::kSvd, plan);
    const auto error = [&](const FittedLinear& fitted) {
      return ((data.weight - Data::Effective(fitted)) * data.own).squaredNorm();
    };
    CHECK(error(compensated) < 0.7 * error(nearest));
    CHECK(*compensated.squared_error == Approx(error(compensated)).epsilon(1e-6));
    CHECK(std::holds_alternative<Int8Matrix>(std::get<StoredMatrix>(compensated.stored.weight)) ==
          (dtype == DType::kI8));
  }
}

TEST_CASE("a dense fit in int8 answers drift as well as rounding") {
  const Data data;
  const LinearPlan plan = {Storage::kDense, DType::kI8, 0};
  CHECK(data.Error(data.Fit(FitMethod::kRegression, plan)) <
        data.Error(data.Fit(FitMethod::kRounding, plan)));
}

TEST_CASE("a regression on few tokens holds to the weight where they say little") {
  Data seen;
  // Directions of ever smaller variance, as activations have, and little drift.
  seen.x = MadeUpMatrix(40, 400, 6);
  for (Eigen::Index k = 0; k < 40; ++k) seen.x.row(k) *= std::pow(static_cast<double>(k + 1), -0.75);
  seen.own = seen.x + 0.03 * MadeUpMatrix(40, 400, 5);
  const LinearPlan plan = {Storage::kLowRank, DType::kF32, 16};
  const auto fit = [&](Eigen::Index tokens, bool with_prior) {
    Data few = seen;
    few.x = seen.x.leftCols(tokens);
    few.own = seen.own.leftCols(tokens);
    InputMoments moments = few.Moments(MomentsFor(FitMethod::kRegression));
    if (!with_prior) moments.tokens = 0;
    auto fitter = LinearFitter::Create(FitMethod::kRegression, std::move(moments), "weight");
    REQUIRE(fitter.has_value());
    auto fitted = fitter->Fit(seen.weight, {}, plan, "weight");
    REQUIRE(fitted.has_value());
    return seen.Error(*fitted);  // on the other tokens too
  };
  CHECK(fit(60, true) < 0.9 * fit(60, false));
  CHECK(fit(30, true) < 0.7 * fit(30, false));  // fewer than inputs
  CHECK(fit(400, true) < 1.02 * fit(400, false));

  // More tokens of the same kind: the moments grow, the prior does not.
  const MatrixXd gram = seen.x * seen.x.transpose();
  CHECK(PriorRidge(10 * gram, 4000) == Approx(PriorRidge(gram, 400)));
  CHECK(PriorRidge(gram, 0) == 0);
}

TEST_CASE("an error of nothing is not reported as less than nothing") {
  Data data;
  for (uint32_t seed = 10; seed < 40; ++seed) {
    data.weight = ToDoubles(ToFloatMatrix(MadeUpMatrix(24, 40, seed)));
    data.own = data.x;
    const FittedLinear fitted = data.Fit(FitMethod::kRegression, {Storage::kDense, DType::kF32, 0});
    CHECK(*fitted.squared_error >= 0);
    CHECK(*fitted.squared_error < 1e-9 * *fitted.squared_output);
  }
}

TEST_CASE("a dense float weight passes through whatever the method") {
  const Data data;
  const Matrix weight = ToFloatMatrix(data.weight);
  for (const FitMethod method : {FitMethod::kSvd, FitMethod::kWhitenedSvd, FitMethod::kAlignedSvd,
                                 FitMethod::kRegression, FitMethod::kRounding}) {
    const LinearPlan plan = {Storage::kDense, DType::kF32, 0};
    CHECK_FALSE(NeedsInputs(method, plan));
    CHECK(Data::Effective(data.Fit(method, plan)) == ToDoubles(weight));
  }
}

}  // namespace halfling
