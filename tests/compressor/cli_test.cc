// The built executable, from the outside: exit codes, output, errors.
#include <sys/stat.h>
#include <sys/wait.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/compressor/tiny_checkpoint.h"

namespace halfling {
namespace {

namespace fs = std::filesystem;

struct Outcome {
  int exit_code;
  std::string out;
  std::string err;
};

class CliFixture {
 public:
  CliFixture() {
    testing::WriteTinyCheckpoint(checkpoint, testing::TinyModelOptions());
    Run("compress " + checkpoint.string() + " " + model.string() + " --evaluate-users 0");
  }

  // `arguments` as a shell reads them.
  Outcome Run(const std::string& arguments) const {
    const fs::path out = directory_.path() / "out.txt";
    const fs::path err = directory_.path() / "err.txt";
    const std::string command = std::string("'") + HALFLING_EXECUTABLE + "' " + arguments + " >'" +
                                out.string() + "' 2>'" + err.string() + "' </dev/null";
    const int status = std::system(command.c_str());  // NOLINT: the arguments are the test's own
    REQUIRE(WIFEXITED(status));
    return {WEXITSTATUS(status), testing::ReadText(out), testing::ReadText(err)};
  }

  nlohmann::json RunJson(const std::string& arguments) const {
    const Outcome outcome = Run(arguments + " --json");
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    return nlohmann::json::parse(outcome.out);
  }

  void ExpectFailure(int exit_code, const std::string& arguments, const std::string& mentioned) {
    CAPTURE(arguments);
    const Outcome outcome = Run(arguments);
    CHECK(outcome.exit_code == exit_code);
    CHECK(outcome.out.empty());
    INFO(outcome.err);
    CHECK(outcome.err.find(mentioned) != std::string::npos);
  }

 private:
  testing::TemporaryDirectory directory_;

 public:
  const fs::path checkpoint = directory_.path() / "checkpoint";
  const fs::path model = directory_.path() / "model";
};

}  // namespace

TEST_CASE_METHOD(CliFixture, "every command explains itself with examples") {
  for (const std::string command : {"compress", "evaluate", "perplexity", "recommend", "inspect"}) {
    const Outcome outcome = Run(command + " --help");
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.out.find("halfling " + command) != std::string::npos);
    CHECK(outcome.out.find("Examples:") != std::string::npos);
    CHECK(outcome.out.find("--json") != std::string::npos);
  }
  CHECK(Run("--help").exit_code == 0);
}

TEST_CASE_METHOD(CliFixture, "wrong usage is exit code 2, failure is 1") {
  const std::string paths = checkpoint.string() + " " + model.string() + "-2 ";
  ExpectFailure(2, "", "subcommand");
  ExpectFailure(2, "squash", "");
  ExpectFailure(2, "compress", "CHECKPOINT");
  ExpectFailure(2, "compress " + paths + "--method lora", "--method");
  ExpectFailure(2, "compress " + paths + "--keep 0", "--keep");
  ExpectFailure(2, "compress " + paths + "--keep 1.5", "--keep");
  ExpectFailure(2, "compress " + paths + "--keep nan", "--keep");
  ExpectFailure(2, "compress " + paths + "--dtype f64", "--dtype");
  ExpectFailure(2, "compress " + paths + "--budget 4QB", "--budget");
  ExpectFailure(2, "compress " + paths + "--budget 4MB --keep 0.5", "--keep");
  ExpectFailure(1, "compress " + paths + "--budget 1KB", "expected at least");
  ExpectFailure(1, "compress " + paths + "--keep 0.001", "--keep 0.001: expected at least 0.");
  ExpectFailure(2, "compress " + paths + "--evaluate-users some", "--evaluate-users");
  ExpectFailure(2, "compress " + paths + "--calibration-users 0", "--calibration-users");
  ExpectFailure(2, "compress /nonexistent " + model.string(), "/nonexistent");
  ExpectFailure(2, "evaluate " + checkpoint.string() + " --split training", "--split");
  ExpectFailure(2, "evaluate " + checkpoint.string() + " --beam 0", "--beam");
  ExpectFailure(2, "evaluate " + checkpoint.string() + " --users 0", "--users");
  ExpectFailure(2, "compress " + paths + "--seed 18446744073709551615", "--seed");
  ExpectFailure(2, "compress " + paths + "--method int8 --keep 0.25", "--keep");
  ExpectFailure(2, "compress " + paths + "--method int4 --dtype f16", "--dtype");
  ExpectFailure(2, "compress " + paths + "--method svd-llm --budget 4MB", "--budget");
  // Metrics of ten items from shorter lists would be others than they say.
  ExpectFailure(2, "compress " + paths + "--beam 9", "--beam");
  ExpectFailure(2, "evaluate " + checkpoint.string() + " --beam 9", "--beam");
  ExpectFailure(2, "evaluate " + checkpoint.string() + " --limit 9", "--limit");
  CHECK(Run("recommend " + model.string() + " --history i1 --limit 3 --beam 3").exit_code == 0);
  ExpectFailure(1, "compress " + model.string() + " " + model.string() + "-2", "a model directory");
  ExpectFailure(2, "recommend " + model.string(), "--history");
  ExpectFailure(1, "evaluate " + model.string(), "--interactions");
  ExpectFailure(1, "recommend " + model.string() + " --history i1,nobody", "nobody");
  ExpectFailure(1, "recommend " + model.string() + " --history i1 --exclude nobody", "nobody");
  fs::remove(checkpoint / "interactions.json");
  ExpectFailure(1, "compress " + paths + "--method svd", "--interactions");
  fs::remove(checkpoint / "recommender.json");
  ExpectFailure(1, "inspect " + checkpoint.string(), "recommender.json");
}

