import Foundation
import Testing

@Suite struct FaultTableTests {
  @Test("each row of the table says what it asks, and has a test that shows it", arguments: FaultRow.allCases)
  func shown(row: FaultRow) throws {
    #expect(!row.entry.fault.isEmpty && !row.entry.required.isEmpty)
    let declarations = try Self.declarations(of: row)
    #expect(!declarations.isEmpty, "no test shows: \(row.entry.fault)")
    let parts = declarations.flatMap { $0 }
    #expect(Set(parts) == Set(row.entry.parts), "\(row.entry.fault)")
  }

  /// Each `.shows(.row, "part", …)` of this target and of the package's life in a booted machine: the parts that it names.
  private static func declarations(of row: FaultRow) throws -> [[String]] {
    let declaration = try Regex("\\.shows\\(\\s*\\.\(row.rawValue)((?:,\\s*\"[^\"]+\")*)\\s*\\)")
    return try sources().flatMap { source in
      source.matches(of: declaration).map { match in
        let list = match.output[1].substring ?? ""
        return list.split(separator: "\"").enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) }
      }
    }
  }

  /// Every file of this target, but for the table and this one, and the steps of `Tests/Package`.
  private static func sources() throws -> [String] {
    let target = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let own = ["FaultRow.swift", "FaultTableTests.swift"]
    return try [(target.path, ".swift"), (target.deletingLastPathComponent().path + "/Package", ".sh")]
      .flatMap { folder, suffix in
        try FileManager.default.subpathsOfDirectory(atPath: folder)
          .filter { path in path.hasSuffix(suffix) && !own.contains { path.hasSuffix($0) } }
          .map { try String(contentsOfFile: folder + "/" + $0, encoding: .utf8) }
      }
  }
}
