import AgentTestKit
import Foundation
import Synchronization
import Testing

@testable import AgentSystem

@Suite("What a unit tells its manager")
struct UnitLinkTests {
  @Test(
    "each word is the line that sd_notify(3) names",
    arguments: [
      (UnitWord.ready, "READY=1"), (.stopping, "STOPPING=1"), (.watchdog, "WATCHDOG=1"),
      (.reloading(at: .microseconds(5_000_001)), "RELOADING=1\nMONOTONIC_USEC=5000001"),
      (.status("two\nlines"), "STATUS=two\\nlines"), (.moreTime(.seconds(30)), "EXTEND_TIMEOUT_USEC=30000000"),
    ])
  func words(word: UnitWord, line: String) { #expect(word.line == line) }

  @Test(
    "the watchdog is ours only with a socket, a time, and our own process id",
    arguments: [
      (["NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "30000000"], "/s", Duration.seconds(30)),
      (["NOTIFY_SOCKET": "@s", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"], "@s", .seconds(30)),
      (["NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"], "/s", nil),
      (["NOTIFY_SOCKET": "/s"], "/s", nil), (["NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "0"], "/s", nil),
      (["NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "soon"], "/s", nil),
      (["WATCHDOG_USEC": "30000000"], nil, nil), (["NOTIFY_SOCKET": ""], nil, nil), ([:], nil, nil),
    ] as [([String: String], String?, Duration?)])
  func variables(variables: [String: String], address: String?, watchdog: Duration?) {
    let link = UnitLink(variables, pid: 7)
    #expect(link.address == address && link.watchdog == watchdog)
  }

  @Test("messages arrive at a path and at an abstract name", arguments: [false, true])
  func datagrams(isAbstract: Bool) async throws {
    let folder = try TemporaryFolder("notify")
    let socket = try NotifySocket(isAbstract ? "@agent-system-\(UUID().uuidString)" : folder.appending("notify"))
    let link = UnitLink(["NOTIFY_SOCKET": socket.address], pid: 1)
    #expect(link.serves("serving") == 0)
    #expect(link.tell(.watchdog, .status("x")) == 0)
    #expect(await socket.messages { $0.count == 2 } == ["READY=1\nSTATUS=serving", "WATCHDOG=1\nSTATUS=x"])
  }

  @Test("nobody there, or an address that is none, is an errno and ends nothing")
  func nobody() throws {
    let folder = try TemporaryFolder("notify")
    #expect(UnitLink(["NOTIFY_SOCKET": folder.appending("gone")], pid: 1).tell(.ready) == ENOENT)
    #expect(UnitLink(["NOTIFY_SOCKET": "vsock:2:1"], pid: 1).tell(.ready) == EINVAL)
    #expect(UnitLink(["NOTIFY_SOCKET": "/" + String(repeating: "x", count: 200)], pid: 1).tell(.ready) == EINVAL)
    #expect(UnitLink([:], pid: 1).tell(.ready) == 0)
  }

  @Test("a reload is told around, but not before the service serves")
  func reload() async throws {
    let sent = SentWords()
    let link = sent.link([:])
    await link.reloading { #expect(sent.all == []) }
    #expect(sent.all == [])
    _ = link.serves("serving")
    await link.reloading { #expect(sent.all.last?.hasPrefix("RELOADING=1\nMONOTONIC_USEC=") == true) }
    #expect(sent.all.count == 3 && sent.all.last == "READY=1")
  }

  @Test("a start that works gets more time, one that hangs does not, and none for ever")
  func startWatch() {
    var watch = StartWatch(ProcessWork(processor: .seconds(1), blocks: 10))
    var work = ProcessWork(processor: .seconds(1) + .milliseconds(2), blocks: 10)
    func isGivenTime() -> Bool { watch.deservesMoreTime(work) }
    #expect(!isGivenTime())
    work.processor += .milliseconds(60)
    #expect(isGivenTime())
    #expect(!isGivenTime())
    work.blocks += 1
    #expect(isGivenTime())
    let looks = Int(StartWatch.longest.components.seconds / StartWatch.pause.components.seconds)
    for _ in 5...looks {
      work.blocks += 1
      #expect(isGivenTime())
    }
    work.blocks += 1
    #expect(!isGivenTime())
    #expect(ProcessWork.now().processor > .zero)
  }
}

/// Keeps what a link sends.
final class SentWords: Sendable {
  private let sent = Mutex<[String]>([])

  var all: [String] { sent.withLock { $0 } }

  func link(_ variables: [String: String]) -> UnitLink {
    UnitLink(variables.merging(["NOTIFY_SOCKET": "/sent"]) { $1 }, pid: 1) { [self] _, text in
      sent.withLock { $0.append(text) }
      return 0
    }
  }
}
