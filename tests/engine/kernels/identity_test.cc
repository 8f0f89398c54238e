// All implementations against each other, to the bit, on random shapes.
#include <cstring>
#include <string>

#include "engine/kernels/implementation.h"
#include "engine/kernels/implementation_list.h"
#include "engine/kernels/kernels.h"
#include "tests/catch.h"
#include "tests/engine/kernels/random_values.h"

namespace halfling::testing {
namespace {

using kernels::Implementation;

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  // An empty vector's data may be null, which memcmp does not take.
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

// Runs `compute`, which returns all it computed, with every implementation.
template <typename Compute>
void RequireAllAgree(Compute compute) {
  const std::vector<float> expected = compute(kernels::kScalar);
  for (const Implementation* implementation : kernels::AvailableImplementations()) {
    CAPTURE(implementation->name);
    REQUIRE(SameBits(compute(*implementation), expected));
  }
}

// Odd sizes, one, powers of two, and just beside them.
size_t AwkwardSize(RandomValues& random) {
  constexpr size_t kSizes[] = {1,  2,  3,  7,  8,  15, 16,  17, 31,
                               32, 33, 48, 63, 64, 65, 100, 127, 130};
  return kSizes[random.Size(0, std::size(kSizes) - 1)];
}

TEST_CASE("All implementations multiply matrices to the same bits") {
  RandomValues random(GENERATE(range(0u, 200u)));
  const size_t tokens = random.Size(1, 22);
  const size_t in_dim = AwkwardSize(random);
  const size_t out_dim = AwkwardSize(random) + (random.Size(0, 4) == 0 ? 250 : 0);
  CAPTURE(tokens, in_dim, out_dim);
  const Matrix x = random.NewMatrix(tokens, in_dim);
  const PackedMatrix weight(random.NewMatrix(out_dim, in_dim));
  RequireAllAgree([&](const Implementation& implementation) {
    std::vector<float> y(tokens * out_dim, -7.0f);
    implementation.mat_mul(x.values().data(), tokens, weight.panel(0), in_dim, out_dim, y.data());
    return y;
  });
}

TEST_CASE("All implementations multiply by int8 matrices to the same bits") {
  RandomValues random(GENERATE(range(3000u, 3200u)));
  const size_t tokens = random.Size(1, 22);
  const size_t in_dim = AwkwardSize(random) + (random.Size(0, 4) == 0 ? 1001 : 0);
  const size_t out_dim = AwkwardSize(random) + (random.Size(0, 4) == 0 ? 250 : 0);
  CAPTURE(tokens, in_dim, out_dim);
  const Matrix x = random.NewMatrix(tokens, in_dim);
  const PackedInt8Matrix weight(QuantizeInt8(random.NewMatrix(out_dim, in_dim)));
  const auto limit = static_cast<float>(kernels::Int8InputLimit(in_dim));
  RequireAllAgree([&](const Implementation& implementation) {
    std::vector<int16_t> integers(tokens * 2 * weight.num_steps(), 77);
    std::vector<float> all(tokens);  // scales, then integers and outputs
    implementation.quantize_int8(x.values().data(), tokens, in_dim, limit, integers.data(),
                                 all.data());
    std::vector<float> y(tokens * out_dim, -7.0f);
    implementation.mat_mul_int8(integers.data(), all.data(), tokens, weight.panel(0),
                                weight.scales(), weight.num_steps(), out_dim, y.data());
    all.insert(all.end(), integers.begin(), integers.end());
    all.insert(all.end(), y.begin(), y.end());
    return all;
  });
}

TEST_CASE("All implementations multiply by int7 matrices to the same bits") {
  RandomValues random(GENERATE(range(4000u, 4200u)));
  const size_t tokens = random.Size(1, 22);
  const size_t in_dim = AwkwardSize(random) + (random.Size(0, 4) == 0 ? 1001 : 0);
  const size_t out_dim = AwkwardSize(random) + (random.Size(0, 4) == 0 ? 250 : 0);
  CAPTURE(tokens, in_dim, out_dim);
  const Matrix x = random.NewMatrix(tokens, in_dim);
  const PackedInt7Matrix weight(random.NewInt7Matrix(out_dim, in_dim));
  RequireAllAgree([&](const Implementation& implementation) {
    std::vector<int16_t> integers(tokens * 4 * weight.num_steps(), 77);
    std::vector<int32_t> sums(tokens, 77);
    std::vector<float> all(tokens);  // scales, then sums and outputs
    implementation.quantize_int7(x.values().data(), tokens, in_dim, integers.data(), all.data(),
                                 sums.data());
    std::vector<float> y(tokens * out_dim, -7.0f);
    implementation.mat_mul_int7(integers.data(), all.data(), sums.data(), tokens, weight.panel(0),
                                weight.scales(), weight.num_steps(), out_dim, y.data());
    all.insert(all.end(), sums.begin(), sums.end());
    all.insert(all.end(), y.begin(), y.end());
    return all;
  });
}

TEST_CASE("All implementations compute row products and sums to the same bits") {
  RandomValues random(GENERATE(range(1000u, 1200u)));
  const size_t dim = AwkwardSize(random);
  const size_t stride = dim + random.Size(0, 5);
  const size_t count = random.Size(0, 40);
  const std::vector<float> x = random.Vector(dim);
  const std::vector<float> buffer = random.Vector((count + 1) * stride);
  std::vector<int> indices;
  for (size_t i = 0; i < count; ++i) indices.push_back(static_cast<int>(random.Size(0, count)));
  const std::vector<float> weights = random.Vector(count);
  const bool gather = random.Size(0, 1) == 1;
  const kernels::Rows rows = {buffer.data(), stride, gather ? indices.data() : nullptr, count};
  CAPTURE(dim, stride, count, gather);
  RequireAllAgree([&](const Implementation& implementation) {
    std::vector<float> dots(count);
    implementation.dot_rows(x.data(), dim, rows, dots.data());
    return dots;
  });
  RequireAllAgree([&](const Implementation& implementation) {
    std::vector<float> sums = x;
    implementation.accumulate_rows(weights.data(), rows, dim, sums.data());
    return sums;
  });
}

TEST_CASE("All implementations agree to the bit element by element") {
  RandomValues random(GENERATE(range(2000u, 2200u)));
  const size_t count = AwkwardSize(random);
  const std::vector<float> x = random.Vector(count, random.Size(0, 1) == 1 ? 100.0f : 3.0f);
  const std::vector<float> other = random.Vector(count);
  CAPTURE(count);
  RequireAllAgree([&](const Implementation& implementation) {
    std::vector<float> y(count);
    implementation.exp(x.data(), count, y.data());
    return y;
  });
  RequireAllAgree([&](const Implementation& implementation) {
    std::vector<float> y = x;
    y.push_back(implementation.softmax_terms(y.data(), count, 0.37f));
    return y;
  });
  RequireAllAgree([&](const Implementation& implementation) {
    std::vector<float> y(count);
    implementation.rms_norm(x.data(), other.data(), count, 1e-6f, y.data());
    return y;
  });
  RequireAllAgree([&](const Implementation& implementation) {
    std::vector<float> y = x;
    implementation.silu_multiply(y.data(), other.data(), count);
    return y;
  });
}

TEST_CASE("Exp agrees to the bit on every 4099th f32 that is not NaN") {
  std::vector<float> x;
  for (uint64_t bits = 0; bits < 0x100000000ull; bits += 4099) {
    const auto pattern = static_cast<uint32_t>(bits);
    float value;
    std::memcpy(&value, &pattern, sizeof(value));
    if (value == value) x.push_back(value);
  }
  RequireAllAgree([&](const Implementation& implementation) {
    std::vector<float> y(x.size());
    implementation.exp(x.data(), x.size(), y.data());
    return y;
  });
}

TEST_CASE("An implementation can be chosen by name, and runs then") {
  const auto available = kernels::AvailableImplementations();
  const std::string before = kernels::ActiveImplementation().name;
  CHECK(before == available.front()->name);  // the fastest, unless told otherwise
#if defined(__wasm_simd128__)
  CHECK(available.size() == 1);
#else
  CHECK(available.back() == &kernels::kScalar);
#endif
  for (const Implementation* implementation : available) {
    CHECK(kernels::UseImplementation(implementation->name));
    CHECK(&kernels::ActiveImplementation() == implementation);
  }
  CHECK_FALSE(kernels::UseImplementation("abacus"));
  CHECK(&kernels::ActiveImplementation() == available.back());
  CHECK(kernels::UseImplementation(before));
}

}  // namespace
}  // namespace halfling::testing
