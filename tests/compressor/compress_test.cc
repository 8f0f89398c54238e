// The pipeline from a checkpoint directory to a model directory, and what guards the latter.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>

#include "compressor/io/files.h"
#include "compressor/model_directory/model_directory.h"
#include "compressor/open_model.h"
#include "compressor/pipeline.h"
#include "tests/catch.h"
#include "tests/compressor/tiny_checkpoint.h"

namespace halfling {
namespace {

using testing::ReplaceInFile;
using testing::TemporaryDirectory;
using testing::TinyModelOptions;
namespace fs = std::filesystem;

class CompressFixture {
 public:
  CompressFixture() {
    options.checkpoint = directory_.path() / "checkpoint";
    options.output = directory_.path() / "model";
    options.threads = 2;
    testing::WriteTinyCheckpoint(options.checkpoint, TinyModelOptions());
  }

  CompressReport CompressOrFail() {
    auto report = Run();
    if (!report) FAIL(report.error().message);
    return *std::move(report);
  }

  Result<CompressReport> Run() const {
    Progress silent(false);
    return Compress(options, silent);
  }

  // What the checkpoint's directory holds beside the two.
  size_t NumEntries() const {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator(directory_.path())) ++count;
    return count;
  }

  CompressOptions options;

 private:
  TemporaryDirectory directory_;
};

std::vector<ScoredItem> RecommendOrFail(OpenedModel& opened, const std::vector<int>& history) {
  RecommendRequest request;
  request.history = history;
  const auto items = opened.recommender.Recommend(request);
  REQUIRE(items.has_value());
  REQUIRE_FALSE(items->empty());
  return *items;
}

// The two directories rank alike, to the last bit of every score.
void CheckSameRanking(const fs::path& a, const fs::path& b) {
  auto first = OpenModel(a);
  auto second = OpenModel(b);
  REQUIRE(first.has_value());
  REQUIRE(second.has_value());
  testing::Random random(3);
  for (int i = 0; i < 20; ++i) {
    const std::vector<int> history = testing::RandomHistory(random, 30, 8);
    const auto expected = RecommendOrFail(*first, history);
    const auto actual = RecommendOrFail(*second, history);
    REQUIRE(actual.size() == expected.size());
    for (size_t k = 0; k < actual.size(); ++k) {
      CHECK(actual[k].item == expected[k].item);
      CHECK(actual[k].score == expected[k].score);
    }
  }
}

}  // namespace

TEST_CASE_METHOD(CompressFixture, "method none exports a model that ranks bit for bit the same") {
  for (const DType stored : {DType::kF32, DType::kF16, DType::kBF16}) {
    TinyModelOptions model;
    model.dtype = stored;
    model.tied = stored != DType::kF16;
    model.code_tokens = 12;
    testing::WriteTinyCheckpoint(options.checkpoint, model);
    options.method = CompressionMethod::kNone;
    const CompressReport report = CompressOrFail();
    CheckSameRanking(options.checkpoint, options.output);
    REQUIRE(report.manifest.metrics.has_value());
    CHECK(report.manifest.metrics->ndcg10_relative_change.value().low == 0.0);
    CHECK(report.manifest.metrics->ndcg10_relative_change.value().high == 0.0);
    CHECK(report.manifest.compression.dtype == PrecisionName(stored));
    CHECK(report.manifest.compression.keep == 1.0);
  }
}

TEST_CASE_METHOD(CompressFixture, "keep 1 leaves every matrix dense and the ranking as it is") {
  options.keep = 1.0;
  options.dtype = DType::kF32;
  for (const auto method : {CompressionMethod::kSvd, CompressionMethod::kSvdLlm,
                            CompressionMethod::kOdLlm, CompressionMethod::kHalfling}) {
    options.method = method;
    CompressOrFail();
    CheckSameRanking(options.checkpoint, options.output);
  }
}

