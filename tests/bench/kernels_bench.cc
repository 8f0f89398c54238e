// Speed of the matrix product by implementation and shape, on one thread.
//
//   kernels_bench          a table
//   kernels_bench --json   [{"implementation", "tokens", "in", "out", "microseconds", "gflops"} …]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <vector>

#include "engine/kernels/implementation.h"
#include "engine/kernels/packed_matrix.h"

namespace {

using halfling::Matrix;
using halfling::PackedMatrix;
using halfling::kernels::Implementation;

struct Shape {
  size_t tokens;
  size_t in_dim;
  size_t out_dim;
};

// One token; a beam of 20; a whole prompt. Wide, narrow and low-rank.
constexpr Shape kShapes[] = {
    {1, 256, 1024},  {1, 1024, 256}, {1, 256, 100},   {20, 256, 1024},
    {20, 1024, 256}, {20, 256, 100}, {81, 256, 1024},
};
constexpr double kSecondsPerShape = 0.03;
constexpr int kRunsPerShape = 15;  // at least: on a busy machine the first ones are interrupted

double Seconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

// The fastest of many runs, in seconds: the machine's other work only ever adds.
double FastestRun(const Implementation& implementation, const Shape& shape) {
  const std::vector<float> x(shape.tokens * shape.in_dim, 0.5f);
  const PackedMatrix weight(
      Matrix(shape.out_dim, shape.in_dim, std::vector<float>(shape.out_dim * shape.in_dim, 0.25f)));
  std::vector<float> y(shape.tokens * shape.out_dim);
  double fastest = 1e9;
  const double end = Seconds() + kSecondsPerShape;
  double begin = Seconds();
  for (int run = 0; run < kRunsPerShape || begin < end; ++run) {
    implementation.mat_mul(x.data(), shape.tokens, weight.panel(0), shape.in_dim, shape.out_dim,
                           y.data());
    const double now = Seconds();
    fastest = std::min(fastest, now - begin);
    begin = now;
  }
  return fastest;
}

}  // namespace

int main(int argc, char** argv) {
  const bool json = argc > 1 && std::strcmp(argv[1], "--json") == 0;
  if (argc > 1 && !json) {
    std::printf("usage: %s [--json]\n", argv[0]);
    return std::strcmp(argv[1], "--help") == 0 ? 0 : 2;
  }
  const char* separator = "[";
  for (const Implementation* implementation : halfling::kernels::AvailableImplementations()) {
    for (const Shape& shape : kShapes) {
      const double seconds = FastestRun(*implementation, shape);
      const double gflops =
          2e-9 * static_cast<double>(shape.tokens * shape.in_dim * shape.out_dim) / seconds;
      if (json) {
        std::printf("%s{\"implementation\":\"%s\",\"tokens\":%zu,\"in\":%zu,\"out\":%zu,"
                    "\"microseconds\":%.2f,\"gflops\":%.2f}",
                    separator, implementation->name, shape.tokens, shape.in_dim, shape.out_dim,
                    seconds * 1e6, gflops);
        separator = ",\n ";
      } else {
        std::printf("%-8s [%2zu, %4zu] x [%4zu, %4zu]  %9.2f us  %6.1f GFLOP/s\n",
                    implementation->name, shape.tokens, shape.in_dim, shape.in_dim, shape.out_dim,
                    seconds * 1e6, gflops);
      }
    }
  }
  if (json) std::printf("]\n");
  return 0;
}
