import Foundation

/// A fresh folder (0700) that goes when the value goes.
package final class TemporaryFolder: Sendable {
  package let path: String

  package init(_ name: String = "test") throws {
    let template = FileManager.default.temporaryDirectory.path + "/agent-system-\(name)-\(UUID().uuidString)"
    try FileManager.default.createDirectory(
      atPath: template, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    path = template
  }

  deinit {
    // A folder that is gone already, or mounted by a test that died, is no test's failure.
    try? FileManager.default.removeItem(atPath: path)
  }

  package func appending(_ name: String) -> String { path + "/" + name }
}
