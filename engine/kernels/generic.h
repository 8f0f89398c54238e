// Every kernel, written once over a vector type V (vec_*.h). Included by one .cc per instruction
// set and by nothing else; no standard library here (see implementation.h for why).
//
// What keeps all builds bit-identical, whatever V::kLanes is:
// - MatMul puts outputs on the lanes, so each output is a plain sum over the inputs in their order.
// - Dot has kDotLanes accumulators, whatever V's width: accumulator j sums the products at indices
//   j, j + 16, j + 32, …; then j += j + 8, j += j + 4, j += j + 2, j += j + 1. Missing products of
//   the last block count as +0, which leaves a sum that began at +0 unchanged.
// - Everything else is element by element.
//
// The integer products are exact but for their roundings, which are these. With A =
// Int8InputLimit(in_dim), or kInt7InputLimit, and m = max |x| over a token's inputs, each x becomes
// the integer nearest to x * (A / m), ties to even. Their products with the weights sum up exactly in
// 32-bit integers, in whatever order. Then y = (float(sum) * weight_scale[out]) * (m / A).
//
// Processors that multiply bytes, and WebAssembly's relaxed dot product, want one side without a
// sign and within 7 bits. That is what int7 weights are stored as, kInt7Offset added; a token's sum
// therefore begins at -kInt7Offset times the sum of its inputs.
#ifndef HALFLING_ENGINE_KERNELS_GENERIC_H_
#define HALFLING_ENGINE_KERNELS_GENERIC_H_

#include "engine/kernels/implementation.h"

namespace halfling::kernels {

template <typename V>
struct Generic {
  using F = typename V::F;
  static constexpr size_t kLanes = V::kLanes;
  static constexpr size_t kDotLanes = 16;
  static constexpr size_t kDotVectors = kDotLanes / kLanes;

  // y = x W^T in f32. A step of the sums is one input.
  struct FloatProduct {
    using Sum = F;
    static constexpr size_t kSums = V::kAccumulators;
    static constexpr size_t kTokens = 4;  // that a tile has at most
    const float* x;       // [tokens, steps]
    const float* panels;  // [panels, steps, kPanelWidth]
    size_t steps;         // in_dim
    size_t out_dim;
    float* y;  // [tokens, out_dim]

    Sum Start(size_t) const { return V::Zero(); }
    auto Input(size_t token, size_t step) const { return V::Splat(x[token * steps + step]); }
    auto Weights(size_t panel, size_t step, size_t lane) const {
      return V::Load(panels + (panel * steps + step) * kPanelWidth + lane);
    }
    template <typename Operand>
    static Sum AddProduct(Sum sum, Operand input, Operand weights) {
      return V::Add(sum, V::Mul(input, weights));
    }
    void Store(size_t token, size_t out, Sum sum) const {
      StoreUpTo(y + token * out_dim, out, out_dim, sum);
    }
  };

  // The same with int8 weights and 16-bit inputs, in exact integers. A step is a pair of inputs.
  struct Int8Product {
    using Sum = typename V::I;
    static constexpr size_t kSums = V::kAccumulators;
    static constexpr size_t kTokens = 4;  // that a tile has at most
    const int16_t* x;      // [tokens, steps, 2]
    const int8_t* panels;  // [panels, steps, kPanelWidth, 2]
    size_t steps;          // ceil(in_dim / 2)
    size_t out_dim;
    float* y;                    // [tokens, out_dim]
    const float* token_scales;   // [tokens]
    const float* weight_scales;  // [panels, kPanelWidth]

    Sum Start(size_t) const { return V::SplatInt(0); }
    auto Input(size_t token, size_t step) const {
      return V::SplatPair(x + 2 * (token * steps + step));
    }
    auto Weights(size_t panel, size_t step, size_t lane) const {
      return V::LoadPairs(panels + 2 * ((panel * steps + step) * kPanelWidth + lane));
    }
    template <typename Operand>
    static Sum AddProduct(Sum sum, Operand input, Operand weights) {
      return V::AddPairProducts(sum, input, weights);
    }
    void Store(size_t token, size_t out, Sum sum) const {
      const F scaled = V::Mul(V::ToFloats(sum), V::Load(weight_scales + out));
      StoreUpTo(y + token * out_dim, out, out_dim, V::Mul(scaled, V::Splat(token_scales[token])));
    }
  };