TEST_CASE_METHOD(CompressFixture, "halving halves, and the manifest says what was done") {
  for (const auto method : {CompressionMethod::kSvd, CompressionMethod::kSvdLlm,
                            CompressionMethod::kOdLlm, CompressionMethod::kHalfling}) {
    options.method = method;
    options.dtype = DType::kF16;
    const CompressReport report = CompressOrFail();
    const Manifest& manifest = report.manifest;
    CHECK(manifest.name == "model");
    CHECK(manifest.compression.method == MethodName(method));
    CHECK(manifest.compression.dtype == "f16");
    CHECK(manifest.compression.calibration_users == (method == CompressionMethod::kSvd ? 0 : 40));
    CHECK(manifest.model.linear_parameters * 2 <= manifest.compression.original.linear_parameters);
    CHECK(manifest.model.parameters < manifest.compression.original.parameters);
    CHECK(manifest.items == 30);
    CHECK(manifest.layers == 2);
    REQUIRE(manifest.metrics.has_value());
    CHECK(manifest.metrics->users == 40);

    const auto written = ReadModelDirectory(options.output);
    REQUIRE(written.has_value());
    CHECK(ManifestToJson(written->manifest) == ManifestToJson(manifest));
    CHECK(written->catalog.item(3).title == "Item 3");
    CHECK(written->catalog.popularity_date() == "2026-05-01");
    const auto opened = OpenModel(options.output);
    REQUIRE(opened.has_value());
    CHECK(opened->size.linear_parameters == manifest.model.linear_parameters);
    CHECK(opened->size.bytes == manifest.model.bytes);
  }
  CHECK(NumEntries() == 2);  // no temporary directory is left
}

TEST_CASE_METHOD(CompressFixture, "matrices are int8 by default, and the details say so") {
  for (const auto method :
       {CompressionMethod::kSvd, CompressionMethod::kSvdLlm, CompressionMethod::kOdLlm,
        CompressionMethod::kHalfling, CompressionMethod::kInt8, CompressionMethod::kInt4}) {
    CAPTURE(MethodName(method));
    options.method = method;
    const CompressReport report = CompressOrFail();
    const bool is_int4 = method == CompressionMethod::kInt4;
    CHECK(report.manifest.compression.dtype == (is_int4 ? "int4" : "int8"));

    const auto json = ReadTextFile(options.output / kCompressionFile);
    REQUIRE(json.has_value());
    const auto details = ParseCompressionDetails(*json, "details");
    REQUIRE(details.has_value());
    REQUIRE(details->matrices.size() == 2 * kNumLinearKinds);
    int64_t parameters = 0;
    for (const MatrixDetails& matrix : details->matrices) {
      parameters += matrix.parameters;
      CHECK(matrix.relative_error.has_value() == (method != CompressionMethod::kSvd));
      CHECK(matrix.singular_values.empty() == (matrix.storage == "dense"));
    }
    CHECK(parameters == report.manifest.model.linear_parameters);
    CHECK(details->layers.size() == 2);
    const auto opened = OpenModel(options.output);
    REQUIRE(opened.has_value());
    CHECK(opened->size.linear_parameters == parameters);
    CHECK(opened->size.parameters == report.manifest.model.parameters);
  }
}

TEST_CASE_METHOD(CompressFixture, "a budget is met, and used") {
  options.evaluate_users = 0;
  options.method = CompressionMethod::kInt8;
  const int64_t dense = CompressOrFail().manifest.model.bytes;
  options.method = CompressionMethod::kHalfling;
  for (const double share : {0.9, 0.97}) {
    options.budget = static_cast<int64_t>(share * static_cast<double>(dense));
    const Manifest manifest = CompressOrFail().manifest;
    CHECK(manifest.model.bytes <= *options.budget);
    CHECK(manifest.model.bytes > *options.budget - 1500);
    CHECK(manifest.compression.budget == options.budget);
    CHECK(manifest.compression.keep <= 1.0);
    const auto opened = OpenModel(options.output);
    REQUIRE(opened.has_value());
    CHECK(opened->size.bytes == manifest.model.bytes);
    CHECK(opened->manifest->compression.budget == options.budget);
  }
}

