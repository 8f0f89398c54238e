#include "compressor/pipeline.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "compressor/checkpoint/pruned_tensors.h"
#include "compressor/evaluation/compare.h"
#include "compressor/evaluation/rank_targets.h"
#include "compressor/interactions/read_examples.h"
#include "compressor/model_directory/compression_details.h"
#include "compressor/model_directory/model_directory.h"
#include "compressor/open_model.h"
#include "compressor/stages/compress_layers.h"
#include "compressor/stages/outer_weights.h"
#include "compressor/stages/prune_vocabulary.h"
#include "compressor/stages/stored_linear.h"

namespace halfling {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

bool NeedsCalibration(CompressionMethod method) {
  return method != CompressionMethod::kNone && method != CompressionMethod::kSvd;
}

// Whom the model is calibrated and evaluated with; either may be nobody.
struct DrawnUsers {
  std::vector<Example> calibration;  // training parts: neither validation nor test targets are seen
  std::vector<Example> test;
};

Result<DrawnUsers> DrawUsers(const CompressOptions& options, const Catalog& catalog) {
  const std::filesystem::path interactions =
      FindInteractions(options.interactions, {options.checkpoint});
  const std::filesystem::path calibration =
      options.calibration.empty() ? interactions : options.calibration;
  const bool calibrates = NeedsCalibration(options.method);
  const bool evaluates = options.evaluate_users > 0;
  DrawnUsers drawn;
  Interactions read;
  if (evaluates || (calibrates && calibration == interactions)) {
    HALFLING_ASSIGN_OR_RETURN(read, ReadInteractions(interactions, catalog));
  }
  if (evaluates) {
    HALFLING_ASSIGN_OR_RETURN(drawn.test, DrawSplit(read, Split::kTest, options.evaluate_users,
                                                    options.seed, interactions));
  }
  if (calibrates && calibration != interactions) {
    HALFLING_ASSIGN_OR_RETURN(read, ReadInteractions(calibration, catalog));
  }
  if (calibrates) {
    HALFLING_ASSIGN_OR_RETURN(
        drawn.calibration,
        DrawSplit(read, Split::kTraining, options.calibration_users, options.seed, calibration));
  }
  return drawn;
}

Result<ItemTrie> BuildTrie(const PrunedVocabulary& vocabulary) {
  return ItemTrie::Build(vocabulary.codes, {}, static_cast<int>(vocabulary.ids.size()));
}

// How the tensors that are no linear layer's are stored.
struct OuterDTypes {
  DTypeChoice matrix;
  DTypeChoice vector;
};

OuterDTypes ChooseOuterDTypes(const CompressOptions& options, const TensorSource& tensors) {
  if (options.method == CompressionMethod::kNone && !options.dtype) {
    const DTypeChoice as_stored = [&tensors](std::string_view name) {
      const Result<TensorView> stored = tensors.Find(name);
      return stored ? stored->dtype : DType::kF32;
    };
    return {as_stored, as_stored};
  }
  const DType dtype = options.dtype.value_or(DType::kI8);
  return {[dtype](std::string_view) { return dtype; },
          [](std::string_view) { return DType::kF32; }};
}

// One compression on its way: what its stages share.
class Compression {
 public:
  Compression(const CompressOptions& options, const Checkpoint& checkpoint,
              PrunedVocabulary vocabulary, PrunedTensors tensors, Progress& progress)
      : options_(options),
        checkpoint_(checkpoint),
        vocabulary_(std::move(vocabulary)),
        tensors_(std::move(tensors)),
        dtypes_(ChooseOuterDTypes(options, tensors_)),
        config_(checkpoint.config),
        progress_(progress) {
    config_.vocab_size = static_cast<int>(vocabulary_.ids.size());
  }

