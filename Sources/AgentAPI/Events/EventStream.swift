import AgentRuntime
import Synchronization

/// An opened feed and its place among the streams; both are given back when the answer that holds it is gone, sent or
/// not.
final class EventStream: AsyncSequence, Sendable {
  typealias Element = FeedItem

  private let feed: EventFeed
  private let place: StreamPlaces.Place

  init(feed: EventFeed, place: StreamPlaces.Place) { (self.feed, self.place) = (feed, place) }

  deinit { feed.close() }

  struct Iterator: AsyncIteratorProtocol {
    fileprivate var feed: EventFeed
    mutating func next() async throws -> FeedItem? { try await feed.next() }
  }

  /// One reader only: the feed is a way through the journal, not the journal.
  func makeAsyncIterator() -> Iterator { Iterator(feed: feed) }
}

/// How many streams there may be at once.
final class StreamPlaces: Sendable {
  /// Each holds a connection and is woken at every commit.
  static let maximum = 256

  private let taken = Mutex(0)

  /// Gives its place back when it goes.
  final class Place: Sendable {
    private let places: StreamPlaces
    fileprivate init(_ places: StreamPlaces) { self.places = places }
    deinit { places.taken.withLock { $0 -= 1 } }
  }

  /// Nil when all are taken.
  func take() -> Place? {
    let isFree = taken.withLock { taken in
      guard taken < Self.maximum else { return false }
      taken += 1
      return true
    }
    return isFree ? Place(self) : nil
  }
}
