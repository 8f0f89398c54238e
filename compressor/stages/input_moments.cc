#include "compressor/stages/input_moments.h"

#include <algorithm>
#include <vector>

#include "compressor/linalg/gram.h"
#include "compressor/linalg/matrices.h"
#include "compressor/parallel.h"

namespace halfling {
namespace {

// Tokens are gathered into batches: the product of a few is bound by the memory of the sum.
constexpr Eigen::Index kTokensPerBatch = 2048;

// Of a token's mean square norm, for each input.
constexpr double kPriorTokens = 0.25;

// A walk's inputs or hidden states.
using Activations = const Matrix& (ActivationWalk::*)(size_t sequence) const;

// How many sequences from `first` on fill a batch: the number after the last.
size_t EndOfBatch(const ActivationWalk& walk, size_t first) {
  Eigen::Index tokens = 0;
  size_t end = first;
  for (; end < walk.num_sequences() && tokens < kTokensPerBatch; ++end) {
    tokens += static_cast<Eigen::Index>(walk.hidden(end).rows());
  }
  return end;
}

// Those of the sequences first … end - 1.
TokenMatrix GatherTokens(const ActivationWalk& walk, Activations activations, size_t first,
                         size_t end) {
  Eigen::Index tokens = 0;
  for (size_t i = first; i < end; ++i) {
    tokens += static_cast<Eigen::Index>((walk.*activations)(i).rows());
  }
  TokenMatrix batch(tokens, static_cast<Eigen::Index>((walk.*activations)(first).cols()));
  Eigen::Index row = 0;
  for (size_t i = first; i < end; ++i) {
    const auto values = AsEigen((walk.*activations)(i));
    batch.middleRows(row, values.rows()) = values.cast<double>();
    row += values.rows();
  }
  return batch;
}

// Tokens first, first + 1, … of all.
void Weigh(const Eigen::VectorXd& weights, Eigen::Index first, TokenMatrix& tokens) {
  if (weights.size() == 0) return;
  tokens.array().colwise() *= weights.segment(first, tokens.rows()).array();
}

bool IsAddedToHidden(InputGroup group) {
  return group == InputGroup::kAttended || group == InputGroup::kGated;
}

}  // namespace

Eigen::VectorXd InverseRms(const Eigen::MatrixXd& hidden, double epsilon) {
  const Eigen::ArrayXd mean_squares =
      hidden.rowwise().squaredNorm() / static_cast<double>(hidden.cols());
  return (mean_squares + epsilon).sqrt().inverse();
}

Eigen::VectorXd TokenWeights(const ActivationWalk& original, const LayerWeights& layer,
                             double epsilon, int threads) {
  if (!IsAddedToHidden(original.group())) return {};
  const Linear& linear = layer.linear(KindsOf(original.group()).front());
  std::vector<Eigen::Index> first = {0};  // token of each sequence, and their number
  for (size_t i = 0; i < original.num_sequences(); ++i) {
    first.push_back(first.back() + static_cast<Eigen::Index>(original.hidden(i).rows()));
  }
  Eigen::VectorXd weights(first.back());
  ParallelFor(original.num_sequences(), threads, [&](size_t i, size_t) {
    Matrix outputs;
    LinearScratch scratch;
    linear.Apply(original.input(i), outputs, scratch);
    const auto hidden = AsEigen(original.hidden(i)).cast<double>();
    const auto added = AsEigen(outputs).cast<double>();
    weights.segment(first[i], hidden.rows()) = InverseRms(hidden + added, epsilon);
  });
  return weights;
}

InputMoments SumMoments(const ActivationWalk* original, const ActivationWalk* compressed,
                        MomentChoice choice, int threads, const Eigen::VectorXd& weights) {
  InputMoments moments;
  const bool lacks = choice.lack && IsAddedToHidden(original->group());
  const bool needs_original = choice.original || choice.cross || lacks;
  const bool needs_compressed = choice.compressed || choice.cross || choice.sample || lacks;
  if (!needs_original && !needs_compressed) return moments;
  const ActivationWalk& any = needs_original ? *original : *compressed;
  const auto n = static_cast<Eigen::Index>(any.input(0).cols());
  if (choice.original) moments.original.setZero(n, n);
  if (choice.cross) moments.cross.setZero(n, n);
  if (choice.compressed) moments.compressed.setZero(n, n);
  if (lacks) {
    const auto dim = static_cast<Eigen::Index>(any.hidden(0).cols());
    moments.lack_original.setZero(dim, n);
    moments.lack_compressed.setZero(dim, n);
  }

  Eigen::Index first = 0;  // token of the batch
  for (size_t begin = 0, end = 0; begin < any.num_sequences(); begin = end) {
    end = EndOfBatch(any, begin);
    const auto gather = [&](const ActivationWalk& walk, Activations activations) {
      TokenMatrix tokens = GatherTokens(walk, activations, begin, end);
      Weigh(weights, first, tokens);
      return tokens;
    };
    TokenMatrix x;
    TokenMatrix own;
    if (needs_original) x = gather(*original, &ActivationWalk::input);
    if (needs_compressed) own = gather(*compressed, &ActivationWalk::input);
    if (lacks) {
      TokenMatrix lack = gather(*original, &ActivationWalk::hidden);
      lack -= gather(*compressed, &ActivationWalk::hidden);
      AddProduct(lack, x, threads, moments.lack_original);
      AddProduct(lack, own, threads, moments.lack_compressed);
      moments.lack_square += lack.squaredNorm();
    }
    if (choice.original) AddGram(x, threads, moments.original);
    if (choice.cross) AddProduct(x, own, threads, moments.cross);
    if (choice.compressed) AddGram(own, threads, moments.compressed);
    if (choice.sample && first == 0) moments.sample = ToFloatMatrix(own);
    first += std::max(x.rows(), own.rows());
  }
  moments.tokens = first;
  if (choice.original) MirrorLower(moments.original);
  if (choice.compressed) MirrorLower(moments.compressed);
  return moments;
}

double PriorRidge(const Eigen::MatrixXd& gram, int64_t tokens) {
  return tokens > 0 ? kPriorTokens * gram.trace() / static_cast<double>(tokens) : 0;
}

}  // namespace halfling
