#include "compressor/stages/output_weights.h"

#include <Eigen/QR>
#include <algorithm>
#include <array>
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

constexpr size_t kTokensAtOnce = 2048;
constexpr int kProbes = 4;

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
  // Then carries their outputs through the next group to the hidden states: w of each token.
  VectorXd Finish(InputGroup next, KvCache& cache, TransformerScratch& scratch) const {
    model.PrepareGroup(layer, next, cache, 0, scratch);
    model.ApplyGroup(layer, next, scratch);
    return InverseRms(AsEigen(scratch.hidden).cast<double>(), config().rms_norm_eps);
  }

  // Calls run(begin, end) for the sequences that tell the moments of so many outputs, by batches.
  template <typename Run>
  void ForSequences(int outputs, const Run& run) const {
    const std::vector<TokenSequence>& sequences = walk.sequences();
    const size_t count = NumTellingSequences(sequences, static_cast<size_t>(outputs));
    for (size_t begin = 0, end = 0; begin < count; begin = end) {
      for (size_t tokens = 0; end < count && tokens < kTokensAtOnce; ++end) {
        tokens += sequences[end].size();
      }
      run(begin, end);
    }
  }
};

// What errors of gates and ups are multiplied by before down reads them, times w:
// [tokens, ffn_dim].
struct GateSlopes {
  TokenMatrix gate;
  TokenMatrix up;
};

// Those of one sequence become rows from `row` on.
void FindSlopes(const Layer& layer, size_t sequence, Eigen::Index row, GateSlopes& slopes) {
  TransformerScratch scratch;
  layer.Begin(sequence, scratch);
  const Eigen::ArrayXXd gate = AsEigen(scratch.gate).cast<double>();
  const Eigen::ArrayXXd up = AsEigen(scratch.up).cast<double>();
  KvCache unused(layer.config());
  const VectorXd weights = layer.Finish(InputGroup::kGated, unused, scratch);
  const Eigen::ArrayXXd sigmoid = (1 + (-gate).exp()).inverse();
  slopes.gate.middleRows(row, gate.rows()) =
      weights.asDiagonal() * (sigmoid * (1 + gate * (1 - sigmoid)) * up).matrix();
  slopes.up.middleRows(row, gate.rows()) = weights.asDiagonal() * (sigmoid * gate).matrix();
}

Result<std::vector<OutputWeights>> OfFeedForward(const Layer& layer) {
  const int n = layer.config().ffn_dim;
  MatrixXd gate = MatrixXd::Zero(n, n);
  MatrixXd up = MatrixXd::Zero(n, n);
  layer.ForSequences(n, [&](size_t begin, size_t end) {
    std::vector<Eigen::Index> rows = {0};
    for (size_t i = begin; i < end; ++i) {
      rows.push_back(rows.back() + static_cast<Eigen::Index>(layer.walk.hidden(i).rows()));
    }
    GateSlopes slopes = {TokenMatrix(rows.back(), n), TokenMatrix(rows.back(), n)};
    ParallelFor(end - begin, layer.threads,
                [&](size_t i, size_t) { FindSlopes(layer, begin + i, rows[i], slopes); });
    AddGram(slopes.gate, layer.threads, gate);
    AddGram(slopes.up, layer.threads, up);
  });
  MatrixXd down = MatrixXd::Zero(n, n);
  AddGram(layer.Weight(LinearKind::kDown), layer.threads, down);
  std::array<MatrixXd, 2> metrics = {std::move(gate), std::move(up)};
  return ParallelResults<OutputWeights>(metrics.size(), layer.threads, [&](size_t i) {
    MatrixXd& metric = metrics[i];
    metric.array() *= down.array();
    MirrorLower(metric);
    const LinearKind kind = KindsOf(InputGroup::kFeedForward)[i];
    std::vector<MatrixXd> whole;
    whole.push_back(std::move(metric));
    return OutputWeights::Create(std::move(whole), LinearName(layer.layer, kind));
  });
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
        value_(Zeros(layer.config().num_kv_heads)) {
    const MatrixXd output = layer.Weight(LinearKind::kOutput);
    for (Eigen::Index head = 0; head < layer.config().num_heads; ++head) {
      const Eigen::HouseholderQR<MatrixXd> qr(output.middleCols(head * dim_, dim_));
      const Eigen::Index rank = std::min(output.rows(), dim_);
      output_.emplace_back(qr.matrixQR().topRows(rank).triangularView<Eigen::Upper>());
    }
  }

  Result<std::vector<OutputWeights>> Measure() {
    layer_.ForSequences(
        layer_.config().num_heads * layer_.config().head_dim, [&](size_t begin, size_t end) {
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

  // The key and value head and the query heads that read it.
  void AddHeads(const AttendedSequence& sequence, size_t kv_head, std::mt19937_64& random) {
    const Eigen::Index kv_column = static_cast<Eigen::Index>(kv_head) * dim_;
    const MatrixXd key = sequence.placed_key.middleCols(kv_column, dim_);
    const Eigen::Index tokens = key.rows();
    for (size_t i = 0; i < heads_per_kv_head_; ++i) {
      const size_t head = kv_head * heads_per_kv_head_ + i;
      const MatrixXd& output = output_[head];
      const Eigen::Index column = static_cast<Eigen::Index>(head) * dim_;
      const MatrixXd query = sequence.placed_query.middleCols(column, dim_);
      // R v: of the same norms and products as W_h v.
      const MatrixXd value = sequence.value.middleCols(kv_column, dim_) * output.transpose();
      const MatrixXd attention = AttentionOf(layer_, query, key);
      const MatrixXd weighted = sequence.weights.asDiagonal() * attention;  // w_t a_ts
      const MatrixXd attended = attention * value;

      // ||W_h (v_s - o_t)||, [t, s]
      MatrixXd distance = -2 * attended * value.transpose();
      distance.colwise() += attended.rowwise().squaredNorm();
      distance.rowwise() += value.rowwise().squaredNorm().transpose();
      distance = distance.cwiseMax(0).cwiseSqrt();

      for (int probe = 0; probe < kProbes; ++probe) {
        // A direction for each t, in which it looks at W_h (v_s - o_t).
        const MatrixXd directions = RandomSigns(tokens, value.cols(), random);
        MatrixXd looks = directions * value.transpose();
        looks.colwise() -= directions.cwiseProduct(attended).rowwise().sum();
        MatrixXd by_query = weighted.cwiseProduct(looks) * key;
        UndoPlacement(layer_, sequence.query, column, layer_.weights().query_norm, by_query);
        query_[head] += by_query.transpose() * by_query;

        MatrixXd by_key = weighted.cwiseProduct(distance)
                              .cwiseProduct(RandomSigns(tokens, tokens, random))
                              .transpose() *
                          query;
        UndoPlacement(layer_, sequence.key, kv_column, layer_.weights().key_norm, by_key);
        key_[kv_head] += by_key.transpose() * by_key;
      }
      value_[kv_head] += weighted.squaredNorm() * output.transpose() * output;
    }
  }

  const Layer& layer_;
  const Eigen::Index dim_;
  const size_t heads_per_kv_head_;
  std::vector<MatrixXd> output_;  // of each query head R, W_h = Q R: [at most head_dim, head_dim]
  // The sums by head, each kind's times a number of its own.
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
