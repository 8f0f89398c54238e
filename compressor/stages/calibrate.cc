#include "compressor/stages/calibrate.h"

#include "compressor/linalg/gram.h"
#include "compressor/parallel.h"

namespace halfling {
namespace {

using LayerAccumulators = std::array<GramAccumulator, kNumInputGroups>;

class MomentObserver : public LinearObserver {
 public:
  explicit MomentObserver(int num_layers) : layers(static_cast<size_t>(num_layers)) {}

  void OnLinearInput(int layer, LinearKind kind, const Matrix& x) override {
    if (!LeadsItsGroup(kind)) return;
    layers[static_cast<size_t>(layer)][static_cast<size_t>(GroupOf(kind))].Add(x);
  }

  std::vector<LayerAccumulators> layers;
};

void RunSequence(const Transformer& model, const TokenSequence& tokens, KvCache& cache,
                 TransformerScratch& scratch, LinearObserver& observer) {
  cache.Truncate(0);
  int parent = kNoParent;
  for (const int token : tokens) parent = cache.Append(token, parent);
  model.Forward(cache, 0, scratch, &observer);
}

}  // namespace

std::vector<LayerMoments> CollectMoments(const Transformer& model,
                                         const std::vector<TokenSequence>& sequences, int threads,
                                         Progress& progress) {
  const int num_layers = model.config().num_layers;
  std::vector<MomentObserver> lanes(kCalibrationLanes, MomentObserver(num_layers));
  progress.Begin("calibrating", sequences.size());
  ParallelFor(kCalibrationLanes, threads, [&](size_t lane, size_t) {
    KvCache cache(model.config());
    TransformerScratch scratch;
    for (size_t i = lane; i < sequences.size(); i += kCalibrationLanes) {
      RunSequence(model, sequences[i], cache, scratch, lanes[lane]);
      progress.Advance();
    }
  });

  std::vector<LayerMoments> moments(static_cast<size_t>(num_layers));
  for (size_t layer = 0; layer < moments.size(); ++layer) {
    for (size_t group = 0; group < kNumInputGroups; ++group) {
      GramAccumulator total;
      for (MomentObserver& lane : lanes) total.Merge(lane.layers[layer][group]);
      moments[layer].grams[group] = total.Sum();
    }
  }
  return moments;
}

}  // namespace halfling
