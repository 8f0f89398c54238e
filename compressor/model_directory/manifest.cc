#include "compressor/model_directory/manifest.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "compressor/io/files.h"
#include "compressor/io/json_fields.h"
#include "compressor/io/json_text.h"

namespace halfling {
namespace {

constexpr int kManifestFormat = 1;
constexpr char kRelativeChange[] = "ndcg@10_relative_change";
constexpr char kExcludeSeen[] = "exclude_seen";
constexpr char kDivergence[] = "divergence";
constexpr char kOverlap[] = "overlap@10";

bool IsSha256(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Result<ManifestFile> ParseFile(const JsonValue& value, const std::string& where) {
  ManifestFile file;
  HALFLING_ASSIGN_OR_RETURN(file.path, TextField(value, "path", where));
  HALFLING_ASSIGN_OR_RETURN(file.bytes, CountField(value, "bytes", where));
  HALFLING_ASSIGN_OR_RETURN(file.sha256, TextField(value, "sha256", where));
  if (!IsPlainFileName(file.path)) {
    return Fail(ErrorCode::kMalformedJson, where + ".path: " + Quoted(file.path) +
                                               ", expected the plain name of a file beside it");
  }
  if (!IsSha256(file.sha256)) {
    return Fail(ErrorCode::kMalformedJson,
                where + ".sha256: expected 64 lower-case hexadecimal digits");
  }
  return file;
}

Result<std::vector<ManifestFile>> ParseFiles(const JsonValue& document, const std::string& where) {
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const member, JsonMember(document, "files", where));
  const JsonValue::Array* const array = member->AsArray();
  if (array == nullptr || array->empty()) {
    return Fail(ErrorCode::kMalformedJson, where + ": files: expected an array of files");
  }
  std::vector<ManifestFile> files;
  std::set<std::string> names;
  for (const JsonValue& value : *array) {
    const std::string field = where + ": files[" + std::to_string(files.size()) + "]";
    HALFLING_ASSIGN_OR_RETURN(ManifestFile file, ParseFile(value, field));
    if (!names.insert(file.path).second) {
      return Fail(ErrorCode::kMalformedJson,
                  field + ".path: " + Quoted(file.path) + " occurs twice");
    }
    files.push_back(std::move(file));
  }
  return files;
}

Result<Interval> ParseInterval(const JsonValue& object, const char* key, const std::string& where) {
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const value, JsonMember(object, key, where));
  const std::string field = where + "." + key;
  Interval interval;
  HALFLING_ASSIGN_OR_RETURN(interval.mean, NumberField(*value, "mean", field));
  HALFLING_ASSIGN_OR_RETURN(interval.low, NumberField(*value, "low", field));
  HALFLING_ASSIGN_OR_RETURN(interval.high, NumberField(*value, "high", field));
  return interval;
}

Result<std::optional<Interval>> ParseOptionalInterval(const JsonValue& object, const char* key,
                                                      const std::string& where) {
  if (object.Find(key) == nullptr) return std::optional<Interval>();
  HALFLING_ASSIGN_OR_RETURN(const Interval interval, ParseInterval(object, key, where));
  return std::optional<Interval>(interval);
}

Result<MetricTable> ParseTable(const JsonValue& object, const char* key, const std::string& where) {
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const value, JsonMember(object, key, where));
  MetricTable table;
  for (const Metric metric : kMetrics) {
    const std::string name(MetricName(metric));
    HALFLING_ASSIGN_OR_RETURN(table[static_cast<size_t>(metric)],
                              ParseInterval(*value, name.c_str(), where + "." + key));
  }
  return table;
}

Result<MetricsRecord> ParseMetrics(const JsonValue& value, const std::string& where) {
  MetricsRecord metrics;
  HALFLING_ASSIGN_OR_RETURN(metrics.split, TextField(value, "split", where));
  HALFLING_ASSIGN_OR_RETURN(metrics.users, CountField(value, "users", where));
  HALFLING_ASSIGN_OR_RETURN(metrics.beam, CountField(value, "beam", where));
  if (value.Find(kExcludeSeen) != nullptr) {
    HALFLING_ASSIGN_OR_RETURN(metrics.exclude_seen, BooleanField(value, kExcludeSeen, where));
  }
  HALFLING_ASSIGN_OR_RETURN(metrics.before, ParseTable(value, "before", where));
  HALFLING_ASSIGN_OR_RETURN(metrics.after, ParseTable(value, "after", where));
  HALFLING_ASSIGN_OR_RETURN(metrics.ndcg10_relative_change,
                            ParseOptionalInterval(value, kRelativeChange, where));
  HALFLING_ASSIGN_OR_RETURN(metrics.divergence, ParseOptionalInterval(value, kDivergence, where));
  HALFLING_ASSIGN_OR_RETURN(metrics.overlap, ParseOptionalInterval(value, kOverlap, where));
  return metrics;
}

