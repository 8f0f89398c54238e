#include "engine/model_file/safetensors.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/catch.h"
#include "tests/engine/tiny_model.h"

namespace halfling::testing {
namespace {

std::vector<std::byte> Bytes(std::string_view text) {
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

NamedTensor RandomTensor(Random& random, const std::string& name, DType dtype, Shape shape) {
  NamedTensor tensor{name, dtype, std::move(shape), {}};
  size_t size = DTypeSize(dtype);
  for (const int64_t dimension : tensor.shape) size *= static_cast<size_t>(dimension);
  for (size_t i = 0; i < size; ++i)
    tensor.data.push_back(static_cast<std::byte>(random.Below(256)));
  return tensor;
}

}  // namespace

TEST_CASE("What is written reads back: names, dtypes, shapes, bytes, metadata") {
  Random random(3);
  std::vector<NamedTensor> tensors = {
      RandomTensor(random, "zeta", DType::kF16, {3}),
      RandomTensor(random, "model.embed_tokens.weight", DType::kF32, {5, 7}),
      RandomTensor(random, "scalar", DType::kI32, {}),
      RandomTensor(random, "empty", DType::kBF16, {0, 4}),
      RandomTensor(random, "odd \"quoted\" ünïcode\n", DType::kBF16, {1, 2, 3})};
  const std::map<std::string, std::string> metadata = {{"format", "pt"}, {"config", "{\"a\": 1}"}};
  const std::vector<std::byte> bytes = WriteSafetensors(tensors, metadata);
  CHECK(bytes == WriteSafetensors(tensors, metadata));

  const auto file = SafetensorsFile::Parse(bytes, "a.safetensors");
  REQUIRE(file);
  CHECK(file->metadata() == metadata);
  CHECK(file->Names().size() == tensors.size());
  for (const NamedTensor& tensor : tensors) {
    CAPTURE(tensor.name);
    REQUIRE(file->Has(tensor.name));
    const auto view = file->Find(tensor.name);
    REQUIRE(view);
    CHECK(view->dtype == tensor.dtype);
    CHECK(view->shape == tensor.shape);
    CHECK(std::vector<std::byte>(view->data.begin(), view->data.end()) == tensor.data);
  }
}

TEST_CASE("The header is JSON padded with spaces to a multiple of eight") {
  const std::vector<std::byte> bytes = WriteSafetensors({}, {});
  REQUIRE(bytes.size() == 16);
  CHECK(bytes == Bytes(std::string("\x08\0\0\0\0\0\0\0{}      ", 16)));
  CHECK(SafetensorsFile::Parse(bytes, "empty"));
}

TEST_CASE("A tensor that is not there is named with its file") {
  const std::vector<std::byte> bytes = WriteSafetensors({}, {});
  const auto file = SafetensorsFile::Parse(bytes, "b.safetensors");
  REQUIRE(file);
  CHECK_FALSE(file->Has("model.norm.weight"));
  const auto view = file->Find("model.norm.weight");
  REQUIRE_FALSE(view);
  CHECK(view.error().code == ErrorCode::kMissingTensor);
  CHECK(view.error().message.find("b.safetensors") != std::string::npos);
  CHECK(view.error().message.find("model.norm.weight") != std::string::npos);
}

TEST_CASE("A dtype that the engine does not read fails only when it is asked for") {
  const std::string header = R"({"ids":{"dtype":"I64","shape":[2],"data_offsets":[0,16]}})";
  std::string text(8, '\0');
  text[0] = static_cast<char>(header.size());
  text += header + std::string(16, '\x01');
  const std::vector<std::byte> bytes = Bytes(text);
  const auto file = SafetensorsFile::Parse(bytes, "c.safetensors");
  REQUIRE(file);
  const auto view = file->Find("ids");
  REQUIRE_FALSE(view);
  CHECK(view.error().code == ErrorCode::kUnsupportedDType);
  CHECK(view.error().message.find("I64") != std::string::npos);
}

TEST_CASE("A file that the format's own Python library wrote reads the same") {
  // tests/golden/make_safetensors.py wrote it.
  std::ifstream stream("tests/golden/python.safetensors", std::ios::binary);
  REQUIRE(stream);
  const std::string text((std::istreambuf_iterator<char>(stream)),
                         std::istreambuf_iterator<char>());
  const std::vector<std::byte> bytes = Bytes(text);
  const auto file = SafetensorsFile::Parse(bytes, "python.safetensors");
  if (!file) FAIL(file.error().message);
  CHECK(file->metadata() == std::map<std::string, std::string>{{"format", "pt"}});
  CHECK(file->Names() == std::vector<std::string>{"counts", "half", "single", "zero_rows"});

  const auto single = file->Find("single");
  REQUIRE(single);
  CHECK(single->shape == Shape{2, 3});
  CHECK(*ToFloats(*single, "single") == std::vector<float>{0, 1, 2, 3, 4, 5});
  const auto half = file->Find("half");
  REQUIRE(half);
  CHECK(half->dtype == DType::kF16);
  CHECK(*ToFloats(*half, "half") == std::vector<float>{-0.5f, 0.25f, 65504.0f});
  const auto zero_rows = file->Find("zero_rows");
  REQUIRE(zero_rows);
  CHECK(zero_rows->shape == Shape{0, 4});
  const auto counts = file->Find("counts");
  REQUIRE_FALSE(counts);
  CHECK(counts.error().code == ErrorCode::kUnsupportedDType);
}

}  // namespace halfling::testing
