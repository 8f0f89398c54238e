// A weight matrix becomes a product of two factors, by what its inputs are.
#ifndef HALFLING_COMPRESSOR_STAGES_FACTORIZE_H_
#define HALFLING_COMPRESSOR_STAGES_FACTORIZE_H_

#include <Eigen/Core>
#include <string>

#include "compressor/linalg/low_rank.h"
#include "compressor/stages/input_moments.h"
#include "engine/base/result.h"

namespace halfling {

// With W the weight, X its inputs in the original model and X' those in the compressed one:
enum class FactorizationMethod {
  kSvd,          // nearest in the weights, ||W - A B||
  kWhitenedSvd,  // nearest in the outputs, ||(W - A B) X|| (SVD-LLM)
  kAlignedSvd,   // the same, then A refitted to ||W X - A B X'|| (OD-LLM, arXiv 2601.09306)
  kRegression,   // A and B of the least ||W X - A B X'|| (reduced-rank regression, Izenman 1975)
};

MomentChoice MomentsFor(FactorizationMethod method);

// Factorizes the weights of one InputGroup.
class Factorizer {
 public:
  // `what` names the group in errors.
  static Result<Factorizer> Create(FactorizationMethod method, InputMoments moments,
                                   const std::string& what);

  // weight: [m, n]; `rank` is in 1 … min(m, n). May run in several threads at once.
  Result<LowRankFactors> Factorize(const Eigen::MatrixXd& weight, Eigen::Index rank,
                                   const std::string& what) const;

 private:
  Factorizer(FactorizationMethod method, InputMoments moments)
      : method_(method), moments_(std::move(moments)) {}

  Status PrepareRegression(const std::string& what);

  FactorizationMethod method_;
  InputMoments moments_;
  Eigen::MatrixXd lower_;  // the Cholesky factor of G (of G' for kRegression); empty for kSvd
};

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_STAGES_FACTORIZE_H_
