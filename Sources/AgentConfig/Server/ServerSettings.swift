/// `server.yaml`: where the service listens, keeps its data and writes its log. A value made with `init()` holds the
/// defaults.
package struct ServerSettings: Sendable, Hashable {
  package enum LogLevel: String, Sendable, CaseIterable {
    case trace, debug, info, notice, warning, error, critical
  }
  package enum LogFormat: String, Sendable, CaseIterable { case text, json }

  package struct Log: Sendable, Hashable {
    package var folder = "/var/log/agent"
    package var level = LogLevel.info
    package var format = LogFormat.text
    /// Bytes of `app.log` past which it becomes `app.log.1`.
    package var maximumBytes: Int64 = 50_000_000
    /// Older files kept beside `app.log`.
    package var keep = 10
    package init() {}
  }

  package var listen = [ListenAddress(host: "127.0.0.1", port: 8080)]
  /// The unix socket's path.
  package var socket = "/run/agent-system/api.sock"
  package var data = "/var/lib/agent-system"
  package var log = Log()
  /// `Host` headers accepted besides localhost and the listen addresses, in lower case.
  package var allowedHosts: [String] = []
  /// A task may be given folders below these.
  package var workspaceRoots: [String] = []
  /// Tasks in flight in all.
  package var workers = 64
  /// Unfinished tasks in all.
  package var maximumPending: Int64 = 5_000_000
  /// The master key's file; nil: the one in the data folder.
  package var masterKeyFile: String?
  package init() {}
}

extension ServerSettings {
  /// `sun_path` of a unix socket holds 108 bytes with the NUL (unix(7)).
  static let maximumSocketPathBytes = 107
  /// PATH_MAX of Linux without the NUL.
  static let maximumPathBytes = 4095
  /// One process has no use for more sockets to listen on.
  static let maximumListeners = 16

  /// Every key of the file.
  package static let keys: [ConfigKey] = [
    ConfigKey(
      "listen", .textOrList(maximumCount: maximumListeners), .defaults("127.0.0.1:8080"), "addresses to serve HTTP on"),
    ConfigKey(
      "socket", .text(maximumBytes: maximumSocketPathBytes), .defaults("/run/agent-system/api.sock"),
      "the unix socket on which the kernel names the caller"),
    ConfigKey(
      "data", .text(maximumBytes: maximumPathBytes), .defaults("/var/lib/agent-system"), "the folder of all state"),
    ConfigKey("log", .section, .defaults("{}"), "where and how to log"),
    ConfigKey(
      "log.folder", .text(maximumBytes: maximumPathBytes), .defaults("/var/log/agent"), "the folder of app.log"),
    ConfigKey(
      "log.level", .choice(LogLevel.allCases.map(\.rawValue)), .defaults("info"), "the least level that is written"
    ).reloadable,
    ConfigKey(
      "log.format", .choice(LogFormat.allCases.map(\.rawValue)), .defaults("text"), "lines for people, or JSON lines"),
    ConfigKey(
      "log.max_size", .size(4096...1_000_000_000_000), .defaults("50MB"), "the size at which app.log is moved on"),
    ConfigKey("log.keep", .integer(0...1000), .defaults("10"), "older log files that are kept"),
    ConfigKey("allowed_hosts", .list(maximumCount: 256), .defaults("[]"), "Host headers accepted besides our own"),
    ConfigKey("workspace_roots", .list(maximumCount: 64), .defaults("[]"), "folders below which a task may work"),
    ConfigKey("workers", .integer(1...4096), .defaults("64"), "tasks in flight in all"),
    ConfigKey("queue", .section, .defaults("{}"), "the queue of tasks"),
    ConfigKey(
      "queue.max_pending", .integer(1...1_000_000_000), .defaults("5000000"), "unfinished tasks in all"),
    ConfigKey("keys", .section, .defaults("{}"), "where keys lie"),
    ConfigKey(
      "keys.master_file", .text(maximumBytes: maximumPathBytes), .nullable,
      "the master key's file (0400, the service's own), where systemd hands none over; keys/master.key in the data folder "
        + "unless told"),
    .notSupported("tls", "serving HTTPS"),
    .notSupported("allow_plaintext", "serving other machines without TLS"),
    .notSupported("trusted_proxies", "proxies that may name the client"),
    .notSupported("metrics_open", "metrics for everybody"),
    .notSupported("cors", "pages of other origins"),
    .notSupported("tracing", "traces over OTLP"),
    .notSupported("alerts", "the alerts' webhook"),
    .notSupported("memory", "the budget of bodies and streams in flight"),
  ]