  // The same with int7 weights. A step is four inputs.
  using FourInput = typename V::FourInput;  // int8_t where bytes are multiplied, else int16_t
  struct Int7Product {
    using Sum = typename V::FourSums;
    static constexpr size_t kSums = V::kFourAccumulators;
    static constexpr size_t kTokens = V::kFourTokens;
    const FourInput* x;     // [tokens, steps, 4]
    const uint8_t* panels;  // [panels, steps, kPanelWidth, 4]
    size_t steps;           // ceil(in_dim / 4)
    size_t out_dim;
    float* y;                    // [tokens, out_dim]
    const float* token_scales;   // [tokens]
    const int32_t* token_sums;   // [tokens]
    const float* weight_scales;  // [panels, kPanelWidth]

    Sum Start(size_t token) const { return V::StartFours(-kInt7Offset * token_sums[token]); }
    auto Input(size_t token, size_t step) const {
      return V::SplatFour(x + 4 * (token * steps + step));
    }
    auto Weights(size_t panel, size_t step, size_t lane) const {
      return V::LoadFours(panels + 4 * ((panel * steps + step) * kPanelWidth + lane));
    }
    template <typename Input, typename Weights>
    static Sum AddProduct(Sum sum, Input input, Weights weights) {
      return V::AddFourProducts(sum, input, weights);
    }
    void Store(size_t token, size_t out, Sum sum) const {
      const F values = V::ToFloats(V::FinishFours(sum));
      const F scaled = V::Mul(values, V::Load(weight_scales + out));
      StoreUpTo(y + token * out_dim, out, out_dim, V::Mul(scaled, V::Splat(token_scales[token])));
    }
  };

  // One register tile of the product: kTokens rows of x, from `token` on, times kVectors vectors,
  // from lane `lane` on, of each of kPanels panels.
  template <size_t kTokens, size_t kPanels, size_t kVectors, typename Product>
  static void MatMulTile(const Product& product, size_t token, size_t panel, size_t lane) {
    typename Product::Sum sums[kTokens][kPanels][kVectors];
    for (size_t t = 0; t < kTokens; ++t)
      for (size_t p = 0; p < kPanels; ++p)
        for (size_t v = 0; v < kVectors; ++v) sums[t][p][v] = product.Start(token + t);

    for (size_t i = 0; i < product.steps; ++i) {
      decltype(product.Weights(0, 0, 0)) weights[kPanels][kVectors];
      for (size_t p = 0; p < kPanels; ++p)
        for (size_t v = 0; v < kVectors; ++v)
          weights[p][v] = product.Weights(panel + p, i, lane + v * kLanes);
      for (size_t t = 0; t < kTokens; ++t) {
        const auto input = product.Input(token + t, i);
        for (size_t p = 0; p < kPanels; ++p)
          for (size_t v = 0; v < kVectors; ++v)
            sums[t][p][v] = Product::AddProduct(sums[t][p][v], input, weights[p][v]);
      }
    }

    for (size_t t = 0; t < kTokens; ++t)
      for (size_t p = 0; p < kPanels; ++p)
        for (size_t v = 0; v < kVectors; ++v) {
          const size_t out = (panel + p) * kPanelWidth + lane + v * kLanes;
          product.Store(token + t, out, sums[t][p][v]);
        }
  }

  // row[out … out + kLanes) = values, without what lies beyond out_dim (the panel's padding).
  static void StoreUpTo(float* row, size_t out, size_t out_dim, F values) {
    if (out + kLanes <= out_dim) {
      V::Store(row + out, values);
      return;
    }
    float lanes[kLanes];
    V::Store(lanes, values);
    for (size_t j = 0; j < kLanes && out + j < out_dim; ++j) row[out + j] = lanes[j];
  }

