#include <cstdio>
#include <map>
#include <memory>

#include "compressor/commands.h"
#include "compressor/commands/shared.h"
#include "compressor/pipeline.h"
#include "compressor/report.h"

namespace halfling {
namespace {

struct CompressArguments {
  CompressOptions options;
  std::string dtype;
  bool json = false;
};

const std::map<std::string, CompressionMethod> kMethods = {
    {"none", CompressionMethod::kNone},
    {"svd", CompressionMethod::kSvd},
    {"svd-llm", CompressionMethod::kSvdLlm},
    {"od-llm", CompressionMethod::kOdLlm},
    {"halfling", CompressionMethod::kHalfling}};

constexpr char kCompressFooter[] =
    "Methods:\n"
    "  halfling  both factors fitted to give the original's outputs from what the compressed "
    "layers\n"
    "            before deliver (reduced-rank regression)\n"
    "  od-llm    the right factor as svd-llm has it, the left one fitted in that way\n"
    "  svd-llm   truncated SVD of each weight times the Cholesky factor of its inputs' covariance\n"
    "  svd       truncated SVD of each weight\n"
    "  none      the model unchanged, in the format that the browser loads\n"
    "\n"
    "Examples:\n"
    "  halfling compress build/checkpoints/movielens build/models/movielens-half\n"
    "  halfling compress build/checkpoints/movielens /tmp/svd --method svd --keep 0.75 --json\n"
    "  halfling compress build/checkpoints/movielens /tmp/dense --method none --evaluate-users 0";

std::optional<DType> ChosenDType(const CompressArguments& arguments) {
  if (arguments.dtype == "f32") return DType::kF32;
  if (arguments.dtype == "f16") return DType::kF16;
  if (arguments.options.method == CompressionMethod::kNone) return std::nullopt;
  return DType::kF16;
}

Status RunCompress(CompressArguments& arguments) {
  arguments.options.dtype = ChosenDType(arguments);
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
      ->type_name("halfling|od-llm|svd-llm|svd|none");
  command.add_option("--keep", options.keep, "Share of the linear layers' parameters that stays")
      ->check(CLI::Range(1e-6, 1.0))
      ->capture_default_str();
  command
      .add_option("--dtype", arguments->dtype,
                  "Precision of the matrices [f16; with none: as in the checkpoint]")
      ->check(CLI::IsMember({"f32", "f16"}));
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
  AddBeamOption(command, options.beam_width);
  AddThreadsOption(command, options.threads);
  command.add_flag("--json", arguments->json, "Result as JSON on stdout, tables on stderr");
  command.footer(kCompressFooter);
  command.callback([arguments, &run] { run = [arguments] { return RunCompress(*arguments); }; });
}

}  // namespace halfling
