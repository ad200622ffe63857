import AgentCore
import GRDB
import Testing

@testable import AgentPersistence

@Suite("Lists of tasks")
struct ListTests {
  /// All pages of a query, and how many there were.
  private func all(_ query: TaskQuery, _ bench: TaskStoreBench) async throws -> (ids: [Int64], pages: Int) {
    var (query, ids, pages) = (query, [Int64](), 0)
    while pages < 1000 {
      let page = try await bench.store.tasks(query)
      #expect(page.items.count <= query.limit)
      ids += page.items.map(\.id.number)
      pages += 1
      guard let next = page.nextCursor else { break }
      query.cursor = next
    }
    return (ids, pages)
  }

  /// 60 tasks: even ones of `coder`, every third by uid 1, every fifth labelled, ended ones in turn, 1 s apart.
  private func fill(_ bench: TaskStoreBench) async throws {
    for number in 1...60 {
      let id = try await bench.submit(
        agent: number % 2 == 0 ? "coder" : "writer", labels: number % 5 == 0 ? ["team": "a", "x": "y"] : [:],
        by: number % 3 == 0 ? .uid(1) : .local)[0]
      if number % 4 == 0 { _ = try await bench.store.cancel(id, by: .local) }
      bench.clock.advance(by: .seconds(1))
    }
  }

  struct Filter: Sendable {
    var name: String
    var query: TaskQuery
    var holds: @Sendable (Int64) -> Bool
  }

  private static let start: Int64 = 1_700_000_000_000
  static let filters: [Filter] = [
    Filter(name: "none", query: TaskQuery()) { _ in true },
    Filter(name: "status", query: TaskQuery(statuses: [.cancelled])) { $0 % 4 == 0 },
    Filter(name: "two", query: TaskQuery(statuses: [.cancelled, .pending])) { _ in true },
    Filter(name: "all six", query: TaskQuery(statuses: TaskStatus.allCases)) { _ in true },
    Filter(name: "no such", query: TaskQuery(statuses: [.failed])) { _ in false },
    Filter(name: "agent", query: TaskQuery(agent: "coder")) { $0 % 2 == 0 },
    Filter(name: "owner", query: TaskQuery(owner: .uid(1))) { $0 % 3 == 0 },
    Filter(name: "label", query: TaskQuery(label: .init(name: "team", value: "a"))) { $0 % 5 == 0 },
    Filter(name: "unknown agent", query: TaskQuery(agent: "nobody")) { _ in false },
    Filter(name: "unknown owner", query: TaskQuery(owner: .uid(77))) { _ in false },
    Filter(name: "unknown label", query: TaskQuery(label: .init(name: "team", value: "b"))) { _ in false },
    Filter(name: "status, agent", query: TaskQuery(statuses: [.pending], agent: "coder")) {
      $0 % 4 == 2
    },
    Filter(
      name: "two statuses, owner", query: TaskQuery(statuses: [.pending, .cancelled], owner: .uid(1))
    ) { $0 % 3 == 0 },
    Filter(
      name: "all kinds",
      query: TaskQuery(statuses: [.pending], agent: "writer", owner: .uid(1), label: .init(name: "x", value: "y"))
    ) { $0 % 2 == 1 && $0 % 15 == 0 },
    Filter(name: "agent, owner", query: TaskQuery(agent: "writer", owner: .local)) {
      $0 % 2 == 1 && $0 % 3 != 0
    },
    Filter(
      name: "created between",
      query: TaskQuery(
        createdAfter: Timestamp(milliseconds: start + 9000), createdBefore: Timestamp(milliseconds: start + 20_000))
    ) { (11...20).contains($0) },
    Filter(name: "created later", query: TaskQuery(createdAfter: Timestamp(milliseconds: start + 99_000))) { _ in false
    },
    Filter(name: "created before all", query: TaskQuery(createdBefore: Timestamp(milliseconds: 5))) { _ in false },
  ]

