import AgentConfig
import AgentCore
import AgentPersistence
import AgentRuntime
import AgentTestKit
import Testing

@Suite("The digest of a conversation") struct ConversationDigestTests {
  @Test("is that of canonical JSON: the same in every process, whatever the order of a call's arguments")
  func canonical() async throws {
    let probe = ProbeTool("probe", effect: .pure, [.answer("x")])
    let arguments: JSONValue = ["e": 5, "d": nil, "c": [true], "b": "two", "a": 1]
    let rig = try await EngineRig(
      in: TemporaryFolder(), agents: [EngineTests.agent(tools: ["probe"])],
      script: .turns([.call("probe", arguments), .text("ok")]), tools: [probe])
    try await rig.run { rig in
      let id = try await rig.submit("coder")
      #expect(try await rig.ended(id).status == .completed)
      let steps = try await rig.tasks.steps(of: id)
      let call = try #require(steps[1].input["call_id"]?.stringValue)
      let text = """
        [{"role":"system","text":"work"},{"role":"user","text":"go"},\
        {"calls":[{"arguments":{"a":1,"b":"two","c":[true],"d":null,"e":5},"id":"\(call)","name":"probe"}],\
        "role":"assistant","text":""},\
        {"call_id":"\(call)","is_error":false,"name":"probe","role":"tool","text":"x"}]
        """
      #expect(steps[2].input["messages_digest"]?.stringValue == FixedDigester().digest(Array(text.utf8)))
    }
  }
}
