extension HTTPExchange {
  /// The body of an answer, in pieces of any size, as they arrive. One reader reads it once.
  ///
  /// The transfer waits while 256 KiB lie unread. A cancelled reader gets `cancelled`. When the last copy of the body
  /// and its iterator are gone, an unfinished transfer is ended.
  package struct ResponseBody: AsyncSequence, Sendable {
    package typealias Element = [UInt8]
    package typealias Failure = TransportError

    private let lease: Lease

    init(_ channel: ResponseChannel) { lease = Lease(channel) }

    package func makeAsyncIterator() -> Iterator { Iterator(lease: lease) }

    package struct Iterator: AsyncIteratorProtocol {
      fileprivate let lease: Lease

      package mutating func next(
        isolation actor: isolated (any Actor)? = #isolation
      ) async throws(TransportError) -> [UInt8]? {
        while let event = try await lease.channel.next() {
          if case .bytes(let bytes) = event { return bytes }
        }
        return nil
      }

      package mutating func next() async throws(TransportError) -> [UInt8]? { try await next(isolation: nil) }
    }

    /// Ends the transfer when nobody can read it any more.
    fileprivate final class Lease: Sendable {
      let channel: ResponseChannel
      init(_ channel: ResponseChannel) { self.channel = channel }
      deinit { channel.cancel() }
    }
  }
}
