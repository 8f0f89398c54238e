// The compression from end to end: stages in order, then the model directory.
#ifndef HALFLING_COMPRESSOR_PIPELINE_H_
#define HALFLING_COMPRESSOR_PIPELINE_H_

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "compressor/model_directory/compression_details.h"
#include "compressor/model_directory/manifest.h"
#include "compressor/progress.h"
#include "compressor/stages/choose_plan.h"
#include "engine/tensor/tensor.h"

namespace halfling {

struct CompressOptions {
  std::filesystem::path checkpoint;
  std::filesystem::path output;
  std::string name;  // of the model; empty: the output directory's
  CompressionMethod method = CompressionMethod::kHalfling;
  // The size to reach: a share of the linear layers' parameters, or bytes of the weight files.
  double keep = 0.5;              // in (0, 1]
  std::optional<int64_t> budget;  // instead of keep; for kHalfling only
  // Of the matrices, with keep. Nothing: the method's own, which for kNone is the checkpoint's, for
  // kInt4 int4 (and int8 for embedding and head), and else int8.
  std::optional<DType> dtype;
  std::filesystem::path
      interactions;  // what is evaluated; empty: interactions.json beside the weights
  std::filesystem::path calibration;  // empty: the same file
  size_t calibration_users = 3000;
  uint64_t seed = 1;             // draws the calibration users
  size_t evaluate_users = 2000;  // 0: no evaluation
  int beam_width = 20;
  bool exclude_seen = true;  // from the lists that are evaluated
  int threads = 1;
};

struct CompressReport {
  Manifest manifest;
  CompressionDetails details;
  size_t seen_targets = 0;   // of the users evaluated with, as CountSeenTargets
  double total_seconds = 0;  // evaluation included
};

// Reads options.checkpoint, writes options.output, which stays as it was unless all went well. Without
// an evaluation the model is never in memory as a whole.
Result<CompressReport> Compress(const CompressOptions& options, Progress& progress);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_PIPELINE_H_
