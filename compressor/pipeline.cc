#include "compressor/pipeline.h"

#include <chrono>
#include <utility>
#include <vector>

#include "compressor/evaluation/compare.h"
#include "compressor/evaluation/rank_targets.h"
#include "compressor/interactions/read_examples.h"
#include "compressor/model_directory/model_directory.h"
#include "compressor/open_model.h"
#include "compressor/stages/choose_ranks.h"
#include "compressor/stages/compress_layers.h"
#include "compressor/stages/export_model.h"
#include "compressor/stages/prune_vocabulary.h"
#include "compressor/stages/quantize.h"

namespace halfling {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

std::filesystem::path InteractionsPath(const CompressOptions& options) {
  return FindInteractions(options.interactions, {options.checkpoint});
}

bool NeedsCalibration(CompressionMethod method) {
  return method != CompressionMethod::kNone && method != CompressionMethod::kSvd;
}

// Training parts only: neither validation nor test targets are seen.
Result<std::vector<TokenSequence>> DrawCalibration(const CompressOptions& options,
                                                   const RecommenderDescription& recommender) {
  if (!NeedsCalibration(options.method)) return std::vector<TokenSequence>();
  const std::filesystem::path path =
      options.calibration.empty() ? InteractionsPath(options) : options.calibration;
  HALFLING_ASSIGN_OR_RETURN(const std::vector<Example> examples,
                            ReadExamples(path, recommender.catalog, Split::kTraining,
                                         options.calibration_users, options.seed));
  return MakeCalibrationSequences(examples, recommender.prompt, recommender.codes);
}

// Stages 2 and 3: the transformer with its linears replaced.
Result<Transformer> CompressLinears(const Transformer& original, const CompressOptions& options,
                                    const std::vector<TokenSequence>& sequences,
                                    Progress& progress) {
  const auto compress = [&](FactorizationMethod method) {
    return CompressLayers(original, ChooseUniformRanks(original.weights(), options.keep), method,
                          sequences, options.threads, progress);
  };
  switch (options.method) {
    case CompressionMethod::kNone:
      break;
    case CompressionMethod::kSvd:
      return compress(FactorizationMethod::kSvd);
    case CompressionMethod::kSvdLlm:
      return compress(FactorizationMethod::kWhitenedSvd);
    case CompressionMethod::kOdLlm:
      return compress(FactorizationMethod::kAlignedSvd);
    case CompressionMethod::kHalfling:
      return compress(FactorizationMethod::kRegression);
  }
  return original;
}

// Stages 4 to 6: what the model directory will hold.
Result<std::vector<FileBytes>> MakeFiles(const Transformer& model, const Checkpoint& checkpoint,
                                         std::optional<DType> dtype) {
  const PrunedVocabulary vocabulary =
      PruneVocabulary(checkpoint.recommender.prompt, checkpoint.recommender.codes);
  const DTypeChoice as_stored = [&checkpoint](std::string_view name) {
    const Result<TensorView> stored = checkpoint.tensors.Find(name);
    return stored ? stored->dtype : DType::kF32;
  };
  const DTypeChoice chosen = [dtype](std::string_view) { return *dtype; };
  const DTypeChoice f32 = [](std::string_view) { return DType::kF32; };
  HALFLING_ASSIGN_OR_RETURN(
      std::vector<NamedTensor> tensors,
      StoreTensors(model, vocabulary.ids, dtype ? chosen : as_stored, dtype ? f32 : as_stored));
  return ExportModel(checkpoint.config, vocabulary, std::move(tensors),
                     checkpoint.recommender.catalog);
}

// The model as a browser will load it: from the very bytes that are written.
Result<Recommender> LoadFiles(const std::vector<FileBytes>& files) {
  std::vector<FileBytes> shards;
  for (const FileBytes& file : files) {
    if (file.name != kCatalogFile) shards.push_back(file);
  }
  return Recommender::Load(std::move(shards));
}

// None where nothing is to be evaluated.
Result<std::vector<Example>> DrawTestExamples(const CompressOptions& options,
                                              const Catalog& catalog) {
  if (options.evaluate_users == 0) return std::vector<Example>();
  return ReadExamples(InteractionsPath(options), catalog, Split::kTest, options.evaluate_users,
                      options.seed);
}

Result<std::optional<MetricsRecord>> EvaluateBoth(const Recommender& before,
                                                  const Recommender& after,
                                                  const CompressOptions& options,
                                                  const std::vector<Example>& examples,
                                                  Progress& progress) {
  if (examples.empty()) return std::optional<MetricsRecord>();
  const RankingOptions ranking{options.beam_width, true, options.threads, true};
  HALFLING_ASSIGN_OR_RETURN(const TargetRanks ranks_before,
                            RankTargets(before, examples, ranking, progress));
  HALFLING_ASSIGN_OR_RETURN(const TargetRanks ranks_after,
                            RankTargets(after, examples, ranking, progress));
  MetricsRecord record;
  record.split = "test";
  record.users = static_cast<int64_t>(examples.size());
  record.beam = options.beam_width;
  record.before = SummarizeRanks(ranks_before.strict);
  record.after = SummarizeRanks(ranks_after.strict);
  const Comparison comparison = Compare(ranks_before, ranks_after);
  record.ndcg10_relative_change = comparison.relative_change[static_cast<size_t>(Metric::kNdcg10)];
  record.divergence = comparison.divergence;
  record.overlap = comparison.overlap;
  return std::optional<MetricsRecord>(record);
}

std::string DTypeLabel(std::optional<DType> dtype) {
  if (!dtype) return "as-stored";
  return *dtype == DType::kF16 ? "f16" : "f32";
}

int64_t ShardBytes(const std::vector<FileBytes>& files) {
  int64_t bytes = 0;
  for (const FileBytes& file : files) {
    if (file.name != kCatalogFile) bytes += static_cast<int64_t>(file.bytes.size());
  }
  return bytes;
}

// A path's last name, whether or not it ends in a slash.
std::string LastName(const std::filesystem::path& path) {
  const std::filesystem::path whole = std::filesystem::absolute(path).lexically_normal();
  return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

Manifest DescribeModel(const CompressOptions& options, const ModelConfig& config,
                       const std::vector<FileBytes>& files, const Recommender& compressed) {
  Manifest manifest;
  manifest.name = options.name.empty() ? LastName(options.output) : options.name;
  manifest.files = ListFiles(files);
  manifest.model = CountParameters(compressed.model().transformer);
  manifest.model.bytes = ShardBytes(files);
  manifest.layers = config.num_layers;
  manifest.model_dim = config.model_dim;
  manifest.items = static_cast<int64_t>(compressed.model().codes.size());
  manifest.compression.method = std::string(MethodName(options.method));
  manifest.compression.keep = options.method == CompressionMethod::kNone ? 1.0 : options.keep;
  manifest.compression.dtype = DTypeLabel(options.dtype);
  manifest.compression.seed = options.seed;
  return manifest;
}

}  // namespace

std::string_view MethodName(CompressionMethod method) {
  switch (method) {
    case CompressionMethod::kNone:
      return "none";
    case CompressionMethod::kSvd:
      return "svd";
    case CompressionMethod::kSvdLlm:
      return "svd-llm";
    case CompressionMethod::kOdLlm:
      return "od-llm";
    case CompressionMethod::kHalfling:
      return "halfling";
  }
  return "";
}

Result<CompressReport> Compress(const CompressOptions& options, Progress& progress) {
  const Clock::time_point begin = Clock::now();
  HALFLING_RETURN_IF_ERROR(CheckReplaceable(options.output));
  HALFLING_ASSIGN_OR_RETURN(const Checkpoint checkpoint, OpenCheckpoint(options.checkpoint));
  HALFLING_ASSIGN_OR_RETURN(const Recommender original, MakeRecommender(checkpoint));
  HALFLING_ASSIGN_OR_RETURN(const std::vector<TokenSequence> sequences,
                            DrawCalibration(options, checkpoint.recommender));
  // Before the work, so that what is wrong with them is known before it.
  HALFLING_ASSIGN_OR_RETURN(const std::vector<Example> examples,
                            DrawTestExamples(options, checkpoint.recommender.catalog));
  const Transformer& dense = original.model().transformer;
  HALFLING_ASSIGN_OR_RETURN(const Transformer linears,
                            CompressLinears(dense, options, sequences, progress));
  HALFLING_ASSIGN_OR_RETURN(const std::vector<FileBytes> files,
                            MakeFiles(linears, checkpoint, options.dtype));
  HALFLING_ASSIGN_OR_RETURN(const Recommender compressed, LoadFiles(files));

  CompressReport report;
  report.manifest = DescribeModel(options, checkpoint.config, files, compressed);
  CompressionRecord& record = report.manifest.compression;
  record.calibration_users = static_cast<int64_t>(sequences.size());
  record.seconds = SecondsSince(begin);
  record.original = CountParameters(dense);
  record.original.bytes = static_cast<int64_t>(checkpoint.tensors.bytes_on_disk());
  HALFLING_ASSIGN_OR_RETURN(report.manifest.metrics,
                            EvaluateBoth(original, compressed, options, examples, progress));
  progress.Finish();
  HALFLING_RETURN_IF_ERROR(WriteModelDirectory(options.output, report.manifest, files));
  report.total_seconds = SecondsSince(begin);
  return report;
}

}  // namespace halfling
