#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>

#include "compressor/commands.h"
#include "compressor/commands/shared.h"
#include "compressor/evaluation/rank_targets.h"
#include "compressor/pipeline.h"
#include "compressor/report.h"

namespace halfling {
namespace {

struct CompressArguments {
  CompressOptions options;
  bool json = false;
};

const std::map<std::string, CompressionMethod> kMethods = {
    {"none", CompressionMethod::kNone},        {"int8", CompressionMethod::kInt8},
    {"int4", CompressionMethod::kInt4},        {"svd", CompressionMethod::kSvd},
    {"svd-llm", CompressionMethod::kSvdLlm},   {"od-llm", CompressionMethod::kOdLlm},
    {"halfling", CompressionMethod::kHalfling}};

const std::map<std::string, DType> kDTypes = {
    {"f32", DType::kF32}, {"f16", DType::kF16}, {"int8", DType::kI8}};

constexpr char kCompressFooter[] =
    "Methods:\n"
    "  halfling  factors fitted to give the original's outputs from what the compressed layers "
    "before\n"
    "            deliver (reduced-rank regression), each at the rank that a survey of the model "
    "finds\n"
    "            worth its size; with --budget also in the precision\n"
    "  od-llm    the right factor as svd-llm has it, the left one fitted in that way\n"
    "  svd-llm   truncated SVD of each weight times the Cholesky factor of its inputs' covariance\n"
    "  svd       truncated SVD of each weight\n"
    "  int8      every matrix dense in 8 bits, the rounding compensated (GPTQ)\n"
    "  int4      the same in 4 bits, a scale for each 32 values\n"
    "  none      the model unchanged, in the format that the browser loads\n"
    "\n"
    "Examples:\n"
    "  halfling compress build/checkpoints/movielens build/models/movielens-half\n"
    "  halfling compress build/checkpoints/movielens /tmp/small --budget 600KB\n"
    "  halfling compress build/checkpoints/movielens /tmp/svd --method svd --keep 0.75 --json\n"
    "  halfling compress build/checkpoints/movielens /tmp/dense --method none --evaluate-users 0";

// CLI::Range lets through what compares with nothing.
std::string RefuseNan(const std::string& text) {
  return std::isnan(std::strtod(text.c_str(), nullptr)) ? "expected a number, not " + text : "";
}

// What a method would do nothing with. Throws what CLI11 reports as wrong usage.
void RefuseIdleOptions(const CLI::App& command, CompressionMethod method) {
  const bool rounds = method == CompressionMethod::kInt8 || method == CompressionMethod::kInt4;
  const auto refuse = [&](const std::string& option, const std::string& reason) {
    if (command.count(option) == 0) return;
    throw CLI::ValidationError(option, "--method " + std::string(MethodName(method)) + reason);
  };
  if (rounds || method == CompressionMethod::kNone) refuse("--keep", " keeps every parameter");
  if (rounds) refuse("--dtype", " has its own precision");
  if (method != CompressionMethod::kHalfling) {
    refuse("--budget", " takes none, the method halfling does");
  }
}

Status RunCompress(CompressArguments& arguments) {
  Progress progress(true);
  HALFLING_ASSIGN_OR_RETURN(const CompressReport report, Compress(arguments.options, progress));
  const std::string output = arguments.options.output.string();
  if (arguments.json) std::fputs(CompressJson(report, output).c_str(), stdout);
  std::fputs(CompressText(report, output).c_str(), arguments.json ? stderr : stdout);
  return {};
}

}  // namespace

void AddCompressCommand(CLI::App& app, Action& run) {
  CLI::App& command = *app.add_subcommand("compress", "Make a model directory of a checkpoint");
  const auto arguments = std::make_shared<CompressArguments>();
  CompressOptions& options = arguments->options;
  options.threads = DefaultThreads();

  command.add_option("CHECKPOINT", options.checkpoint, "Hugging Face directory to read")
      ->required()
      ->check(CLI::ExistingDirectory);
  command.add_option("OUT", options.output, "Model directory to write or replace")->required();
  command.add_option("--method", options.method, "How the linear layers shrink [halfling]")
      ->transform(CLI::CheckedTransformer(kMethods).description(""))
      ->type_name("halfling|od-llm|svd-llm|svd|int8|int4|none");
  CLI::Option* const keep =
      command
          .add_option("--keep", options.keep, "Share of the linear layers' parameters that stays")
          ->check(CLI::Range(1e-6, 1.0))
          ->check(RefuseNan)
          ->capture_default_str();
  CLI::Option* const budget =
      command
          .add_option("--budget", options.budget,
                      "Instead of --keep: the most that the weight files may take")
          ->transform(CLI::AsSizeValue(true))
          ->check(CLI::PositiveNumber)
          ->type_name("BYTES|KB|MB|GB")
          ->excludes(keep);
  command
      .add_option("--dtype", options.dtype,
                  "Precision of the matrices [int8; the method none: as they come]")
      ->transform(CLI::CheckedTransformer(kDTypes).description(""))
      ->type_name("int8|f16|f32")
      ->excludes(budget);
  command.add_option("--name", options.name, "The model's name [OUT's last part]");
  command
      .add_option("--calibration", options.calibration,
                  "Interactions (JSON or CSV) to calibrate with [those of --interactions]")
      ->check(CLI::ExistingFile);
  command
      .add_option("--calibration-users", options.calibration_users,
                  "Users to calibrate with, by their training parts only")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  AddSeedOption(command, options.seed);
  command
      .add_option("--interactions", options.interactions,
                  "Interactions (JSON or CSV) [CHECKPOINT/interactions.json]")
      ->check(CLI::ExistingFile);
  AddUsersOption(command, "--evaluate-users", options.evaluate_users, 0,
                 "Test users to evaluate with, 0 for none [2000]");
  AddAllowSeenOption(command, options.exclude_seen);
  AddBeamOption(command, options.beam_width, kTopItems);
  AddThreadsOption(command, options.threads);
  command.add_flag("--json", arguments->json, "Result as JSON on stdout, tables on stderr");
  command.footer(kCompressFooter);
  command.callback([arguments, &command, &run] {
    RefuseIdleOptions(command, arguments->options.method);
    run = [arguments] { return RunCompress(*arguments); };
  });
}

}  // namespace halfling