  static constexpr size_t FloorToPowerOfTwo(size_t n) {
    return n < 2 ? n : 2 * FloorToPowerOfTwo(n / 2);
  }

  // kTokens rows of x times one group of panels, whose tile has at most kSums sums.
  template <size_t kTokens, size_t kSums>
  struct Tiling {
    static constexpr size_t kRegisters = FloorToPowerOfTwo(kSums / kTokens);
    static constexpr size_t kPanelVectors = kPanelWidth / kLanes;
    static constexpr size_t kVectors = kRegisters < kPanelVectors ? kRegisters : kPanelVectors;
    static constexpr size_t kPanels = kRegisters / kVectors;
    static_assert(kRegisters >= 1 && kPanelVectors % kVectors == 0);
  };

  // The panels from `panel` on for `blocks` blocks of kTokens rows from `token` on: in groups of
  // kPanels, then what is left in smaller groups. A group stays in the first-level cache while all
  // rows pass by it.
  template <size_t kTokens, typename Product,
            size_t kPanels = Tiling<kTokens, Product::kSums>::kPanels>
  static void MatMulBlocks(const Product& product, size_t token, size_t blocks, size_t panel = 0) {
    constexpr size_t kVectors = Tiling<kTokens, Product::kSums>::kVectors;
    const size_t num_panels = (product.out_dim + kPanelWidth - 1) / kPanelWidth;
    for (; panel + kPanels <= num_panels; panel += kPanels)
      for (size_t b = 0; b < blocks; ++b)
        for (size_t lane = 0; lane < kPanelWidth; lane += kVectors * kLanes)
          MatMulTile<kTokens, kPanels, kVectors>(product, token + b * kTokens, panel, lane);
    if constexpr (kPanels > 1)
      MatMulBlocks<kTokens, Product, kPanels / 2>(product, token, blocks, panel);
  }

  // kTokens at a time, what is left by fewer.
  template <typename Product, size_t kTokens = Product::kTokens>
  static void MatMulAll(const Product& product, size_t tokens, size_t token = 0) {
    const size_t blocks = (tokens - token) / kTokens;
    if (blocks > 0) MatMulBlocks<kTokens>(product, token, blocks);
    token += blocks * kTokens;
    if constexpr (kTokens > 1) {
      if (token < tokens) MatMulAll<Product, FloorToPowerOfTwo(kTokens - 1)>(product, tokens, token);
    }
  }

  static void MatMul(const float* x, size_t tokens, const float* panels, size_t in_dim,
                     size_t out_dim, float* y) {
    MatMulAll(FloatProduct{x, panels, in_dim, out_dim, y}, tokens);
  }

  static void MatMulInt8(const int16_t* x, const float* token_scales, size_t tokens,
                         const int8_t* panels, const float* weight_scales, size_t pairs,
                         size_t out_dim, float* y) {
    MatMulAll(Int8Product{x, panels, pairs, out_dim, y, token_scales, weight_scales}, tokens);
  }

  static void MatMulInt7(const int16_t* x, const float* token_scales, const int32_t* token_sums,
                         size_t tokens, const uint8_t* panels, const float* weight_scales,
                         size_t fours, size_t out_dim, float* y) {
    MatMulAll(Int7Product{reinterpret_cast<const FourInput*>(x), panels, fours, out_dim, y,
                          token_scales, token_sums, weight_scales},
              tokens);
  }

  // f(i, x[i … i + kLanes)) for all of x, the last ones padded with zeros.
  template <typename Function>
  static void ForEachVector(const float* x, size_t count, Function f) {
    size_t i = 0;
    for (; i + kLanes <= count; i += kLanes) f(i, V::Load(x + i));
    if (i == count) return;
    float last[kLanes] = {};
    for (size_t j = 0; i + j < count; ++j) last[j] = x[i + j];
    f(i, V::Load(last));
  }

