import AgentCore
import AgentTestKit
import Testing

@testable import AgentTools

@Suite("The registry of tools")
struct ToolRegistryTests {
  private let registry = ToolRegistry(tools: FileToolbox(digester: FixedDigester(), work: BlockingWork()).tools)

  @Test("tools are found by their dotted name and by the name a model writes")
  func names() {
    #expect(registry.names == ["file.edit", "file.list", "file.read", "file.search", "file.write"])
    #expect(registry.tool(named: "file.read")?.descriptor.name == "file.read")
    #expect(registry.tool(named: "shell") == nil)
    #expect(registry.name(fromWire: "file_read") == "file.read")
    #expect(registry.name(fromWire: "file.read") == "file.read")
    #expect(registry.name(fromWire: "file-read") == nil)
    #expect(
      registry.descriptors(for: ["file.write", "none", "file.read"]).map(\.wireName) == ["file_write", "file_read"])
  }

  @Test("each tool's schema is an object that names its required arguments and allows no others")
  func schemas() {
    for descriptor in registry.descriptors(for: registry.names) {
      #expect(descriptor.parameters["type"] == "object")
      #expect(descriptor.parameters["additionalProperties"] == false)
      let members = descriptor.parameters["properties"]?.objectValue ?? [:]
      let required = descriptor.parameters["required"]?.arrayValue?.compactMap(\.stringValue) ?? []
      #expect(!required.isEmpty && required.allSatisfy { members[$0] != nil })
    }
  }
}