  // Writes all files but the manifest, and says in `manifest` what they hold.
  Status Run(const std::vector<Example>& calibration_users, ModelDirectoryWriter& directory,
             Manifest& manifest) {
    const CalibrationSet calibration =
        MakeCalibrationSet(calibration_users, vocabulary_.prompt, vocabulary_.codes);
    HALFLING_ASSIGN_OR_RETURN(ModelWeights outer, LoadOuterWeights(config_, tensors_));
    HALFLING_ASSIGN_OR_RETURN(RoundedWeights rounded,
                              RoundOuterWeights(outer, dtypes_.matrix, dtypes_.vector));
    HALFLING_ASSIGN_OR_RETURN(Transformer skeleton,
                              Transformer::CreateWithoutLayers(config_, std::move(outer)));
    HALFLING_ASSIGN_OR_RETURN(Transformer compressed,
                              Transformer::CreateWithoutLayers(config_, rounded.weights));
    StreamedModel original(std::move(skeleton), [this](int layer) {
      auto weights = LoadLayer(config_, tensors_, layer);
      checkpoint_.tensors.ReleasePages();
      return weights;
    });
    HALFLING_ASSIGN_OR_RETURN(plan_, Plan(original, calibration, rounded.tensors));

    HALFLING_ASSIGN_OR_RETURN(ModelFileWriter file,
                              ModelFileWriter::Begin(Contents(std::move(rounded.tensors)),
                                                     [&directory](std::vector<std::byte> shard) {
                                                       return directory.AddShard(shard);
                                                     }));
    const LayerSink sink = [&](int layer, const LayerWeights& weights, CompressedLayer result) {
      return WriteLayer(layer, weights, result, file);
    };
    HALFLING_RETURN_IF_ERROR(CompressLayers(original, std::move(compressed), plan_,
                                            FitMethodOf(options_.method), calibration.sequences,
                                            options_.threads, sink, progress_));
    HALFLING_RETURN_IF_ERROR(file.Finish());
    HALFLING_RETURN_IF_ERROR(directory.NameShards());
    HALFLING_RETURN_IF_ERROR(directory.AddCatalog(checkpoint_.recommender.catalog));
    manifest.compression.calibration_users = static_cast<int64_t>(calibration.sequences.size());
    DescribeResult(directory.files(), manifest);
    return directory.AddUnlisted(kCompressionFile, CompressionDetailsToJson(details_));
  }

  const CompressionDetails& details() const { return details_; }

 private:
  ModelFileContents Contents(std::vector<NamedTensor> tensors) const {
    ModelFileContents contents;
    contents.config_json = ModelConfigToJson(config_);
    contents.prompt = vocabulary_.prompt;
    contents.codes = vocabulary_.codes;
    contents.popularity = checkpoint_.recommender.Popularity();
    contents.vocabulary_ids = vocabulary_.ids;
    contents.tensors = std::move(tensors);
    return contents;
  }

  Result<ModelPlan> Plan(StreamedModel& original, const CalibrationSet& calibration,
                         const std::vector<NamedTensor>& outer_tensors) {
    SizeGoal goal = KeepShare{options_.keep, options_.dtype.value_or(DType::kI8)};
    if (options_.budget) {
      HALFLING_ASSIGN_OR_RETURN(const int64_t others, BytesBesideLinears(outer_tensors));
      goal = ByteBudget{*options_.budget - others, others};
    }
    HALFLING_ASSIGN_OR_RETURN(const ItemTrie trie, BuildTrie(vocabulary_));
    const auto rounding =
        options_.budget ? RoundingErrors::kMeasured : RoundingErrors::kNone;
    const SurveyRunner survey = [&](const ModelPlan& reference, const Survey* earlier) {
      return earlier == nullptr ? SurveyLinears(original, reference, calibration, trie, rounding,
                                                options_.threads, progress_)
                                : SurveyAgain(*earlier, original, reference, calibration, trie,
                                              options_.threads, progress_);
    };
    return ChoosePlan(options_.method, goal, config_, survey, [this](int layer, LinearKind kind) {
      if (options_.dtype) return *options_.dtype;
      return dtypes_.matrix(LinearName(layer, kind) + ".weight");
    });
  }

  // What the shards take with the matrices of all linears left out. Their biases are in it: they
  // are stored alike whatever the form.
  Result<int64_t> BytesBesideLinears(std::vector<NamedTensor> tensors) const {
    for (int layer = 0; layer < config_.num_layers; ++layer) {
      HALFLING_ASSIGN_OR_RETURN(const LayerWeights weights, LoadLayer(config_, tensors_, layer));
      HALFLING_RETURN_IF_ERROR(AppendNorms(layer, weights, dtypes_.vector, tensors));
      for (const LinearKind kind : kLinearKinds) {
        HALFLING_RETURN_IF_ERROR(
            AppendBias(LinearName(layer, kind), weights.linear(kind).bias(), tensors));
      }
      checkpoint_.tensors.ReleasePages();
    }
    int64_t bytes = 0;
    HALFLING_ASSIGN_OR_RETURN(
        ModelFileWriter file,
        ModelFileWriter::Begin(Contents(std::move(tensors)),
                               [&bytes](const std::vector<std::byte>& shard) -> Status {
                                 bytes += static_cast<int64_t>(shard.size());
                                 return {};
                               }));
    HALFLING_RETURN_IF_ERROR(file.Finish());
    return bytes;
  }

