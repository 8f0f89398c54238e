// halfling: halves a recommendation model, and measures what that costs.
#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "compressor/commands.h"

namespace {

// glibc gives each thread its own heap, and what one thread freed another does not find. With the
// activations of a calibration, freed and allocated anew by the threads of every stage, that was
// 1,401 MB at the most in place of 402, in the same processor time (instruments, two threads).
void ShareOneHeap() {
#ifdef __GLIBC__
  mallopt(M_ARENA_MAX, 1);
#endif
}

constexpr int kFailure = 1;
constexpr int kUsage = 2;

// A full disk takes what is written until the buffer is flushed.
bool FlushOutput() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return true;
  std::fprintf(stderr, "halfling: cannot write the output: %s\n", std::strerror(errno));
  return false;
}

int Run(int argc, char** argv) {
  CLI::App app(
      "Halves a sequential-recommendation model and measures what that costs.\n"
      "A CHECKPOINT is a Hugging Face directory with a recommender.json; `compress` makes a model\n"
      "directory of it, which every other command and the browser read.",
      "halfling");
  app.require_subcommand(1);
  app.footer(
      "`halfling COMMAND --help` has the details. Exit status: 0, 1 on failure, 2 on usage.");

  halfling::Action run;
  halfling::AddCompressCommand(app, run);
  halfling::AddEvaluateCommand(app, run);
  halfling::AddPerplexityCommand(app, run);
  halfling::AddReportCommand(app, run);
  halfling::AddRecommendCommand(app, run);
  halfling::AddInspectCommand(app, run);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  const halfling::Status status = run();
  if (!status) {
    std::fprintf(stderr, "halfling: %s (%s)\n", status.error().message.c_str(),
                 std::string(halfling::ErrorCodeName(status.error().code)).c_str());
    return kFailure;
  }
  return FlushOutput() ? 0 : kFailure;
}

}  // namespace

int main(int argc, char** argv) {
  ShareOneHeap();
  try {
    return Run(argc, argv);
  } catch (const std::bad_alloc&) {
    std::fputs("halfling: out of memory\n", stderr);
    return kFailure;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "halfling: %s\n", error.what());
    return kFailure;
  }
}