  /// Reads the file's root; bad values keep their default and leave an issue.
  static func read(_ root: YAMLNode?, log: inout IssueLog) -> (ServerSettings, [ConfigValue]) {
    var reader = ConfigReader(keys: keys, log: log, recordingAs: "server.yaml")
    var settings = ServerSettings()
    let top = reader.top(root)
    if let addresses = reader.texts("listen", in: top) { settings.listen = listeners(addresses, in: top, &reader) }
    if let path = reader.path("socket", in: top) { settings.socket = path }
    if let path = reader.path("data", in: top) { settings.data = path }
    if let section = reader.section("log", in: top) { settings.log = readLog(section, &reader) }
    if let hosts = reader.texts("allowed_hosts", in: top) {
      settings.allowedHosts = hosts.compactMap { reader.host($0, "allowed_hosts") }
    }
    if let roots = reader.texts("workspace_roots", in: top) {
      settings.workspaceRoots = roots.compactMap { reader.absolutePath($0, "workspace_roots") }
    }
    if let workers = reader.integer("workers", in: top) { settings.workers = Int(workers) }
    if let queue = reader.section("queue", in: top), let maximum = reader.integer("max_pending", in: queue) {
      settings.maximumPending = maximum
    }
    if let keys = reader.section("keys", in: top) { settings.masterKeyFile = reader.path("master_file", in: keys) }
    log = reader.log
    return (settings, reader.values)
  }

  private static func readLog(_ section: ConfigReader.Section, _ reader: inout ConfigReader) -> Log {
    var log = Log()
    if let folder = reader.path("folder", in: section) { log.folder = folder }
    if let level = reader.text("level", in: section).flatMap({ LogLevel(rawValue: $0.value) }) { log.level = level }
    if let format = reader.text("format", in: section).flatMap({ LogFormat(rawValue: $0.value) }) {
      log.format = format
    }
    if let bytes = reader.size("max_size", in: section) { log.maximumBytes = bytes }
    if let keep = reader.integer("keep", in: section) { log.keep = Int(keep) }
    return log
  }

  private static func listeners(
    _ texts: [Placed<String>], in top: ConfigReader.Section, _ reader: inout ConfigReader
  ) -> [ListenAddress] {
    if texts.isEmpty, let entry = top.entries["listen"], case .sequence(let items) = entry.value.content, items.isEmpty
    {
      reader.log.add(.invalid, entry.keyMark, "'listen' is an empty list: name at least one address")
    }
    return texts.compactMap { text in
      guard let address = ListenAddress(text.value) else {
        reader.log.add(.invalid, text.mark, "'listen': '\(text.shown)' \(ListenAddress.malformed)")
        return nil
      }
      guard address.isLoopback else {
        reader.log.add(.plaintextRefused, text.mark, ListenAddress.refusal(text.shown))
        return nil
      }
      return address
    }
  }
}

extension ConfigReader {
  /// An absolute path.
  mutating func path(_ name: String, in section: Section) -> String? {
    guard let text = text(name, in: section) else { return nil }
    return absolutePath(text, Self.join(section.shown, name))
  }

  fileprivate mutating func absolutePath(_ text: Placed<String>, _ shown: String) -> String? {
    guard ServerSettings.isPath(text.value) else {
      log.add(.invalid, text.mark, "'\(shown)' must be an absolute path without '..'")
      return nil
    }
    return text.value
  }

  fileprivate mutating func host(_ text: Placed<String>, _ shown: String) -> String? {
    let bare = text.value.hasPrefix("[") && text.value.hasSuffix("]") ? String(text.value.dropFirst().dropLast()) : nil
    guard bare.map(HostText.isIPv6) ?? (HostText.isIPv4(text.value) || HostText.isName(text.value)) else {
      log.add(
        .invalid, text.mark,
        "'\(shown)': '\(text.shown)' is neither a host name nor an address ([…] for IPv6), without port")
      return nil
    }
    return text.value.lowercased()
  }
}