  Status WriteLayer(int layer, const LayerWeights& weights, CompressedLayer& result,
                    ModelFileWriter& file) {
    std::vector<NamedTensor> tensors;
    HALFLING_RETURN_IF_ERROR(AppendNorms(layer, weights, dtypes_.vector, tensors));
    for (const LinearKind kind : kLinearKinds) {
      const FittedLinear& fitted = result.linears[static_cast<size_t>(kind)];
      HALFLING_RETURN_IF_ERROR(AppendLinear(LinearName(layer, kind), fitted.stored, tensors));
      details_.matrices.push_back(Describe(layer, kind, fitted));
    }
    details_.layers.push_back({layer, result.relative_error});
    for (NamedTensor& tensor : tensors) HALFLING_RETURN_IF_ERROR(file.Add(std::move(tensor)));
    return {};
  }

  MatrixDetails Describe(int layer, LinearKind kind, const FittedLinear& fitted) const {
    const LinearShape shape = LinearShapeOf(config_, kind);
    const LinearPlan& plan = plan_[static_cast<size_t>(layer)][static_cast<size_t>(kind)];
    MatrixDetails details;
    details.name = LinearName(layer, kind);
    details.layer = layer;
    details.out = shape.out_dim;
    details.in = shape.in_dim;
    details.storage = StorageName(plan.storage);
    details.dtype = PrecisionName(plan.dtype);
    details.rank =
        plan.storage == Storage::kDense ? std::min(shape.out_dim, shape.in_dim) : plan.rank;
    details.parameters =
        NumParameters(shape, plan) + static_cast<int64_t>(fitted.stored.bias.size());
    details.bytes =
        NumBytes(shape, plan) + static_cast<int64_t>(fitted.stored.bias.size() * sizeof(float));
    details.singular_values.assign(fitted.singular_values.begin(), fitted.singular_values.end());
    if (fitted.squared_error && *fitted.squared_output > 0) {
      details.relative_error = *fitted.squared_error / *fitted.squared_output;
    }
    return details;
  }

  void DescribeResult(const std::vector<ManifestFile>& files, Manifest& manifest) const {
    const ModelSize dense = DenseSize(config_);
    ModelSize& size = manifest.model;
    std::string dtype;
    for (const MatrixDetails& matrix : details_.matrices) {
      size.linear_parameters += matrix.parameters;
      if (!dtype.empty() && dtype != matrix.dtype) dtype = "mixed";
      if (dtype.empty()) dtype = matrix.dtype;
    }
    size.parameters = dense.parameters - dense.linear_parameters + size.linear_parameters;
    for (const ManifestFile& file : files) {
      if (file.path != kCatalogFile) size.bytes += file.bytes;
    }
    manifest.compression.dtype = dtype;
    // What was asked for, or, of a budget, what came out.
    manifest.compression.keep = options_.keep;
    if (options_.budget || options_.method == CompressionMethod::kNone ||
        options_.method == CompressionMethod::kInt8 ||
        options_.method == CompressionMethod::kInt4) {
      manifest.compression.keep = static_cast<double>(size.linear_parameters) /
                                  static_cast<double>(dense.linear_parameters);
    }
  }

