#include "compressor/stages/output_weights.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

#include "compressor/linalg/cholesky.h"
#include "compressor/linalg/gram.h"
#include "compressor/linalg/matrices.h"
#include "compressor/parallel.h"
#include "compressor/stages/input_moments.h"

namespace halfling {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

// Of the identity in D, whose mean diagonal is 1 without it: what is measured holds for small
// errors alone.
constexpr double kIdentity = 0.1;

constexpr size_t kTokensPerOutput = 8;
constexpr size_t kSequencesAtOnce = 64;
constexpr int kProbes = 4;

// As many of the walk's first as it takes to tell the moments of so many outputs.
size_t NumTellingSequences(const ActivationWalk& walk, Eigen::Index outputs) {
  const size_t wanted = kTokensPerOutput * static_cast<size_t>(outputs);
  size_t tokens = 0;
  size_t count = 0;
  while (count < walk.num_sequences() && tokens < wanted) tokens += walk.hidden(count++).rows();
  return count;
}

// Calls run(begin, end) for the sequences [0, count), some at a time.
template <typename Run>
void ForEachBatch(size_t count, const Run& run) {
  for (size_t begin = 0; begin < count; begin += kSequencesAtOnce) {
    run(begin, std::min(count, begin + kSequencesAtOnce));
  }
}

// One below the other.
TokenMatrix Stack(const std::vector<TokenMatrix>& parts) {
  Eigen::Index rows = 0;
  for (const TokenMatrix& part : parts) rows += part.rows();
  TokenMatrix all(rows, parts.front().cols());
  rows = 0;
  for (const TokenMatrix& part : parts) {
    all.middleRows(rows, part.rows()) = part;
    rows += part.rows();
  }
  return all;
}

// The layer at hand.
struct Layer {
  const Transformer& model;
  int layer;
  const ActivationWalk& walk;
  int threads;

  const ModelConfig& config() const { return model.config(); }
  const LayerWeights& weights() const { return model.weights().layers[static_cast<size_t>(layer)]; }
  MatrixXd Weight(LinearKind kind) const { return ToDoubles(weights().linear(kind).Unpack()); }

