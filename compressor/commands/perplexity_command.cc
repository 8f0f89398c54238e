#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "compressor/commands.h"
#include "compressor/commands/shared.h"
#include "compressor/evaluation/perplexity.h"
#include "compressor/io/json_text.h"
#include "compressor/open_model.h"
#include "compressor/text_table.h"

namespace halfling {
namespace {

struct PerplexityArguments {
  std::vector<std::filesystem::path> models;
  std::filesystem::path interactions;
  int threads = DefaultThreads();
  bool json = false;
};

struct ModelPerplexity {
  std::string directory;
  Perplexity perplexity;
};

constexpr char kPerplexityFooter[] =
    "e to the mean negative log-probability of an item, given those before it, over the whole\n"
    "sequences of the interactions: name some that the model was not trained on. A user's first\n"
    "item is not predicted. Where every token of a vocabulary is an item (scripts/import-text), "
    "this\n"
    "is the perplexity of text.\n"
    "\n"
    "Examples:\n"
    "  halfling perplexity CHECKPOINT OUT-75 OUT-50 --interactions CHECKPOINT/test.json";

std::string PerplexityText(const std::vector<ModelPerplexity>& models) {
  TextTable table({"", "perplexity", "nats an item", "items", "seconds"});
  for (const auto& [directory, perplexity] : models) {
    table.AddRow({directory, FormatNumber("%.3f", perplexity.value()),
                  FormatNumber("%.4f", perplexity.nats),
                  FormatCount(static_cast<int64_t>(perplexity.items)),
                  FormatNumber("%.1f", perplexity.seconds)});
  }
  return table.ToString();
}

std::string PerplexityJson(const std::vector<ModelPerplexity>& models) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const auto& [directory, perplexity] : models) {
    json.push_back({{"directory", directory},
                    {"perplexity", perplexity.value()},
                    {"nats_per_item", perplexity.nats},
                    {"items", perplexity.items},
                    {"seconds", perplexity.seconds}});
  }
  return JsonText({{"models", std::move(json)}}, 2);
}

Status RunPerplexity(const PerplexityArguments& arguments) {
  std::vector<ModelPerplexity> models;
  Progress progress(true);
  for (const std::filesystem::path& directory : arguments.models) {
    HALFLING_ASSIGN_OR_RETURN(const OpenedModel opened, OpenModel(directory));
    HALFLING_ASSIGN_OR_RETURN(
        Interactions interactions,
        ReadInteractions(FindInteractions(arguments.interactions, arguments.models),
                         opened.catalog));
    std::vector<std::vector<int>> sequences;
    for (UserHistory& user : interactions) sequences.push_back(std::move(user.items));
    HALFLING_ASSIGN_OR_RETURN(
        const Perplexity perplexity,
        MeasurePerplexity(opened.recommender, sequences, arguments.threads, progress)
            .map_error(NamingModel(directory)));
    models.push_back({directory.string(), perplexity});
  }
  progress.Finish();
  std::fputs((arguments.json ? PerplexityJson(models) : PerplexityText(models)).c_str(), stdout);
  return {};
}

}  // namespace

void AddPerplexityCommand(CLI::App& app, Action& run) {
  CLI::App& command = *app.add_subcommand("perplexity", "How well models foretell whole sequences");
  const auto arguments = std::make_shared<PerplexityArguments>();
  command.add_option("MODEL", arguments->models, "Checkpoints or model directories")
      ->required()
      ->check(CLI::ExistingDirectory);
  command
      .add_option("--interactions", arguments->interactions,
                  "Interactions (JSON or CSV) [interactions.json beside one of the models]")
      ->check(CLI::ExistingFile);
  AddThreadsOption(command, arguments->threads);
  command.add_flag("--json", arguments->json, "Result as JSON on stdout");
  command.footer(kPerplexityFooter);
  command.callback([arguments, &run] { run = [arguments] { return RunPerplexity(*arguments); }; });
}

}  // namespace halfling
