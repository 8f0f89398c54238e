// What `halfling inspect` says about a directory.
#include <nlohmann/json.hpp>

#include "compressor/io/json_text.h"
#include "compressor/report.h"
#include "engine/model/config.h"

namespace halfling {
namespace {

using OrderedJson = nlohmann::ordered_json;

// "64" for factors of rank 64, "64, pivoted", "dense" for a whole matrix.
std::string RankLabel(const Linear& linear) {
  switch (linear.form()) {
    case LinearForm::kDense:
      break;
    case LinearForm::kLowRank:
      return std::to_string(linear.rank());
    case LinearForm::kPivoted:
      return std::to_string(linear.rank()) + ", pivoted";
  }
  return "dense";
}

// How the matrices run: int4 is widened when it is loaded.
std::string PrecisionLabel(const Linear& linear) {
  return linear.right_input_bits() < 32 ? "int8" : "float";
}

// Of each matrix, in the order in which they run: the right factor, then the left one.
std::vector<int> InputBits(const Linear& linear) {
  std::vector<int> bits = {linear.right_input_bits()};
  if (!linear.is_dense()) bits.push_back(linear.left_input_bits());
  return bits;
}

std::string InputBitsLabel(const Linear& linear) {
  std::string label;
  for (const int bits : InputBits(linear)) {
    label += (label.empty() ? "" : ", ") + std::to_string(bits);
  }
  return label;
}

TextTable LinearsTable(const ModelWeights& weights) {
  TextTable table({"linear", "out x in", "rank", "runs in", "input bits", "parameters"});
  for (size_t layer = 0; layer < weights.layers.size(); ++layer) {
    for (const LinearKind kind : kLinearKinds) {
      const Linear& linear = weights.layers[layer].linear(kind);
      table.AddRow({LinearName(static_cast<int>(layer), kind),
                    std::to_string(linear.out_dim()) + " x " + std::to_string(linear.in_dim()),
                    RankLabel(linear), PrecisionLabel(linear), InputBitsLabel(linear),
                    FormatCount(static_cast<int64_t>(linear.num_parameters()))});
    }
  }
  return table;
}

OrderedJson LinearsJson(const ModelWeights& weights) {
  OrderedJson linears = OrderedJson::array();
  for (size_t layer = 0; layer < weights.layers.size(); ++layer) {
    for (const LinearKind kind : kLinearKinds) {
      const Linear& linear = weights.layers[layer].linear(kind);
      OrderedJson entry = {{"name", LinearName(static_cast<int>(layer), kind)},
                           {"out", linear.out_dim()},
                           {"in", linear.in_dim()},
                           {"parameters", linear.num_parameters()}};
      if (!linear.is_dense()) entry["rank"] = linear.rank();
      if (linear.is_pivoted()) entry["pivoted"] = true;
      entry["runs_in"] = PrecisionLabel(linear);
      entry["input_bits"] = InputBits(linear);
      linears.push_back(std::move(entry));
    }
  }
  return linears;
}

// ", healed in 3 epochs (KL(original || halved) an item: 0.0512, before 0.0934)", or nothing.
std::string HealingLabel(const std::optional<HealingRecord>& healing) {
  if (!healing) return "";
  return ", healed in " + std::to_string(healing->epochs) +
         " epochs (KL(original || halved) an item: " +
         OrderedJson(healing->divergence_after).dump() + ", before " +
         OrderedJson(healing->divergence_before).dump() + ")";
}

std::string BudgetLabel(const std::optional<int64_t>& budget) {
  return budget ? ", for a budget of " + FormatCount(*budget) + " bytes" : "";
}

std::string ManifestText(const Manifest& manifest) {
  const CompressionRecord& compression = manifest.compression;
  std::string text = "model " + Printable(manifest.name) + ", version " + manifest.Version() + "\n" +
                     compression.method + ", keep " + OrderedJson(compression.keep).dump() + ", " +
                     compression.dtype + BudgetLabel(compression.budget) +
                     HealingLabel(compression.healing) +
                     "; before: " + FormatCount(compression.original.parameters) + " parameters, " +
                     FormatCount(compression.original.bytes) + " bytes\n\n";
  TextTable files({"file", "bytes", "sha256 (verified)"});
  for (const ManifestFile& file : manifest.files) {
    files.AddRow({file.path, FormatCount(file.bytes), file.sha256});
  }
  text += files.ToString();
  if (manifest.metrics) {
    TextTable table({"metric", "before", "after"});
    for (const Metric metric : kMetrics) {
      const auto i = static_cast<size_t>(metric);
      table.AddRow({std::string(MetricName(metric)), FormatInterval(manifest.metrics->before[i]),
                    FormatInterval(manifest.metrics->after[i])});
    }
    if (manifest.metrics->divergence) {
      table.AddRow({"KL, nats an item", "", FormatInterval(*manifest.metrics->divergence)});
    }
    if (manifest.metrics->overlap) {
      table.AddRow({"overlap@10", "", FormatInterval(*manifest.metrics->overlap)});
    }
    text += "\n";
    text += table.ToString() + FormatCount(manifest.metrics->users) + " users of the " +
            Printable(manifest.metrics->split) + " split, beam " + std::to_string(manifest.metrics->beam) +
            ", " + SeenItemsText(manifest.metrics->exclude_seen) + "\n";
  }
  return text;
}

}  // namespace

std::string InspectText(const OpenedModel& opened, const std::string& directory) {
  const RecommenderModel& model = opened.recommender.model();
  std::string text =
      directory + ": a " + (opened.manifest ? "model directory" : "checkpoint") + "\n";
  if (opened.manifest) text += ManifestText(*opened.manifest);
  text += "\n";
  text += FormatCount(opened.catalog.size()) + " items, " + FormatCount(opened.size.parameters) +
          " parameters, " + FormatCount(opened.size.linear_parameters) +
          " of them in linear layers, " + FormatCount(opened.size.bytes) + " bytes of weights\n\n" +
          LinearsTable(model.transformer.weights()).ToString();
  text += "\nconfiguration\n" +
          JsonText(OrderedJson::parse(ModelConfigToJson(model.transformer.config())), 2);
  return text;
}

std::string InspectJson(const OpenedModel& opened, const std::string& directory) {
  const RecommenderModel& model = opened.recommender.model();
  OrderedJson json = {{"directory", directory},
                      {"kind", opened.manifest ? "model" : "checkpoint"},
                      {"items", opened.catalog.size()},
                      {"parameters", opened.size.parameters},
                      {"linear_parameters", opened.size.linear_parameters},
                      {"bytes", opened.size.bytes},
                      {"config", OrderedJson::parse(ModelConfigToJson(model.transformer.config()))},
                      {"linears", LinearsJson(model.transformer.weights())}};
  if (opened.manifest) json["manifest"] = OrderedJson::parse(ManifestToJson(*opened.manifest));
  return JsonText(json, 2);
}

}  // namespace halfling
