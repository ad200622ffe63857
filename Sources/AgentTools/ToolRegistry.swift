import AgentCore

/// The tools of this installation, by name.
package struct ToolRegistry: Sendable {
  private let byName: [String: any AgentTool]

  /// No two tools may have the same name, or the same name on the wire.
  package init(tools: [any AgentTool]) {
    let wireNames = Set(tools.map(\.descriptor.wireName))
    precondition(wireNames.count == tools.count, "two tools have the same name")
    byName = Dictionary(tools.map { ($0.descriptor.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// Ascending.
  package var names: [String] { byName.keys.sorted() }

  /// The tool of that dotted name, as in `file.read`, or of its name on the wire: a model may write one that it was not
  /// offered, and is told that it may not use it. Nil for one that is not here.
  package func tool(named name: String) -> (any AgentTool)? { self.name(fromWire: name).flatMap { byName[$0] } }

  /// What a model is told of these tools, in the order of `names`; names of tools that are not here are passed over.
  package func descriptors(for names: [String]) -> [ToolDescriptor] { names.compactMap { byName[$0]?.descriptor } }

  /// The dotted name for one that a model wrote: `file_read`, and `file.read` as it is; nil for a tool not here.
  package func name(fromWire wireName: String) -> String? {
    if byName[wireName] != nil { return wireName }
    return byName.values.first { $0.descriptor.wireName == wireName }?.descriptor.name
  }
}

extension ToolDescriptor {
  /// The name as models see it, for providers allow no dots: `file_read`.
  package var wireName: String { name.split(separator: ".", omittingEmptySubsequences: false).joined(separator: "_") }
}
