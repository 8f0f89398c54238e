#include "engine/layers/attention.h"

#include <cmath>
#include <numeric>

#include "tests/catch.h"
#include "tests/engine/kernels/random_values.h"

namespace halfling::testing {
namespace {

// softmax(q k / sqrt(head_dim)) v over `slots`, in double.
std::vector<double> Reference(const AttentionShape& shape, const std::vector<float>& query,
                              const Matrix& keys, const Matrix& values,
                              const std::vector<int>& slots) {
  std::vector<double> attended(query.size());
  const size_t group = shape.num_heads / shape.num_kv_heads;
  for (size_t head = 0; head < shape.num_heads; ++head) {
    const size_t offset = head / group * shape.head_dim;
    std::vector<double> weights;
    for (int slot : slots) {
      double score = 0;
      for (size_t d = 0; d < shape.head_dim; ++d) {
        score += static_cast<double>(query[head * shape.head_dim + d]) *
                 keys.row(static_cast<size_t>(slot))[offset + d];
      }
      weights.push_back(std::exp(score / std::sqrt(static_cast<double>(shape.head_dim))));
    }
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (size_t i = 0; i < slots.size(); ++i) {
      for (size_t d = 0; d < shape.head_dim; ++d) {
        attended[head * shape.head_dim + d] +=
            weights[i] / total * values.row(static_cast<size_t>(slots[i]))[offset + d];
      }
    }
  }
  return attended;
}

TEST_CASE("Attention over trunk and branch follows its formula") {
  RandomValues random(GENERATE(range(0u, 40u)));
  const AttentionShape shape = [&] {
    const size_t num_kv_heads = random.Size(1, 3);
    return AttentionShape{num_kv_heads * random.Size(1, 3), num_kv_heads, 2 * random.Size(1, 20)};
  }();
  const size_t num_slots = 24;
  const Matrix keys = random.NewMatrix(num_slots, shape.num_kv_heads * shape.head_dim);
  const Matrix values = random.NewMatrix(num_slots, shape.num_kv_heads * shape.head_dim);
  const std::vector<float> query = random.Vector(shape.num_heads * shape.head_dim, 3.0f);

  const size_t trunk_begin = random.Size(0, 9);
  const size_t trunk_end = random.Size(trunk_begin, 10);
  std::vector<int> branch = {13, 17, 20, 23};
  branch.resize(random.Size(trunk_begin == trunk_end ? 1 : 0, branch.size()));
  std::vector<int> slots(trunk_end - trunk_begin);
  std::iota(slots.begin(), slots.end(), static_cast<int>(trunk_begin));
  slots.insert(slots.end(), branch.begin(), branch.end());

  std::vector<float> scores;
  std::vector<float> attended(query.size());
  const auto attend = [&](size_t begin, size_t end, const std::vector<int>& rest) {
    Attend(shape, query,
           {keys.values().data(), values.values().data(), begin, end, rest}, scores, attended);
    return attended;
  };
  const std::vector<float> split = attend(trunk_begin, trunk_end, branch);
  const std::vector<double> expected = Reference(shape, query, keys, values, slots);
  for (size_t i = 0; i < expected.size(); ++i) {
    REQUIRE(split[i] == Approx(expected[i]).epsilon(1e-5).margin(1e-6));
  }
  // The same tokens, all of them in the branch: the same bits.
  CHECK(attend(0, 0, slots) == split);
}

}  // namespace
}  // namespace halfling::testing