TEST_CASE_METHOD(CliFixture, "output that cannot be written is a failure") {
  if (!fs::exists("/dev/full")) HALFLING_SKIP("no /dev/full on this system");
  const std::string inspect = std::string("'") + HALFLING_EXECUTABLE + "' inspect '" +
                              model.string() + "' --json >/dev/full 2>/dev/null";
  const int status = std::system(inspect.c_str());  // NOLINT: the command is the test's own
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 1);
}

TEST_CASE_METHOD(CliFixture, "directories whose names are no UTF-8 are reported") {
  const std::string copy = model.string() + "-caf\xe9";
  fs::copy(model, copy);
  CHECK(RunJson("inspect '" + copy + "'")["kind"] == "model");
  const std::string other = model.string() + "-th\xe9";
  const std::string compress = "compress " + checkpoint.string() + " '" + other + "' --method svd";
  CHECK(RunJson(compress)["manifest"]["name"] == "model-th\xef\xbf\xbd");
}

TEST_CASE_METHOD(CliFixture, "compress reports before and after") {
  const fs::path output = model.string() + "-2";
  const std::string command =
      "compress " + checkpoint.string() + " " + output.string() + " --method svd-llm";
  const auto json = RunJson(command);
  CHECK(json["after"]["linear_parameters"].get<int>() * 2 <=
        json["before"]["linear_parameters"].get<int>());
  CHECK(json["manifest"]["metrics"]["users"] == 40);
  CHECK(json["manifest"]["compression"]["method"] == "svd-llm");
  CHECK(json["manifest"] == nlohmann::json::parse(testing::ReadText(output / "manifest.json")));

  const Outcome text = Run(command + " --name tiny");
  CHECK(text.exit_code == 0);
  for (const std::string row : {"parameters", "bytes", "hr@10", "ndcg@10", "before", "after"}) {
    CHECK(text.out.find(row) != std::string::npos);
  }
  CHECK(text.err.empty());  // no progress bar where there is no terminal
}

TEST_CASE_METHOD(CliFixture, "evaluate takes checkpoints and models, and threads change nothing") {
  const std::string interactions = " --interactions " + (checkpoint / "interactions.json").string();
  const auto dense = RunJson("evaluate " + checkpoint.string() + " --threads 1");
  const auto parallel = RunJson("evaluate " + checkpoint.string() + " --threads 3");
  CHECK(dense["users"] == 40);
  REQUIRE(dense["models"].size() == 1);
  const auto& one = dense["models"][0];
  CHECK(one["directory"] == checkpoint.string());
  CHECK(one["milliseconds_per_user"].get<double>() > 0);
  CHECK(one["seconds"].get<double>() > 0);
  CHECK_FALSE(one.contains("against"));
  CHECK(one["metrics"] == parallel["models"][0]["metrics"]);
  CHECK(one["metrics_collision_counted"] == parallel["models"][0]["metrics_collision_counted"]);
  CHECK(one["metrics_collision_counted"]["hr@10"]["mean"].get<double>() >=
        one["metrics"]["hr@10"]["mean"].get<double>());

  const auto validation =
      RunJson("evaluate " + model.string() + interactions + " --split validation --users 15");
  CHECK(validation["users"] == 15);
  CHECK(validation["split"] == "validation");
}

