// Speed of the matrix products by implementation and shape, on one thread; in a wasm build also what
// the machine can do at most there, for scripts/kernels.mjs to set them side by side.
//
//   kernels_bench          a table
//   kernels_bench --json   {"peaks": [{"name", "rate"} …], "products": [{"implementation", "product",
//                          "tokens", "in", "out", "bytes", "microseconds", "rate"} …]}
//
// Rates are in 10^9 a second: multiplications and additions of the products, bytes of the loads.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/kernels/implementation.h"
#include "engine/kernels/packed_integer_matrix.h"
#include "engine/kernels/packed_matrix.h"
#ifdef __wasm_simd128__
#include "tests/bench/wasm_peaks.h"
#endif

namespace halfling {
namespace {

using kernels::Implementation;

struct Shape {
  size_t tokens;
  size_t in_dim;
  size_t out_dim;
};

// One token, the beams of a level, a prompt; the factors of a halved 192-wide model, and the wide
// and narrow sides of SmolLM2-135M's feed-forward.
constexpr Shape kShapes[] = {
    {1, 192, 80},    {20, 192, 80},    {81, 192, 80},     //
    {1, 80, 432},    {20, 80, 432},    {81, 80, 432},     //
    {1, 576, 1536},  {20, 576, 1536},  {81, 576, 1536},   //
    {1, 1536, 576},  {20, 1536, 576},  {81, 1536, 576},
};
constexpr double kLeastSeconds = 5e-4;  // of a run: an isolated page's clock goes in steps of 5 us
constexpr int kRunsPerShape = 60;

double Seconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

// The fastest of many times, in seconds: the machine's other work only ever adds.
double FastestRun(const std::function<void()>& work) {
  int repeats = 1;
  double fastest = 1e9;
  double begin = Seconds();
  for (int run = 0; run < kRunsPerShape;) {
    for (int i = 0; i < repeats; ++i) work();
    const double now = Seconds();
    if (now - begin < kLeastSeconds) {
      repeats *= 2;
    } else {
      fastest = std::min(fastest, (now - begin) / repeats);
      ++run;
    }
    begin = Seconds();
  }
  return fastest;
}

struct Product {
  const char* name;
  size_t bytes;  // of the weights
  std::function<void()> run;
};

// Each product of one shape; what they own lives as long as they do.
class Products {
 public:
  explicit Products(const Shape& shape)
      : shape_(shape),
        x_(shape.tokens * shape.in_dim, 0.5f),
        y_(shape.tokens * shape.out_dim),
        integers_(shape.tokens * (shape.in_dim + 3) / 4 * 4, 1),
        scales_(shape.tokens, 1.0f),
        sums_(shape.tokens, 0),
        floats_(Matrix(shape.out_dim, shape.in_dim,
                       std::vector<float>(shape.out_dim * shape.in_dim, 0.25f))),
        int8_(Integers(shape, 100)),
        int7_(Integers(shape, 50)) {}

  std::vector<Product> With(const Implementation& kernel) {
    const size_t weights = shape_.in_dim * shape_.out_dim;
    return {{"f32", 4 * weights,
             [this, &kernel] {
               kernel.mat_mul(x_.data(), shape_.tokens, floats_.panel(0), shape_.in_dim,
                              shape_.out_dim, y_.data());
             }},
            {"int8", weights,
             [this, &kernel] {
               kernel.mat_mul_int8(integers_.data(), scales_.data(), shape_.tokens, int8_.panel(0),
                                   int8_.scales(), int8_.num_steps(), shape_.out_dim, y_.data());
             }},
            {"int7", weights, [this, &kernel] {
               kernel.mat_mul_int7(integers_.data(), scales_.data(), sums_.data(), shape_.tokens,
                                   int7_.panel(0), int7_.scales(), int7_.num_steps(),
                                   shape_.out_dim, y_.data());
             }}};
  }

 private:
  static Int8Matrix Integers(const Shape& shape, int8_t value) {
    return {shape.out_dim, shape.in_dim,
            std::vector<int8_t>(shape.out_dim * shape.in_dim, value),
            std::vector<float>(shape.out_dim, 0.01f)};
  }

  Shape shape_;
  std::vector<float> x_;
  std::vector<float> y_;
  std::vector<int16_t> integers_;
  std::vector<float> scales_;
  std::vector<int32_t> sums_;
  PackedMatrix floats_;
  PackedInt8Matrix int8_;
  PackedInt7Matrix int7_;
};

// {name, 10^9 a second}
std::vector<std::pair<std::string, double>> MeasurePeaks() {
  std::vector<std::pair<std::string, double>> rates;
#ifdef __wasm_simd128__
  for (const bench::Peak& peak : bench::WasmPeaks()) {
    rates.emplace_back(peak.name, 1e-9 * peak.operations / FastestRun(peak.run));
  }
#endif
  return rates;
}

void Print(bool json) {
  if (json) std::printf("{\"peaks\":[");
  const char* separator = "";
  for (const auto& [name, rate] : MeasurePeaks()) {
    if (json) {
      std::printf("%s\n{\"name\":\"%s\",\"rate\":%.2f}", separator, name.c_str(), rate);
    } else {
      std::printf("%-28s %7.1f\n", name.c_str(), rate);
    }
    separator = ",";
  }
  if (json) std::printf("],\n\"products\":[");
  separator = "";
  for (const Implementation* implementation : kernels::AvailableImplementations()) {
    for (const Shape& shape : kShapes) {
      Products products(shape);
      for (const Product& product : products.With(*implementation)) {
        const double seconds = FastestRun(product.run);
        const double rate =
            2e-9 * static_cast<double>(shape.tokens * shape.in_dim * shape.out_dim) / seconds;
        if (json) {
          std::printf("%s\n{\"implementation\":\"%s\",\"product\":\"%s\",\"tokens\":%zu,\"in\":%zu,"
                      "\"out\":%zu,\"bytes\":%zu,\"microseconds\":%.3f,\"rate\":%.2f}",
                      separator, implementation->name, product.name, shape.tokens, shape.in_dim,
                      shape.out_dim, product.bytes, seconds * 1e6, rate);
        } else {
          std::printf("%-8s %-4s [%2zu, %4zu] x [%4zu, %4zu] %10.2f us %7.1f\n",
                      implementation->name, product.name, shape.tokens, shape.in_dim, shape.in_dim,
                      shape.out_dim, seconds * 1e6, rate);
        }
        separator = ",";
      }
    }
  }
  if (json) std::printf("]}\n");
}

}  // namespace
}  // namespace halfling

int main(int argc, char** argv) {
  const bool json = argc > 1 && std::strcmp(argv[1], "--json") == 0;
  if (argc > 1 && !json) {
    std::printf("usage: %s [--json]\n", argv[0]);
    return std::strcmp(argv[1], "--help") == 0 ? 0 : 2;
  }
  halfling::Print(json);
  return 0;
}
