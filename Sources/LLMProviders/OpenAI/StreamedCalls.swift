import AgentCore

/// Puts tool calls together from the fragments of a stream.
///
/// A fragment belongs to the call that is open at its index, unless it begins another: by a new index, by a new id at a
/// known index, or by a name after complete arguments. Ollama sends all calls at index 0, or at none.
struct StreamedCalls: Sendable {
  private struct Open: Sendable {
    var id = ""
    var name = ""
    var arguments = GrowingBytes()
    /// Every member but the function's name and arguments, merged: Gemini keeps its thoughts there.
    var members = GrowingMessage()
    var functionMembers = GrowingMessage()
    var scan = ObjectScan()

    var call: AssembledReply.Call { AssembledReply.Call(id: id, name: name, arguments: arguments.text) }
  }
  private var open: [Open] = []
  /// The last two hold the thoughts that Gemini and LiteLLM want back.
  private static let known: Set<String> = ["id", "type", "custom", "extra_content", "provider_specific_fields"]
  /// The newest call at each index.
  private var positions: [Int64: Int] = [:]

  var calls: [AssembledReply.Call] { open.map(\.call) }

  /// As they were sent: an id that did not come is not there.
  func messages(_ budget: AnswerBudget) -> [JSONValue] {
    open.map { item in
      var function = budget.whole(item.functionMembers.members)
      function["name"] = .string(item.name)
      function["arguments"] = .string(item.arguments.text)
      var members = budget.whole(item.members.members)
      members["function"] = .object(function)
      if members["type"] == nil { members["type"] = "function" }
      return .object(members)
    }
  }

  /// The `tool_calls` of one chunk, or of a whole message, in which each is a call of its own.
  mutating func take(_ fragments: JSONValue?, areWhole: Bool, _ budget: inout AnswerBudget) throws(ProviderError) {
    guard let fragments, !fragments.isNull else { return }
    guard let list = fragments.arrayValue else { throw .malformed("the answer's tool calls are no list") }
    // Two fragments of one chunk without an index are two calls.
    var hasUnindexed = false
    for fragment in list {
      guard case .object(let members) = fragment else { throw .malformed("a tool call of the answer is no object") }
      let isUnindexed = members["index"]?.integerValue == nil
      try take(members, isNew: areWhole || isUnindexed && hasUnindexed, &budget)
      hasUnindexed = hasUnindexed || isUnindexed
    }
  }

  private mutating func take(
    _ fragment: [String: JSONValue], isNew: Bool, _ budget: inout AnswerBudget
  ) throws(ProviderError) {
    let function = fragment["function"]?.objectValue ?? [:]
    let index = fragment["index"]?.integerValue
    let id = fragment["id"]?.stringValue ?? ""
    let name = function["name"]?.stringValue ?? ""
    let arguments = try Self.text(function["arguments"])
    var position = index.map { positions[$0] } ?? open.indices.last
    if let known = position, isNew || begins(after: open[known], id: id, name: name, arguments: arguments) {
      position = nil
    }
    let target = position ?? open.endIndex
    if position == nil {
      guard target < AnswerLimits.calls else { throw AnswerLimits.tooManyCalls }
      open.append(Open())
      if let index { positions[index] = target }
    }
    if !id.isEmpty { open[target].id = id }
    if !name.isEmpty { open[target].name = name }
    open[target].arguments.append(arguments)
    open[target].scan.take(arguments)
    open[target].members.take(
      try budget.admitted(fragment.filter { $0.key != "function" && $0.key != "index" }, known: Self.known))
    open[target].functionMembers.take(
      try budget.admitted(function.filter { $0.key != "name" && $0.key != "arguments" }, known: Self.known))
  }

  private func begins(after last: Open, id: String, name: String, arguments: String) -> Bool {
    if !id.isEmpty, !last.id.isEmpty, id != last.id { return true }
    guard !name.isEmpty, !last.name.isEmpty else { return false }
    if !last.scan.hasBegun { return name != last.name }
    // Some servers repeat id and name with each fragment, the empty last one too.
    if id == last.id, !id.isEmpty, name == last.name, arguments.isEmpty { return false }
    return last.scan.isComplete
  }

  /// Some servers send the object itself.
  private static func text(_ arguments: JSONValue?) throws(ProviderError) -> String {
    switch arguments {
    case nil, .null?: return ""
    case .string(let text)?: return text
    case .object?: return arguments?.text ?? ""
    default: throw .malformed("the arguments of a tool call of the answer are neither text nor an object")
    }
  }
}

/// Tells when a text that comes in pieces holds a whole JSON object: without reading it again for each piece.
struct ObjectScan: Sendable {
  private var depth = 0
  private var isInString = false
  private var isEscaped = false
  /// Something other than blanks came.
  private(set) var hasBegun = false
  /// The first object has ended.
  private(set) var isComplete = false

  mutating func take(_ text: String) {
    for byte in text.utf8 {
      if isEscaped {
        isEscaped = false
      } else if isInString {
        if byte == UInt8(ascii: "\\") { isEscaped = true }
        if byte == UInt8(ascii: "\"") { isInString = false }
      } else {
        takeOutside(byte)
      }
    }
  }

  private mutating func takeOutside(_ byte: UInt8) {
    if !" \t\r\n".utf8.contains(byte) { hasBegun = true }
    switch byte {
    case UInt8(ascii: "\""): isInString = true
    case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
    case UInt8(ascii: "}"), UInt8(ascii: "]"):
      depth -= 1
      if depth == 0 { isComplete = true }
    default: break
    }
  }
}