TEST_CASE_METHOD(CompressFixture, "a budget holds biases, too") {
  TinyModelOptions model;
  model.architecture = "Qwen2ForCausalLM";
  testing::WriteTinyCheckpoint(options.checkpoint, model);
  options.evaluate_users = 0;
  options.method = CompressionMethod::kInt8;
  const int64_t dense = CompressOrFail().manifest.model.bytes;
  options.method = CompressionMethod::kHalfling;
  options.budget = dense;
  const int64_t bytes = CompressOrFail().manifest.model.bytes;
  CHECK(bytes <= *options.budget);
  CHECK(bytes > *options.budget - 1500);
}

TEST_CASE_METHOD(CompressFixture, "a budget that cannot be met is an error, and writes nothing") {
  options.budget = 1000;
  const auto too_small = Run();
  REQUIRE_FALSE(too_small.has_value());
  CHECK(too_small.error().code == ErrorCode::kInvalidRequest);
  CHECK(too_small.error().message.find("--budget") != std::string::npos);
  CHECK(too_small.error().message.find("expected at least") != std::string::npos);
  options.budget = 1'000'000;
  options.method = CompressionMethod::kSvd;
  const auto unsupported = Run();
  REQUIRE_FALSE(unsupported.has_value());
  CHECK(unsupported.error().message.find("--keep") != std::string::npos);
  options.method = CompressionMethod::kInt8;
  const auto whole = Run();
  REQUIRE_FALSE(whole.has_value());
  CHECK(whole.error().message.find("--method int8") != std::string::npos);
  CHECK(NumEntries() == 1);
}

TEST_CASE_METHOD(CompressFixture, "rows that no prompt and no code uses go away") {
  // Every fourth token of the vocabulary is out of use once the codes avoid it.
  auto document = nlohmann::json::parse(testing::ReadText(options.checkpoint / "recommender.json"));
  for (auto& item : document["items"]) {
    for (auto& token : item["tokens"]) {
      if (token.get<int>() % 4 == 3) token = 4;
    }
  }
  testing::WriteText(options.checkpoint / "recommender.json", document.dump());
  options.method = CompressionMethod::kNone;
  const CompressReport report = CompressOrFail();
  CHECK(report.manifest.model.parameters < report.manifest.compression.original.parameters);
  CheckSameRanking(options.checkpoint, options.output);
}

TEST_CASE_METHOD(CompressFixture, "the result depends on the seed and not on the threads") {
  options.calibration_users = 20;
  options.evaluate_users = 0;
  const std::string first = CompressOrFail().manifest.Version();
  options.threads = 1;
  CHECK(CompressOrFail().manifest.Version() == first);
  options.seed = 2;
  CHECK(CompressOrFail().manifest.Version() != first);
}

TEST_CASE_METHOD(CompressFixture, "no evaluation, no metrics; calibration from another file") {
  options.evaluate_users = 0;
  options.calibration = options.checkpoint / "other.csv";
  testing::WriteText(options.calibration,
                     "user_id,item_id,timestamp\nu,i1,1\nu,i2,2\nu,i3,3\nu,i4,4\nu,i5,5\n");
  const CompressReport report = CompressOrFail();
  CHECK_FALSE(report.manifest.metrics.has_value());
  CHECK(report.manifest.compression.calibration_users == 1);
}

TEST_CASE_METHOD(CompressFixture, "a failure writes nothing and leaves the old model") {
  ReplaceInFile(options.checkpoint / "interactions.json", "\"i7\"", "\"unknown-item\"");
  const auto failed = Run();
  REQUIRE_FALSE(failed.has_value());
  CHECK(failed.error().code == ErrorCode::kUnknownItem);
  CHECK(failed.error().message.find("unknown-item") != std::string::npos);
  CHECK_FALSE(fs::exists(options.output));
  CHECK(NumEntries() == 1);
}

