// The engine as JavaScript sees it: the only file that knows Emscripten.
//
// Every value that crosses is a copy, so nothing on the other side ever points into this heap,
// which moves when it grows. An Outcome is {ok: true, …} or {ok: false, code, message}, with a code of
// ErrorCodeName. Nothing is thrown, but where memory ends the module traps, and is done with.
#include <emscripten/bind.h>
#include <emscripten/val.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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

template <typename T>
std::vector<T> CopyIn(const val& numbers) {
  return emscripten::convertJSArrayToNumberVector<T>(numbers);
}

bool IsAbsent(const val& value) { return value.isNull() || value.isUndefined(); }

// JavaScript's numbers are doubles; a plain conversion would make 1.5 or 2^32 + 1 a 1.
Status ToInt(double number, const std::string& field, int& result) {
  if (number != std::trunc(number) || std::abs(number) > std::numeric_limits<int>::max()) {
    return Fail(ErrorCode::kInvalidRequest, field, ": ", number, "; expected an integer");
  }
  result = static_cast<int>(number);
  return {};
}

// What is absent keeps its default.
Status ReadInt(const val& object, const std::string& field, int& result) {
  const val value = object[field];
  return IsAbsent(value) ? Status() : ToInt(value.as<double>(), field, result);
}

template <typename T>
std::vector<T> ReadArray(const val& object, const char* field) {
  const val value = object[field];
  return IsAbsent(value) ? std::vector<T>() : CopyIn<T>(value);
}

Status ReadSearch(const val& object, SearchMethod& search) {
  const val value = object["search"];
  if (IsAbsent(value)) return {};
  const std::string name = value.isString() ? value.as<std::string>() : "not a string";
  if (name == "exact") {
    search = SearchMethod::kExact;
  } else if (name == "beam") {
    search = SearchMethod::kBeam;
  } else {
    return Fail(ErrorCode::kInvalidRequest, "search: ", name, "; expected exact or beam");
  }
  return {};
}

// What the page may set: history and exclude are Int32Arrays, as is allow, or null; boosts is a
// Float32Array with a number for each item of the catalogue, or null; limit, beamWidth and
// maxProofNodes are integers; search is "exact" or "beam"; excludeSeen is a boolean. Only history
// must be there.
Result<RecommendRequest> ReadRequest(const val& object) {
  RecommendRequest request;
  request.history = ReadArray<int>(object, "history");
  HALFLING_RETURN_IF_ERROR(ReadInt(object, "limit", request.limit));
  HALFLING_RETURN_IF_ERROR(ReadSearch(object, request.search));
  HALFLING_RETURN_IF_ERROR(ReadInt(object, "beamWidth", request.beam_width));
  HALFLING_RETURN_IF_ERROR(ReadInt(object, "maxProofNodes", request.max_proof_nodes));
  request.exclude = ReadArray<int>(object, "exclude");
  if (const val allow = object["allow"]; !IsAbsent(allow)) request.allow = CopyIn<int>(allow);
  request.boosts = ReadArray<float>(object, "boosts");
  if (const val seen = object["excludeSeen"]; !IsAbsent(seen)) {
    request.exclude_seen = seen.as<bool>();
  }
  return request;
}

val NoModel() {
  return Failure({ErrorCode::kInvalidRequest, "no model is loaded; expected load() to succeed"});
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

#if HALFLING_THREADS
  // Of the model that load() has loaded; `threads` is at most one more than the module's `helpers`
  // that no other engine uses.
  void UseThreads(int threads) {
    if (recommender_) recommender_->UseThreads(threads);
  }
#endif

  // {items: Int32Array, scores: Float32Array, logProbabilities: Float32Array} best first, a score
  // being the log-probability plus the boost; exact: whether these are proven to be the best of all
  // allowed items; nodesRun, tokensRun and reusedTokens: what it took.
  val Recommend(const val& object) {
    if (!recommender_) return NoModel();
    const Result<RecommendRequest> request = ReadRequest(object);
    if (!request) return Failure(request.error());
    const auto ranked = recommender_->Recommend(*request);
    if (!ranked) return Failure(ranked.error());

    std::vector<int> items;
    std::vector<float> scores;
    std::vector<float> log_probabilities;
    for (const ScoredItem& scored : *ranked) {
      items.push_back(scored.item);
      scores.push_back(scored.score);
      log_probabilities.push_back(scored.log_probability);
    }
    val outcome = Success();
    outcome.set("items", CopyOut(items));
    outcome.set("scores", CopyOut(scores));
    outcome.set("logProbabilities", CopyOut(log_probabilities));
    outcome.set("exact", recommender_->stats().exact);
    outcome.set("nodesRun", recommender_->stats().nodes_run);
    outcome.set("tokensRun", recommender_->stats().tokens_run());
    outcome.set("reusedTokens", recommender_->stats().reused_tokens);
    return outcome;
  }

  // {logProbabilities: Float32Array} of the items, exact. Both arguments are Int32Arrays.
  val ScoreItems(const val& history, const val& items) {
    if (!recommender_) return NoModel();
    return LogProbabilities(recommender_->ScoreItems(CopyIn<int>(history), CopyIn<int>(items)));
  }

  // {logProbabilities: Float32Array} of one item, after the history without its i-th entry: what
  // says why the item is recommended.
  val LeaveOneOut(const val& history, double item) {
    if (!recommender_) return NoModel();
    int whole_item = 0;
    if (const Status status = ToInt(item, "item", whole_item); !status) {
      return Failure(status.error());
    }
    return LogProbabilities(recommender_->LeaveOneOut(CopyIn<int>(history), whole_item));
  }

 private:
  static val LogProbabilities(const Result<std::vector<float>>& scores) {
    if (!scores) return Failure(scores.error());
    val outcome = Success();
    outcome.set("logProbabilities", CopyOut(*scores));
    return outcome;
  }

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
      .function("recommend", &Engine::Recommend)
      .function("scoreItems", &Engine::ScoreItems)
#if HALFLING_THREADS
      .function("useThreads", &Engine::UseThreads)
#endif
      .function("leaveOneOut", &Engine::LeaveOneOut);
  emscripten::function("relaxedDotSelfTest", &kernels::RelaxedDotSelfTest);
  emscripten::function("buildId", &BuildId);
  emscripten::function("simd", &Simd);
}

}  // namespace
}  // namespace halfling
