// Work spread over threads so that the result does not depend on how many there are.
#ifndef HALFLING_COMPRESSOR_PARALLEL_H_
#define HALFLING_COMPRESSOR_PARALLEL_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "engine/base/result.h"

namespace halfling {

// As many as the machine runs at once.
inline int DefaultThreads() {
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

// Calls work(task, worker) once for each task in [0, num_tasks), tasks in rising order as workers
// become free; worker is in [0, threads) and runs one task at a time. Once one throws, none is
// begun any more, and what it threw is thrown here when all threads have ended.
inline void ParallelFor(size_t num_tasks, int threads,
                        const std::function<void(size_t task, size_t worker)>& work) {
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr thrown;  // first
  const auto guard = [&](const auto& part) {
    try {
      part();
    } catch (...) {
      next = num_tasks;
      const std::scoped_lock lock(mutex);
      if (!thrown) thrown = std::current_exception();
    }
  };
  const auto run = [&](size_t worker) {
    guard([&] {
      for (size_t task = next++; task < num_tasks; task = next++) work(task, worker);
    });
  };
  {
    std::vector<std::jthread> others;  // joined at the block's end
    const size_t workers = std::min(num_tasks, static_cast<size_t>(std::max(1, threads)));
    guard([&] {
      for (size_t worker = 1; worker < workers; ++worker) others.emplace_back(run, worker);
    });
    run(0);
  }
  if (thrown) std::rethrow_exception(thrown);
}

// The values of work(task) for each task, in their order, or the first error in that order.
template <typename Value>
Result<std::vector<Value>> ParallelResults(size_t num_tasks, int threads,
                                           const std::function<Result<Value>(size_t task)>& work) {
  std::vector<std::optional<Result<Value>>> results(num_tasks);
  ParallelFor(num_tasks, threads, [&](size_t task, size_t) { results[task] = work(task); });
  std::vector<Value> values;
  for (std::optional<Result<Value>>& result : results) {
    HALFLING_ASSIGN_OR_RETURN(Value value, *std::move(result));
    values.push_back(std::move(value));
  }
  return values;
}

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_PARALLEL_H_