TEST_CASE_METHOD(CompressFixture, "a prompt that the model has no room for is refused at once") {
  ReplaceInFile(options.checkpoint / "config.json", "\"max_position_embeddings\":128",
                "\"max_position_embeddings\":8");
  options.evaluate_users = 0;
  const auto failed = Run();
  REQUIRE_FALSE(failed.has_value());
  CHECK(failed.error().code == ErrorCode::kInvalidConfig);
  CHECK(failed.error().message.find("max_position_embeddings: 8") != std::string::npos);
  CHECK(failed.error().message.find(options.checkpoint.string()) != std::string::npos);
  CHECK(NumEntries() == 1);
}

TEST_CASE_METHOD(CompressFixture, "what a killed process left is not published, and in nobody's way") {
  options.method = CompressionMethod::kSvd;
  options.evaluate_users = 0;
  CompressOrFail();
  for (const std::string purpose : {"partial", "old"}) {
    const fs::path stale =
        options.output.parent_path() / (".model." + purpose + "-" + std::to_string(getpid()));
    fs::create_directories(stale);
    testing::WriteText(stale / "left.safetensors", "half a shard");
  }
  CompressOrFail();
  CHECK_FALSE(fs::exists(options.output / "left.safetensors"));
  CHECK(NumEntries() == 2);

  // Of a process that is no more; a model that it had finished may be all that there is of it.
  const pid_t gone = fork();
  if (gone == 0) _exit(0);
  REQUIRE(waitpid(gone, nullptr, 0) == gone);
  const fs::path left =
      options.output.parent_path() / (".model.partial-" + std::to_string(gone));
  fs::create_directories(left);
  testing::WriteText(left / "shard-1", "half a shard");
  CompressOrFail();
  CHECK(fs::exists(left));  // it may live on another machine
  const auto yesterday = fs::file_time_type::clock::now() - std::chrono::hours(25);
  fs::last_write_time(left, yesterday);
  CompressOrFail();
  CHECK_FALSE(fs::exists(left));
  fs::copy(options.output, left);
  fs::last_write_time(left, yesterday);
  CompressOrFail();
  CHECK(fs::exists(left / "manifest.json"));
}

TEST_CASE_METHOD(CompressFixture, "a link leads to the directory that is replaced") {
  options.method = CompressionMethod::kSvd;
  options.evaluate_users = 0;
  const fs::path elsewhere = options.checkpoint / "elsewhere";
  fs::create_directory_symlink(elsewhere, options.output);
  const auto dangling = Run();
  REQUIRE_FALSE(dangling.has_value());
  CHECK(dangling.error().message.find(options.output.string()) != std::string::npos);

  fs::create_directory(elsewhere);
  CompressOrFail();
  CHECK(fs::is_symlink(options.output));
  CHECK(fs::is_regular_file(elsewhere / "manifest.json"));
}

TEST_CASE_METHOD(CompressFixture, "a mount point is refused before the work") {
#ifndef STATX_ATTR_MOUNT_ROOT
  HALFLING_SKIP("mount points are not known here");
#else
  struct statx status {};
  if (statx(AT_FDCWD, "/dev/shm", 0, 0, &status) != 0 ||
      (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) == 0) {
    HALFLING_SKIP("/dev/shm is no mount point here");
  }
  options.output = "/dev/shm";
  const auto report = Run();
  REQUIRE_FALSE(report.has_value());
  CHECK(report.error().message.find("/dev/shm: a mount point") != std::string::npos);
#endif
}

TEST_CASE_METHOD(CompressFixture, "what came into the directory meanwhile is not replaced") {
  options.method = CompressionMethod::kSvd;
  options.evaluate_users = 0;
  const Manifest manifest = CompressOrFail().manifest;
  {
    auto writer = ModelDirectoryWriter::Begin(options.output);
    REQUIRE(writer.has_value());
    testing::WriteText(options.output / "thesis.txt", "years of work");
    const Status committed = writer->Commit(manifest);
    REQUIRE_FALSE(committed.has_value());
    CHECK(committed.error().message.find("thesis.txt") != std::string::npos);
  }
  CHECK(testing::ReadText(options.output / "thesis.txt") == "years of work");
  CHECK(NumEntries() == 2);
}

