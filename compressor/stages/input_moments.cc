#include "compressor/stages/input_moments.h"

#include "compressor/linalg/gram.h"
#include "compressor/linalg/matrices.h"

namespace halfling {
namespace {

// Tokens are gathered into batches: the product of a few is bound by the memory of the sum.
constexpr Eigen::Index kTokensPerBatch = 2048;

// The inputs of the sequences from `first` on, as many as fill a batch; the next one's number in
// `end`.
TokenMatrix GatherTokens(const ActivationWalk& walk, size_t first, size_t& end) {
  Eigen::Index tokens = 0;
  for (end = first; end < walk.num_sequences() && tokens < kTokensPerBatch; ++end) {
    tokens += static_cast<Eigen::Index>(walk.input(end).rows());
  }
  TokenMatrix batch(tokens, static_cast<Eigen::Index>(walk.input(first).cols()));
  Eigen::Index row = 0;
  for (size_t i = first; i < end; ++i) {
    const auto input = AsEigen(walk.input(i));
    batch.middleRows(row, input.rows()) = input.cast<double>();
    row += input.rows();
  }
  return batch;
}

}  // namespace

InputMoments SumMoments(const ActivationWalk* original, const ActivationWalk* compressed,
                        MomentChoice choice, int threads) {
  InputMoments moments;
  const bool needs_original = choice.original || choice.cross;
  const bool needs_compressed = choice.compressed || choice.cross;
  if (!needs_original && !needs_compressed) return moments;
  const ActivationWalk& any = needs_original ? *original : *compressed;
  const auto n = static_cast<Eigen::Index>(any.input(0).cols());
  if (choice.original) moments.original.setZero(n, n);
  if (choice.cross) moments.cross.setZero(n, n);
  if (choice.compressed) moments.compressed.setZero(n, n);

  for (size_t begin = 0, end = 0; begin < any.num_sequences(); begin = end) {
    TokenMatrix x;
    TokenMatrix own;
    if (needs_original) x = GatherTokens(*original, begin, end);
    if (needs_compressed) own = GatherTokens(*compressed, begin, end);
    if (choice.original) AddGram(x, threads, moments.original);
    if (choice.cross) AddProduct(x, own, threads, moments.cross);
    if (choice.compressed) AddGram(own, threads, moments.compressed);
  }
  if (choice.original) MirrorLower(moments.original);
  if (choice.compressed) MirrorLower(moments.compressed);
  return moments;
}

}  // namespace halfling