TEST_CASE_METHOD(CliFixture, "evaluate compares several models with one, on the same users") {
  const std::string paths = checkpoint.string() + " " + model.string();
  const std::string against = " --against " + checkpoint.string();
  const auto json = RunJson("evaluate " + paths + against);
  REQUIRE(json["models"].size() == 2);
  const auto& same = json["models"][0]["against"];
  CHECK(same["directory"] == checkpoint.string());
  CHECK(same["divergence"]["high"] == 0.0);
  CHECK(same["overlap@10"]["low"] == 1.0);
  for (const auto& [metric, change] : same["metrics_relative_change"].items()) {
    CAPTURE(metric);
    // Of nothing there is no share.
    const bool has_hits = json["models"][0]["metrics"][metric]["mean"] > 0.0;
    CHECK(change.is_null() == !has_hits);
    if (has_hits) CHECK(change["high"] == 0.0);
  }
  CHECK(same["metrics_relative_change"]["ndcg@10"]["high"] == 0.0);
  CHECK(same["metrics_relative_change"].size() == 5);
  const auto& halved = json["models"][1];
  CHECK(halved["directory"] == model.string());
  CHECK(halved["against"]["divergence"]["low"].get<double>() > 0);
  CHECK(halved["against"]["overlap@10"]["mean"].get<double>() < 1);

  // A model alone gives what it gives among others; the interactions are the checkpoint's.
  const auto alone = RunJson("evaluate " + model.string() + against);
  CHECK(alone["models"][0]["metrics"] == halved["metrics"]);
  CHECK(alone["models"][0]["against"] == halved["against"]);

  const Outcome text = Run("evaluate " + paths + against);
  CHECK(text.out.find("against " + checkpoint.string()) != std::string::npos);
  for (const fs::path& directory : {checkpoint, model}) {
    CHECK(text.out.find("\n" + directory.string() + " ") != std::string::npos);
  }
  const Outcome single = Run("evaluate " + model.string() + against);
  CHECK(single.out.find("KL") != std::string::npos);
  CHECK(single.out.find("overlap@10") != std::string::npos);
}

TEST_CASE_METHOD(CliFixture, "compress records what evaluate measures") {
  const fs::path output = model.string() + "-2";
  const auto compressed =
      RunJson("compress " + checkpoint.string() + " " + output.string() + " --keep 0.25");
  const auto& recorded = compressed["manifest"]["metrics"];
  const auto measured =
      RunJson("evaluate " + output.string() + " --against " + checkpoint.string())["models"][0];
  CHECK(measured["metrics"] == recorded["after"]);
  CHECK(measured["against"]["metrics_relative_change"]["ndcg@10"] ==
        recorded["ndcg@10_relative_change"]);
  CHECK(measured["against"]["divergence"] == recorded["divergence"]);
  CHECK(measured["against"]["overlap@10"] == recorded["overlap@10"]);
  CHECK(RunJson("inspect " + output.string())["manifest"]["metrics"] == recorded);
}

TEST_CASE_METHOD(CliFixture, "targets that were chosen before are told of, and can be allowed") {
  const nlohmann::json twice = {{"u1", {"i1", "i2", "i3", "i1"}}, {"u2", {"i4", "i5", "i6", "i7"}}};
  const fs::path interactions = checkpoint / "interactions.json";
  testing::WriteText(interactions, twice.dump());
  const std::string evaluate = "evaluate " + checkpoint.string() + " --limit 30 --beam 200";
  const auto excluded = RunJson(evaluate);
  CHECK(excluded["seen_targets"] == 1);
  CHECK(excluded["exclude_seen"] == true);
  CHECK(Run(evaluate).out.find("1 of the targets had been chosen before") != std::string::npos);
  CHECK(Run(evaluate + " --allow-seen").out.find("chosen before") == std::string::npos);

  const std::string compress = "compress " + checkpoint.string() + " " + model.string();
  const Outcome told = Run(compress);
  CHECK(told.out.find("seen items excluded") != std::string::npos);
  CHECK(told.out.find("1 of the targets had been chosen before") != std::string::npos);
  const auto allowed = RunJson(compress + " --allow-seen")["manifest"]["metrics"];
  CHECK(allowed["exclude_seen"] == false);
  const auto measured = RunJson("evaluate " + model.string() + " --allow-seen --interactions " +
                                interactions.string())["models"][0];
  CHECK(measured["metrics"] == allowed["after"]);
  CHECK(Run("inspect " + model.string()).out.find("seen items allowed") != std::string::npos);
}

TEST_CASE_METHOD(CliFixture, "a terminal is not obeyed to what a catalogue says") {
  testing::ReplaceInFile(checkpoint / "recommender.json", "\"Item 7\"",
                         "\"\\u001b]0;owned\\u0007\\nfake \\u009b2K caf\\u00e9\"");
  const Outcome outcome =
      Run("recommend " + checkpoint.string() + " --history i1 --limit 29 --beam 200");
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.out.find("\\x1b]0;owned\\x07\\x0afake \\x9b2K caf\xc3\xa9") != std::string::npos);
}

