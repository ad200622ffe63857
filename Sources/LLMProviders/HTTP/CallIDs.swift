import AgentCore

/// The ids of a conversation's tool calls as they go to one provider: unique in the conversation, and of
/// `[a-zA-Z0-9_-]` unless that provider made them itself. The same conversation always gets the same ones, and a longer
/// one begins with those of the shorter: a provider's cache holds on to that.
struct CallIDs {
  private var used: Set<String> = []
  private var newest: [String: String] = [:]

  /// OpenAI refuses longer ones.
  static let longest = 40

  init() {}

  /// The next turn's calls. `isOwn`: this provider made them.
  mutating func begin(_ calls: [ToolCall], isOwn: Bool) -> [String] {
    newest = [:]
    return calls.map { call in
      let id = unused(isOwn && !call.id.isEmpty ? call.id : Self.plain(call.id))
      used.insert(id)
      newest[call.id] = id
      return id
    }
  }

  /// For a result of one of the newest turn's calls.
  func result(of callID: String) -> String { newest[callID] ?? Self.plain(callID) }

  private func unused(_ id: String) -> String {
    var candidate = id
    var number = 2
    while used.contains(candidate) {
      let ending = "_\(number)"
      candidate = id.prefix(Self.longest - ending.count) + ending
      number += 1
    }
    return candidate
  }

  private static func plain(_ id: String) -> String {
    let plain = String(id.map { $0.isPlain ? $0 : "_" }.prefix(longest))
    return plain.isEmpty ? "call" : plain
  }
}
