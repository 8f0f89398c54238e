#include "tests/engine/tiny_model.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace halfling::testing {
namespace {

constexpr int kModelDim = 16;
constexpr int kHeads = 4;
constexpr int kKvHeads = 2;
constexpr int kHeadDim = 4;
constexpr int kFfnDim = 24;
constexpr int kLayers = 2;
constexpr int kRank = 5;
constexpr int kFirstCodeToken = 4;

class TensorMaker {
 public:
  TensorMaker(uint32_t seed, DType dtype) : random_(seed), dtype_(dtype) {}

  // Uniform in offset ± scale.
  void Add(const std::string& name, Shape shape, float scale, float offset = 0.0f) {
    size_t count = 1;
    for (const int64_t size : shape) count *= static_cast<size_t>(size);
    std::vector<float> values(count);
    for (float& value : values) value = offset + scale * random_.Symmetric();
    tensors_.push_back({name, dtype_, std::move(shape), FromFloats(values, dtype_)});
  }

  void AddLinear(const std::string& name, int64_t out, int64_t in, bool low_rank) {
    if (low_rank) {
      Add(name + ".left", {out, kRank}, 0.6f);
      Add(name + ".right", {kRank, in}, 0.6f);
    } else {
      Add(name + ".weight", {out, in}, 0.5f);
    }
  }

  std::vector<NamedTensor> Take() { return std::move(tensors_); }

 private:
  Random random_;
  DType dtype_;
  std::vector<NamedTensor> tensors_;
};

std::string ConfigJson(const TinyModelOptions& options, int vocab_size) {
  const nlohmann::ordered_json config = {
      {"architectures", {options.architecture}},
      {"vocab_size", vocab_size},
      {"hidden_size", kModelDim},
      {"num_hidden_layers", kLayers},
      {"num_attention_heads", kHeads},
      {"num_key_value_heads", kKvHeads},
      {"head_dim", kHeadDim},
      {"intermediate_size", kFfnDim},
      {"hidden_act", "silu"},
      {"rms_norm_eps", 1e-6},
      {"rope_theta", 10000.0},
      {"max_position_embeddings", 128},
      {"tie_word_embeddings", options.tied},
  };
  return config.dump();
}

void AddLayer(TensorMaker& maker, int layer, const TinyModelOptions& options) {
  const std::string prefix = "model.layers." + std::to_string(layer) + ".";
  const std::string attention = prefix + "self_attn.";
  const bool low_rank = options.low_rank;
  maker.Add(prefix + "input_layernorm.weight", {kModelDim}, 0.1f, 1.0f);
  maker.AddLinear(attention + "q_proj", kHeads * kHeadDim, kModelDim, low_rank);
  maker.AddLinear(attention + "k_proj", kKvHeads * kHeadDim, kModelDim, low_rank);
  maker.AddLinear(attention + "v_proj", kKvHeads * kHeadDim, kModelDim, low_rank);
  maker.AddLinear(attention + "o_proj", kModelDim, kHeads * kHeadDim, low_rank);
  if (options.architecture == "Qwen2ForCausalLM") {
    maker.Add(attention + "q_proj.bias", {kHeads * kHeadDim}, 0.3f);
    maker.Add(attention + "k_proj.bias", {kKvHeads * kHeadDim}, 0.3f);
    maker.Add(attention + "v_proj.bias", {kKvHeads * kHeadDim}, 0.3f);
  }
  if (options.architecture == "Qwen3ForCausalLM") {
    maker.Add(attention + "q_norm.weight", {kHeadDim}, 0.1f, 1.0f);
    maker.Add(attention + "k_norm.weight", {kHeadDim}, 0.1f, 1.0f);
  }
  maker.Add(prefix + "post_attention_layernorm.weight", {kModelDim}, 0.1f, 1.0f);
  maker.AddLinear(prefix + "mlp.gate_proj", kFfnDim, kModelDim, low_rank);
  maker.AddLinear(prefix + "mlp.up_proj", kFfnDim, kModelDim, low_rank);
  maker.AddLinear(prefix + "mlp.down_proj", kModelDim, kFfnDim, low_rank);
}

}  // namespace

std::vector<std::vector<int>> RandomCodes(Random& random, int num_items, int num_tokens,
                                          int max_length) {
  std::vector<std::vector<int>> codes;
  for (int item = 0; item < num_items; ++item) {
    if (item > 0 && random.Chance(10)) {  // a collision
      codes.push_back(codes[static_cast<size_t>(random.Below(item))]);
      continue;
    }
    std::vector<int> code;
    if (item > 0 && random.Chance(15)) {  // what another code begins with
      code = codes[static_cast<size_t>(random.Below(item))];
      code.resize(static_cast<size_t>(1 + random.Below(static_cast<int>(code.size()))));
    } else {
      const int length = 1 + random.Below(max_length);
      for (int i = 0; i < length; ++i) code.push_back(kFirstCodeToken + random.Below(num_tokens));
    }
    codes.push_back(std::move(code));
  }
  return codes;
}

ModelFileContents TinyModelContents(const TinyModelOptions& options) {
  Random random(options.seed);
  ModelFileContents contents;
  const int vocab_size = kFirstCodeToken + options.code_tokens;
  contents.config_json = ConfigJson(options, vocab_size);
  contents.prompt = {{0, 1}, {2}, {3}, options.max_history};
  contents.codes =
      RandomCodes(random, options.num_items, options.code_tokens, options.max_code_length);
  for (int item = 0; item < options.num_items; ++item) {
    contents.popularity.push_back(random.Below(5));
  }
  for (int id = 0; id < vocab_size; ++id) contents.vocabulary_ids.push_back(3 * id);

  TensorMaker maker(options.seed + 1, options.dtype);
  maker.Add("model.embed_tokens.weight", {vocab_size, kModelDim}, 1.0f);
  for (int layer = 0; layer < kLayers; ++layer) AddLayer(maker, layer, options);
  maker.Add("model.norm.weight", {kModelDim}, 0.1f, 1.0f);
  if (!options.tied) maker.Add("lm_head.weight", {vocab_size, kModelDim}, 1.0f);
  contents.tensors = maker.Take();
  return contents;
}

std::vector<FileBytes> TinyModelShards(const TinyModelOptions& options) {
  return WriteModelFile(TinyModelContents(options));
}

std::vector<int> RandomHistory(Random& random, int num_items, int max_length) {
  std::vector<int> history(static_cast<size_t>(1 + random.Below(max_length)));
  for (int& item : history) item = random.Below(num_items);
  return history;
}

}  // namespace halfling::testing
