#include "compressor/stages/fit_linear.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "compressor/linalg/cholesky.h"
#include "compressor/linalg/compensated_rounding.h"
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

Eigen::MatrixXd LinearFitter::Wanted(const Eigen::MatrixXd& weight) const {
  Eigen::MatrixXd wanted = weight * moments_.cross;
  if (moments_.lack_compressed.size() > 0) wanted += moments_.lack_compressed;
  return wanted;
}

Result<LowRankFactors> LinearFitter::Factorize(const Eigen::MatrixXd& weight, Eigen::Index rank,
                                               const std::string& what) const {
  switch (method_) {
    case FitMethod::kSvd:
    case FitMethod::kRounding:
      return TruncateSvd(weight, rank);
    case FitMethod::kWhitenedSvd:
      break;
    case FitMethod::kAlignedSvd: {
      LowRankFactors factors = TruncateWhitenedSvd(weight, lower_, rank);
      HALFLING_ASSIGN_OR_RETURN(
          factors.left,
          RefitLeftFactor(Wanted(weight), moments_.compressed, factors.right, what.c_str()));
      return factors;
    }
    case FitMethod::kRegression:
      return TruncateRegression(Wanted(weight), lower_, rank);
  }
  return TruncateWhitenedSvd(weight, lower_, rank);
}

Result<FittedLinear> LinearFitter::Fit(const Eigen::MatrixXd& weight, const LinearPlan& plan,
                                       const std::string& what) const {
  LowRankFactors factors;
  if (plan.storage != Storage::kDense) {
    HALFLING_ASSIGN_OR_RETURN(factors, Factorize(weight, plan.rank, what));
  }
  // Seven bits run faster, and cost the less the more is compensated.
  const bool is_fast = method_ == FitMethod::kRegression;
  const int largest = is_fast ? kLargestInt7 : kLargestInt8;
  const Limits limits = {.left = largest, .right = largest};
  HALFLING_ASSIGN_OR_RETURN(FittedLinear fitted, FitWithin(limits, weight, plan, factors, what));
  if (!is_fast || plan.dtype != DType::kI8 || moments_.sample.rows() == 0) return fitted;
  const Limits needed = LimitsFor(fitted);
  if (needed == limits) return fitted;
  return FitWithin(needed, weight, plan, factors, what);
}

Result<FittedLinear> LinearFitter::FitWithin(const Limits& limits, const Eigen::MatrixXd& weight,
                                             const LinearPlan& plan, const LowRankFactors& factors,
                                             const std::string& what) const {
  FittedLinear fitted;
  fitted.stored.dtype = plan.dtype;
  if (plan.storage == Storage::kDense) {
    HALFLING_ASSIGN_OR_RETURN(fitted.stored.weight, FitDense(limits, weight, plan, what));
  } else {
    fitted.singular_values = factors.singular_values;
    HALFLING_ASSIGN_OR_RETURN(fitted.stored.weight,
                              FitFactors(limits, weight, plan, factors, what));
  }
  MeasureError(weight, fitted);
  return fitted;
}

Result<StoredMatrix> LinearFitter::FitDense(const Limits& limits, const Eigen::MatrixXd& weight,
                                            const LinearPlan& plan, const std::string& what) const {
  // Rounding may start from what the inputs that have drifted ask for.
  const bool regresses = method_ == FitMethod::kRegression && IsInteger(plan.dtype);
  return Round(regresses ? Regress(Wanted(weight), lower_) : weight, plan.dtype, limits.right,
               moments_.compressed, what);
}

Result<StoredFactors> LinearFitter::FitFactors(const Limits& limits, const Eigen::MatrixXd& weight,
                                               const LinearPlan& plan, LowRankFactors factors,
                                               const std::string& what) const {
  StoredFactors stored;
  std::vector<int> rows;  // that left gives; all if empty
  if (plan.storage == Storage::kPivoted) {
    InterpolativeFactors interpolative = Interpolate(factors.left, factors.right);
    rows = OtherRows(interpolative.pivots, static_cast<size_t>(weight.rows()));
    stored.pivots = std::move(interpolative.pivots);
    factors.left = std::move(interpolative.coefficients);
    factors.right = std::move(interpolative.pivot_rows);
  } else {
    NormalizeLeft(factors.left, factors.right);
  }
  HALFLING_ASSIGN_OR_RETURN(
      stored.right, Round(factors.right, plan.dtype, limits.right, moments_.compressed, what));
  Eigen::MatrixXd gram;  // of what left reads
  if (method_ == FitMethod::kRegression && IsInteger(plan.dtype)) {
    const Eigen::MatrixXd right = ToDoubles(ToMatrix(stored.right));
    Eigen::MatrixXd wanted = Wanted(weight);
    if (!rows.empty()) wanted = wanted(rows, Eigen::all).eval();
    HALFLING_ASSIGN_OR_RETURN(factors.left,
                              RefitLeftFactor(wanted, moments_.compressed, right, what.c_str()));
    gram = right * moments_.compressed * right.transpose();
  }
  HALFLING_ASSIGN_OR_RETURN(stored.left, Round(factors.left, plan.dtype, limits.left, gram, what));
  return stored;
}

// The baselines round to nearest, as their authors' factors would be; only kRegression and
// kRounding compensate.
Result<StoredMatrix> LinearFitter::Round(const Eigen::MatrixXd& matrix, DType dtype, int largest,
                                         const Eigen::MatrixXd& gram,
                                         const std::string& what) const {
  const bool compensates = method_ == FitMethod::kRegression || method_ == FitMethod::kRounding;
  const Matrix floats = ToFloatMatrix(matrix);
  switch (dtype) {
    case DType::kI8:
      if (compensates) return RoundToInt8(matrix, gram, largest, what.c_str());
      return QuantizeInt8(floats);
    case DType::kU8:
      if (compensates) return RoundToInt4(matrix, gram, what.c_str());
      return QuantizeInt4(floats);
    default:
      return floats;
  }
}

LinearFitter::Limits LinearFitter::LimitsFor(const FittedLinear& fitted) const {
  const Matrix& sample = moments_.sample;
  const double tolerated = kMostInputNoise * fitted.squared_error.value_or(0) *
                           static_cast<double>(sample.rows()) /
                           static_cast<double>(std::max<int64_t>(1, moments_.tokens));
  // A matrix that is widened to floats reads them as they are.
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
  const Matrix exact = outputs(true, true);
  const Matrix right_rounds = outputs(true, false);
  return {.left = limit(right_rounds, outputs(false, false)), .right = limit(exact, right_rounds)};
}

void LinearFitter::MeasureError(const Eigen::MatrixXd& weight, FittedLinear& fitted) const {
  if (method_ == FitMethod::kSvd) return;
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
  if (moments_.lack_compressed.size() > 0) output += 2 * inner(moments_.lack_original, weight) + moments_.lack_square;
  // ||Y||^2 - 2 <Y, W^ X'> + ||W^ X'||^2, without the ridge on the last two.
  // Of numbers that cancel, so that rounding may leave less than nothing.
  const double error = output - 2 * inner(Wanted(weight), effective) +
                       inner(effective * moments_.compressed, effective) +
                       ridge_ * (2 * inner(weight, effective) - inner(effective, effective));
  fitted.squared_error = std::max(0.0, error);
}

}  // namespace halfling
