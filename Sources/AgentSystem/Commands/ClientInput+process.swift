import Dispatch
import Foundation
import Glibc
import Synchronization

extension ClientInput {
  /// This process's folder, files, standard input and signals.
  static func process() -> ClientInput {
    ClientInput(
      folder: currentFolder(),
      file: { (path, limit) throws(ClientError) in
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .usage("\(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        return try read(descriptor, limit, path)
      },
      standardInput: { (limit) throws(ClientError) in
        try read(STDIN_FILENO, limit, "standard input")
      },
      interrupts: interrupts, typedLine: typedLine,
      typedSecret: { await SilentTyping.during { await typedLine() } },
      environment: ProcessInfo.processInfo.environment)
  }

  /// Of one `read`.
  private static let pieceBytes = 64 * 1024

  private static func currentFolder() -> String {
    guard let path = getcwd(nil, 0) else { return "/" }
    defer { free(path) }
    return String(cString: path)
  }

  private static func read(_ descriptor: Int32, _ limit: Int, _ name: String) throws(ClientError) -> [UInt8] {
    var content: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: pieceBytes)
    while true {
      let count = Glibc.read(descriptor, &piece, piece.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .usage("\(name): \(String(cString: strerror(errno)))") }
      if count == 0 { return content }
      content.append(contentsOf: piece[..<count])
      guard content.count <= limit else { throw .usage("\(name) is longer than \(limit) bytes") }
    }
  }

  private static func interrupts() -> AsyncStream<Void> {
    AsyncStream(bufferingPolicy: .bufferingNewest(2)) { continuation in
      signal(SIGINT, SIG_IGN)
      let watch = SignalWatch(SIGINT) { continuation.yield() }
      continuation.onTermination = { _ in
        watch.stop()
        signal(SIGINT, SIG_DFL)
      }
    }
  }

  private static func typedLine() async -> String? {
    let lines = AsyncStream<String?>(bufferingPolicy: .bufferingOldest(1)) { continuation in
      let watch = ReadWatch(STDIN_FILENO) {
        // A terminal hands over whole lines, of at most 4095 bytes.
        var line = [UInt8](repeating: 0, count: 4096)
        let count = Glibc.read(STDIN_FILENO, &line, line.count)
        continuation.yield(count > 0 ? String(decoding: line[..<count], as: UTF8.self) : nil)
        continuation.finish()
      }
      continuation.onTermination = { _ in watch.stop() }
    }
    for await line in lines { return line }
    return nil
  }
}

/// Watches a signal until it is told to stop.
final class SignalWatch: Sendable {
  private let source: Mutex<any DispatchSourceSignal>

  /// Watches when it returns: a signal that is ignored otherwise would be lost until then.
  init(_ number: Int32, _ handle: @escaping @Sendable () -> Void) {
    let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
    let isWatching = DispatchSemaphore(value: 0)
    source.setEventHandler(handler: handle)
    source.setRegistrationHandler { isWatching.signal() }
    source.resume()
    isWatching.wait()
    self.source = Mutex(source)
  }

  func stop() { source.withLock { $0.cancel() } }
}

/// Watches a descriptor for bytes to read until it is told to stop.
private final class ReadWatch: Sendable {
  private let source: Mutex<any DispatchSourceRead>

  init(_ descriptor: Int32, _ handle: @escaping @Sendable () -> Void) {
    let source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: .global())
    source.setEventHandler(handler: handle)
    source.resume()
    self.source = Mutex(source)
  }

  func stop() { source.withLock { $0.cancel() } }
}
