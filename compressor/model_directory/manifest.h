// manifest.json: what a model directory holds, how it was made, and what it scores.
#ifndef HALFLING_COMPRESSOR_MODEL_DIRECTORY_MANIFEST_H_
#define HALFLING_COMPRESSOR_MODEL_DIRECTORY_MANIFEST_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compressor/evaluation/metrics.h"
#include "engine/base/result.h"

namespace halfling {

struct ManifestFile {
  std::string path;  // a plain file name
  int64_t bytes = 0;
  std::string sha256;  // 64 lower-case hexadecimal digits
};

struct ModelSize {
  int64_t parameters = 0;         // all values of the model's tensors
  int64_t linear_parameters = 0;  // those of the linear layers, biases included
  int64_t bytes = 0;              // of the weight files
};

// What scripts/heal.py did to the factors; divergences are KL(original || halved) an item, in nats.
struct HealingRecord {
  int64_t epochs = 0;
  double minutes = 0;
  int64_t workers = 0;
  std::string device = "cpu";  // or a GPU's name; earlier releases wrote none
  double divergence_before = 0;
  double divergence_after = 0;
};

struct CompressionRecord {
  std::string method;  // "halfling", "od-llm", "svd-llm", "svd", "int8", "int4" or "none"
  double keep = 1;     // share of the linear layers' parameters: asked for, or what budget gave
  std::optional<int64_t> budget;  // bytes that were asked for instead
  std::string dtype;  // of the linears' matrices: "f32", "f16", "bf16", "int8", "int4" or "mixed"
  uint64_t seed = 0;  // of the calibration draw
  int64_t calibration_users = 0;
  double seconds = 0;  // without the evaluation
  ModelSize original;
  std::optional<HealingRecord> healing;
};

struct MetricsRecord {
  std::string split;
  int64_t users = 0;
  int64_t beam = 0;
  bool exclude_seen = true;  // earlier releases always did, and wrote nothing of it
  MetricTable before;
  MetricTable after;
  std::optional<Interval> ndcg10_relative_change;  // nothing where NDCG@10 was 0 before
  // As compressor/evaluation/compare.h defines them; earlier releases wrote neither.
  std::optional<Interval> divergence;  // KL(original || this) an item, in nats
  std::optional<Interval> overlap;     // of the first ten
};

struct Manifest {
  std::string name;
  std::vector<ManifestFile> files;  // shards and catalog.json
  ModelSize model;                  // bytes is not written: it follows from `files`
  int64_t layers = 0;
  int64_t model_dim = 0;
  int64_t items = 0;
  CompressionRecord compression;
  std::optional<MetricsRecord> metrics;

  // The model's version: SHA-256 of the files' concatenated SHA-256 digits, in their order.
  std::string Version() const;
};

// Checks every field; the version must be that of the files (kChecksumMismatch).
Result<Manifest> ParseManifest(std::string_view json, const std::string& where);
std::string ManifestToJson(const Manifest& manifest);

// {"mean": …, "low": …, "high": …}, or null for nothing.
nlohmann::ordered_json IntervalToJson(const std::optional<Interval>& interval);
// {"hr@1": {"mean": …, "low": …, "high": …}, …}
nlohmann::ordered_json MetricTableToJson(const MetricTable& table);
nlohmann::ordered_json ChangeTableToJson(const ChangeTable& table);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_MODEL_DIRECTORY_MANIFEST_H_