  @Test("every filter gives what matches, page by page, both ways")
  func filter() async throws {
    let bench = try await TaskStoreBench()
    try await fill(bench)
    for filter in Self.filters {
      let expected = (1...60).filter(filter.holds)
      for (limit, isAscending) in [(3, true), (3, false), (500, true), (500, false)] {
        var query = filter.query
        (query.limit, query.isAscending) = (limit, isAscending)
        let (ids, pages) = try await all(query, bench)
        #expect(ids == (isAscending ? expected : expected.reversed()), "\(filter.name), \(limit)")
        #expect(pages == max(1, (expected.count + limit - 1) / limit), "\(filter.name), \(limit)")
      }
    }
  }

  @Test("pages neither repeat nor miss what stays, while tasks come and go")
  func movingTarget() async throws {
    let bench = try await TaskStoreBench()
    try await fill(bench)
    for isAscending in [true, false] {
      var query = TaskQuery(agent: "coder", limit: 5, isAscending: isAscending)
      let staying = try await all(query, bench).ids.filter { $0 % 4 != 0 }
      var seen: [Int64] = []
      while true {
        let page = try await bench.store.tasks(query)
        seen += page.items.map(\.id.number)
        guard let next = page.nextCursor else { break }
        query.cursor = next
        try await bench.submit(2)
        // The last one seen, which the cursor names, among them.
        for id in page.items.map(\.id) where id.number <= 60 && id.number % 4 == 0 {
          try await bench.store.purge(id, by: .local)
        }
      }
      #expect(Set(seen).count == seen.count)
      #expect(Set(seen).isSuperset(of: staying))
    }
  }

  @Test(
    "a mix walks so many rows a page and says where it goes on, in one lane or in several", arguments: [true, false])
  func walk(_ isAscending: Bool) async throws {
    #expect(TaskListPlan.walkedRows == 10_000)
    let bench = try await TaskStoreBench()
    try await fill(bench)
    // One lane, then two: uid 1 has every third task, cancelled is every fourth.
    let cases: [(statuses: [TaskStatus], rarest: TaskListPlan.Filter)] = [
      ([], .agent), ([.pending, .cancelled], .statuses),
    ]
    for (statuses, rarest) in cases {
      let query = TaskQuery(statuses: statuses, agent: "coder", owner: .uid(1), limit: 4, isAscending: isAscending)
      let pages = try await bench.file.read { db in
        let (agent, owner) = (try db.nameID("coder"), try db.nameID("uid:1"))
        var plan = TaskListPlan(query, agent: agent, owner: owner) { $0 == rarest ? 0 : 1 }
        plan.walk = 8
        var (pages, last): ([[Int64]], Int64?) = ([], nil)
        repeat {
          var reader = TaskListReader(db: db, plan: plan, query: query, mask: .none, pageBytes: 1 << 20)
          try reader.bound(by: last)
          let page = try reader.page(query.limit)
          pages.append(page.tasks.map(\.id.number))
          last = page.goesOnAfter
        } while last != nil && pages.count < 100
        return pages
      }
      let expected = (1...60).filter { $0 % 6 == 0 }.map(Int64.init)
      #expect(pages.flatMap { $0 } == (isAscending ? expected : expected.reversed()))
      // 30 rows of the agent by 8 are 4 pages; 60 in two lanes by 4 each, at the pace of the fuller one, are more.
      #expect(rarest == .agent ? pages.count == 4 : pages.count > 8, "\(pages)")
    }
  }

