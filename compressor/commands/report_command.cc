#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "compressor/commands.h"
#include "compressor/commands/shared.h"
#include "compressor/html_report/page.h"
#include "compressor/html_report/report_data.h"
#include "compressor/interactions/read_examples.h"
#include "compressor/io/files.h"
#include "compressor/model_directory/model_directory.h"
#include "compressor/text_table.h"

namespace halfling {
namespace {

struct ReportArguments {
  std::filesystem::path model;
  std::filesystem::path against;
  std::filesystem::path interactions;
  std::filesystem::path output;
  size_t users = kAllUsers;
  uint64_t seed = 1;
  RankingOptions ranking;
};

constexpr char kReportFooter[] =
    "One HTML page about one compression, for a browser: it holds all it needs and asks the\n"
    "network for nothing. Metrics before and after, where the bytes went, singular values and\n"
    "ranks, errors by layer and matrix, and the sessions that changed most.\n"
    "\n"
    "Examples:\n"
    "  halfling report build/models/movielens-half --against build/checkpoints/movielens\n"
    "  halfling report OUT --against CHECKPOINT --users 1000 --output out.html";

// What compress wrote beside the manifest; nothing where it did not.
Result<std::optional<CompressionDetails>> ReadDetails(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / kCompressionFile;
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return std::optional<CompressionDetails>();
  HALFLING_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path));
  HALFLING_ASSIGN_OR_RETURN(CompressionDetails details,
                            ParseCompressionDetails(text, path.string()));
  return std::optional<CompressionDetails>(std::move(details));
}

// A name for the page from the model's, which may hold anything.
std::filesystem::path DefaultOutput(const std::string& name) {
  std::string file;
  for (const char c : name) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       c == '-' || c == '_' || (c == '.' && !file.empty());
    file += plain ? c : '-';
  }
  return file + "-report.html";
}

Status RunReport(ReportArguments& arguments) {
  HALFLING_ASSIGN_OR_RETURN(const OpenedModel compressed, OpenModel(arguments.model));
  if (!compressed.manifest) {
    return Fail(ErrorCode::kInvalidRequest,
                arguments.model.string() + ": expected a model directory, with its " +
                    kManifestFile + "; a checkpoint has nothing to report");
  }
  HALFLING_ASSIGN_OR_RETURN(const std::optional<CompressionDetails> details,
                            ReadDetails(arguments.model));
  HALFLING_ASSIGN_OR_RETURN(const OpenedModel original, OpenModel(arguments.against));
  HALFLING_RETURN_IF_ERROR(CheckSameItems(original.catalog, arguments.against.string(),
                                          compressed.catalog, arguments.model.string()));
  HALFLING_ASSIGN_OR_RETURN(
      const std::vector<Example> examples,
      ReadExamples(FindInteractions(arguments.interactions, {arguments.against, arguments.model}),
                   original.catalog, Split::kTest, arguments.users, arguments.seed));
  const std::filesystem::path output =
      arguments.output.empty() ? DefaultOutput(compressed.manifest->name) : arguments.output;
  HALFLING_ASSIGN_OR_RETURN(ReplacedFile file, ReplacedFile::Begin(output));
  HALFLING_ASSIGN_OR_RETURN(const PartSizes parts_before, MeasureParts(arguments.against));
  HALFLING_ASSIGN_OR_RETURN(const PartSizes parts_after, MeasureParts(arguments.model));

  Progress progress(true);
  arguments.ranking.code_logits =
      HaveSameCodes(original.recommender.model().trie, compressed.recommender.model().trie);
  HALFLING_ASSIGN_OR_RETURN(
      const TargetRanks before,
      RankTargets(original.recommender, examples, arguments.ranking, progress)
          .map_error(NamingModel(arguments.against)));
  HALFLING_ASSIGN_OR_RETURN(
      const TargetRanks after,
      RankTargets(compressed.recommender, examples, arguments.ranking, progress)
          .map_error(NamingModel(arguments.model)));
  progress.Finish();

  const std::string page =
      MakePage(MakeReportData({{arguments.against.string(), original, parts_before, before},
                               {arguments.model.string(), compressed, parts_after, after},
                               details,
                               examples,
                               arguments.ranking}),
               compressed.manifest->name + ": a compression by Halfling");
  HALFLING_RETURN_IF_ERROR(file.Commit(page));
  std::printf("%s: %s bytes\n", output.string().c_str(),
              FormatCount(static_cast<int64_t>(page.size())).c_str());
  return {};
}

}  // namespace

void AddReportCommand(CLI::App& app, Action& run) {
  CLI::App& command = *app.add_subcommand("report", "An HTML page about a compression");
  const auto arguments = std::make_shared<ReportArguments>();
  arguments->ranking.threads = DefaultThreads();

  command.add_option("MODEL", arguments->model, "Model directory")
      ->required()
      ->check(CLI::ExistingDirectory);
  command.add_option("--against", arguments->against, "The checkpoint that it was made of")
      ->required()
      ->check(CLI::ExistingDirectory);
  command
      .add_option("--interactions", arguments->interactions,
                  "Interactions (JSON or CSV) [interactions.json beside the checkpoint]")
      ->check(CLI::ExistingFile);
  AddUsersOption(command, "--users", arguments->users, 1, "Test users to evaluate with [all]");
  AddSeedOption(command, arguments->seed);
  AddAllowSeenOption(command, arguments->ranking.exclude_seen);
  AddBeamOption(command, arguments->ranking.beam_width, kTopItems);
  AddThreadsOption(command, arguments->ranking.threads);
  command.add_option("--output", arguments->output, "The page to write [NAME-report.html]");
  command.footer(kReportFooter);
  command.callback([arguments, &run] { run = [arguments] { return RunReport(*arguments); }; });
}

}  // namespace halfling
