#include "compressor/stages/input_moments.h"

#include "compressor/linalg/gram.h"
#include "compressor/linalg/matrices.h"

namespace halfling {
namespace {

// Tokens are gathered into batches: the product of a few is bound by the memory of the sum.
constexpr Eigen::Index kTokensPerBatch = 2048;

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

bool IsAddedToHidden(InputGroup group) {
  return group == InputGroup::kAttended || group == InputGroup::kGated;
}

}  // namespace

InputMoments SumMoments(const ActivationWalk* original, const ActivationWalk* compressed,
                        MomentChoice choice, int threads) {
  InputMoments moments;
  const bool lacks = choice.lack && IsAddedToHidden(original->group());
  const bool needs_original = choice.original || choice.cross || lacks;
  const bool needs_compressed = choice.compressed || choice.cross || lacks;
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

  for (size_t begin = 0, end = 0; begin < any.num_sequences(); begin = end) {
    end = EndOfBatch(any, begin);
    TokenMatrix x;
    TokenMatrix own;
    if (needs_original) x = GatherTokens(*original, &ActivationWalk::input, begin, end);
    if (needs_compressed) own = GatherTokens(*compressed, &ActivationWalk::input, begin, end);
    if (lacks) {
      TokenMatrix lack = GatherTokens(*original, &ActivationWalk::hidden, begin, end);
      lack -= GatherTokens(*compressed, &ActivationWalk::hidden, begin, end);
      AddProduct(lack, x, threads, moments.lack_original);
      AddProduct(lack, own, threads, moments.lack_compressed);
      moments.lack_square += lack.squaredNorm();
    }
    if (choice.original) AddGram(x, threads, moments.original);
    if (choice.cross) AddProduct(x, own, threads, moments.cross);
    if (choice.compressed) AddGram(own, threads, moments.compressed);
  }
  if (choice.original) MirrorLower(moments.original);
  if (choice.compressed) MirrorLower(moments.compressed);
  return moments;
}

}  // namespace halfling