  // max |x|, and NaN instead if one of them is NaN or infinite.
  static float LargestMagnitude(const float* x, size_t dim) {
    F largest = V::Zero();
    F poison = V::Zero();  // x - x is 0, but NaN for a NaN and an infinity
    ForEachVector(x, dim, [&](size_t, F values) {
      largest = V::Max(largest, V::Max(values, V::Sub(V::Zero(), values)));
      poison = V::Add(poison, V::Sub(values, values));
    });
    float lanes[kLanes];
    V::Store(lanes, largest);
    for (size_t j = 1; j < kLanes; ++j) lanes[0] = lanes[0] < lanes[j] ? lanes[j] : lanes[0];
    return lanes[0] + V::SumLanes(poison);
  }

  struct QuantizedRow {
    float scale;
    float sum;  // of the integers
  };

  // A row of x as integers of magnitude at most `limit`, padded with 0 to `padded` of them. Rows
  // without a scale get zeros: NaN's scale where a value is not finite, 0 where all are 0, or so
  // small (1e-34) that the scale's inverse is infinite.
  template <typename Integer>
  static QuantizedRow QuantizeRow(const float* x, size_t dim, float limit, size_t padded,
                                  Integer* quantized) {
    constexpr float kLargest = 3.402823466e38f;
    constexpr float kMagic = 12582912.0f;  // as in Exp; its low 16 bits are 0
    const float largest = LargestMagnitude(x, dim);
    const float inverse = limit / largest;
    for (size_t i = dim; i < padded; ++i) quantized[i] = 0;
    if (!(inverse <= kLargest)) {
      for (size_t i = 0; i < dim; ++i) quantized[i] = 0;
      return {largest == largest ? 0.0f : largest, 0.0f};
    }
    F sums = V::Zero();  // exact: callers that read it keep it below 2^24
    ForEachVector(x, dim, [&](size_t i, F values) {
      const F shifted = V::Add(V::Mul(values, V::Splat(inverse)), V::Splat(kMagic));
      sums = V::Add(sums, V::Sub(shifted, V::Splat(kMagic)));
      if (i + kLanes <= dim) return V::StoreLow(quantized + i, shifted);
      Integer last[kLanes];
      V::StoreLow(last, shifted);
      for (size_t j = 0; i + j < dim; ++j) quantized[i + j] = last[j];
    });
    return {largest / limit, V::SumLanes(sums)};
  }

  static void QuantizeInt8(const float* x, size_t tokens, size_t dim, float limit,
                           int16_t* quantized, float* scales) {
    const size_t padded = (dim + 1) / 2 * 2;
    for (size_t t = 0; t < tokens; ++t) {
      scales[t] = QuantizeRow(x + t * dim, dim, limit, padded, quantized + t * padded).scale;
    }
  }

  static void QuantizeInt7(const float* x, size_t tokens, size_t dim, int16_t* quantized,
                           float* scales, int32_t* sums) {
    const size_t padded = (dim + 3) / 4 * 4;
    auto* fours = reinterpret_cast<FourInput*>(quantized);
    for (size_t t = 0; t < tokens; ++t) {
      const QuantizedRow row =
          QuantizeRow(x + t * dim, dim, float{kInt7InputLimit}, padded, fours + t * padded);
      scales[t] = row.scale;
      sums[t] = static_cast<int32_t>(row.sum);
    }
  }

  // The sum of the kDotLanes accumulators, as a balanced tree.
  static float SumTree(F (&sums)[kDotVectors]) {
    for (size_t half = kDotVectors / 2; half > 0; half /= 2)
      for (size_t v = 0; v < half; ++v) sums[v] = V::Add(sums[v], sums[v + half]);
    return V::SumLanes(sums[0]);
  }

  // Adds the products of one block of kDotLanes pairs to the accumulators.
  static void DotBlock(const float* a, const float* b, F (&sums)[kDotVectors]) {
    for (size_t v = 0; v < kDotVectors; ++v)
      sums[v] = V::Add(sums[v], V::Mul(V::Load(a + v * kLanes), V::Load(b + v * kLanes)));
  }

