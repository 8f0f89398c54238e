// compression.json: how each matrix was compressed and what that cost. It lies beside
// manifest.json, for `halfling report` and whoever studies a compression; the manifest does not
// list it, so a page never loads it.
//
//   { "format": 1,
//     "matrices": [ { "name": "model.layers.0.self_attn.q_proj", "layer": 0, "out": 192, "in": 192,
//                     "storage": "dense" | "low-rank" | "pivoted",
//                     "dtype": "f32" | "f16" | "bf16" | "int8" | "int4",
//                     "rank": 56, "parameters": 18368, "bytes": 18760,
//                     "singular_values": [ … ], "relative_error": 0.0123 | null }, … ],
//     "layers": [ { "layer": 0, "relative_error": 0.0021 | null }, … ] }
#ifndef HALFLING_COMPRESSOR_MODEL_DIRECTORY_COMPRESSION_DETAILS_H_
#define HALFLING_COMPRESSOR_MODEL_DIRECTORY_COMPRESSION_DETAILS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

namespace halfling {

inline constexpr char kCompressionFile[] = "compression.json";

struct MatrixDetails {
  std::string name;  // of the linear layer, without ".weight"
  int64_t layer = 0;
  int64_t out = 0;
  int64_t in = 0;
  std::string storage;     // "dense", "low-rank" or "pivoted"
  std::string dtype;       // "f32", "f16", "bf16", "int8" or "int4"
  int64_t rank = 0;        // 1 … min(out, in); that of a dense matrix is min(out, in)
  int64_t parameters = 0;  // as Linear::num_parameters counts them
  int64_t bytes = 0;       // as stored, with scales and pivots
  // Falling; all min(out, in) of them, or none where they were not computed. Of W itself for the
  // method "svd"; of W L for "svd-llm" and "od-llm", where L L^T is the Gram matrix of the
  // original's inputs; of F^T Y X'^T L'^-T for "halfling", where F says what the outputs count for
  // (output_weights.h), Y is what the linear is to give (fit_linear.h), X' are the compressed model's
  // inputs, L' L'^T is their Gram matrix, and both products have a ridge.
  std::vector<double> singular_values;
  // ||Y - W^ X'||^2 / ||Y||^2 on the calibration tokens, all outputs alike; Y = W X but where
  // "halfling" also makes good what the hidden states lack; nothing where it was not measured.
  std::optional<double> relative_error;
};

struct LayerDetails {
  int64_t layer = 0;
  // ||H - H'||^2 / ||H||^2 of the hidden states after the layer, original against compressed.
  std::optional<double> relative_error;
};

struct CompressionDetails {
  std::vector<MatrixDetails> matrices;
  std::vector<LayerDetails> layers;
};

// Checks every field: kMalformedJson names the one at fault, kUnsupportedVersion another format.
Result<CompressionDetails> ParseCompressionDetails(std::string_view json, const std::string& where);

// Singular values and errors keep six digits.
std::string CompressionDetailsToJson(const CompressionDetails& details);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_MODEL_DIRECTORY_COMPRESSION_DETAILS_H_
