// Threads that run the parts of a computation together.
//
// A build either has threads (HALFLING_THREADS is 1: native, and the threaded modules) or a pool is
// its caller alone, at no cost. The one place of the engine that starts threads and waits for them.
#ifndef HALFLING_ENGINE_BASE_THREAD_POOL_H_
#define HALFLING_ENGINE_BASE_THREAD_POOL_H_

#include <cstddef>

#if HALFLING_THREADS
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>
#endif

namespace halfling {

#if HALFLING_THREADS

// Dividing costs a microsecond or so while the threads are awake, so parts of a few microseconds
// pay. Between two Runs the threads look out for the next one for a short while, then they sleep: a
// pool that is not used takes no processor time. One Run at a time, always from the same thread;
// another thread's work wants another pool.
class ThreadPool {
 public:
  static constexpr size_t kMostThreads = 32;

  // The caller of Run counts as one of the `threads`, 1 … kMostThreads. Throws std::system_error
  // where the system refuses to start one.
  explicit ThreadPool(size_t threads);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();

  size_t threads() const { return helpers_.size() + 1; }

  // Calls work(part) once for each part in [0, parts) and returns when all are done; parts is at
  // most threads(). Each thread looks first for the part of its own number, so that the same data
  // stays in its cache from Run to Run, then for any other: a thread that sleeps, or that the
  // system has not even started yet, holds up nothing. `work` must not throw.
  template <typename Work>
  void Run(size_t parts, const Work& work) {
    if (parts == 1) return work(size_t{0});
    RunParts(parts, &work,
             [](const void* context, size_t part) { (*static_cast<const Work*>(context))(part); });
  }

 private:
  using Function = void (*)(const void* context, size_t part);

  ThreadPool() = default;
  void RunParts(size_t parts, const void* context, Function function);
  void Help(size_t thread);
  bool TakePart(size_t thread);
  template <typename Condition>
  void WaitUntil(Condition condition);
  void WakeSleepers();

  // Of the Run that goes on: read only by who has taken a part of it, so that they last.
  Function function_ = nullptr;
  const void* context_ = nullptr;

  std::atomic<uint32_t> open_parts_ = 0;        // a bit for each part that nobody has taken
  std::atomic<uint32_t> unfinished_parts_ = 0;  // how many
  std::atomic<bool> ends_ = false;

  std::atomic<uint32_t> sleepers_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::thread> helpers_;
};

#else

// The same with the caller alone.
class ThreadPool {
 public:
  static constexpr size_t kMostThreads = 1;

  explicit ThreadPool(size_t) {}

  static constexpr size_t threads() { return 1; }

  template <typename Work>
  void Run(size_t parts, const Work& work) {
    for (size_t part = 0; part < parts; ++part) work(part);
  }
};

#endif

}  // namespace halfling

#endif  // HALFLING_ENGINE_BASE_THREAD_POOL_H_
