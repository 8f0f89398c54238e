#include "compressor/stages/align.h"

#include <Eigen/Core>
#include <map>
#include <span>
#include <string>

#include "compressor/linalg/low_rank.h"
#include "compressor/linalg/matrices.h"
#include "compressor/parallel.h"
#include "compressor/stages/layer_walk.h"

namespace halfling {
namespace {

// The sums for one matrix over the tokens of a lane: Z = B X' are the codes.
struct CodeMoments {
  Eigen::MatrixXd right;           // B [rank, n]
  Eigen::MatrixXd target_by_code;  // X Z^T [n, rank] (X' Z^T for kOwnInput)
  Eigen::MatrixXd code_gram;       // Z Z^T [rank, rank]

  explicit CodeMoments(const Linear& linear) : right(ToDoubles(linear.UnpackRight())) {
    target_by_code.setZero(right.cols(), right.rows());
    code_gram.setZero(right.rows(), right.rows());
  }

  // target_input, own_input: [tokens, n]
  void Add(const Eigen::MatrixXd& target_input, const Eigen::MatrixXd& own_input) {
    const Eigen::MatrixXd codes = own_input * right.transpose();  // [tokens, rank]
    target_by_code.noalias() += target_input.transpose() * codes;
    code_gram.noalias() += codes.transpose() * codes;
  }
};

using KindMoments = std::map<LinearKind, CodeMoments>;

class Aligner {
 public:
  Aligner(const Transformer& original, const std::vector<TokenSequence>& sequences,
          const AlignmentOptions& options, int threads, Progress& progress, Transformer& compressed)
      : original_(original),
        compressed_(compressed),
        num_sequences_(sequences.size()),
        options_(options),
        threads_(threads),
        progress_(progress),
        original_walk_(original, sequences),
        compressed_walk_(compressed, sequences) {}

  Status Run() {
    const int num_layers = original_.config().num_layers;
    const size_t steps = options_.step == AlignmentStep::kGroup ? kNumInputGroups : 1;
    progress_.Begin("aligning", static_cast<size_t>(num_layers) * (steps + 1) * num_sequences_);
    for (int layer = 0; layer < num_layers; ++layer) {
      if (options_.step == AlignmentStep::kBlock) {
        HALFLING_RETURN_IF_ERROR(AlignGroups(layer, kInputGroups));
      } else {
        for (const InputGroup& group : kInputGroups) {
          HALFLING_RETURN_IF_ERROR(AlignGroups(layer, std::span(&group, 1)));
        }
      }
      AdvanceWalks();
    }
    return {};
  }

 private:
  // The factorized matrices of the layer that belong to `groups`, with empty sums.
  KindMoments EmptyMoments(int layer, std::span<const InputGroup> groups) const {
    KindMoments moments;
    for (const LinearKind kind : kLinearKinds) {
      const Linear& linear = compressed_.weights().layers[static_cast<size_t>(layer)].linear(kind);
      for (const InputGroup group : groups) {
        if (GroupOf(kind) == group && linear.is_low_rank()) moments.emplace(kind, linear);
      }
    }
    return moments;
  }

  // Calls work(sequence, lane) for each sequence; a lane's calls follow one another.
  template <typename Work>
  void ForEachSequence(const Work& work) {
    ParallelFor(kCalibrationLanes, threads_, [&](size_t lane, size_t) {
      for (size_t i = lane; i < num_sequences_; i += kCalibrationLanes) {
        work(i, lane);
        progress_.Advance();
      }
    });
  }

  void AddSequence(size_t sequence, size_t lane, KindMoments& moments) {
    const InputRecorder& now = compressed_walk_.Observe(sequence, lane);
    const InputRecorder& goal = options_.target == AlignmentTarget::kOriginalOutput
                                    ? original_walk_.Observe(sequence, lane)
                                    : now;
    for (auto& [kind, sums] : moments) {
      sums.Add(ToDoubles(goal.input(GroupOf(kind))), ToDoubles(now.input(GroupOf(kind))));
    }
  }

  Status AlignGroups(int layer, std::span<const InputGroup> groups) {
    std::vector<KindMoments> lanes(kCalibrationLanes, EmptyMoments(layer, groups));
    if (lanes[0].empty()) return {};
    ForEachSequence(
        [&](size_t sequence, size_t lane) { AddSequence(sequence, lane, lanes[lane]); });
    for (auto& [kind, sums] : lanes[0]) {
      for (size_t lane = 1; lane < lanes.size(); ++lane) {
        sums.target_by_code += lanes[lane].at(kind).target_by_code;
        sums.code_gram += lanes[lane].at(kind).code_gram;
      }
      HALFLING_RETURN_IF_ERROR(Refit(layer, kind, sums));
    }
    return {};
  }

  Status Refit(int layer, LinearKind kind, const CodeMoments& sums) {
    const Linear& dense = original_.weights().layers[static_cast<size_t>(layer)].linear(kind);
    Linear& linear = compressed_.mutable_layer(layer).linear(kind);
    const std::string name = LinearName(layer, kind);
    HALFLING_ASSIGN_OR_RETURN(const Eigen::MatrixXd left,
                              SolveLeftFactor(ToDoubles(dense.Unpack()) * sums.target_by_code,
                                              sums.code_gram, name.c_str()));
    linear = Linear::LowRank(ToFloatMatrix(left), linear.UnpackRight(),
                             {linear.bias().begin(), linear.bias().end()});
    return {};
  }

  void AdvanceWalks() {
    ForEachSequence([&](size_t sequence, size_t lane) {
      compressed_walk_.Advance(sequence, lane);
      if (options_.target == AlignmentTarget::kOriginalOutput) {
        original_walk_.Advance(sequence, lane);
      }
    });
    compressed_walk_.NextLayer();
    original_walk_.NextLayer();
  }

  const Transformer& original_;
  Transformer& compressed_;
  const size_t num_sequences_;
  const AlignmentOptions options_;
  const int threads_;
  Progress& progress_;
  LayerWalk original_walk_;
  LayerWalk compressed_walk_;
};

}  // namespace

Status AlignLeftFactors(const Transformer& original, const std::vector<TokenSequence>& sequences,
                        const AlignmentOptions& options, int threads, Progress& progress,
                        Transformer& compressed) {
  return Aligner(original, sequences, options, threads, progress, compressed).Run();
}

}  // namespace halfling