  // Runs the group's linears for one of the sequences.
  void Begin(size_t sequence, TransformerScratch& scratch) const {
    scratch.hidden = walk.hidden(sequence);
    scratch.normed = walk.input(sequence);
    model.ApplyGroup(layer, walk.group(), scratch);
  }
  // What the group before reads, from there to the hidden states; a weight w for each token of
  // them.
  VectorXd Finish(InputGroup next, KvCache& cache, TransformerScratch& scratch) const {
    model.PrepareGroup(layer, next, cache, 0, scratch);
    model.ApplyGroup(layer, next, scratch);
    return InverseRms(AsEigen(scratch.hidden).cast<double>());
  }
};

// What errors of a sequence's gates and ups are multiplied by before down reads them, times w:
// [tokens, ffn_dim].
struct GateSlopes {
  TokenMatrix gate;
  TokenMatrix up;
};

GateSlopes SlopesOf(const Layer& layer, size_t sequence) {
  TransformerScratch scratch;
  layer.Begin(sequence, scratch);
  const Eigen::ArrayXXd gate = AsEigen(scratch.gate).cast<double>();
  const Eigen::ArrayXXd up = AsEigen(scratch.up).cast<double>();
  KvCache unused(layer.config());
  const VectorXd weights = layer.Finish(InputGroup::kGated, unused, scratch);
  const Eigen::ArrayXXd sigmoid = (1 + (-gate).exp()).inverse();
  return {.gate = weights.asDiagonal() * (sigmoid * (1 + gate * (1 - sigmoid)) * up).matrix(),
          .up = weights.asDiagonal() * (sigmoid * gate).matrix()};
}

Result<std::vector<OutputWeights>> OfFeedForward(const Layer& layer) {
  const int n = layer.config().ffn_dim;
  MatrixXd gate = MatrixXd::Zero(n, n);
  MatrixXd up = MatrixXd::Zero(n, n);
  ForEachBatch(NumTellingSequences(layer.walk, n), [&](size_t begin, size_t end) {
    std::vector<TokenMatrix> of_gate(end - begin);
    std::vector<TokenMatrix> of_up(end - begin);
    ParallelFor(end - begin, layer.threads, [&](size_t i, size_t) {
      GateSlopes slopes = SlopesOf(layer, begin + i);
      of_gate[i] = std::move(slopes.gate);
      of_up[i] = std::move(slopes.up);
    });
    AddGram(Stack(of_gate), layer.threads, gate);
    AddGram(Stack(of_up), layer.threads, up);
  });
  MirrorLower(gate);
  MirrorLower(up);
  const MatrixXd down = layer.Weight(LinearKind::kDown);
  const MatrixXd down_gram = down.transpose() * down;
  gate.array() *= down_gram.array();
  up.array() *= down_gram.array();
  std::vector<OutputWeights> result(2);
  HALFLING_ASSIGN_OR_RETURN(
      result[0],
      OutputWeights::Create({std::move(gate)}, LinearName(layer.layer, LinearKind::kGate)));
  HALFLING_ASSIGN_OR_RETURN(
      result[1], OutputWeights::Create({std::move(up)}, LinearName(layer.layer, LinearKind::kUp)));
  return result;
}

// A sequence of T tokens in attention.
struct AttendedSequence {
  Matrix query;           // [T, num_heads * head_dim], as q gave it
  Matrix key;             // [T, num_kv_heads * head_dim]
  MatrixXd placed_query;  // as attention reads them: rotated, and normed before in Qwen3
  MatrixXd placed_key;
  MatrixXd value;
  VectorXd weights;  // [T]: w
};

AttendedSequence Attend(const Layer& layer, size_t sequence) {
  AttendedSequence attended;
  TransformerScratch scratch;
  layer.Begin(sequence, scratch);
  attended.query = scratch.query;
  attended.key = scratch.key;
  KvCache cache(layer.config());
  int slot = kNoParent;
  for (size_t t = 0; t < scratch.hidden.rows(); ++t) slot = cache.Append(0, slot);
  attended.weights = layer.Finish(InputGroup::kAttended, cache, scratch);
  attended.placed_query = ToDoubles(scratch.query);
  attended.placed_key = ToDoubles(scratch.key);
  attended.value = ToDoubles(scratch.value);
  return attended;
}

// [T, T]: what each token pays to each, 0 for those that it does not see.
MatrixXd AttentionOf(const Layer& layer, const MatrixXd& query, const MatrixXd& key) {
  MatrixXd attention = query * key.transpose() / std::sqrt(static_cast<double>(query.cols()));
  const bool slides = layer.layer >= layer.config().first_sliding_layer;
  const Eigen::Index window = slides ? layer.config().sliding_window : 0;
  for (Eigen::Index t = 0; t < attention.rows(); ++t) {
    const Eigen::Index first = window > 0 ? std::max<Eigen::Index>(0, t + 1 - window) : 0;
    auto seen = attention.row(t).segment(first, t + 1 - first);
    seen = (seen.array() - seen.maxCoeff()).exp().matrix().eval();
    seen /= seen.sum();
    attention.row(t).head(first).setZero();
    attention.row(t).tail(attention.cols() - t - 1).setZero();
  }
  return attention;
}

// Gradients by a placed head of each token, [T, head_dim], become those by what the linear gave,
// whose columns from `column` on are the head.
void UndoPlacement(const Layer& layer, const Matrix& given, Eigen::Index column,
                   const std::vector<float>& norm, MatrixXd& gradients) {
  const Eigen::Index dim = gradients.cols();
  std::vector<float> row(static_cast<size_t>(dim));
  std::vector<float> buffer;
  const Eigen::Map<Eigen::RowVectorXf> values(row.data(), dim);
  Eigen::Map<Eigen::RowVectorXf> second_half(row.data() + dim / 2, dim / 2);
  for (Eigen::Index t = 0; t < gradients.rows(); ++t) {
    Eigen::Map<Eigen::RowVectorXf>(row.data(), dim) = gradients.row(t).cast<float>();
    // Mirrored, a rotation goes back.
    second_half = -second_half;
    layer.model.rope().Rotate(static_cast<int>(t), row, buffer);
    second_half = -second_half;
    gradients.row(t) = values.cast<double>();
    if (!layer.config().qk_norm) continue;
    const Eigen::RowVectorXd head = AsEigen(given).row(t).segment(column, dim).cast<double>();
    const double rms =
        std::sqrt(head.squaredNorm() / static_cast<double>(dim) + layer.config().rms_norm_eps);
    const Eigen::RowVectorXd normed = head / rms;
    const Eigen::RowVectorXd scaled = gradients.row(t).cwiseProduct(
        Eigen::Map<const Eigen::RowVectorXf>(norm.data(), dim).cast<double>());
    gradients.row(t) = (scaled - normed * (normed.dot(scaled) / static_cast<double>(dim))) / rms;
  }
}

// [rows, cols] of 1 and -1.
MatrixXd RandomSigns(Eigen::Index rows, Eigen::Index cols, std::mt19937_64& random) {
  return MatrixXd::NullaryExpr(rows, cols, [&] { return random() >> 63 ? 1.0 : -1.0; });
}

class AttentionWeights {
 public:
  explicit AttentionWeights(const Layer& layer)
      : layer_(layer),
        dim_(layer.config().head_dim),
        heads_per_kv_head_(layer.config().num_heads / layer.config().num_kv_heads),
        query_(Zeros(layer.config().num_heads)),
        key_(Zeros(layer.config().num_kv_heads)),
        value_(Zeros(layer.config().num_kv_heads)) {}

