// Checkpoint directories for tests: a tiny random model with made-up interactions.
#ifndef HALFLING_TESTS_COMPRESSOR_TINY_CHECKPOINT_H_
#define HALFLING_TESTS_COMPRESSOR_TINY_CHECKPOINT_H_

#include <filesystem>
#include <string>
#include <string_view>

#include "tests/engine/tiny_model.h"

namespace halfling::testing {

// A directory of its own, removed with everything in it at the end of the test.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Writes config.json, model.safetensors, recommender.json and interactions.json of the tiny model
// into `directory`, which is created. Items are called "i0", "i1", …, users "u00", "u01", …
void WriteTinyCheckpoint(const std::filesystem::path& directory, const TinyModelOptions& options,
                         int num_users = 40);

std::string ReadText(const std::filesystem::path& path);
void WriteText(const std::filesystem::path& path, std::string_view text);
// Replaces the first occurrence of `from` in a file; fails the test when there is none.
void ReplaceInFile(const std::filesystem::path& path, const std::string& from,
                   const std::string& to);

}  // namespace halfling::testing

#endif  // HALFLING_TESTS_COMPRESSOR_TINY_CHECKPOINT_H_
