#include "compressor/stages/factorize.h"

#include <utility>

#include "compressor/linalg/cholesky.h"

namespace halfling {
namespace {

constexpr double kRidge = 1e-4;  // share of the inputs' mean square

}  // namespace

MomentChoice MomentsFor(FactorizationMethod method) {
  switch (method) {
    case FactorizationMethod::kSvd:
      break;
    case FactorizationMethod::kWhitenedSvd:
      return {.original = true};
    case FactorizationMethod::kAlignedSvd:
      return {.original = true, .cross = true, .compressed = true};
    case FactorizationMethod::kRegression:
      return {.cross = true, .compressed = true};
  }
  return {};
}

Result<Factorizer> Factorizer::Create(FactorizationMethod method, InputMoments moments,
                                      const std::string& what) {
  Factorizer factorizer(method, std::move(moments));
  switch (method) {
    case FactorizationMethod::kSvd:
      break;
    case FactorizationMethod::kWhitenedSvd:
    case FactorizationMethod::kAlignedSvd: {
      HALFLING_ASSIGN_OR_RETURN(CholeskyFactor covariance,
                                FactorCovariance(factorizer.moments_.original, what.c_str()));
      factorizer.lower_ = std::move(covariance.lower);
      break;
    }
    case FactorizationMethod::kRegression:
      HALFLING_RETURN_IF_ERROR(factorizer.PrepareRegression(what));
  }
  return factorizer;
}

// A multiple of I on both moments acts as inputs that did not drift: it pulls A B toward W in the
// directions that the calibration hardly sees.
Status Factorizer::PrepareRegression(const std::string& what) {
  Eigen::MatrixXd& gram = moments_.compressed;
  const double ridge = kRidge * gram.trace() / static_cast<double>(gram.rows());
  moments_.cross.diagonal().array() += ridge;
  gram.diagonal().array() += ridge;
  HALFLING_ASSIGN_OR_RETURN(CholeskyFactor covariance, FactorCovariance(gram, what.c_str()));
  lower_ = std::move(covariance.lower);
  return {};
}

Result<LowRankFactors> Factorizer::Factorize(const Eigen::MatrixXd& weight, Eigen::Index rank,
                                             const std::string& what) const {
  switch (method_) {
    case FactorizationMethod::kSvd:
      return TruncateSvd(weight, rank);
    case FactorizationMethod::kWhitenedSvd:
      break;
    case FactorizationMethod::kAlignedSvd: {
      LowRankFactors factors = TruncateWhitenedSvd(weight, lower_, rank);
      HALFLING_ASSIGN_OR_RETURN(
          factors.left, RefitLeftFactor(weight, moments_.cross, moments_.compressed, factors.right,
                                        what.c_str()));
      return factors;
    }
    case FactorizationMethod::kRegression:
      return TruncateRegression(weight, moments_.cross, lower_, rank);
  }
  return TruncateWhitenedSvd(weight, lower_, rank);
}

}  // namespace halfling
