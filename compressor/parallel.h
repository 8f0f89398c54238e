// Work spread over threads so that the result does not depend on how many there are.
#ifndef HALFLING_COMPRESSOR_PARALLEL_H_
#define HALFLING_COMPRESSOR_PARALLEL_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

namespace halfling {

// As many as the machine runs at once.
inline int DefaultThreads() {
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

// Calls work(task, worker) once for each task in [0, num_tasks), tasks in rising order as workers
// become free; worker is in [0, threads) and runs one task at a time. `work` must not throw.
inline void ParallelFor(size_t num_tasks, int threads,
                        const std::function<void(size_t task, size_t worker)>& work) {
  std::atomic<size_t> next = 0;
  const auto run = [&](size_t worker) {
    for (size_t task = next++; task < num_tasks; task = next++) work(task, worker);
  };
  std::vector<std::thread> others;
  const size_t workers = std::min(num_tasks, static_cast<size_t>(std::max(1, threads)));
  for (size_t worker = 1; worker < workers; ++worker) others.emplace_back(run, worker);
  run(0);
  for (std::thread& thread : others) thread.join();
}

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_PARALLEL_H_
