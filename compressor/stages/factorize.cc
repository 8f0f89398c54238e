#include "compressor/stages/factorize.h"

#include <optional>
#include <string>

#include "compressor/linalg/cholesky.h"
#include "compressor/linalg/low_rank.h"
#include "compressor/linalg/matrices.h"
#include "compressor/parallel.h"

namespace halfling {
namespace {

struct Task {
  int layer;
  LinearKind kind;
  size_t rank;
};

std::vector<Task> ListTasks(const RankPlan& plan) {
  std::vector<Task> tasks;
  for (size_t layer = 0; layer < plan.size(); ++layer) {
    for (const LinearKind kind : kLinearKinds) {
      const size_t rank = plan[layer][static_cast<size_t>(kind)];
      if (rank != kStaysDense) tasks.push_back({static_cast<int>(layer), kind, rank});
    }
  }
  return tasks;
}

Result<LowRankFactors> FactorizeOne(const Linear& linear, const Task& task,
                                    FactorizationMethod method,
                                    const std::vector<LayerMoments>& moments) {
  const Eigen::MatrixXd weight = ToDoubles(linear.Unpack());
  const auto rank = static_cast<Eigen::Index>(task.rank);
  if (method == FactorizationMethod::kSvd) return TruncateSvd(weight, rank);

  const std::string name = LinearName(task.layer, task.kind);
  const Eigen::MatrixXd& gram = moments[static_cast<size_t>(task.layer)].gram(task.kind);
  HALFLING_ASSIGN_OR_RETURN(const CholeskyFactor covariance, FactorCovariance(gram, name.c_str()));
  return TruncateWhitenedSvd(weight, covariance.lower, rank);
}

}  // namespace

Result<Transformer> Factorize(const Transformer& model, const RankPlan& plan,
                              FactorizationMethod method, const std::vector<LayerMoments>& moments,
                              int threads, Progress& progress) {
  const std::vector<Task> tasks = ListTasks(plan);
  std::vector<std::optional<Result<LowRankFactors>>> results(tasks.size());
  progress.Begin("factorizing", tasks.size());
  ParallelFor(tasks.size(), threads, [&](size_t i, size_t) {
    const LayerWeights& layer = model.weights().layers[static_cast<size_t>(tasks[i].layer)];
    results[i] = FactorizeOne(layer.linear(tasks[i].kind), tasks[i], method, moments);
    progress.Advance();
  });

  Transformer compressed = model;
  for (size_t i = 0; i < tasks.size(); ++i) {
    HALFLING_ASSIGN_OR_RETURN(const LowRankFactors factors, *std::move(results[i]));
    Linear& linear = compressed.mutable_layer(tasks[i].layer).linear(tasks[i].kind);
    linear = Linear::LowRank(ToFloatMatrix(factors.left), ToFloatMatrix(factors.right),
                             {linear.bias().begin(), linear.bias().end()});
  }
  return compressed;
}

}  // namespace halfling
