import CPlatform
import Foundation
import Synchronization

/// The line to the manager that started this process as a unit: where it listens, and how soon it must hear of us.
/// Everything sent is lost where there is none.
final class UnitLink: Sendable {
  /// What the manager told its service; no child of ours is to speak in our name.
  static let variables = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]

  /// Nil: nobody listens.
  let address: String?
  /// The manager ends a process that it has not heard of for so long; nil: it does not.
  let watchdog: Duration?
  private let send: @Sendable (_ address: String, _ text: String) -> Int32
  private let hasServed = Atomic(false)

  /// `variables` of the process with that id. `send` gives 0, or the errno.
  init(
    _ variables: [String: String], pid: Int32,
    send: @escaping @Sendable (_ address: String, _ text: String) -> Int32 = UnitLink.datagram
  ) {
    address = variables["NOTIFY_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
    // Meant for another process: the one that started us, and handed its variables on.
    let isOurs = variables["WATCHDOG_PID"].map { Int32($0) == pid } ?? true
    let microseconds = variables["WATCHDOG_USEC"].flatMap(Int64.init) ?? 0
    watchdog = address != nil && isOurs && microseconds > 0 ? .microseconds(microseconds) : nil
    self.send = send
  }

  /// Takes the variables out of the environment. Called before there are other threads, which may read it.
  static func takenOver() -> UnitLink {
    let environment = ProcessInfo.processInfo.environment
    for name in variables { unsetenv(name) }
    return UnitLink(environment.filter { variables.contains($0.key) }, pid: getpid())
  }

  static func datagram(_ address: String, _ text: String) -> Int32 {
    let bytes = Array(text.utf8)
    return cplatform_send_datagram(address, bytes, bytes.count)
  }

  /// Whether `serves` was told.
  var isServing: Bool { hasServed.load(ordering: .acquiring) }

  /// Words in one message. 0, or the errno of what kept it from being sent.
  @discardableResult
  func tell(_ words: UnitWord...) -> Int32 {
    guard let address else { return 0 }
    return send(address, words.map(\.line).joined(separator: "\n"))
  }

  /// The service takes requests from now on.
  func serves(_ status: String) -> Int32 {
    hasServed.store(true, ordering: .releasing)
    return tell(.ready, .status(status))
  }

  /// Tells of a reload around it. Before the service serves, a word of readiness after it would be a lie.
  func reloading<Value, Failure: Error>(
    _ body: () async throws(Failure) -> Value
  ) async throws(Failure) -> Value {
    guard isServing else { return try await body() }
    tell(.reloading(at: Self.monotonic()))
    defer { tell(.ready) }
    return try await body()
  }

  /// CLOCK_MONOTONIC, by which the manager tells an old word of readiness from a new one.
  private static func monotonic() -> Duration {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
  }
}
