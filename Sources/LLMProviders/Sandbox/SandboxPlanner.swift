import AgentConfig
import AgentCore

/// The next turn of a conversation.
enum SandboxMove: Sendable, Hashable {
  case calls([SandboxScript.Call])
  case answer(String)
}

/// Decides the next turn from the conversation alone: first gather, then search, then change files, then answer. Each
/// turn makes only calls that were not made before, so every conversation ends.
struct SandboxPlanner {
  private let order: SandboxOrder
  private let knowledge: SandboxKnowledge
  private let gathering: SandboxGathering
  private let offered: Set<String>
  private let mayCall: Bool
  private let answerBytes: Int

  init(request: ModelRequest, conversation: SandboxConversation) {
    order = OrderReader.read(conversation.prompt, agent: request.agent)
    knowledge = SandboxKnowledge(conversation.uses)
    offered = Set(request.tools.map(\.name))
    gathering = SandboxGathering(order: order, knowledge: knowledge, offered: offered)
    mayCall = conversation.modelCalls < SandboxLimits.toolTurns
    // Four bytes are a token by this provider's rule.
    answerBytes = max(
      request.maxOutputTokens.multipliedReportingOverflow(by: 4).partialValue, SandboxLimits.minimumAnswerBytes)
  }

  func nextMove() -> SandboxMove {
    let report = SandboxReport(order: order, knowledge: knowledge, gathering: gathering, offered: offered)
    guard mayCall else { return .answer(report.answer(maximumBytes: answerBytes, change: nil)) }
    if !gathering.calls.isEmpty { return .calls(gathering.calls) }
    let searches = nextSearches()
    if !searches.isEmpty { return .calls(searches) }
    let change = SandboxChange(order: order, documents: gathering.documents, knowledge: knowledge, offered: offered)
    let edits = change.nextEdits()
    if !edits.isEmpty { return .calls(edits) }
    if let write = nextWrite(report) { return .calls([write]) }
    return .answer(report.answer(maximumBytes: answerBytes, change: change))
  }

  /// One search a needle and folder; single files are read and looked through instead, which needs no tool's idea of
  /// a pattern.
  private func nextSearches() -> [SandboxScript.Call] {
    guard order.actions.contains(.search), offered.contains("file.search") else { return [] }
    let isAnywhere = order.sources.isEmpty && gathering.folders.isEmpty && gathering.documents.isEmpty
    let folders = isAnywhere ? ["."] : gathering.folders
    var calls: [SandboxScript.Call] = []
    for needle in order.needles {
      for folder in folders where !knowledge.searches.contains(where: { $0.needle == needle && $0.path == folder }) {
        var arguments: [String: JSONValue] = ["pattern": .string(needle)]
        if folder != "." { arguments["path"] = .string(folder) }
        calls.append(SandboxScript.Call(name: "file.search", arguments: .object(arguments)))
      }
    }
    return Array(calls.prefix(SandboxLimits.callsInTurn))
  }

  private func nextWrite(_ report: SandboxReport) -> SandboxScript.Call? {
    guard let target = order.target, offered.contains("file.write"), knowledge.writes.isEmpty,
      let text = report.fileText()
    else { return nil }
    return SandboxScript.Call(name: "file.write", arguments: ["path": .string(target), "text": .string(text)])
  }
}