  @Test("a cursor of another list, and one that is none, is refused")
  func cursors() async throws {
    let bench = try await TaskStoreBench()
    try await fill(bench)
    let query = TaskQuery(statuses: [.pending], limit: 3)
    let cursor = try #require(try await bench.store.tasks(query).nextCursor)
    #expect(cursor.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") })
    var others = [TaskQuery(), TaskQuery(statuses: [.pending], isAscending: true), TaskQuery(agent: "coder")]
    others += [TaskQuery(statuses: [.pending], owner: .local), TaskQuery(statuses: [.pending, .failed])]
    for other in others {
      var foreign = other
      foreign.cursor = cursor
      #expect(try await bench.code { _ = try await $0.tasks(foreign) } == .invalidCursor)
    }
    let bad = ["", "x", "%%%", "ä", cursor + "A", String(cursor.dropLast()), String(repeating: "A", count: 9999)]
    for text in bad {
      var broken = query
      broken.cursor = text
      #expect(try await bench.code { _ = try await $0.tasks(broken) } == .invalidCursor, "\(text)")
    }
    var larger = query
    (larger.cursor, larger.limit) = (cursor, 50)
    #expect(try await bench.store.tasks(larger).items.count == 42)
  }

  @Test("a page holds so many bytes of bodies and goes on in the next, but one task it always holds")
  func largeBodies() async throws {
    #expect(SQLiteTaskStore.defaultPageBytes == 16 << 20)
    let bench = try await TaskStoreBench(pageBytes: 16 << 10)
    let text = JSONValue.string(String(repeating: "a", count: 3 << 10))
    for _ in 0..<7 { try await bench.submit(input: text) }
    let first = try await bench.store.tasks(TaskQuery())
    #expect(first.items.count == 5 && first.nextCursor != nil)
    #expect(try await all(TaskQuery(), bench).ids == [7, 6, 5, 4, 3, 2, 1])
    let events = try await bench.store.events(after: 0, of: nil, limit: 100).page
    #expect(events.entries.count == 6 && events.lookedUpTo == events.entries.last?.sequence)
    let huge = try await bench.submit(input: .string(String(repeating: "a", count: 20 << 10)))[0]
    #expect(try await bench.store.tasks(TaskQuery()).items.map(\.id) == [huge])
  }

  @Test("a list goes along the index of the rarest filter, and asks for sizes only when there is a choice")
  func choice() throws {
    let label = TaskQuery.Label(name: "a", value: "b")
    let query = TaskQuery(statuses: [.pending, .failed], agent: "coder", owner: .local, label: label)
    let lanes: [TaskListPlan.Filter: [TaskListPlan.Lane]] = [
      .label: [.label(label)], .owner: [.owner(2)], .agent: [.agent(1)],
      .statuses: [.status(.pending), .status(.failed)],
    ]
    for (rarest, expected) in lanes {
      let plan = TaskListPlan(query, agent: 1, owner: 2) { $0 == rarest ? 5 : 6 }
      #expect(plan.lanes == expected && plan.hasFilter)
    }
    let single = TaskListPlan(TaskQuery(label: label), agent: nil, owner: nil) { _ in
      Issue.record("nothing to choose from")
      return 0
    }
    #expect(single.lanes == [.label(label)] && !single.hasFilter)
  }

  @Test("each lane of a list is one search in its index", arguments: [true, false])
  func plans(_ isAscending: Bool) async throws {
    let bench = try await TaskStoreBench()
    let lanes: [(TaskListPlan.Lane, String)] = [
      (.everything, "SEARCH task USING INTEGER PRIMARY KEY"),
      (.status(.completed), "SEARCH task USING COVERING INDEX task_status (status=? AND id>? AND id<?)"),
      (.agent(1), "SEARCH task USING COVERING INDEX task_agent (agent=? AND id>? AND id<?)"),
      (.owner(1), "SEARCH task USING COVERING INDEX task_owner (owner=? AND id>? AND id<?)"),
      (
        .label(.init(name: "a", value: "b")),
        "SEARCH label USING PRIMARY KEY (name=? AND value=? AND task>? AND task<?)"
      ),
    ]
    for (lane, expected) in lanes {
      let (sql, arguments) = lane.walk(isAscending: isAscending)
      let plan = try await bench.file.read { db in
        try db.rows("EXPLAIN QUERY PLAN \(sql)", arguments + [0, 1, 2]).map { $0[3] as String }
      }
      #expect(plan.count == 1 && plan[0].hasPrefix(expected), "\(plan)")
    }
  }
}
