import AgentCore
import AgentTestKit
import Glibc
import Testing

/// Tasks that wait for a provider which said when to come back, and is ready sooner.
@Suite struct ProviderWaitTests {
  private static func refusing(_ seconds: String) -> JSONValue {
    ["reply": ["status": 429, "error": [:], "headers": ["Retry-After": .string(seconds)]]]
  }

  /// How the service learns that the provider is ready.
  enum News: CaseIterable, Sendable { case test, stop, kill }

  @Test("a test that goes well, and a restart, bring all of them back: nobody waits out what nobody knows any more")
  func back() async throws {
    for news in News.allCases {
      // A start believes what the provider told those whom it refused; the last in line were told six minutes.
      let site = try await ProviderSite(.openai, [Self.refusing(news == .test ? "1800" : "12")])
      // More than a new gate lets through: some wait by their own refusal, the others in the line.
      let tasks: [JSONValue] = (0..<20).map { _ in
        ["agent": "worker", "input": "go", "timeout_seconds": 604_800, "max_attempts": 1]
      }
      let answer = try await site.service.send("POST", "/api/tasks:batch", ["tasks": .array(tasks)])
      let ids = (answer.json["data"]?.arrayValue ?? []).compactMap { $0["id"]?.stringValue }
      try await site.allWait(ids.count)
      try site.double.script([ProviderSite.saysDone], settings: ["keys": ["right": .string(ProviderSite.key)]])
      switch news {
      case .test:
        let test = try await site.service.send("POST", "/api/providers/main/test").json
        #expect(test["ok"] == true, "\(test.text)")
        try await Self.expectDone(ids, site.service, "\(news)")
      case .stop, .kill:
        site.service.signal(news == .stop ? SIGTERM : SIGKILL)
        await site.service.exit()
        let again = try await ServiceProcess.serve(in: site.folder)
        try await Self.expectDone(ids, again, "\(news)")
      }
    }
  }

  /// What tells a new process that the provider is ready after all.
  enum Sign: CaseIterable, Sendable { case call, test }

  @Test("whom a provider refused before a restart comes back as soon as a call of it goes well")
  func backAfterRestart() async throws {
    for sign in Sign.allCases {
      let site = try await ProviderSite(.openai, [Self.refusing("1800")])
      var ids: [String] = []
      for _ in 0..<3 {
        ids.append(try await site.service.create(["agent": "worker", "input": "go", "max_attempts": 1]))
      }
      try await site.allWait(ids.count)
      try site.double.script([ProviderSite.saysDone], settings: ["keys": ["right": .string(ProviderSite.key)]])
      site.service.signal(SIGKILL)
      await site.service.exit()
      let again = try await ServiceProcess.serve(in: site.folder)
      switch sign {
      case .call: ids.append(try await again.create(["agent": "worker", "input": "go"]))
      case .test: #expect(try await again.send("POST", "/api/providers/main/test").json["ok"] == true)
      }
      try await Self.expectDone(ids, again, "\(sign)")
    }
  }

  private static func expectDone(_ ids: [String], _ service: ServiceProcess, _ news: String) async throws {
    for id in ids {
      let task = try await service.ended(id)
      #expect(task["status"] == "completed" && task["attempt"] == 1, "\(news): \(task.text)")
    }
  }
}

extension ProviderSite {
  fileprivate func allWait(_ count: Int) async throws {
    _ = try await service.asking("GET", "/api/tasks?status=waiting&limit=500") {
      $0.json["data"]?.arrayValue?.count == count
    }
  }
}
