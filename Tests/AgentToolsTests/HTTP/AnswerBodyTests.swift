import AgentCore
import Testing

@testable import AgentTools

/// What is read of an answer that comes in many pieces.
@Suite struct AnswerBodyTests {
  private static let limit = 1000

  /// Takes a body byte by byte; how often it was looked for its end.
  private func read(_ count: Int, valueEnd: Int) -> (body: AnswerBody, looks: [Int]) {
    var looks: [Int] = []
    var body = AnswerBody(limit: Self.limit) { beginning in
      looks.append(beginning.count)
      return beginning.count < valueEnd
    }
    for number in 0..<count { body.take(CollectionOfOne(UInt8(truncatingIfNeeded: number))) }
    return (body, looks)
  }

  @Test("a value that the limit falls into is looked for once at the limit, and then each 16 KiB")
  func looks() {
    let (body, looks) = read(100_000, valueEnd: 40_000)
    #expect(looks == [1000, 17_384, 33_768, 50_152] && body.isCut && body.bytes.count == 50_152)
  }

  @Test("what ends at the limit is whole, and one byte more is cut there") func limit() {
    #expect(read(1000, valueEnd: 0).body.isCut == false && read(1000, valueEnd: 0).looks.isEmpty)
    let (body, looks) = read(1001, valueEnd: 0)
    #expect(body.isCut && body.bytes.count == 1000 && looks == [1000])
  }

  @Test("no more is read than as much again as can be shown", arguments: [0, 1]) func most(more: Int) {
    let most = Self.limit + ToolOutcome.maximumBytes
    let (body, looks) = read(most + more, valueEnd: .max)
    #expect(body.bytes.count == most && body.isCut == (more == 1) && looks.count == 16)
  }
}
