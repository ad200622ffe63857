import AgentCore
import AgentObservability
import AgentTestKit
import Foundation
import Logging
import Testing

@Suite("The log")
struct LogFileTests {
  private let folder: TemporaryFolder
  private let clock = ManualClock(now: Timestamp(milliseconds: 1_700_000_000_120))
  private static let start = "2023-11-14T22:13:20.120Z"

  init() throws { folder = try TemporaryFolder("log") }

  private func text(_ name: String = "app.log") throws -> String {
    String(decoding: try Data(contentsOf: URL(fileURLWithPath: folder.appending(name))), as: UTF8.self)
  }

  private func open(
    _ format: LogFormat = .text, maximumBytes: Int64 = 50_000_000, keep: Int = 10, level: Logger.Level = .trace,
    standardError: Int32? = nil
  ) -> LogFile {
    LogFile(
      clock: clock, options: .init(folder: folder.path, format: format, maximumBytes: maximumBytes, keep: keep),
      level: level, standardError: standardError)
  }

  @Test("a line is time, level, component, message and fields, task and agent first")
  func line() throws {
    let file = open()
    var logger = file.logger("agent-system.worker")
    logger[metadataKey: "agent"] = "coder"
    logger.error(
      "task failed",
      metadata: ["zeta": "1", "task": "\(TaskID(number: 123))", "error": "no route to host", "empty": ""])
    #expect(
      try text()
        == "\(Self.start) ERROR worker task failed "
        + "task=task-123 agent=coder error=\"no route to host\" empty=\"\" zeta=1\n"
    )
    #expect(file.failureCount == 0)
  }

  @Test(
    "each level is an upper-case word",
    arguments: zip(
      Logger.Level.allCases, ["TRACE", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL"]))
  func levels(_ level: Logger.Level, _ word: String) throws {
    open().logger("worker").log(level: level, "m")
    #expect(try text() == "\(Self.start) \(word) worker m\n")
  }

  @Test(
    "a value can neither end its line nor leave its quotes",
    arguments: [
      ("plain-value_1.2:3/4", "plain-value_1.2:3/4"), ("a b", #""a b""#), (#"say "x""#, #""say \"x\"""#),
      (#"a\b"#, #""a\\b""#), ("a=b", #""a=b""#), ("a\nb\r\n\tc", #""a\nb\r\n\tc""#), ("\u{1B}[31m", #""\u001b[31m""#),
      ("\u{85}\u{9B}\u{7F}\0", #""\u0085\u009b\u007f\u0000""#), ("\u{2028}\u{2029}", #""\u2028\u2029""#),
      ("\u{202E}evil\u{2066}\u{200F}", #""\u202eevil\u2066\u200f""#), ("日本", "日本"), ("e\u{301}", "e\u{301}"),
    ])
  func values(_ value: String, _ written: String) throws {
    open().logger("worker").info("m", metadata: ["key": .string(value)])
    #expect(try text() == "\(Self.start) INFO worker m key=\(written)\n")
  }

  @Test("a message, a field's name and a component cannot break the line either")
  func names() throws {
    let file = open()
    file.logger("a.b c\n").info("one\ntwo\u{2028}\u{1B}", metadata: ["na me\n=": "v"])
    #expect(try text() == "\(Self.start) INFO b_c_ one\\ntwo\\u2028\\u001b na_me__=v\n")
  }

  @Test("every scalar that could break a line is escaped in both formats")
  func everyScalar() throws {
    var all = String.UnicodeScalarView()
    for value in UInt32(0)...0x3100 { if let scalar = Unicode.Scalar(value) { all.append(scalar) } }
    let pieces = stride(from: 0, to: all.count, by: 500).map { start in
      String(all[all.index(all.startIndex, offsetBy: start)...].prefix(500))
    }
    for format in LogFormat.allCases {
      let file = open(format)
      for piece in pieces { file.logger("worker").info("\(piece)", metadata: ["key": .string(piece)]) }
      let lines = try text().split(separator: "\n", omittingEmptySubsequences: false)
      #expect(lines.count == pieces.count + 1)
      let forbidden = lines.joined().unicodeScalars.filter {
        $0.value < 0x20 || (0x7F...0x9F).contains($0.value) || [0x2028, 0x2029, 0x202E, 0x2066].contains($0.value)
      }
      #expect(forbidden.isEmpty)
      try FileManager.default.removeItem(atPath: folder.appending("app.log"))
      if format == .json {
        for (line, piece) in zip(lines, pieces) where !piece.contains("\0") {
          #expect(try JSONValue(parsing: String(line))["key"] == .string(piece))
        }
      }
    }
  }

  @Test("JSON lines are JSON, numbers stay numbers, and a field cannot overwrite the line's own members")
  func json() throws {
    open(.json).logger("agent-system.worker").warning(
      "a \"b\"\n",
      metadata: [
        "task": "task-1", "duration_ms": .stringConvertible(12), "ok": .stringConvertible(true), "level": "INFO",
        "list": ["x", "y"],
      ])
    let value = try JSONValue(parsing: String(text().dropLast()))
    #expect(
      value == [
        "time": .string(Self.start), "level": "WARNING", "component": "worker", "message": "a \"b\"\n",
        "task": "task-1", "duration_ms": 12, "ok": true, "field_level": "INFO", "list": #"["x", "y"]"#,
      ])
  }

  @Test("long messages and values are cut between characters, and fields are bounded")
  func bounds() throws {
    let fields = Dictionary(uniqueKeysWithValues: (0..<500).map { ("f\($0)", Logger.MetadataValue.string("v")) })
    let file = open()
    file.logger("w").info(
      "\(String(repeating: "é", count: 100_000))",
      metadata: ["key": .string("x" + String(repeating: "é", count: 50_000))])
    #expect(try text().utf8.count < 16 * 1024 + 4 * 1024 + 200)
    #expect(try text().contains("é… key=xé"))
    file.logger("w").info("m", metadata: fields)
    #expect(try text().split(separator: "\n")[1].split(separator: "=").count == 65)
  }

  @Test("a secret is never written")
  func secrets() throws {
    struct Login { var user = "u"; var password = Secret("hunter2") }
    let secret = Secret("hunter2")
    open().logger("w").info("login \(secret)", metadata: ["key": "\(secret)", "all": "\(Login())"])
    #expect(try text().contains("login [secret] all=") && text().contains("key=[secret]"))
    #expect(try !text().contains("hunter2"))
  }

  @Test("loggers follow the file's level, those with a level of their own keep it")
  func level() throws {
    let file = open(level: .info)
    let logger = file.logger("w")
    var own = file.logger("own")
    own.logLevel = .error
    logger.debug("no")
    file.level = .debug
    logger.debug("yes")
    own.warning("no")
    own.error("own")
    #expect(try text().split(separator: "\n").map { $0.suffix(3) } == ["yes", "own"])
  }

  @Test("the folder is made with 0750 and the file with 0640, whatever the umask")
  func modes() throws {
    let nested = folder.appending("a/b")
    let file = LogFile(clock: clock, options: .init(folder: nested), standardError: nil)
    file.logger("w").info("m")
    func mode(_ path: String) throws -> Int? {
      try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }
    #expect(try mode(nested) == 0o750)
    #expect(try mode(nested + "/app.log") == 0o640)
  }

  @Test("an existing file is continued")
  func continued() throws {
    open().logger("w").info("one")
    open().logger("w").info("two")
    #expect(try text().split(separator: "\n").count == 2)
  }

  @Test("past its size the file becomes app.log.1, and only so many are kept")
  func rotation() throws {
    let file = open(maximumBytes: 200, keep: 2)
    let logger = file.logger("w")
    for number in 0..<20 { logger.info("line \(number) \(String(repeating: "x", count: 40))") }
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    #expect(names == ["app.log", "app.log.1", "app.log.2"])
    let lines = try (text("app.log.2") + text("app.log.1") + text()).split(separator: "\n")
    #expect(lines.map { $0.split(separator: " ")[4] } == (20 - lines.count..<20).map { "\($0)" })
    for name in names { #expect(try text(name).utf8.count <= 200) }
    #expect(file.failureCount == 0)
  }

  @Test("with nothing kept the file begins anew")
  func keepNone() throws {
    let file = open(maximumBytes: 100, keep: 0)
    for number in 0..<5 { file.logger("w").info("line \(number) \(String(repeating: "x", count: 30))") }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["app.log"])
    #expect(try text().split(separator: "\n").count == 1)
  }

  @Test(
    "a file whose first line is a week old is full, whatever its size and whoever wrote it",
    arguments: [
      LogFormat.text, .json,
    ])
  func age(format: LogFormat) throws {
    open(format).logger("worker").info("first")
    clock.advance(by: LogFile.maximumAge - .milliseconds(1))
    open(format).logger("worker").info("second")
    #expect(try !FileManager.default.contentsOfDirectory(atPath: folder.path).contains("app.log.1"))
    clock.advance(by: .milliseconds(1))
    let file = open(format)
    file.logger("worker").info("third")
    file.logger("worker").info("fourth")
    #expect(try text("app.log.1").split(separator: "\n").count == 2)
    #expect(try text().split(separator: "\n").count == 2)
    #expect(try text("app.log.1").contains("second") && text().contains("third"))
  }

  @Test("files beyond a lowered number go with the next rotation")
  func keepLess() throws {
    for number in 0..<8 { open(maximumBytes: 10, keep: 5).logger("w").info("line \(number)") }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 6)
    open(maximumBytes: 10, keep: 2).logger("w").info("last")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    #expect(names == ["app.log", "app.log.1", "app.log.2"])
  }

  @Test("one line larger than the file's size is still written whole")
  func oversizedLine() throws {
    let file = open(maximumBytes: 100, keep: 3)
    file.logger("w").info("\(String(repeating: "x", count: 300))")
    file.logger("w").info("next")
    #expect(try text("app.log.1").utf8.count > 300)
    #expect(try text().hasSuffix("next\n"))
  }

  @Test("after reopen a moved file is left alone")
  func reopen() throws {
    let file = open()
    file.logger("w").info("one")
    try FileManager.default.moveItem(atPath: folder.appending("app.log"), toPath: folder.appending("moved"))
    file.logger("w").info("two")
    file.reopen()
    file.logger("w").info("three")
    #expect(try text("moved").split(separator: "\n").count == 2)
    #expect(try text().hasSuffix("three\n") && text().split(separator: "\n").count == 1)
  }

  @Test("a folder that cannot be made is counted, and tried again a second later")
  func failures() throws {
    try Data().write(to: URL(fileURLWithPath: folder.appending("file")))
    let blocked = folder.appending("file/log")
    let file = LogFile(clock: clock, options: .init(folder: blocked), standardError: nil)
    file.logger("w").info("lost")
    #expect(file.failureCount == 1)
    try FileManager.default.removeItem(atPath: folder.appending("file"))
    file.logger("w").info("lost too")
    #expect(file.failureCount == 2)
    clock.advance(by: .seconds(1))
    file.logger("w").info("kept")
    #expect(file.failureCount == 2)
    #expect(try text("file/log/app.log").hasSuffix("kept\n"))
  }

  @Test("a FIFO or a link in the file's place does not hold the service")
  func notAFile() throws {
    #expect(mkfifo(folder.appending("app.log"), 0o600) == 0)
    let file = open()
    file.logger("w").info("lost")
    #expect(file.failureCount == 1)
    #expect(file.problem?.hasPrefix(folder.appending("app.log: ")) == true)
    #expect(unlink(folder.appending("app.log")) == 0)
    #expect(symlink(folder.appending("else"), folder.appending("app.log")) == 0)
    file.reopen()
    file.logger("w").info("lost")
    #expect(file.failureCount == 2)
    #expect(!FileManager.default.fileExists(atPath: folder.appending("else")))
    #expect(unlink(folder.appending("app.log")) == 0)
    file.reopen()
    #expect(file.problem == nil)
  }

  @Test("a full disk is counted and does not stop anything")
  func fullDisk() throws {
    let file = LogFile(clock: clock, options: .init(folder: nil), standardError: Glibc.open("/dev/full", O_WRONLY))
    file.logger("w").info("lost")
    #expect(file.failureCount == 1)
  }

  @Test("standard error gets each line too, and a pipe that nobody reads does not stop the service")
  func standardError() throws {
    let pipe = Pipe()
    let file = open(standardError: pipe.fileHandleForWriting.fileDescriptor)
    file.logger("w").info("one")
    #expect(pipe.fileHandleForReading.availableData == Data(try text().utf8))
    for _ in 0..<100 { file.logger("w").info("\(String(repeating: "x", count: 2000))") }
    #expect(file.failureCount > 0)
    #expect(try text().split(separator: "\n").count == 101)
  }

  @Test("lines of many writers do not mix")
  func writers() async throws {
    let file = open(maximumBytes: 4096, keep: 1000)
    await withTaskGroup(of: Void.self) { group in
      for writer in 0..<8 {
        group.addTask { for number in 0..<100 { file.logger("w\(writer)").info("line \(number) end") } }
      }
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    let lines = try names.flatMap { try text($0).split(separator: "\n") }
    #expect(lines.count == 800)
    #expect(lines.allSatisfy { $0.hasPrefix(Self.start) && $0.hasSuffix(" end") })
  }
}