  Result<std::vector<OutputWeights>> Measure() {
    HALFLING_RETURN_IF_ERROR(FactorOutput());
    const Eigen::Index outputs = layer_.config().num_heads * dim_;
    ForEachBatch(NumTellingSequences(layer_.walk, outputs), [&](size_t begin, size_t end) {
      std::vector<AttendedSequence> sequences(end - begin);
      ParallelFor(sequences.size(), layer_.threads,
                  [&](size_t i, size_t) { sequences[i] = Attend(layer_, begin + i); });
      // Each sum has one thread, so that it is always summed up in the same order.
      ParallelFor(key_.size(), layer_.threads, [&](size_t kv_head, size_t) {
        std::mt19937_64 random(begin * key_.size() + kv_head);
        for (const AttendedSequence& sequence : sequences) AddHeads(sequence, kv_head, random);
      });
    });
    std::vector<OutputWeights> result;
    for (const LinearKind kind : KindsOf(InputGroup::kAttention)) {
      std::vector<MatrixXd>& sums = kind == LinearKind::kQuery ? query_
                                    : kind == LinearKind::kKey ? key_
                                                               : value_;
      HALFLING_ASSIGN_OR_RETURN(
          result.emplace_back(),
          OutputWeights::Create(std::move(sums), LinearName(layer_.layer, kind)));
    }
    return result;
  }

 private:
  std::vector<MatrixXd> Zeros(int count) const {
    return std::vector<MatrixXd>(static_cast<size_t>(count), MatrixXd::Zero(dim_, dim_));
  }

  // W_h^T W_h = C C^T
  Status FactorOutput() {
    const MatrixXd output = layer_.Weight(LinearKind::kOutput);
    for (Eigen::Index head = 0; head < layer_.config().num_heads; ++head) {
      const auto columns = output.middleCols(head * dim_, dim_);
      HALFLING_ASSIGN_OR_RETURN(
          CholeskyFactor factor,
          FactorCovariance(columns.transpose() * columns,
                           LinearName(layer_.layer, LinearKind::kOutput).c_str()));
      output_lower_.push_back(std::move(factor.lower));
    }
    return {};
  }

