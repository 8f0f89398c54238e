#include "engine/base/thread_pool.h"

#if HALFLING_THREADS

#include <bit>

namespace halfling {
namespace {

// How often a thread looks before it sleeps: for about 50 microseconds, natively and in
// WebAssembly, longer than most pauses between two Runs of one recommendation. To wake takes 30.
constexpr int kLooks = 200'000;

constexpr uint32_t LowestBit(uint32_t bits) { return bits & (~bits + 1); }

}  // namespace

// Delegates, so that the destructor ends the threads that have begun when one cannot.
ThreadPool::ThreadPool(size_t threads) : ThreadPool() {
  helpers_.reserve(threads - 1);
  for (size_t thread = 1; thread < threads; ++thread) {
    helpers_.emplace_back([this, thread] { Help(thread); });
  }
}

ThreadPool::~ThreadPool() {
  ends_ = true;
  WakeSleepers();
  for (std::thread& helper : helpers_) helper.join();
}

void ThreadPool::RunParts(size_t parts, const void* context, Function function) {
  function_ = function;
  context_ = context;
  unfinished_parts_ = static_cast<uint32_t>(parts);
  open_parts_ = static_cast<uint32_t>((uint64_t{1} << parts) - 1);
  WakeSleepers();
  while (TakePart(0)) {
  }
  WaitUntil([this] { return unfinished_parts_ == 0; });
}

void ThreadPool::Help(size_t thread) {
  while (!ends_) {
    WaitUntil([this] { return open_parts_ != 0 || ends_; });
    while (TakePart(thread)) {
    }
  }
}

// Runs an open part; false if there is none. What a stale look at open_parts_ lets a thread take is
// a part of the Run that goes on now, all the same: who has a bit has the part.
bool ThreadPool::TakePart(size_t thread) {
  const uint32_t own = uint32_t{1} << thread;
  for (uint32_t open = open_parts_; open != 0; open = open_parts_) {
    const uint32_t chosen = (open & own) != 0 ? own : LowestBit(open);
    if ((open_parts_.fetch_and(~chosen) & chosen) == 0) continue;  // somebody was faster
    function_(context_, static_cast<size_t>(std::countr_zero(chosen)));
    if (--unfinished_parts_ == 0) WakeSleepers();
    return true;
  }
  return false;
}

// Whatever makes the condition true is followed by WakeSleepers. All atomics are in one order, so
// either the sleeper sees the change, or who made it sees the sleeper.
template <typename Condition>
void ThreadPool::WaitUntil(Condition condition) {
  for (int look = 0; look < kLooks; ++look) {
    if (condition()) return;
  }
  std::unique_lock lock(mutex_);
  ++sleepers_;
  changed_.wait(lock, condition);
  --sleepers_;
}

void ThreadPool::WakeSleepers() {
  if (sleepers_ == 0) return;
  { const std::lock_guard lock(mutex_); }  // a sleeper that has looked already waits by now
  changed_.notify_all();
}

}  // namespace halfling

#endif