Result<ModelSize> ParseSize(const JsonValue& value, const std::string& where) {
  ModelSize size;
  HALFLING_ASSIGN_OR_RETURN(size.parameters, CountField(value, "parameters", where));
  HALFLING_ASSIGN_OR_RETURN(size.linear_parameters, CountField(value, "linear_parameters", where));
  return size;
}

Result<HealingRecord> ParseHealing(const JsonValue& value, const std::string& where) {
  HealingRecord record;
  HALFLING_ASSIGN_OR_RETURN(record.epochs, CountField(value, "epochs", where));
  HALFLING_ASSIGN_OR_RETURN(record.minutes, NumberField(value, "minutes", where));
  HALFLING_ASSIGN_OR_RETURN(record.workers, CountField(value, "workers", where));
  if (value.Find("device") != nullptr) {
    HALFLING_ASSIGN_OR_RETURN(record.device, TextField(value, "device", where));
  }
  HALFLING_ASSIGN_OR_RETURN(record.divergence_before,
                            NumberField(value, "divergence_before", where));
  HALFLING_ASSIGN_OR_RETURN(record.divergence_after, NumberField(value, "divergence_after", where));
  return record;
}

Result<CompressionRecord> ParseCompression(const JsonValue& value, const std::string& where) {
  CompressionRecord record;
  HALFLING_ASSIGN_OR_RETURN(record.method, TextField(value, "method", where));
  HALFLING_ASSIGN_OR_RETURN(record.keep, NumberField(value, "keep", where));
  if (value.Find("budget") != nullptr) {
    HALFLING_ASSIGN_OR_RETURN(record.budget, CountField(value, "budget", where));
  }
  HALFLING_ASSIGN_OR_RETURN(record.dtype, TextField(value, "dtype", where));
  HALFLING_ASSIGN_OR_RETURN(const int64_t seed, CountField(value, "seed", where));
  record.seed = static_cast<uint64_t>(seed);
  HALFLING_ASSIGN_OR_RETURN(record.calibration_users,
                            CountField(value, "calibration_users", where));
  HALFLING_ASSIGN_OR_RETURN(record.seconds, NumberField(value, "seconds", where));
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const original, JsonMember(value, "original", where));
  HALFLING_ASSIGN_OR_RETURN(record.original, ParseSize(*original, where + ".original"));
  HALFLING_ASSIGN_OR_RETURN(record.original.bytes,
                            CountField(*original, "bytes", where + ".original"));
  if (const JsonValue* const healing = value.Find("healing")) {
    HALFLING_ASSIGN_OR_RETURN(record.healing, ParseHealing(*healing, where + ".healing"));
  }
  return record;
}

template <typename Table>
nlohmann::ordered_json TableToJson(const Table& table) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const Metric metric : kMetrics) {
    json[std::string(MetricName(metric))] = IntervalToJson(table[static_cast<size_t>(metric)]);
  }
  return json;
}

nlohmann::ordered_json MetricsToJson(const MetricsRecord& metrics) {
  nlohmann::ordered_json json = {{"split", metrics.split},
                                 {"users", metrics.users},
                                 {"beam", metrics.beam},
                                 {kExcludeSeen, metrics.exclude_seen},
                                 {"before", MetricTableToJson(metrics.before)},
                                 {"after", MetricTableToJson(metrics.after)}};
  if (metrics.ndcg10_relative_change) {
    json[kRelativeChange] = IntervalToJson(metrics.ndcg10_relative_change);
  }
  if (metrics.divergence) json[kDivergence] = IntervalToJson(metrics.divergence);
  if (metrics.overlap) json[kOverlap] = IntervalToJson(metrics.overlap);
  return json;
}

}  // namespace

