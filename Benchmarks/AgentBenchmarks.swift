import Foundation

/// Measures the store and the service on real files, and prints Markdown: `agent-benchmarks FOLDER [claim|lists|lives|commits|sealing|providers …]`.
///
/// What is compared is measured in turn, in one process: the machine's mood meets both, and their ratio holds on
/// another day. Nothing is asserted but that the right thing was measured.
@main struct AgentBenchmarks {
  static func main() async throws {
    let arguments = CommandLine.arguments.dropFirst()
    guard let folder = arguments.first else {
      throw BenchmarkError("Usage: agent-benchmarks FOLDER [claim|lists|lives|commits|sealing|providers …]")
    }
    let wanted = Set(arguments.dropFirst())
    let all: [(name: String, run: @Sendable (String) async throws -> [Table])] = [
      ("claim", { try await ClaimBenchmark(folder: $0).tables() }),
      ("lists", { try await ListBenchmark(folder: $0).tables() }),
      ("lives", { try await LifeBenchmark(folder: $0).tables() }),
      ("commits", { try await CommitBenchmark(folder: $0).tables() }),
      ("sealing", { try await SealingBenchmark(folder: $0).tables() }),
      ("providers", { try await ProviderBenchmark(folder: $0).tables() }),
    ]
    for benchmark in all where wanted.isEmpty || wanted.contains(benchmark.name) {
      let tables = try await benchmark.run("\(folder)/\(benchmark.name)")
      for table in tables { print(table.markdown) }
      fflush(nil)
    }
  }
}

struct BenchmarkError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// Says on standard error what takes long.
func report(_ text: String) { FileHandle.standardError.write(Data("\(text)\n".utf8)) }
