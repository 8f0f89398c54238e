#include "tests/engine/tiny_model.h"

#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "engine/model_file/stored_tensors.h"

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
  explicit TensorMaker(const TinyModelOptions& options)
      : random_(options.seed + 1), options_(options) {}

  // Uniform in offset ± scale.
  void AddVector(const std::string& name, int64_t size, float scale, float offset = 0.0f) {
    const std::vector<float> values = Values(size, scale, offset);
    tensors_.push_back({name, options_.dtype, {size}, FromFloats(values, options_.dtype)});
  }

  void AddMatrix(const std::string& name, int64_t rows, int64_t cols, float scale) {
    const Matrix matrix(static_cast<size_t>(rows), static_cast<size_t>(cols),
                        Values(rows * cols, scale, 0.0f));
    AppendStoredMatrix(name, Store(matrix), options_.dtype, tensors_);
  }

  void AddLinear(const std::string& name, int64_t out, int64_t in) {
    if (!options_.low_rank && !options_.pivoted) return AddMatrix(name + ".weight", out, in, 0.5f);
    AddMatrix(name + ".left", options_.pivoted ? out - kRank : out, kRank, 0.6f);
    AddMatrix(name + ".right", kRank, in, 0.6f);
    if (!options_.pivoted) return;
    NamedTensor pivots{name + ".pivots", DType::kI32, {kRank}, {}};
    for (int32_t i = 0; i < kRank; ++i) {
      const int32_t row = i * static_cast<int32_t>(out) / kRank;
      const auto bytes = std::as_bytes(std::span(&row, 1));
      pivots.data.insert(pivots.data.end(), bytes.begin(), bytes.end());
    }
    tensors_.push_back(std::move(pivots));
  }

  std::vector<NamedTensor> Take() { return std::move(tensors_); }

 private:
  std::vector<float> Values(int64_t count, float scale, float offset) {
    std::vector<float> values(static_cast<size_t>(count));
    for (float& value : values) value = offset + scale * random_.Symmetric();
    return values;
  }

  StoredMatrix Store(const Matrix& matrix) {
    Storage storage = options_.storage;
    if (storage == Storage::kMixed) storage = static_cast<Storage>(num_matrices_++ % 3);
    if (storage == Storage::kInt8) return QuantizeInt8(matrix);
    if (storage == Storage::kInt4) return QuantizeInt4(matrix);
    return matrix;
  }

  Random random_;
  const TinyModelOptions& options_;
  int num_matrices_ = 0;
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
  maker.AddVector(prefix + "input_layernorm.weight", kModelDim, 0.1f, 1.0f);
  maker.AddLinear(attention + "q_proj", kHeads * kHeadDim, kModelDim);
  maker.AddLinear(attention + "k_proj", kKvHeads * kHeadDim, kModelDim);
  maker.AddLinear(attention + "v_proj", kKvHeads * kHeadDim, kModelDim);
  maker.AddLinear(attention + "o_proj", kModelDim, kHeads * kHeadDim);
  if (options.architecture == "Qwen2ForCausalLM") {
    maker.AddVector(attention + "q_proj.bias", kHeads * kHeadDim, 0.3f);
    maker.AddVector(attention + "k_proj.bias", kKvHeads * kHeadDim, 0.3f);
    maker.AddVector(attention + "v_proj.bias", kKvHeads * kHeadDim, 0.3f);
  }
  if (options.architecture == "Qwen3ForCausalLM") {
    maker.AddVector(attention + "q_norm.weight", kHeadDim, 0.1f, 1.0f);
    maker.AddVector(attention + "k_norm.weight", kHeadDim, 0.1f, 1.0f);
  }
  maker.AddVector(prefix + "post_attention_layernorm.weight", kModelDim, 0.1f, 1.0f);
  maker.AddLinear(prefix + "mlp.gate_proj", kFfnDim, kModelDim);
  maker.AddLinear(prefix + "mlp.up_proj", kFfnDim, kModelDim);
  maker.AddLinear(prefix + "mlp.down_proj", kModelDim, kFfnDim);
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

  TensorMaker maker(options);
  maker.AddMatrix("model.embed_tokens.weight", vocab_size, kModelDim, 1.0f);
  for (int layer = 0; layer < kLayers; ++layer) AddLayer(maker, layer, options);
  maker.AddVector("model.norm.weight", kModelDim, 0.1f, 1.0f);
  if (!options.tied) maker.AddMatrix("lm_head.weight", vocab_size, kModelDim, 1.0f);
  contents.tensors = maker.Take();
  return contents;
}

std::vector<FileBytes> TinyModelShards(const TinyModelOptions& options) {
  return WriteModelFile(TinyModelContents(options));
}

Result<ItemTrie> BuildTrie(const std::vector<ItemCode>& items, int vocab_size) {
  TokenLists codes;
  std::vector<int> popularity;
  for (const ItemCode& item : items) {
    codes.Append(item.tokens);
    popularity.push_back(item.popularity);
  }
  return ItemTrie::Build(codes, popularity, vocab_size);
}

std::vector<int> CodeOf(const ItemTrie& trie, int item) {
  std::vector<int> code;
  trie.AppendCode(item, code);
  return code;
}

std::vector<int> RandomHistory(Random& random, int num_items, int max_length) {
  std::vector<int> history(static_cast<size_t>(1 + random.Below(max_length)));
  for (int& item : history) item = random.Below(num_items);
  return history;
}

}  // namespace halfling::testing
