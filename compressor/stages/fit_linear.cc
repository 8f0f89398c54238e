#include "compressor/stages/fit_linear.h"

#include <algorithm>
#include <cassert>

#include "compressor/linalg/cholesky.h"
#include "compressor/linalg/interpolative.h"
#include "compressor/linalg/matrices.h"

namespace halfling {
namespace {

// Of the fit's squared error, what the rounding of inputs to 8 bits may add.
constexpr double kMostInputNoise = 0.1;

bool IsInteger(DType dtype) { return dtype == DType::kI8 || dtype == DType::kU8; }

// Gives the columns of `left` norm 1, at the cost of the rows of `right`, whose scales in int8 are
// their own. Rounding then treats every column of `left` alike.
void NormalizeLeft(Eigen::MatrixXd& left, Eigen::MatrixXd& right) {
  for (Eigen::Index k = 0; k < left.cols(); ++k) {
    const double norm = left.col(k).norm();
    if (!(norm > 0)) continue;
    left.col(k) /= norm;
    right.row(k) *= norm;
  }
}

// To nearest where nothing compensates.
StoredMatrix RoundMatrix(const Eigen::MatrixXd& matrix, DType dtype, int largest,
                         const std::optional<RoundingCompensation>& compensation) {
  switch (dtype) {
    case DType::kI8:
      if (compensation) return compensation->ToInt8(matrix, largest);
      return QuantizeInt8(ToFloatMatrix(matrix));
    case DType::kU8:
      if (compensation) return compensation->ToInt4(matrix);
      return QuantizeInt4(ToFloatMatrix(matrix));
    default:
      return ToFloatMatrix(matrix);
  }
}

}  // namespace

bool NeedsInputs(FitMethod method, const LinearPlan& plan) {
  return method != FitMethod::kSvd && (plan.storage != Storage::kDense || IsInteger(plan.dtype));
}

MomentChoice MomentsFor(FitMethod method) {
  switch (method) {
    case FitMethod::kSvd:
      return {};
    case FitMethod::kWhitenedSvd:
      return {.original = true};
    case FitMethod::kRounding:
      return {.compressed = true};
    case FitMethod::kAlignedSvd:
      return {.original = true, .cross = true, .compressed = true};
    case FitMethod::kRegression:
      break;
  }
  return {.original = true, .cross = true, .compressed = true, .lack = true, .sample = true};
}

Result<LinearFitter> LinearFitter::Create(FitMethod method, InputMoments moments,
                                          const std::string& what) {
  LinearFitter fitter(method, std::move(moments));
  switch (method) {
    case FitMethod::kSvd:
    case FitMethod::kRounding:
      break;
    case FitMethod::kWhitenedSvd:
    case FitMethod::kAlignedSvd: {
      HALFLING_ASSIGN_OR_RETURN(CholeskyFactor covariance,
                                FactorCovariance(fitter.moments_.original, what.c_str()));
      fitter.lower_ = std::move(covariance.lower);
      break;
    }
    case FitMethod::kRegression:
      HALFLING_RETURN_IF_ERROR(fitter.PrepareRegression(what));
  }
  const bool compensates = method == FitMethod::kRegression || method == FitMethod::kRounding;
  if (compensates && fitter.moments_.compressed.size() > 0) {
    HALFLING_ASSIGN_OR_RETURN(
        fitter.compensation_, RoundingCompensation::Create(fitter.moments_.compressed, what.c_str()));
  }
  return fitter;
}

// A multiple of I on both moments acts as inputs that did not drift: it pulls A B toward W in the
// directions that the calibration hardly sees.
Status LinearFitter::PrepareRegression(const std::string& what) {
  Eigen::MatrixXd& gram = moments_.compressed;
  ridge_ = PriorRidge(gram, moments_.tokens);
  moments_.cross.diagonal().array() += ridge_;
  gram.diagonal().array() += ridge_;
  HALFLING_ASSIGN_OR_RETURN(CholeskyFactor covariance, FactorCovariance(gram, what.c_str()));
  lower_ = std::move(covariance.lower);
  return {};
}

LinearFitter::Target LinearFitter::TargetOf(const Eigen::MatrixXd& weight,
                                            const OutputWeights& outputs) const {
  Target target = {weight, outputs, {}};
  if (moments_.cross.size() > 0) target.wanted = weight * moments_.cross;
  if (moments_.lack_compressed.size() > 0) target.wanted += moments_.lack_compressed;
  return target;
}

Result<LowRankFactors> LinearFitter::Factorize(const Eigen::MatrixXd& weight,
                                               const OutputWeights& outputs, Eigen::Index rank,
                                               const std::string& what) const {
  return Factorize(TargetOf(weight, outputs), rank, what);
}

Result<LowRankFactors> LinearFitter::Factorize(const Target& target, Eigen::Index rank,
                                               const std::string& what) const {
  switch (method_) {
    case FitMethod::kSvd:
    case FitMethod::kRounding:
      return TruncateSvd(target.weight, rank);
    case FitMethod::kAlignedSvd: {
      LowRankFactors factors = TruncateWhitenedSvd(target.weight, lower_, rank);
      HALFLING_ASSIGN_OR_RETURN(
          factors.left,
          RefitLeftFactor(target.wanted, moments_.compressed, factors.right, what.c_str()));
      return factors;
    }
    case FitMethod::kWhitenedSvd:
    case FitMethod::kRegression:
      break;
  }
  const bool regresses = method_ == FitMethod::kRegression;
  Eigen::MatrixXd weighed = regresses ? target.wanted : target.weight;
  target.outputs.Weigh(weighed);
  LowRankFactors factors = regresses ? TruncateRegression(weighed, lower_, rank)
                                     : TruncateWhitenedSvd(weighed, lower_, rank);
  target.outputs.Unweigh(factors.left);
  return factors;
}

Result<FittedLinear> LinearFitter::Fit(const Eigen::MatrixXd& weight,
                                       const OutputWeights& outputs, const LinearPlan& plan,
                                       const std::string& what) const {
  const Target target = TargetOf(weight, outputs);
  HALFLING_ASSIGN_OR_RETURN(const Unrounded unrounded, FitUnrounded(target, plan, what));
  FittedLinear fitted;
  fitted.singular_values = unrounded.singular_values;
  // Seven bits run faster, and cost the less the more is compensated.
  const bool is_fast = method_ == FitMethod::kRegression;
  const int largest = is_fast ? kLargestInt7 : kLargestInt8;
  const Limits limits = {.left = largest, .right = largest};
  HALFLING_RETURN_IF_ERROR(Round(target, unrounded, plan, limits, what, fitted));
  if (!is_fast || plan.dtype != DType::kI8 || moments_.sample.rows() == 0) return fitted;
  const Limits needed = LimitsFor(fitted);
  if (needed != limits) {
    HALFLING_RETURN_IF_ERROR(Round(target, unrounded, plan, needed, what, fitted));
  }
  return fitted;
}

Result<LinearFitter::Unrounded> LinearFitter::FitUnrounded(const Target& target,
                                                           const LinearPlan& plan,
                                                           const std::string& what) const {
  Unrounded unrounded;
  if (plan.storage == Storage::kDense) {
    // Rounding may start from what the inputs that have drifted ask for.
    const bool regresses = method_ == FitMethod::kRegression && IsInteger(plan.dtype);
    unrounded.right = regresses ? Regress(target.wanted, lower_) : target.weight;
    return unrounded;
  }
  assert(method_ != FitMethod::kRounding);
  HALFLING_ASSIGN_OR_RETURN(LowRankFactors factors, Factorize(target, plan.rank, what));
  unrounded.singular_values = std::move(factors.singular_values);
  if (plan.storage == Storage::kPivoted) {
    InterpolativeFactors interpolative = Interpolate(factors.left, factors.right);
    unrounded.pivots = std::move(interpolative.pivots);
    unrounded.left = std::move(interpolative.coefficients);
    unrounded.right = std::move(interpolative.pivot_rows);
  } else {
    NormalizeLeft(factors.left, factors.right);
    unrounded.left = std::move(factors.left);
    unrounded.right = std::move(factors.right);
  }
  return unrounded;
}

Status LinearFitter::Round(const Target& target, const Unrounded& unrounded, const LinearPlan& plan,
                           const Limits& limits, const std::string& what,
                           FittedLinear& fitted) const {
  fitted.stored.dtype = plan.dtype;
  StoredMatrix right = RoundMatrix(unrounded.right, plan.dtype, limits.right, compensation_);
  if (plan.storage == Storage::kDense) {
    fitted.stored.weight = std::move(right);
  } else {
    HALFLING_ASSIGN_OR_RETURN(
        StoredMatrix left, RoundLeft(target, unrounded, right, plan.dtype, limits.left, what));
    fitted.stored.weight = StoredFactors{std::move(left), std::move(right), unrounded.pivots};
  }
  MeasureError(target, fitted);
  return {};
}

Result<StoredMatrix> LinearFitter::RoundLeft(const Target& target, const Unrounded& unrounded,
                                             const StoredMatrix& right, DType dtype, int largest,
                                             const std::string& what) const {
  if (!compensation_ || !IsInteger(dtype)) {
    return RoundMatrix(unrounded.left, dtype, largest, std::nullopt);
  }
  const Eigen::MatrixXd rounded = ToDoubles(ToMatrix(right));
  const std::vector<int> rows =
      OtherRows(unrounded.pivots, static_cast<size_t>(target.weight.rows()));
  HALFLING_ASSIGN_OR_RETURN(const Eigen::MatrixXd left,
                            RefitLeftFactor(target.wanted(rows, Eigen::all), moments_.compressed,
                                            rounded, what.c_str()));
  // Of what the left factor reads.
  const Eigen::MatrixXd gram = rounded * moments_.compressed * rounded.transpose();
  HALFLING_ASSIGN_OR_RETURN(const auto compensation,
                            RoundingCompensation::Create(gram, what.c_str()));
  return RoundMatrix(left, dtype, largest, compensation);
}

LinearFitter::Limits LinearFitter::LimitsFor(const FittedLinear& fitted) const {
  const Matrix& sample = moments_.sample;
  const double tolerated = kMostInputNoise * fitted.squared_error.value_or(0) *
                           static_cast<double>(sample.rows()) /
                           static_cast<double>(std::max<int64_t>(1, moments_.tokens));
  // A matrix that is widened to floats reads its inputs as they are.
  const auto outputs = [&](bool widen_left, bool widen_right) {
    StoredLinear linear = fitted.stored;
    if (auto* factors = std::get_if<StoredFactors>(&linear.weight)) {
      if (widen_left) factors->left = ToMatrix(factors->left);
      if (widen_right) factors->right = ToMatrix(factors->right);
    } else if (widen_right) {
      linear.weight = ToMatrix(std::get<StoredMatrix>(linear.weight));
    }
    Matrix y;
    LinearScratch scratch;
    MakeLinear(linear).Apply(sample, y, scratch);
    return y;
  };
  const auto limit = [&](const Matrix& exact, const Matrix& rounded) {
    const double noise = (AsEigen(rounded) - AsEigen(exact)).cast<double>().squaredNorm();
    return noise > tolerated ? kLargestInt8 : kLargestInt7;
  };
  const Matrix right_rounds = outputs(true, false);
  const int right = limit(outputs(true, true), right_rounds);
  if (!std::holds_alternative<StoredFactors>(fitted.stored.weight)) {
    return {.left = kLargestInt7, .right = right};
  }
  return {.left = limit(right_rounds, outputs(false, false)), .right = right};
}

void LinearFitter::MeasureError(const Target& target, FittedLinear& fitted) const {
  if (method_ == FitMethod::kSvd) return;
  const Eigen::MatrixXd& weight = target.weight;
  const Eigen::MatrixXd effective = ToDoubles(MakeLinear(fitted.stored).Unpack());
  const auto inner = [](const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
    return a.cwiseProduct(b).sum();
  };
  const bool sees_original = moments_.original.size() > 0;
  const Eigen::MatrixXd& inputs = sees_original ? moments_.original : moments_.compressed;
  double& output = fitted.squared_output.emplace(inner(weight * inputs, weight));
  if (moments_.cross.size() == 0) {
    const Eigen::MatrixXd difference = weight - effective;
    fitted.squared_error = std::max(0.0, inner(difference * inputs, difference));
    return;
  }
  if (moments_.lack_compressed.size() > 0) {
    output += 2 * inner(moments_.lack_original, weight) + moments_.lack_square;
  }
  // ||Y||^2 - 2 <Y, W^ X'> + ||W^ X'||^2, without the ridge on the last two.
  // Of numbers that cancel, so that rounding may leave less than nothing.
  const double error = output - 2 * inner(target.wanted, effective) +
                       inner(effective * moments_.compressed, effective) +
                       ridge_ * (2 * inner(weight, effective) - inner(effective, effective));
  fitted.squared_error = std::max(0.0, error);
}

}  // namespace halfling
