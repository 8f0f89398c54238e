// y = W x + b, with W dense, a product of two factors, or some of its rows and the rest from them.
#ifndef HALFLING_ENGINE_LAYERS_LINEAR_H_
#define HALFLING_ENGINE_LAYERS_LINEAR_H_

#include <cstddef>
#include <span>
#include <variant>
#include <vector>

#include "engine/kernels/kernels.h"
#include "engine/kernels/packed_integer_matrix.h"
#include "engine/kernels/packed_matrix.h"
#include "engine/tensor/stored_matrix.h"
#include "engine/tensor/tensor.h"

namespace halfling {

enum class LinearForm {
  kDense,    // W: [out_dim, in_dim]
  kLowRank,  // W = left right; left: [out_dim, rank], right: [rank, in_dim]
  kPivoted,  // W[pivots] = right: [rank, in_dim], W[others] = left right; left: [out_dim - rank,
             // rank]. PIFA (Zhao et al., ICML 2025): low rank in fewer parameters.
};

// The rows of a pivoted layer that are no pivots, rising, as the pivots are.
std::vector<int> OtherRows(std::span<const int> pivots, size_t out_dim);

// Buffers of Linear::Apply. One per thread; grows to the largest batch it has seen.
struct LinearScratch {
  Matrix inner;                   // [tokens, rank]: right x
  Matrix others;                  // [tokens, out_dim - rank]: left inner, of a pivoted layer
  kernels::QuantizedRows x;       // what int7 matrices multiply
  kernels::QuantizedRows inside;  // the same of `inner`
  kernels::QuantizedRows pairs;   // what an int8 matrix multiplies
};

// The inputs of linears, [tokens, in_dim]: rounded for int7 matrices once for all of them, if any
// has some. Neither the matrix nor the buffer may change meanwhile.
class LinearInput {
 public:
  LinearInput(const Matrix& floats, kernels::QuantizedRows& buffer)
      : floats_(floats), buffer_(buffer) {}

  const Matrix& floats() const { return floats_; }
  const kernels::QuantizedRows& quantized() {
    if (!is_quantized_) kernels::QuantizeInt7(floats_, buffer_);
    is_quantized_ = true;
    return buffer_;
  }

 private:
  const Matrix& floats_;
  kernels::QuantizedRows& buffer_;
  bool is_quantized_ = false;
};

// Each matrix runs as it is stored: int8 (and the faster int7 where all its integers are so small)
// by integer arithmetic, everything else in f32 (int4 is widened). Immutable after construction;
// Apply may run on several threads, each with its own scratch.
class Linear {
 public:
  Linear() = default;
  // `bias` is empty or out_dim long. Pivots are rising row numbers, one for each row of `right`.
  static Linear Dense(const StoredMatrix& weight, std::vector<float> bias = {});
  static Linear LowRank(const StoredMatrix& left, const StoredMatrix& right,
                        std::vector<float> bias = {});
  static Linear Pivoted(const StoredMatrix& left, const StoredMatrix& right,
                        std::vector<int> pivots, std::vector<float> bias = {});

  LinearForm form() const { return form_; }
  bool is_dense() const { return form_ == LinearForm::kDense; }
  bool is_low_rank() const { return form_ == LinearForm::kLowRank; }
  bool is_pivoted() const { return form_ == LinearForm::kPivoted; }
  size_t in_dim() const;
  size_t out_dim() const;
  size_t rank() const;            // min(in_dim, out_dim) when dense
  size_t num_parameters() const;  // of the matrices and the bias: neither scales nor pivots
  // Of the inputs that a matrix multiplies: 8 or 16 where it runs in integers, else 32.
  int left_input_bits() const { return InputBits(left_); }  // not when is_dense()
  int right_input_bits() const { return InputBits(right_); }

  // The effective weight, widened, [out_dim, in_dim].
  Matrix Unpack() const;
  // The factors, widened; not when is_dense().
  Matrix UnpackLeft() const { return ToMatrix(StoredLeft()); }
  Matrix UnpackRight() const { return ToMatrix(StoredRight()); }
  // The matrices as they were given, except that int4 comes back widened.
  StoredMatrix StoredWeight() const;  // only when is_dense()
  StoredMatrix StoredLeft() const;    // not when is_dense()
  StoredMatrix StoredRight() const;   // not when is_dense()
  std::span<const int> pivots() const { return pivots_; }  // [rank], empty unless is_pivoted()
  std::span<const float> bias() const { return bias_; }

  // x: [tokens, in_dim] -> y: [tokens, out_dim], resized.
  void Apply(const Matrix& x, Matrix& y, LinearScratch& scratch) const;
  // The same for one of several linears of x, whose buffer is scratch.x.
  void Apply(LinearInput& x, Matrix& y, LinearScratch& scratch) const;

 private:
  using Packed = std::variant<PackedMatrix, PackedInt8Matrix, PackedInt7Matrix>;

  static int InputBits(const Packed& packed);
  static Packed Pack(const StoredMatrix& matrix);
  static StoredMatrix Unpack(const Packed& packed);
  static void MatMul(LinearInput& x, const Packed& weight, Matrix& y, LinearScratch& scratch);
  // y = left right x
  void ApplyFactors(LinearInput& x, Matrix& y, LinearScratch& scratch) const;
  void ApplyPivoted(LinearInput& x, Matrix& y, LinearScratch& scratch) const;

  LinearForm form_ = LinearForm::kDense;
  Packed left_;   // empty when dense
  Packed right_;  // the whole weight when dense
  std::vector<int> pivots_;
  std::vector<int> others_;  // the rows that are no pivots, rising
  std::vector<float> bias_;
};

}  // namespace halfling

#endif  // HALFLING_ENGINE_LAYERS_LINEAR_H_