  static float Dot(const float* a, const float* b, size_t dim) {
    F sums[kDotVectors];
    for (size_t v = 0; v < kDotVectors; ++v) sums[v] = V::Zero();
    size_t i = 0;
    for (; i + kDotLanes <= dim; i += kDotLanes) DotBlock(a + i, b + i, sums);
    if (i < dim) {
      float last_a[kDotLanes] = {};
      float last_b[kDotLanes] = {};
      for (size_t j = 0; i + j < dim; ++j) {
        last_a[j] = a[i + j];
        last_b[j] = b[i + j];
      }
      DotBlock(last_a, last_b, sums);
    }
    return SumTree(sums);
  }

  static const float* Row(const Rows& rows, size_t i) {
    const size_t index = rows.indices != nullptr ? static_cast<size_t>(rows.indices[i]) : i;
    return rows.base + index * rows.stride;
  }

  static void DotRows(const float* x, size_t dim, Rows rows, float* out) {
    for (size_t i = 0; i < rows.count; ++i) out[i] = Dot(x, Row(rows, i), dim);
  }

  template <size_t kVectors>
  static void AccumulateColumns(const float* weights, const Rows& rows, size_t column, float* out) {
    F sums[kVectors];
    for (size_t v = 0; v < kVectors; ++v) sums[v] = V::Load(out + column + v * kLanes);
    for (size_t i = 0; i < rows.count; ++i) {
      const F weight = V::Splat(weights[i]);
      const float* row = Row(rows, i) + column;
      for (size_t v = 0; v < kVectors; ++v)
        sums[v] = V::Add(sums[v], V::Mul(weight, V::Load(row + v * kLanes)));
    }
    for (size_t v = 0; v < kVectors; ++v) V::Store(out + column + v * kLanes, sums[v]);
  }

  static void AccumulateRows(const float* weights, Rows rows, size_t dim, float* out) {
    size_t d = 0;
    for (; d + 8 * kLanes <= dim; d += 8 * kLanes) AccumulateColumns<8>(weights, rows, d, out);
    for (; d + kLanes <= dim; d += kLanes) AccumulateColumns<1>(weights, rows, d, out);
    for (; d < dim; ++d) {
      float sum = out[d];
      for (size_t i = 0; i < rows.count; ++i) sum += weights[i] * Row(rows, i)[d];
      out[d] = sum;
    }
  }

  // e^x: x = n ln 2 + r with |r| <= ln 2 / 2, then Cephes' expf polynomial in r (Moshier, 1989),
  // then times 2^n. Within 2 ulp on [-87.3, 88]; 0 below, saturated at e^88.37 above, so that every
  // intermediate is a normal number.
  static F Exp(F x) {
    constexpr float kLowest = -87.3f;
    constexpr float kHighest = 88.37f;
    constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
    const F clamped = V::Max(V::Min(x, V::Splat(kHighest)), V::Splat(kLowest));
    const F shifted = V::Add(V::Mul(clamped, V::Splat(1.44269504088896341f)), V::Splat(kMagic));
    const F n = V::Sub(shifted, V::Splat(kMagic));
    F r = V::Sub(clamped, V::Mul(n, V::Splat(0.693359375f)));  // exact: the constant has 9 bits
    r = V::Add(r, V::Mul(n, V::Splat(2.12194440e-4f)));
    F p = V::Splat(1.9875691500e-4f);
    p = V::Add(V::Mul(p, r), V::Splat(1.3981999507e-3f));
    p = V::Add(V::Mul(p, r), V::Splat(8.3334519073e-3f));
    p = V::Add(V::Mul(p, r), V::Splat(4.1665795894e-2f));
    p = V::Add(V::Mul(p, r), V::Splat(1.6666665459e-1f));
    p = V::Add(V::Mul(p, r), V::Splat(5.0000001201e-1f));
    p = V::Add(V::Add(V::Mul(p, V::Mul(r, r)), r), V::Splat(1.0f));
    const F result = V::Mul(p, V::PowerOfTwo(shifted));
    return V::ZeroWhereLess(result, x, V::Splat(kLowest));
  }

