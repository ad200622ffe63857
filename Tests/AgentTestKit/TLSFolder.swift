import Foundation

/// Certificates made by openssl in a folder of their own, and servers that show them.
package final class TLSFolder: Sendable {
  package let folder: TemporaryFolder
  package var certificate: String { folder.appending("cert.pem") }
  package var key: String { folder.appending("key.pem") }

  package struct NotMade: Error {}

  /// A self-signed certificate for 127.0.0.1, valid for a month from now, or for a month long ago.
  package init(expired: Bool = false) throws {
    folder = try TemporaryFolder("tls")
    let subject = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost"]
    guard expired else {
      try openssl(
        ["req", "-x509"] + subject + ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate])
      return
    }
    // `req` and `x509` take no dates before 3.4; `ca` does.
    let (request, configuration, index) = (
      folder.appending("request.pem"), folder.appending("ca.cnf"), folder.appending("index.txt")
    )
    try Data().write(to: URL(fileURLWithPath: index))
    try Data(
      """
      [ca]
      default_ca = d
      [d]
      database = \(index)
      rand_serial = yes
      new_certs_dir = \(folder.path)
      default_md = sha256
      policy = p
      x509_extensions = e
      [p]
      commonName = supplied
      [e]
      subjectAltName = IP:127.0.0.1
      basicConstraints = CA:TRUE

      """.utf8
    ).write(to: URL(fileURLWithPath: configuration))
    try openssl(["req"] + subject + ["-keyout", key, "-out", request])
    try openssl([
      "ca", "-batch", "-config", configuration, "-selfsign", "-keyfile", key, "-in", request, "-out", certificate,
      "-notext", "-startdate", "20200101000000Z", "-enddate", "20200201000000Z",
    ])
  }

  private func openssl(_ arguments: [String]) throws {
    let process = try start("/usr/bin/openssl", arguments)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw NotMade() }
  }

  package func start(
    _ program: String, _ arguments: [String], input: Any? = FileHandle.nullDevice,
    output: Any? = FileHandle.nullDevice
  ) throws -> ChildProcess {
    let process = ChildProcess()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    (process.standardInput, process.standardOutput) = (input, output)
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }

  /// Runs the body with the port of an openssl server that answers every request with a page.
  package func withServer(_ options: [String] = [], _ body: (Int) async throws -> Void) async throws {
    let output = Pipe()
    let process = try start(
      "/usr/bin/openssl",
      ["s_server", "-accept", "127.0.0.1:0", "-www", "-cert", certificate, "-key", key] + options, output: output)
    defer { process.terminate() }
    try await body(try Self.port(output))
  }

  /// The number at the end of the first line that has one: `ACCEPT 127.0.0.1:PORT`, or `PORT`.
  package static func port(_ output: Pipe) throws -> Int {
    var text = ""
    while let bytes = try output.fileHandleForReading.read(upToCount: 1), !bytes.isEmpty {
      text += String(decoding: bytes, as: UTF8.self)
      if text.hasSuffix("\n"), let port = text.split(whereSeparator: \.isWhitespace).last.flatMap(Self.number) {
        return port
      }
    }
    throw NotMade()
  }

  private static func number(_ word: Substring) -> Int? { word.split(separator: ":").last.flatMap { Int($0) } }
}
