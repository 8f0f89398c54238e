// A weight matrix becomes what its plan says: fitted to its inputs, rounded to its dtype.
#ifndef HALFLING_COMPRESSOR_STAGES_FIT_LINEAR_H_
#define HALFLING_COMPRESSOR_STAGES_FIT_LINEAR_H_

#include <Eigen/Core>
#include <optional>
#include <string>

#include "compressor/linalg/low_rank.h"
#include "compressor/stages/input_moments.h"
#include "compressor/stages/plan.h"
#include "compressor/stages/stored_linear.h"
#include "engine/base/result.h"

namespace halfling {

// With W the weight, X its inputs in the original model, X' those in the compressed one, and Y the
// outputs that are wanted of it. Y = W X, except that in kRegression a weight whose outputs are added
// to the hidden states also makes good what those lack by then: Y = W X + (H - H'). The first four
// say how factors are found:
enum class FitMethod {
  kSvd,          // nearest in the weights, ||W - A B||; nothing is calibrated
  kWhitenedSvd,  // nearest in the outputs, ||(W - A B) X|| (SVD-LLM)
  kAlignedSvd,   // the same, then A refitted to ||Y - A B X'|| (OD-LLM, arXiv 2601.09306)
  kRegression,   // A and B of the least ||Y - A B X'|| (reduced-rank regression, Izenman 1975),
                 // with what rounding B does made good by A, and all rounding compensated
  kRounding,     // no factors: a dense weight rounded with compensation on X' (GPTQ)
};

// Whether the plan's form needs to know the inputs: all but dense floats, and all of kSvd.
bool NeedsInputs(FitMethod method, const LinearPlan& plan);

MomentChoice MomentsFor(FitMethod method);

struct FittedLinear {
  StoredLinear stored;
  // Falling; of W for kSvd, of W L (X X^T = L L^T) or Y X'^T L'^-T for the others; empty when dense.
  Eigen::VectorXd singular_values;
  // ||Y - W^ X'||^2 and ||Y||^2 on the calibration tokens, with X' = X for kWhitenedSvd and
  // X = X' for kRounding, which see no other inputs; nothing for kSvd.
  std::optional<double> squared_error;
  std::optional<double> squared_output;
};

// Fits the weights that share their inputs.
class LinearFitter {
 public:
  // `what` names the group in errors. `moments` may be empty where no plan NeedsInputs.
  static Result<LinearFitter> Create(FitMethod method, InputMoments moments,
                                     const std::string& what);

  // weight: [m, n]; a plan's rank is in 1 … min(m, n) - 1. Without bias. May run in several threads
  // at once.
  Result<FittedLinear> Fit(const Eigen::MatrixXd& weight, const LinearPlan& plan,
                           const std::string& what) const;

  // The factors before any rounding.
  Result<LowRankFactors> Factorize(const Eigen::MatrixXd& weight, Eigen::Index rank,
                                   const std::string& what) const;

 private:
  // The largest integer of each int8 matrix. Within kLargestInt7 it runs faster, on inputs rounded
  // to 8 bits instead of 16.
  struct Limits {
    int left;
    int right;  // also of a dense weight

    bool operator==(const Limits&) const = default;
  };

  LinearFitter(FitMethod method, InputMoments moments)
      : method_(method), moments_(std::move(moments)) {}

  Status PrepareRegression(const std::string& what);
  // Y X'^T
  Eigen::MatrixXd Wanted(const Eigen::MatrixXd& weight) const;
  // `factors` are empty for a dense plan.
  Result<FittedLinear> FitWithin(const Limits& limits, const Eigen::MatrixXd& weight,
                                 const LinearPlan& plan, const LowRankFactors& factors,
                                 const std::string& what) const;
  Result<StoredMatrix> FitDense(const Limits& limits, const Eigen::MatrixXd& weight,
                                const LinearPlan& plan, const std::string& what) const;
  Result<StoredFactors> FitFactors(const Limits& limits, const Eigen::MatrixXd& weight,
                                   const LinearPlan& plan, LowRankFactors factors,
                                   const std::string& what) const;
  Result<StoredMatrix> Round(const Eigen::MatrixXd& matrix, DType dtype, int largest,
                             const Eigen::MatrixXd& gram, const std::string& what) const;
  // What the fit turns out to need: more than kLargestInt7 where the rounding of the inputs would
  // add too much to the error.
  Limits LimitsFor(const FittedLinear& fitted) const;
  void MeasureError(const Eigen::MatrixXd& weight, FittedLinear& fitted) const;

  FitMethod method_;
  InputMoments moments_;  // for kRegression with ridge_ on the diagonals of K and G'
  double ridge_ = 0;
  Eigen::MatrixXd lower_;  // the Cholesky factor of G (of G' for kRegression); else empty
};

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_STAGES_FIT_LINEAR_H_
