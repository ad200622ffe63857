import Testing
import AgentTestKit
@testable import AgentPersistence
@Test func probePerf() async throws {
  let f = try StoreFixture(); let s = try f.open()
  let c = ContinuousClock()
  let t = try await c.measure { for i in 0..<500 { _ = try await s.write(addName("n\(i)")) } }
  print("PERF sequential", t / 500)
  await s.close()
}