TEST_CASE_METHOD(CliFixture, "a page that cannot be written is known before the ranking") {
  const std::string report = "report " + model.string() + " --against " + checkpoint.string();
  ExpectFailure(1, report + " --output /nonexistent/page.html", "/nonexistent/page.html");
  ExpectFailure(1, report + " --output " + checkpoint.string(), "expected a regular file");
  const fs::path page = model.string() + ".html";
  testing::WriteText(page, "the page before");
  testing::WriteText(checkpoint / "interactions.json", "{}");
  ExpectFailure(1, report + " --output " + page.string(), "interactions.json");
  CHECK(testing::ReadText(page) == "the page before");
}

TEST_CASE_METHOD(CliFixture, "what is no regular file is refused without waiting for it") {
  const fs::path weights = checkpoint / "model.safetensors";
  fs::remove(weights);
  REQUIRE(mkfifo(weights.c_str(), 0600) == 0);
  ExpectFailure(1, "inspect " + checkpoint.string(), "expected a regular file");
  const fs::path pipe = checkpoint / "pipe.json";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  ExpectFailure(1, "evaluate " + model.string() + " --interactions " + pipe.string(),
                "expected a regular file");
}

TEST_CASE_METHOD(CliFixture, "evaluate refuses a model of other items, naming both") {
  testing::WriteTinyCheckpoint(model.string() + "-other", testing::TinyModelOptions());
  const fs::path other = model.string() + "-other";
  testing::ReplaceInFile(other / "recommender.json", "\"i7\"", "\"another\"");
  testing::ReplaceInFile(other / "interactions.json", "\"i7\"", "\"another\"");
  const std::string interactions = " --interactions " + (checkpoint / "interactions.json").string();
  ExpectFailure(1,
                "evaluate " + model.string() + " " + other.string() + " --against " +
                    checkpoint.string() + interactions,
                other.string() + ": expected the items of " + checkpoint.string());
  ExpectFailure(1, "evaluate " + model.string() + " " + other.string() + interactions,
                other.string() + ": expected the items of " + model.string());
  ExpectFailure(2, "evaluate", "MODEL");
  ExpectFailure(2, "evaluate " + model.string() + " /nonexistent", "/nonexistent");

  // Of several models, whose files have the same names, the one at fault is named.
  const fs::path broken = model.string() + "-broken";
  fs::copy(checkpoint, broken);
  testing::ReplaceInFile(broken / "model.safetensors", "model.norm.weight", "model.n0rm.weight");
  ExpectFailure(1, "evaluate " + model.string() + " " + broken.string() + " --against " +
                       checkpoint.string(),
                broken.string());
}

TEST_CASE_METHOD(CliFixture, "perplexity compares models on whole sequences") {
  ExpectFailure(1, "perplexity " + checkpoint.string(), "prompt.suffix");
  nlohmann::json recommender =
      nlohmann::json::parse(testing::ReadText(checkpoint / "recommender.json"));
  recommender["prompt"]["suffix"] = recommender["prompt"]["separator"];
  testing::WriteText(checkpoint / "recommender.json", recommender.dump());
  Run("compress " + checkpoint.string() + " " + model.string() + " --evaluate-users 0");
  const nlohmann::json models =
      RunJson("perplexity " + checkpoint.string() + " " + model.string())["models"];
  REQUIRE(models.size() == 2);
  for (const nlohmann::json& entry : models) {
    CHECK(entry["perplexity"].get<double>() > 1.0);
    CHECK(entry["items"] == models[0]["items"]);
  }
  ExpectFailure(2, "perplexity nowhere", "nowhere");
}

TEST_CASE_METHOD(CliFixture, "recommend lists items of either directory") {
  for (const fs::path& directory : {checkpoint, model}) {
    const auto json =
        RunJson("recommend " + directory.string() + " --history i1,i2 --exclude i3,i4 --limit 7");
    REQUIRE(json["items"].size() == 7);
    double previous = 0.001;
    for (const auto& item : json["items"]) {
      const auto id = item["id"].get<std::string>();
      CHECK((id != "i1" && id != "i2" && id != "i3" && id != "i4"));
      CHECK(item["title"] == "Item " + id.substr(1));
      const double score = item["score"].get<double>();
      CHECK(score == static_cast<double>(static_cast<float>(score)));
      CHECK(score <= previous);
      previous = score;
    }
  }
  const auto everything =
      RunJson("recommend " + model.string() + " --history i1 --allow-seen --limit 30 --beam 200");
  CHECK(everything["items"].size() == 30);
}

