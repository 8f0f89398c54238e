#include <chrono>
#include <cstdio>
#include <memory>

#include "compressor/commands.h"
#include "compressor/commands/shared.h"
#include "compressor/parallel.h"
#include "compressor/report.h"
#include "engine/base/text.h"

namespace halfling {
namespace {

struct RecommendArguments {
  std::filesystem::path directory;
  std::vector<std::string> history;
  std::vector<std::string> exclude;
  RecommendRequest request;  // of it: limit, search, beam_width, max_proof_nodes
  int threads = DefaultThreads();
  bool json = false;
};

constexpr char kRecommendFooter[] =
    "Examples:\n"
    "  halfling recommend build/models/movielens-half --history 50,172,181\n"
    "  halfling recommend build/checkpoints/movielens --history 50 --limit 5 --exclude 172 --json";

Result<std::vector<int>> FindItems(const std::vector<std::string>& ids, const Catalog& catalog,
                                   const std::string& option) {
  std::vector<int> items;
  for (const std::string& id : ids) {
    const std::optional<int> index = catalog.IndexOf(id);
    if (!index) {
      return Fail(ErrorCode::kUnknownItem,
                  option + ": item " + Quoted(id) + " is not in the catalogue");
    }
    items.push_back(*index);
  }
  return items;
}

Status RunRecommend(const RecommendArguments& arguments) {
  HALFLING_ASSIGN_OR_RETURN(OpenedModel opened, OpenModel(arguments.directory));
  RecommendRequest request = arguments.request;
  HALFLING_ASSIGN_OR_RETURN(request.history,
                            FindItems(arguments.history, opened.catalog, "--history"));
  HALFLING_ASSIGN_OR_RETURN(request.exclude,
                            FindItems(arguments.exclude, opened.catalog, "--exclude"));

  opened.recommender.UseThreads(arguments.threads);
  const auto begin = std::chrono::steady_clock::now();
  HALFLING_ASSIGN_OR_RETURN(const std::vector<ScoredItem> scored,
                            opened.recommender.Recommend(request));
  RecommendReport report;
  report.milliseconds =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  report.search = opened.recommender.stats();
  for (const ScoredItem& item : scored) {
    report.lines.push_back({opened.catalog.item(item.item), item.item, item.score});
  }
  std::fputs((arguments.json ? RecommendJson(report) : RecommendText(report)).c_str(), stdout);
  return {};
}

}  // namespace

void AddRecommendCommand(CLI::App& app, Action& run) {
  CLI::App& command = *app.add_subcommand("recommend", "What to choose next after a history");
  const auto arguments = std::make_shared<RecommendArguments>();
  command.add_option("DIR", arguments->directory, "Checkpoint or model directory")
      ->required()
      ->check(CLI::ExistingDirectory);
  command.add_option("--history", arguments->history, "Item ids, oldest first")
      ->required()
      ->delimiter(',')
      ->type_name("ID,ID,...");
  command.add_option("--exclude", arguments->exclude, "Item ids that must not be recommended")
      ->delimiter(',')
      ->type_name("ID,ID,...");
  command.add_option("--limit", arguments->request.limit, "How many items")
      ->check(CLI::Range(1, kMaxBeamWidth))
      ->capture_default_str();
  AddAllowSeenOption(command, arguments->request.exclude_seen);
  AddSearchOption(command, arguments->request.search);
  AddBeamOption(command, arguments->request.beam_width, 1);
  AddMaxProofNodesOption(command, arguments->request.max_proof_nodes);
  AddThreadsOption(command, arguments->threads);
  command.add_flag("--json", arguments->json, "Result as JSON on stdout");
  command.footer(kRecommendFooter);
  command.callback([arguments, &run] { run = [arguments] { return RunRecommend(*arguments); }; });
}

}  // namespace halfling
