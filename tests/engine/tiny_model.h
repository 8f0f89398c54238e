// Small random models with small random catalogues, the same in every build.
#ifndef HALFLING_TESTS_ENGINE_TINY_MODEL_H_
#define HALFLING_TESTS_ENGINE_TINY_MODEL_H_

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model_file/model_file.h"
#include "engine/search/item_trie.h"

namespace halfling::testing {

// The standard's engine is the same everywhere; its distributions are not.
class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  // 0 … bound-1
  int Below(int bound) { return static_cast<int>(engine_() % static_cast<uint32_t>(bound)); }
  bool Chance(int percent) { return Below(100) < percent; }
  // [-1, 1), in steps of 2^-15
  float Symmetric() { return static_cast<float>(Below(1 << 16) - (1 << 15)) / (1 << 15); }

 private:
  std::mt19937 engine_;
};

// How the matrices are stored; kMixed takes turns.
enum class Storage { kFloats, kInt8, kInt4, kMixed };

struct TinyModelOptions {
  uint32_t seed = 1;
  std::string architecture = "LlamaForCausalLM";  // or Qwen3ForCausalLM, …
  bool low_rank = false;
  bool pivoted = false;  // rather than low_rank
  Storage storage = Storage::kFloats;
  bool tied = true;
  DType dtype = DType::kF32;  // of the floats
  int num_items = 30;
  int code_tokens = 12;  // distinct tokens that codes are made of
  int max_code_length = 4;
  int max_history = 6;
};

// Codes of length 1 … max_length over the tokens 4 … 3+num_tokens: some collide, some are prefixes
// of others.
std::vector<std::vector<int>> RandomCodes(Random& random, int num_items, int num_tokens,
                                          int max_length);

// One item of a catalogue: its code's tokens and how popular it is.
struct ItemCode {
  std::vector<int> tokens;
  int popularity = 0;
};

Result<ItemTrie> BuildTrie(const std::vector<ItemCode>& items, int vocab_size);

std::vector<int> CodeOf(const ItemTrie& trie, int item);

// Everything a model directory holds. Two layers of model_dim 16.
ModelFileContents TinyModelContents(const TinyModelOptions& options);

// Its shards, as WriteModelFile gives them.
std::vector<FileBytes> TinyModelShards(const TinyModelOptions& options);

// 1 … max_length random items.
std::vector<int> RandomHistory(Random& random, int num_items, int max_length);

}  // namespace halfling::testing

#endif  // HALFLING_TESTS_ENGINE_TINY_MODEL_H_