TEST_CASE_METHOD(CliFixture, "recommend searches exactly, or by as many beams as it is told") {
  const std::string request = "recommend " + model.string() + " --history i1,i2 --limit 5";
  const auto exact = RunJson(request);
  CHECK(exact["exact"] == true);
  CHECK(RunJson(request + " --search exact")["items"] == exact["items"]);
  // A beam as wide as the catalogue is exact, too.
  const auto wide = RunJson(request + " --search beam --beam 200");
  CHECK(wide["exact"] == true);
  CHECK(wide["items"] == exact["items"]);
  CHECK(wide["nodes_run"] > exact["nodes_run"]);
  CHECK(Run(request).out.find("nodes run, proven exact") != std::string::npos);
  CHECK(RunJson(request + " --threads 1")["items"] == RunJson(request + " --threads 3")["items"]);
  ExpectFailure(2, request + " --threads 0", "--threads");
  ExpectFailure(2, request + " --search deep", "--search");
  ExpectFailure(2, request + " --max-proof-nodes 0", "--max-proof-nodes");
}

TEST_CASE_METHOD(CliFixture, "evaluate says how it searched and what that took") {
  const std::string request = "evaluate " + checkpoint.string() + " --limit 10";
  const auto beam = RunJson(request);
  CHECK(beam["search"] == "beam");
  const auto exact = RunJson(request + " --search exact");
  CHECK(exact["search"] == "exact");
  CHECK(exact["limit"] == 10);
  const auto& model_of_exact = exact["models"][0];
  CHECK(model_of_exact["exact_share"] == 1.0);
  CHECK(model_of_exact["nodes_run"]["mean"] > 0.0);
  CHECK(model_of_exact["nodes_run"]["p99"] >= model_of_exact["nodes_run"]["mean"]);
  // Thirty items: a beam of 200 misses none of them.
  const auto wide = RunJson(request + " --beam 200")["models"][0];
  CHECK(wide["metrics"] == model_of_exact["metrics"]);
  CHECK(Run(request + " --search exact").out.find("exact search") != std::string::npos);
}

TEST_CASE_METHOD(CliFixture, "inspect shows ranks and verified files") {
  const auto json = RunJson("inspect " + model.string());
  CHECK(json["kind"] == "model");
  REQUIRE(json["linears"].size() == 14);
  // What the compression says it chose is what is there.
  const auto chosen = nlohmann::json::parse(testing::ReadText(model / "compression.json"));
  for (size_t i = 0; i < 14; ++i) {
    const nlohmann::json& linear = json["linears"][i];
    const nlohmann::json& expected = chosen["matrices"][i];
    CHECK(linear["name"] == expected["name"]);
    CHECK(linear["parameters"] == expected["parameters"]);
    CHECK(linear["runs_in"] == "int8");
    REQUIRE(linear["input_bits"].size() == (linear.contains("rank") ? 2 : 1));
    for (const int bits : linear["input_bits"]) CHECK((bits == 8 || bits == 16));
    CHECK(linear.contains("pivoted") == (expected["storage"] == "pivoted"));
    if (linear.contains("rank")) CHECK(linear["rank"] == expected["rank"]);
  }
  CHECK(json["manifest"]["files"].size() == 2);
  const Outcome text = Run("inspect " + checkpoint.string());
  CHECK(text.exit_code == 0);
  CHECK(text.out.find("checkpoint") != std::string::npos);
  CHECK(text.out.find("dense") != std::string::npos);
  const auto dense = RunJson("inspect " + checkpoint.string())["linears"][0];
  CHECK(dense["runs_in"] == "float");
  CHECK(dense["input_bits"] == nlohmann::json::array({32}));

  auto manifest = nlohmann::json::parse(testing::ReadText(model / "manifest.json"));
  manifest["compression"]["healing"] = {{"epochs", 3},
                                        {"minutes", 1.5},
                                        {"workers", 1},
                                        {"device", "NVIDIA H100"},
                                        {"divergence_before", 0.25},
                                        {"divergence_after", 0.125}};
  testing::WriteText(model / "manifest.json", manifest.dump());
  CHECK(Run("inspect " + model.string()).out.find("healed in 3 epochs") != std::string::npos);
  CHECK(RunJson("inspect " + model.string())["manifest"]["compression"] == manifest["compression"]);

  testing::ReplaceInFile(model / "catalog.json", "Item 3", "Item 4");
  ExpectFailure(1, "inspect " + model.string(), "catalog.json");
}

}  // namespace halfling
