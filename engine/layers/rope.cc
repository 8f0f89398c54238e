#include "engine/layers/rope.h"

#include <algorithm>
#include <numbers>

#include "engine/base/double_math.h"

namespace halfling {
namespace {

// theta^-(2 i / head_dim), then rounded and inverted in f32 as transformers does.
float DefaultFrequency(double theta, int i, int head_dim) {
  const double exponent = static_cast<double>(2 * i) / static_cast<double>(head_dim);
  return 1.0f / static_cast<float>(ExpDouble(exponent * LogDouble(theta)));
}

// Llama 3.1: long wavelengths are stretched by `factor`, short ones kept, those between blended.
float Llama3Frequency(float frequency, const RopeScaling& scaling) {
  const double context = scaling.original_max_position_embeddings;
  const double wavelength = 2.0 * std::numbers::pi / frequency;
  if (wavelength < context / scaling.high_freq_factor) return frequency;
  const double stretched = frequency / scaling.factor;
  if (wavelength > context / scaling.low_freq_factor) return static_cast<float>(stretched);
  const double smooth = (context / wavelength - scaling.low_freq_factor) /
                        (scaling.high_freq_factor - scaling.low_freq_factor);
  return static_cast<float>((1.0 - smooth) * stretched + smooth * frequency);
}

float Frequency(double theta, int i, int head_dim, const RopeScaling& scaling) {
  const float frequency = DefaultFrequency(theta, i, head_dim);
  switch (scaling.kind) {
    case RopeScaling::Kind::kNone:
      break;
    case RopeScaling::Kind::kLinear:
      return frequency / static_cast<float>(scaling.factor);
    case RopeScaling::Kind::kLlama3:
      return Llama3Frequency(frequency, scaling);
  }
  return frequency;
}

}  // namespace

RopeTable::RopeTable(int head_dim, double theta, const RopeScaling& scaling, int max_positions)
    : cached_positions_(std::min(max_positions, kCachedPositions)) {
  for (int i = 0; i < head_dim / 2; ++i) {
    frequencies_.push_back(Frequency(theta, i, head_dim, scaling));
  }
  const size_t row_size = 2 * frequencies_.size();
  rows_.resize(static_cast<size_t>(cached_positions_) * row_size);
  for (int position = 0; position < cached_positions_; ++position) {
    ComputeRow(position,
               std::span(rows_).subspan(static_cast<size_t>(position) * row_size, row_size));
  }
}

void RopeTable::ComputeRow(int position, std::span<float> row) const {
  const size_t half = frequencies_.size();
  for (size_t i = 0; i < half; ++i) {
    const float angle = static_cast<float>(position) * frequencies_[i];  // in f32: transformers
    double sine = 0;
    double cosine = 0;
    SinCos(angle, sine, cosine);
    row[i] = static_cast<float>(cosine);
    row[half + i] = static_cast<float>(sine);
  }
}

void RopeTable::Rotate(int position, std::span<float> heads, std::vector<float>& buffer) const {
  const size_t half = frequencies_.size();
  const float* row = nullptr;
  if (position < cached_positions_) {
    row = rows_.data() + static_cast<size_t>(position) * 2 * half;
  } else {
    buffer.resize(2 * half);
    ComputeRow(position, buffer);
    row = buffer.data();
  }
  for (size_t head = 0; head < heads.size(); head += 2 * half) {
    float* first = heads.data() + head;
    float* second = first + half;
    for (size_t i = 0; i < half; ++i) {
      const float a = first[i];
      const float b = second[i];
      first[i] = a * row[i] - b * row[half + i];
      second[i] = b * row[i] + a * row[half + i];
    }
  }
}

}  // namespace halfling