  // f on each of `count` elements of a and b, kLanes at a time; the last ones padded with zeros.
  template <typename Function>
  static void Map(const float* a, const float* b, size_t count, float* out, Function f) {
    size_t i = 0;
    for (; i + kLanes <= count; i += kLanes) V::Store(out + i, f(V::Load(a + i), V::Load(b + i)));
    if (i == count) return;
    float last_a[kLanes] = {};
    float last_b[kLanes] = {};
    for (size_t j = 0; i + j < count; ++j) {
      last_a[j] = a[i + j];
      last_b[j] = b[i + j];
    }
    float last[kLanes];
    V::Store(last, f(V::Load(last_a), V::Load(last_b)));
    for (size_t j = 0; i + j < count; ++j) out[i + j] = last[j];
  }

  static void ExpAll(const float* x, size_t count, float* y) {
    Map(x, x, count, y, [](F value, F) { return Exp(value); });
  }

  // gate / (1 + e^-gate) * up
  static void SiluMultiply(float* gate, const float* up, size_t count) {
    Map(gate, up, count, gate, [](F g, F u) {
      const F one = V::Splat(1.0f);
      return V::Mul(V::Div(g, V::Add(one, Exp(V::Sub(V::Zero(), g)))), u);
    });
  }

  // Sum of the values with Dot's accumulators and tree.
  static float Sum(const float* values, size_t count) {
    F sums[kDotVectors];
    for (size_t v = 0; v < kDotVectors; ++v) sums[v] = V::Zero();
    size_t i = 0;
    for (; i + kDotLanes <= count; i += kDotLanes)
      for (size_t v = 0; v < kDotVectors; ++v)
        sums[v] = V::Add(sums[v], V::Load(values + i + v * kLanes));
    if (i < count) {
      float last[kDotLanes] = {};
      for (size_t j = 0; i + j < count; ++j) last[j] = values[i + j];
      for (size_t v = 0; v < kDotVectors; ++v)
        sums[v] = V::Add(sums[v], V::Load(last + v * kLanes));
    }
    return SumTree(sums);
  }

  // Of values that are not NaN; count >= 1.
  static float Largest(const float* values, size_t count) {
    float largest = values[0];
    size_t i = 0;
    if (count >= kLanes) {
      F lanes = V::Load(values);
      for (i = kLanes; i + kLanes <= count; i += kLanes) lanes = V::Max(lanes, V::Load(values + i));
      float each[kLanes];
      V::Store(each, lanes);
      for (const float value : each) largest = largest < value ? value : largest;
    }
    for (; i < count; ++i) largest = largest < values[i] ? values[i] : largest;
    return largest;
  }

  // A NaN among the values gets into the sum, whichever value is taken for the largest then.
  static float SoftmaxTerms(float* values, size_t count, float scale) {
    if (count == 0) return 0.0f;
    const F shift = V::Splat(Largest(values, count));
    const F factor = V::Splat(scale);
    Map(values, values, count, values,
        [&](F value, F) { return Exp(V::Mul(V::Sub(value, shift), factor)); });
    return Sum(values, count);
  }

  static void RmsNorm(const float* x, const float* weight, size_t dim, float epsilon, float* y) {
    const float mean_square = Dot(x, x, dim) / static_cast<float>(dim);
    const F inverse = V::Splat(1.0f / V::SquareRoot(mean_square + epsilon));
    Map(x, weight, dim, y, [&](F value, F w) { return V::Mul(V::Mul(value, inverse), w); });
  }

  static constexpr Implementation Make(const char* name, bool (*is_supported)()) {
    return {name,    is_supported,   MatMul,  QuantizeInt8, MatMulInt8,   QuantizeInt7, MatMulInt7,
            DotRows, AccumulateRows, SoftmaxTerms, RmsNorm, SiluMultiply, ExpAll};
  }
};

}  // namespace halfling::kernels

#endif  // HALFLING_ENGINE_KERNELS_GENERIC_H_
