// What the hostile tests share: valid models to damage, and the check of what comes of it.
#ifndef HALFLING_TESTS_HOSTILE_HOSTILE_H_
#define HALFLING_TESTS_HOSTILE_HOSTILE_H_

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/model_file/model_file.h"
#include "engine/recommender.h"
#include "tests/engine/tiny_model.h"

namespace halfling::testing {

// A safetensors file of this header text, its true length before it, and `data_size` zero bytes.
std::vector<std::byte> RawFile(std::string_view header, size_t data_size);

// The header text of a valid safetensors file.
std::string HeaderOf(const std::vector<std::byte>& file);

// The same file with another header, its length set right.
std::vector<std::byte> WithHeader(const std::vector<std::byte>& file, std::string_view header);

// The only shard of a tiny model, its header edited as JSON.
std::vector<FileBytes> WithEditedHeader(const std::function<void(nlohmann::ordered_json&)>& edit);

// Recommender::Load of what WriteModelFile makes of `contents`.
Result<Recommender> LoadContents(const ModelFileContents& contents);

// A tiny model in two shards: WriteModelFile would fill the first before it opens a second.
std::vector<FileBytes> InTwoShards();

// Requires that `result` failed with `code`, and that the message names `what`.
template <typename T>
void RequireError(const Result<T>& result, ErrorCode code, std::string_view what);

void RequireErrorIs(const Error& error, ErrorCode code, std::string_view what);
[[noreturn]] void FailAsAccepted(ErrorCode code, std::string_view what);

template <typename T>
void RequireError(const Result<T>& result, ErrorCode code, std::string_view what) {
  if (result) FailAsAccepted(code, what);
  RequireErrorIs(result.error(), code, what);
}

}  // namespace halfling::testing

#endif  // HALFLING_TESTS_HOSTILE_HOSTILE_H_
