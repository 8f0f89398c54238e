#include "tests/hostile/hostile.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "tests/catch.h"

namespace halfling::testing {

std::vector<std::byte> RawFile(std::string_view header, size_t data_size) {
  std::vector<std::byte> file(8 + header.size() + data_size);
  for (size_t i = 0; i < 8; ++i) {
    file[i] = static_cast<std::byte>(static_cast<uint64_t>(header.size()) >> (8 * i) & 0xFF);
  }
  if (!header.empty()) std::memcpy(file.data() + 8, header.data(), header.size());
  return file;
}

std::string HeaderOf(const std::vector<std::byte>& file) {
  uint64_t length = 0;
  for (size_t i = 8; i-- > 0;) length = length << 8 | std::to_integer<uint64_t>(file[i]);
  return {reinterpret_cast<const char*>(file.data()) + 8, static_cast<size_t>(length)};
}

std::vector<std::byte> WithHeader(const std::vector<std::byte>& file, std::string_view header) {
  const size_t data_at = 8 + HeaderOf(file).size();
  std::vector<std::byte> changed = RawFile(header, 0);
  changed.insert(changed.end(), file.begin() + static_cast<std::ptrdiff_t>(data_at), file.end());
  return changed;
}

std::vector<FileBytes> WithEditedHeader(const std::function<void(nlohmann::ordered_json&)>& edit) {
  std::vector<FileBytes> shards = TinyModelShards({});
  REQUIRE(shards.size() == 1);
  auto header = nlohmann::ordered_json::parse(HeaderOf(shards[0].bytes));
  edit(header);
  shards[0].bytes = WithHeader(shards[0].bytes, header.dump());
  return shards;
}

Result<Recommender> LoadContents(const ModelFileContents& contents) {
  return Recommender::Load(WriteModelFile(contents));
}

std::vector<FileBytes> InTwoShards() {
  const std::vector<FileBytes> whole = TinyModelShards({});
  const auto file = SafetensorsFile::Parse(whole[0].bytes, whole[0].name);
  REQUIRE(file);
  std::vector<NamedTensor> parts[2];
  for (const std::string& name : file->Names()) {
    const TensorView view = *file->Find(name);
    auto& part = parts[name < "model.layers.1" ? 0 : 1];
    part.push_back({name, view.dtype, view.shape, {view.data.begin(), view.data.end()}});
  }
  return {{ShardName(1, 2), WriteSafetensors(parts[0], file->metadata())},
          {ShardName(2, 2), WriteSafetensors(parts[1], {})}};
}

void RequireErrorIs(const Error& error, ErrorCode code, std::string_view what) {
  INFO(error.message);
  REQUIRE(std::string(ErrorCodeName(error.code)) == std::string(ErrorCodeName(code)));
  REQUIRE(error.message.find(what) != std::string::npos);
}

void FailAsAccepted(ErrorCode code, std::string_view what) {
  FAIL("accepted; expected " << ErrorCodeName(code) << " about " << what);
  std::abort();  // FAIL has thrown
}

}  // namespace halfling::testing