  const CompressOptions& options_;
  const Checkpoint& checkpoint_;
  const PrunedVocabulary vocabulary_;
  const PrunedTensors tensors_;
  const OuterDTypes dtypes_;
  ModelConfig config_;
  Progress& progress_;
  ModelPlan plan_;
  CompressionDetails details_;
};

// The model as a browser will load it, from the very bytes that are written, against the original.
Result<std::optional<MetricsRecord>> EvaluateBoth(const Checkpoint& checkpoint,
                                                  const ModelDirectoryWriter& directory,
                                                  const CompressOptions& options,
                                                  const std::vector<Example>& examples,
                                                  Progress& progress) {
  if (examples.empty()) return std::optional<MetricsRecord>();
  RankingOptions ranking;
  ranking.beam_width = options.beam_width;
  ranking.exclude_seen = options.exclude_seen;
  ranking.threads = options.threads;
  ranking.code_logits = true;
  const auto rank = [&](const Result<Recommender>& recommender) -> Result<TargetRanks> {
    if (!recommender) return tl::unexpected(recommender.error());
    return RankTargets(*recommender, examples, ranking, progress);
  };
  // One after the other: both in memory would be twice as much.
  HALFLING_ASSIGN_OR_RETURN(const TargetRanks ranks_before, rank(MakeRecommender(checkpoint)));
  HALFLING_ASSIGN_OR_RETURN(std::vector<FileBytes> shards, directory.ReadShards());
  HALFLING_ASSIGN_OR_RETURN(const TargetRanks ranks_after,
                            rank(Recommender::Load(std::move(shards))));
  MetricsRecord record;
  record.split = "test";
  record.users = static_cast<int64_t>(examples.size());
  record.beam = options.beam_width;
  record.exclude_seen = options.exclude_seen;
  record.before = SummarizeRanks(ranks_before.strict);
  record.after = SummarizeRanks(ranks_after.strict);
  const Comparison comparison = Compare(ranks_before, ranks_after);
  record.ndcg10_relative_change = comparison.relative_change[static_cast<size_t>(Metric::kNdcg10)];
  record.divergence = comparison.divergence;
  record.overlap = comparison.overlap;
  return std::optional<MetricsRecord>(record);
}

// A path's last name, whether or not it ends in a slash.
std::string LastName(const std::filesystem::path& path) {
  const std::filesystem::path whole = std::filesystem::absolute(path).lexically_normal();
  return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

// What of the manifest is known before the work.
Manifest DescribeRequest(const CompressOptions& options, const Checkpoint& checkpoint) {
  Manifest manifest;
  manifest.name = options.name.empty() ? LastName(options.output) : options.name;
  manifest.layers = checkpoint.config.num_layers;
  manifest.model_dim = checkpoint.config.model_dim;
  manifest.items = static_cast<int64_t>(checkpoint.recommender.codes.size());
  manifest.compression.method = std::string(MethodName(options.method));
  manifest.compression.budget = options.budget;
  manifest.compression.seed = options.seed;
  manifest.compression.original = DenseSize(checkpoint.config);
  manifest.compression.original.bytes = static_cast<int64_t>(checkpoint.tensors.bytes_on_disk());
  return manifest;
}

Status CheckBudget(const CompressOptions& options, const ModelSize& model) {
  if (!options.budget || model.bytes <= *options.budget) return {};
  return Fail(ErrorCode::kTooLarge, "--budget: the files take " + std::to_string(model.bytes) +
                                        " bytes, expected at most " +
                                        std::to_string(*options.budget));
}

}  // namespace

Result<CompressReport> Compress(const CompressOptions& options, Progress& progress) {
  const Clock::time_point begin = Clock::now();
  HALFLING_ASSIGN_OR_RETURN(ModelDirectoryWriter directory,
                            ModelDirectoryWriter::Begin(options.output));
  if (IsModelDirectory(options.checkpoint)) {
    return Fail(ErrorCode::kInvalidRequest, options.checkpoint.string(),
                ": a model directory; expected the checkpoint that it was made of");
  }
  HALFLING_ASSIGN_OR_RETURN(const Checkpoint checkpoint, OpenCheckpoint(options.checkpoint));
  // Before the work, so that what is wrong with them is known before it.
  HALFLING_ASSIGN_OR_RETURN(const DrawnUsers users,
                            DrawUsers(options, checkpoint.recommender.catalog));
  PrunedVocabulary vocabulary =
      PruneVocabulary(checkpoint.recommender.prompt, checkpoint.recommender.codes);
  HALFLING_ASSIGN_OR_RETURN(PrunedTensors tensors,
                            PrunedTensors::Create(checkpoint.tensors, vocabulary.ids));

  CompressReport report;
  report.manifest = DescribeRequest(options, checkpoint);
  Compression compression(options, checkpoint, std::move(vocabulary), std::move(tensors), progress);
  HALFLING_RETURN_IF_ERROR(compression.Run(users.calibration, directory, report.manifest));
  report.manifest.files = directory.files();
  HALFLING_RETURN_IF_ERROR(CheckBudget(options, report.manifest.model));
  report.manifest.compression.seconds = SecondsSince(begin);
  HALFLING_ASSIGN_OR_RETURN(report.manifest.metrics,
                            EvaluateBoth(checkpoint, directory, options, users.test, progress));
  report.seen_targets = CountSeenTargets(users.test);
  progress.Finish();
  HALFLING_RETURN_IF_ERROR(directory.Commit(report.manifest));
  report.details = compression.details();
  report.total_seconds = SecondsSince(begin);
  return report;
}

}  // namespace halfling
