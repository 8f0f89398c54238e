#include "compressor/stages/factorize.h"

#include <utility>

#include "compressor/linalg/cholesky.h"

namespace halfling {

MomentChoice MomentsFor(FactorizationMethod method) {
  switch (method) {
    case FactorizationMethod::kSvd:
      break;
    case FactorizationMethod::kWhitenedSvd:
      return {.original = true};
    case FactorizationMethod::kAlignedSvd:
      return {.original = true, .cross = true, .compressed = true};
  }
  return {};
}

Result<Factorizer> Factorizer::Create(FactorizationMethod method, InputMoments moments,
                                      const std::string& what) {
  Factorizer factorizer(method, std::move(moments));
  if (method != FactorizationMethod::kSvd) {
    HALFLING_ASSIGN_OR_RETURN(CholeskyFactor covariance,
                              FactorCovariance(factorizer.moments_.original, what.c_str()));
    factorizer.lower_ = std::move(covariance.lower);
  }
  return factorizer;
}

Result<LowRankFactors> Factorizer::Factorize(const Eigen::MatrixXd& weight, Eigen::Index rank,
                                             const std::string& what) const {
  if (method_ == FactorizationMethod::kSvd) return TruncateSvd(weight, rank);
  LowRankFactors factors = TruncateWhitenedSvd(weight, lower_, rank);
  if (method_ == FactorizationMethod::kAlignedSvd) {
    HALFLING_ASSIGN_OR_RETURN(factors.left,
                              RefitLeftFactor(weight, moments_.cross, moments_.compressed,
                                              factors.right, what.c_str()));
  }
  return factors;
}

}  // namespace halfling
