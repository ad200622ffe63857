import Foundation
import Testing

@Suite struct FaultTableTests {
  @Test("each row of the table says what it asks, and has a test that shows it", arguments: FaultRow.allCases)
  func shown(row: FaultRow) throws {
    #expect(!row.entry.fault.isEmpty && !row.entry.required.isEmpty)
    let declarations = try Self.sources().filter { $0.contains(".shows(.\(row.rawValue))") }
    #expect(!declarations.isEmpty, "no test shows: \(row.entry.fault)")
  }

  /// Every file of this target, but for the table and this one.
  private static func sources() throws -> [String] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
    let own = ["FaultRow.swift", "FaultTableTests.swift"]
    return try FileManager.default.subpathsOfDirectory(atPath: folder)
      .filter { path in path.hasSuffix(".swift") && !own.contains { path.hasSuffix($0) } }
      .map { try String(contentsOfFile: folder + "/" + $0, encoding: .utf8) }
  }
}