  // The key and value head and the query heads that read it.
  void AddHeads(const AttendedSequence& sequence, size_t kv_head, std::mt19937_64& random) {
    const Eigen::Index kv_column = static_cast<Eigen::Index>(kv_head) * dim_;
    const MatrixXd key = sequence.placed_key.middleCols(kv_column, dim_);
    const Eigen::Index tokens = key.rows();
    for (size_t i = 0; i < heads_per_kv_head_; ++i) {
      const size_t head = kv_head * heads_per_kv_head_ + i;
      const MatrixXd& lower = output_lower_[head];
      const Eigen::Index column = static_cast<Eigen::Index>(head) * dim_;
      const MatrixXd query = sequence.placed_query.middleCols(column, dim_);
      // In coordinates in which norms are those of what W_h makes of it: C^T v.
      const MatrixXd value = sequence.value.middleCols(kv_column, dim_) * lower;
      const MatrixXd attention = AttentionOf(layer_, query, key);
      const MatrixXd weighted = sequence.weights.asDiagonal() * attention;  // w_t a_ts
      const MatrixXd attended = attention * value;

      // ||W_h (v_s - o_t)||, [t, s]
      MatrixXd distance = -2 * attended * value.transpose();
      distance.colwise() += attended.rowwise().squaredNorm();
      distance.rowwise() += value.rowwise().squaredNorm().transpose();
      distance = distance.cwiseMax(0).cwiseSqrt().eval();

      for (int probe = 0; probe < kProbes; ++probe) {
        const VectorXd direction = RandomSigns(dim_, 1, random);
        const VectorXd projected = value * direction;
        MatrixXd by_query =
            (weighted * projected.asDiagonal() - (attended * direction).asDiagonal() * weighted) *
            key;
        UndoPlacement(layer_, sequence.query, column, layer_.weights().query_norm, by_query);
        query_[head] += by_query.transpose() * by_query;

        MatrixXd by_key = weighted.cwiseProduct(distance)
                              .cwiseProduct(RandomSigns(tokens, tokens, random))
                              .transpose() *
                          query;
        UndoPlacement(layer_, sequence.key, kv_column, layer_.weights().key_norm, by_key);
        key_[kv_head] += by_key.transpose() * by_key;
      }
      value_[kv_head] += weighted.squaredNorm() * lower * lower.transpose();
    }
  }

  const Layer& layer_;
  const Eigen::Index dim_;
  const size_t heads_per_kv_head_;
  std::vector<MatrixXd> output_lower_;  // C of each query head
  // The sums, by head: q's and k's times kProbes.
  std::vector<MatrixXd> query_;
  std::vector<MatrixXd> key_;
  std::vector<MatrixXd> value_;
};

}  // namespace

Result<OutputWeights> OutputWeights::Create(std::vector<Eigen::MatrixXd> blocks,
                                            const std::string& what) {
  double trace = 0;
  Eigen::Index size = 0;
  for (const MatrixXd& block : blocks) {
    trace += block.trace();
    size += block.rows();
  }
  OutputWeights weights;
  if (trace == 0) return weights;
  for (MatrixXd& block : blocks) {
    block *= static_cast<double>(size) / trace;
    block.diagonal().array() += kIdentity;
    HALFLING_ASSIGN_OR_RETURN(CholeskyFactor factor, FactorCovariance(block, what.c_str()));
    weights.lower_.push_back(std::move(factor.lower));
  }
  return weights;
}

void OutputWeights::Weigh(Eigen::MatrixXd& matrix) const {
  Eigen::Index row = 0;
  for (const MatrixXd& lower : lower_) {
    auto rows = matrix.middleRows(row, lower.rows());
    rows = (lower.transpose().triangularView<Eigen::Upper>() * rows).eval();
    row += lower.rows();
  }
}

void OutputWeights::Unweigh(Eigen::MatrixXd& matrix) const {
  Eigen::Index row = 0;
  for (const MatrixXd& lower : lower_) {
    auto rows = matrix.middleRows(row, lower.rows());
    lower.transpose().triangularView<Eigen::Upper>().solveInPlace(rows);
    row += lower.rows();
  }
}

Result<std::vector<OutputWeights>> MeasureOutputWeights(const Transformer& model, int layer,
                                                        const ActivationWalk& walk, int threads) {
  const Layer at = {model, layer, walk, threads};
  switch (walk.group()) {
    case InputGroup::kAttention:
      return AttentionWeights(at).Measure();
    case InputGroup::kFeedForward:
      return OfFeedForward(at);
    case InputGroup::kAttended:
    case InputGroup::kGated:
      break;
  }
  return std::vector<OutputWeights>(1);
}

}  // namespace halfling
