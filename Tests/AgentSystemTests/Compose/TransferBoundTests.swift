import HTTPTransport
import Testing

@testable import AgentSystem

@Suite struct TransferBoundTests {
  @Test("each worker has room for its call, beside others", arguments: [1, 64, 1024, 4096])
  func workers(count: Int) {
    let transfers = ServiceComposition.transfers(workers: count)
    #expect(transfers >= count + 100 && transfers >= CurlTransport.defaultMaximumTransfers)
  }
}
