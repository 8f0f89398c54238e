// The compression from end to end: stages in order, then the model directory.
#ifndef HALFLING_COMPRESSOR_PIPELINE_H_
#define HALFLING_COMPRESSOR_PIPELINE_H_

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "compressor/model_directory/manifest.h"
#include "compressor/progress.h"
#include "engine/tensor/tensor.h"

namespace halfling {

enum class CompressionMethod { kNone, kSvd, kSvdLlm, kOdLlm, kHalfling };

std::string_view MethodName(CompressionMethod method);  // "none", "svd", …

struct CompressOptions {
  std::filesystem::path checkpoint;
  std::filesystem::path output;
  std::string name;  // of the model; empty: the output directory's
  CompressionMethod method = CompressionMethod::kHalfling;
  double keep = 0.5;           // share of the linear layers' parameters, in (0, 1]
  std::optional<DType> dtype;  // of the matrices; nothing: as the checkpoint stores them
  std::filesystem::path
      interactions;  // what is evaluated; empty: interactions.json beside the weights
  std::filesystem::path calibration;  // empty: the same file
  size_t calibration_users = 2000;
  uint64_t seed = 1;             // draws the calibration users
  size_t evaluate_users = 2000;  // 0: no evaluation
  int beam_width = 20;
  int threads = 1;
};

struct CompressReport {
  Manifest manifest;
  double total_seconds = 0;  // evaluation included
};

// Reads options.checkpoint, writes options.output. Nothing is written unless all went well.
Result<CompressReport> Compress(const CompressOptions& options, Progress& progress);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_PIPELINE_H_
