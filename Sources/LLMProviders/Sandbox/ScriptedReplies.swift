import AgentConfig
import AgentCore
import Synchronization

/// A script at work: which rule answers a call, and how often each has answered since the provider was made.
final class ScriptedReplies: Sendable {
  private let script: SandboxScript
  private let uses: Mutex<[Int]>

  init(_ script: SandboxScript) {
    self.script = script
    uses = Mutex(Array(repeating: 0, count: script.rules.count))
  }

  /// The reply of the first rule that fits and has uses left; nil when none does. The use is counted, and the line in
  /// the script's log written, before this returns. Throws `.providerRejected` when the log cannot be written.
  func reply(
    to request: ModelRequest, _ conversation: SandboxConversation
  ) throws(ProviderError) -> SandboxScript.Reply? {
    let index = takeRule(for: request, conversation)
    if let log = script.log {
      let line: JSONValue = [
        "task": .string(request.task.description), "agent": .string(request.agent.name),
        "turn": JSONValue(request.turn), "rule": JSONValue(index), "last_tool": JSONValue(conversation.lastTool),
      ]
      try SandboxCallLog(path: log).append(line)
    }
    return index.map { script.rules[$0].reply }
  }

  private func takeRule(for request: ModelRequest, _ conversation: SandboxConversation) -> Int? {
    uses.withLock { uses in
      for (index, rule) in script.rules.enumerated() where Self.fits(rule, request, conversation) {
        if let times = rule.times, uses[index] >= times { continue }
        uses[index] += 1
        return index
      }
      return nil
    }
  }

  private static func fits(
    _ rule: SandboxScript.Rule, _ request: ModelRequest, _ conversation: SandboxConversation
  ) -> Bool {
    if let agent = rule.agent, agent != request.agent { return false }
    if let turn = rule.turn, turn != request.turn { return false }
    if let tool = rule.lastTool, tool != conversation.lastTool { return false }
    if let prompt = rule.prompt, !conversation.userTexts.contains(where: { ByteOccurrences.contains(prompt, in: $0) }) {
      return false
    }
    return true
  }
}
