// A weight matrix becomes what its plan says: fitted to its inputs, rounded to its dtype.
#ifndef HALFLING_COMPRESSOR_STAGES_FIT_LINEAR_H_
#define HALFLING_COMPRESSOR_STAGES_FIT_LINEAR_H_

#include <Eigen/Core>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compressor/linalg/compensated_rounding.h"
#include "compressor/linalg/low_rank.h"
#include "compressor/stages/input_moments.h"
#include "compressor/stages/output_weights.h"
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
  kRegression,   // A and B of the least ||F^T (Y - A B X')||, with F of OutputWeights
                 // (reduced-rank regression, Izenman 1975), what rounding B does made good by A,
                 // and all rounding compensated
  kRounding,     // no factors: a dense weight rounded with compensation on X' (GPTQ)
};

// Whether the plan's form needs to know the inputs: not dense floats, and nothing of kSvd.
bool NeedsInputs(FitMethod method, const LinearPlan& plan);

MomentChoice MomentsFor(FitMethod method);

struct FittedLinear {
  StoredLinear stored;
  // Falling; of W for kSvd, of F^T W L (X X^T = L L^T) or F^T Y X'^T L'^-T for the others, with F of
  // OutputWeights; empty when dense.
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

  // weight: [m, n]; a plan's rank is in 1 … min(m, n), below m where it is pivoted, and no plan of
  // kRounding has one. Without bias. The factors of kWhitenedSvd and kRegression are those of the
  // least error as `outputs` count it. May run in several threads at once.
  Result<FittedLinear> Fit(const Eigen::MatrixXd& weight, const OutputWeights& outputs,
                           const LinearPlan& plan, const std::string& what) const;

  // The factors before any rounding.
  Result<LowRankFactors> Factorize(const Eigen::MatrixXd& weight, const OutputWeights& outputs,
                                   Eigen::Index rank, const std::string& what) const;

 private:
  struct Target {
    const Eigen::MatrixXd& weight;  // W [m, n]
    const OutputWeights& outputs;
    Eigen::MatrixXd wanted;  // Y X'^T [m, n]; empty for a method that does not ask for it
  };

  // What is rounded, however far its integers will reach.
  struct Unrounded {
    Eigen::MatrixXd right;    // [r, n]; of a dense plan the whole weight [m, n]
    Eigen::MatrixXd left;     // [m, r] or [m - r, r]; of a dense plan empty
    std::vector<int> pivots;  // [r] rows that `right` gives; empty unless pivoted
    Eigen::VectorXd singular_values;
  };

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
  Target TargetOf(const Eigen::MatrixXd& weight, const OutputWeights& outputs) const;
  Result<LowRankFactors> Factorize(const Target& target, Eigen::Index rank,
                                   const std::string& what) const;
  Result<Unrounded> FitUnrounded(const Target& target, const LinearPlan& plan,
                                 const std::string& what) const;
  // Fills in all of `fitted` but the singular values.
  Status Round(const Target& target, const Unrounded& unrounded, const LinearPlan& plan,
               const Limits& limits, const std::string& what, FittedLinear& fitted) const;
  // The left factor; where it compensates, refitted to what rounding made of the right one.
  Result<StoredMatrix> RoundLeft(const Target& target, const Unrounded& unrounded,
                                 const StoredMatrix& right, DType dtype, int largest,
                                 const std::string& what) const;
  // What the fit turns out to need: more than kLargestInt7 where the rounding of the inputs would
  // add too much to the error.
  Limits LimitsFor(const FittedLinear& fitted) const;
  void MeasureError(const Target& target, FittedLinear& fitted) const;

  FitMethod method_;
  InputMoments moments_;  // for kRegression with ridge_ on the diagonals of K and G'
  double ridge_ = 0;
  Eigen::MatrixXd lower_;  // the Cholesky factor of G (of G' for kRegression); else empty
  // By G'. The baselines round to nearest, as their authors' factors would be: only kRegression and
  // kRounding have it.
  std::optional<RoundingCompensation> compensation_;
};

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_STAGES_FIT_LINEAR_H_
