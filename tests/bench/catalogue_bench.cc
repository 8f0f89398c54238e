// Time and memory of one model directory, whatever its catalogue: loading, and recommending after
// given histories with and without a mask and boosts. scripts/catalogue_scale.py runs it.
//
//   catalogue_bench SHARD.safetensors HISTORIES.json    one JSON object on stdout
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "engine/recommender.h"

namespace halfling {
namespace {

using Json = nlohmann::ordered_json;
using Requests = std::vector<RecommendRequest>;

constexpr int kMaskedShare = 10;  // one item in that many is allowed under the mask

double Milliseconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::milli>(now).count();
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A line of /proc/self/status in bytes: VmRSS is what lies in memory now, VmHWM the most so far.
int64_t StatusBytes(const std::string& name) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(name + ":", 0) == 0) return std::stoll(line.substr(name.size() + 1)) * 1024;
  }
  return 0;
}

double Percentile(std::vector<double> values, size_t percent) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, values.size() * percent / 100)];
}

// Any number does for which the same items and boosts come out in every build.
uint32_t Hash(uint32_t item) {
  item = (item ^ item >> 16) * 2246822519u;
  return item ^ item >> 13;
}

struct Case {
  std::string name;
  std::function<void(RecommendRequest&)> change;
};

std::vector<Case> Cases(int num_items) {
  std::vector<int> allowed;
  std::vector<float> boosts(static_cast<size_t>(num_items));
  for (int item = 0; item < num_items; ++item) {
    const uint32_t hash = Hash(static_cast<uint32_t>(item));
    if (hash % kMaskedShare == 0) allowed.push_back(item);
    boosts[static_cast<size_t>(item)] = static_cast<float>(hash >> 8 & 0xff) / 256.0f;
  }
  const auto beam = [](RecommendRequest& r) { r.search = SearchMethod::kBeam; };
  const auto mask = [allowed](RecommendRequest& r) { r.allow = allowed; };
  const auto boost = [boosts](RecommendRequest& r) { r.boosts = boosts; };
  return {{"exact", [](RecommendRequest&) {}},
          {"exact, mask", mask},
          {"exact, boosts", boost},
          {"beam", beam},
          {"beam, mask", [=](RecommendRequest& r) { beam(r), mask(r); }},
          {"beam, boosts", [=](RecommendRequest& r) { beam(r), boost(r); }}};
}

Json Measure(Recommender& recommender, const Case& c,
             const std::vector<std::vector<int>>& histories) {
  RecommendRequest request;
  c.change(request);
  std::vector<double> milliseconds;
  double nodes = 0;
  double exact = 0;
  for (const std::vector<int>& history : histories) {
    request.history = history;
    const double begin = Milliseconds();
    const auto items = recommender.Recommend(request);
    milliseconds.push_back(Milliseconds() - begin);
    if (!items) return {{"error", items.error().message}};
    nodes += recommender.stats().nodes_run;
    exact += recommender.stats().exact ? 1 : 0;
  }
  const auto count = static_cast<double>(histories.size());
  return {{"milliseconds", Percentile(milliseconds, 50)},
          {"milliseconds_p99", Percentile(milliseconds, 99)},
          {"nodes_run", nodes / count},
          {"exact_share", exact / count}};
}

int Main(const std::string& shard, const std::string& histories_path) {
  const std::string text = ReadFile(shard);
  const auto bytes = std::as_bytes(std::span(text));
  std::vector<FileBytes> shards = {
      {"model-00001-of-00001.safetensors", {bytes.begin(), bytes.end()}}};
  const auto histories =
      nlohmann::json::parse(ReadFile(histories_path)).get<std::vector<std::vector<int>>>();

  const int64_t before = StatusBytes("VmRSS") - static_cast<int64_t>(text.size());
  const double begin = Milliseconds();
  auto recommender = Recommender::Load(std::move(shards));
  const double load_milliseconds = Milliseconds() - begin;
  if (!recommender) {
    std::fprintf(stderr, "%s: %s\n", shard.c_str(), recommender.error().message.c_str());
    return 1;
  }
  const ItemTrie& trie = recommender->model().trie;
  Json result = {{"items", trie.num_items()},
                 {"nodes", trie.num_nodes()},
                 {"file_bytes", text.size()},
                 {"load_milliseconds", load_milliseconds},
                 {"loaded_bytes", StatusBytes("VmRSS") - before},
                 {"load_peak_bytes", StatusBytes("VmHWM") - before}};
  for (const Case& c : Cases(trie.num_items())) {
    result["cases"][c.name] = Measure(*recommender, c, histories);
  }
  std::printf("%s\n", result.dump().c_str());
  return 0;
}

}  // namespace
}  // namespace halfling

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s SHARD.safetensors HISTORIES.json\n", argv[0]);
    return 2;
  }
  return halfling::Main(argv[1], argv[2]);
}
