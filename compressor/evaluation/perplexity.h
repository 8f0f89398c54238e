// How well a model foretells whole sequences: the perplexity of its items.
#ifndef HALFLING_COMPRESSOR_EVALUATION_PERPLEXITY_H_
#define HALFLING_COMPRESSOR_EVALUATION_PERPLEXITY_H_

#include <cstddef>
#include <vector>

#include "compressor/progress.h"
#include "engine/recommender.h"

namespace halfling {

struct Perplexity {
  size_t items = 0;     // that were predicted
  double nats = 0;      // mean negative log-probability of one
  double seconds = 0;   // all sequences, on all threads

  double value() const;  // e^nats
};

// Of every item but the first of each sequence, given those before it in the same piece: sequences
// are cut into pieces of max_history + 1 items, the last of one piece beginning the next. One
// forward pass a piece, so a prompt must end as an item in its midst does: kInvalidRequest unless
// its suffix is its separator, or where no sequence has two items. kNonFiniteWeight where the
// model's weights overflow. The same result, but for the time, for any number of threads.
Result<Perplexity> MeasurePerplexity(const Recommender& recommender,
                                     const std::vector<std::vector<int>>& sequences, int threads,
                                     Progress& progress);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_EVALUATION_PERPLEXITY_H_