TEST_CASE_METHOD(CompressFixture, "a name that is no UTF-8 is written with replacements") {
  options.method = CompressionMethod::kSvd;
  options.name = "caf\xe9";
  CompressOrFail();
  const auto opened = OpenModel(options.output);
  REQUIRE(opened.has_value());
  CHECK(opened->manifest->name == "caf\xef\xbf\xbd");
}

TEST_CASE_METHOD(CompressFixture, "a directory that is no model is never replaced") {
  fs::create_directories(options.output);
  testing::WriteText(options.output / "thesis.txt", "years of work");
  const auto refused = Run();
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ErrorCode::kIo);
  CHECK(testing::ReadText(options.output / "thesis.txt") == "years of work");

  fs::remove(options.output / "thesis.txt");
  options.method = CompressionMethod::kSvd;
  CompressOrFail();  // an empty directory is fine
  CompressOrFail();  // and so is a model
  testing::WriteText(options.output / "thesis.txt", "years of work");
  const auto guarded = Run();
  REQUIRE_FALSE(guarded.has_value());
  CHECK(guarded.error().message.find("thesis.txt") != std::string::npos);
  CHECK(fs::exists(options.output / kManifestFile));
}

TEST_CASE_METHOD(CompressFixture, "a tampered model directory is refused") {
  options.evaluate_users = 0;
  const auto expect = [this](ErrorCode code, const std::string& mentioned,
                             const std::function<void()>& tamper) {
    CompressOrFail();
    REQUIRE(OpenModel(options.output).has_value());
    tamper();
    const auto opened = OpenModel(options.output);
    REQUIRE_FALSE(opened.has_value());
    INFO(opened.error().message);
    CHECK(ErrorCodeName(opened.error().code) == ErrorCodeName(code));
    CHECK(opened.error().message.find(mentioned) != std::string::npos);
    fs::remove_all(options.output);
  };
  const fs::path shard = options.output / "model-00001-of-00001.safetensors";
  const fs::path manifest = options.output / kManifestFile;
  using enum ErrorCode;
  expect(kChecksumMismatch, "model-00001", [&] {
    std::string bytes = testing::ReadText(shard);
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    testing::WriteText(shard, bytes);
  });
  expect(kChecksumMismatch, "model-00001", [&] {
    const std::string bytes = testing::ReadText(shard);
    testing::WriteText(shard, bytes.substr(0, bytes.size() - 1));
  });
  expect(kChecksumMismatch, "model-00001",
         [&] { testing::WriteText(shard, testing::ReadText(shard) + "x"); });
  expect(kIo, "model-00001", [&] { fs::remove(shard); });
  expect(kChecksumMismatch, "catalog.json",
         [&] { ReplaceInFile(options.output / kCatalogFile, "Item 3", "Item 4"); });
  expect(kUnsupportedVersion, "format",
         [&] { ReplaceInFile(manifest, "\"format\": 1", "\"format\": 7"); });
  expect(kMalformedJson, "files[0].path", [&] {
    ReplaceInFile(manifest, "\"model-00001-of-00001.safetensors\"",
                  "\"../checkpoint/config.json\"");
  });
  expect(kMalformedJson, "files[0].sha256",
         [&] { ReplaceInFile(manifest, "\"sha256\": \"", "\"sha256\": \"X"); });
  expect(kMalformedJson, "files[0].bytes",
         [&] { ReplaceInFile(manifest, "\"bytes\": ", "\"bytes\": -"); });
  expect(kChecksumMismatch, "version",
         [&] { ReplaceInFile(manifest, "\"version\": \"", "\"version\": \"0"); });
  expect(kMalformedJson, "manifest.json", [&] { testing::WriteText(manifest, "{"); });
}

TEST_CASE("SHA-256 is that of the standard's examples") {
  CHECK(Sha256Hex(std::string_view("")) ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(Sha256Hex(std::string_view("abc")) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace halfling
