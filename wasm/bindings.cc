// The engine as JavaScript sees it: the only file that knows Emscripten.
//
// Every value that crosses is a copy, so nothing on the other side ever points into this heap, which
// moves when it grows. No exception crosses either: an Outcome is {ok: true, …} or
// {ok: false, code, message}, with a code of ErrorCodeName.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <emscripten/bind.h>
#include <emscripten/val.h>

#include "engine/base/result.h"
#include "engine/kernels/relaxed_dot_self_test.h"
#include "engine/recommender.h"

namespace halfling {

// Generated: a hash of the sources, by which scripts and wasm files of one build know each other.
extern const char kBuildId[];

namespace {

using emscripten::typed_memory_view;
using emscripten::val;

val Success() {
  val outcome = val::object();
  outcome.set("ok", true);
  return outcome;
}

val Failure(const Error& error) {
  val outcome = val::object();
  outcome.set("ok", false);
  outcome.set("code", std::string(ErrorCodeName(error.code)));
  outcome.set("message", error.message);
  return outcome;
}

// A typed array of JavaScript's own, with the values of `values`.
template <typename T>
val CopyOut(const std::vector<T>& values) {
  return val(typed_memory_view(values.size(), values.data())).template call<val>("slice");
}

std::vector<int> CopyIn(const val& integers) {
  return emscripten::convertJSArrayToNumberVector<int>(integers);
}

// JavaScript's numbers are doubles; a plain conversion would make 1.5 or 2^32 + 1 a 1.
Result<int> ToInt(double number, const std::string& field) {
  if (number != std::trunc(number) || std::abs(number) > std::numeric_limits<int>::max()) {
    return Fail(ErrorCode::kInvalidRequest,
                field + ": " + std::to_string(number) + "; expected an integer");
  }
  return static_cast<int>(number);
}

// One session with one model. JavaScript calls delete() when it is done.
class Engine {
 public:
  // Copies the bytes of a Uint8Array straight into the buffer that load() reads.
  void AddShard(const std::string& name, const val& bytes) {
    FileBytes shard{name, std::vector<std::byte>(bytes["length"].as<size_t>())};
    auto* data = reinterpret_cast<uint8_t*>(shard.bytes.data());
    val(typed_memory_view(shard.bytes.size(), data)).call<void>("set", bytes);
    shards_.push_back(std::move(shard));
  }

  // Takes the shards added so far; after a failure all must be added again.
  val Load() {
    auto loaded = Recommender::Load(std::exchange(shards_, {}));
    if (!loaded) return Failure(loaded.error());
    recommender_.emplace(*std::move(loaded));
    return Success();
  }

  val Recommend(const val& history, double limit, double beam_width, const val& exclude,
                const val& allow, bool exclude_seen) {
    if (!recommender_) {
      return Failure({ErrorCode::kInvalidRequest, "no model is loaded; expected load() to succeed"});
    }
    const Result<int> whole_limit = ToInt(limit, "limit");
    if (!whole_limit) return Failure(whole_limit.error());
    const Result<int> whole_width = ToInt(beam_width, "beam_width");
    if (!whole_width) return Failure(whole_width.error());

    RecommendRequest request;
    request.history = CopyIn(history);
    request.limit = *whole_limit;
    request.beam_width = *whole_width;
    request.exclude = CopyIn(exclude);
    if (!allow.isNull() && !allow.isUndefined()) request.allow = CopyIn(allow);
    request.exclude_seen = exclude_seen;
    const auto ranked = recommender_->Recommend(request);
    if (!ranked) return Failure(ranked.error());

    std::vector<int> items;
    std::vector<float> scores;
    for (const ScoredItem& scored : *ranked) {
      items.push_back(scored.item);
      scores.push_back(scored.score);
    }
    val outcome = Success();
    outcome.set("items", CopyOut(items));
    outcome.set("scores", CopyOut(scores));
    outcome.set("reusedTokens", recommender_->reused_tokens());
    return outcome;
  }

 private:
  std::vector<FileBytes> shards_;
  std::optional<Recommender> recommender_;
};

std::string BuildId() { return kBuildId; }

std::string Simd() {
#ifdef HALFLING_RELAXED_SIMD
  return "relaxed";
#else
  return "baseline";
#endif
}

EMSCRIPTEN_BINDINGS(halfling) {
  emscripten::class_<Engine>("Engine")
      .constructor<>()
      .function("addShard", &Engine::AddShard)
      .function("load", &Engine::Load)
      .function("recommend", &Engine::Recommend);
  emscripten::function("relaxedDotSelfTest", &kernels::RelaxedDotSelfTest);
  emscripten::function("buildId", &BuildId);
  emscripten::function("simd", &Simd);
}

}  // namespace
}  // namespace halfling