std::string Manifest::Version() const {
  std::string digits;
  for (const ManifestFile& file : files) digits += file.sha256;
  return Sha256Hex(digits);
}

Result<Manifest> ParseManifest(std::string_view json, const std::string& where) {
  HALFLING_ASSIGN_OR_RETURN(const JsonValue document, ParseStrictJson(json, where));
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const format, JsonMember(document, "format", where));
  HALFLING_RETURN_IF_ERROR(JsonInteger(*format, kManifestFormat, kManifestFormat,
                                       where + ": format", ErrorCode::kUnsupportedVersion));

  Manifest manifest;
  HALFLING_ASSIGN_OR_RETURN(manifest.name, TextField(document, "name", where));
  HALFLING_ASSIGN_OR_RETURN(manifest.files, ParseFiles(document, where));
  HALFLING_ASSIGN_OR_RETURN(const std::string version, TextField(document, "version", where));
  if (version != manifest.Version()) {
    return Fail(ErrorCode::kChecksumMismatch,
                where + ": version: expected the hash of the files' sha256, " + manifest.Version());
  }
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const model, JsonMember(document, "model", where));
  const std::string field = where + ": model";
  HALFLING_ASSIGN_OR_RETURN(manifest.model, ParseSize(*model, field));
  HALFLING_ASSIGN_OR_RETURN(manifest.layers, CountField(*model, "layers", field));
  HALFLING_ASSIGN_OR_RETURN(manifest.model_dim, CountField(*model, "model_dim", field));
  HALFLING_ASSIGN_OR_RETURN(manifest.items, CountField(*model, "items", field));
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const compression,
                            JsonMember(document, "compression", where));
  HALFLING_ASSIGN_OR_RETURN(manifest.compression,
                            ParseCompression(*compression, where + ": compression"));
  if (const JsonValue* const metrics = document.Find("metrics")) {
    HALFLING_ASSIGN_OR_RETURN(manifest.metrics, ParseMetrics(*metrics, where + ": metrics"));
  }
  return manifest;
}

nlohmann::ordered_json IntervalToJson(const std::optional<Interval>& interval) {
  if (!interval) return nullptr;
  return {{"mean", interval->mean}, {"low", interval->low}, {"high", interval->high}};
}

nlohmann::ordered_json MetricTableToJson(const MetricTable& table) { return TableToJson(table); }

nlohmann::ordered_json ChangeTableToJson(const ChangeTable& table) { return TableToJson(table); }

std::string ManifestToJson(const Manifest& manifest) {
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  for (const ManifestFile& file : manifest.files) {
    files.push_back({{"path", file.path}, {"bytes", file.bytes}, {"sha256", file.sha256}});
  }
  const CompressionRecord& compression = manifest.compression;
  nlohmann::ordered_json json = {{"format", kManifestFormat},
                                 {"name", manifest.name},
                                 {"version", manifest.Version()},
                                 {"files", std::move(files)},
                                 {"model",
                                  {{"parameters", manifest.model.parameters},
                                   {"linear_parameters", manifest.model.linear_parameters},
                                   {"layers", manifest.layers},
                                   {"model_dim", manifest.model_dim},
                                   {"items", manifest.items}}},
                                 {"compression",
                                  {{"method", compression.method},
                                   {"keep", compression.keep},
                                   {"dtype", compression.dtype},
                                   {"seed", compression.seed},
                                   {"calibration_users", compression.calibration_users},
                                   {"seconds", compression.seconds},
                                   {"original",
                                    {{"parameters", compression.original.parameters},
                                     {"linear_parameters", compression.original.linear_parameters},
                                     {"bytes", compression.original.bytes}}}}}};
  if (compression.budget) json["compression"]["budget"] = *compression.budget;
  if (const auto& healing = compression.healing) {
    json["compression"]["healing"] = {{"epochs", healing->epochs},
                                      {"minutes", healing->minutes},
                                      {"workers", healing->workers},
                                      {"device", healing->device},
                                      {"divergence_before", healing->divergence_before},
                                      {"divergence_after", healing->divergence_after}};
  }
  if (manifest.metrics) json["metrics"] = MetricsToJson(*manifest.metrics);
  return JsonText(json, 2);
}

}  // namespace halfling
