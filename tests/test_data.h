// The committed test data, and checkpoints read from it.
#ifndef HALFLING_TESTS_TEST_DATA_H_
#define HALFLING_TESTS_TEST_DATA_H_

#include <cstddef>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "engine/model_file/safetensors.h"
#include "engine/tensor/tensor.h"
#include "tests/catch.h"

// Test programs run in the repository's root; HALFLING_TEST_DATA_DIR says otherwise.
#ifndef HALFLING_TEST_DATA_DIR
#define HALFLING_TEST_DATA_DIR "tests"
#endif

namespace halfling::testing {

// "golden/mistral-f16/config.json" -> where that file is.
inline std::string TestDataPath(const std::string& path) {
  return std::string(HALFLING_TEST_DATA_DIR) + "/" + path;
}

// The whole file; fails the test if it cannot be read.
inline std::string ReadTestData(const std::string& path) {
  std::ifstream file(TestDataPath(path), std::ios::binary);
  if (!file) FAIL("cannot open " << TestDataPath(path));
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The tensors of every *.safetensors in one folder of the test data.
class TestCheckpoint : public TensorSource {
 public:
  explicit TestCheckpoint(const std::string& folder) {
    for (const auto& entry : std::filesystem::directory_iterator(TestDataPath(folder))) {
      if (entry.path().extension() != ".safetensors") continue;
      const std::string name = entry.path().filename().string();
      const std::string& bytes = files_.emplace_back(ReadTestData(folder + "/" + name));
      auto parsed = SafetensorsFile::Parse(std::as_bytes(std::span(bytes)), name);
      if (!parsed) FAIL(parsed.error().message);
      parsed_.push_back(*std::move(parsed));
    }
  }

  Result<TensorView> Find(std::string_view name) const override {
    for (const SafetensorsFile& file : parsed_) {
      if (file.Has(name)) return file.Find(name);
    }
    return Fail(ErrorCode::kMissingTensor, std::string(name) + " is in no file");
  }
  bool Has(std::string_view name) const override { return Find(name).has_value(); }

 private:
  std::deque<std::string> files_;  // a deque: the views point into the strings
  std::vector<SafetensorsFile> parsed_;
};

}  // namespace halfling::testing

#endif  // HALFLING_TESTS_TEST_DATA_H_
