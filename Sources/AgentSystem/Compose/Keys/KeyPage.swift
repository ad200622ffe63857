import AgentCore
import AgentPersistence
import Vault

/// What `key show` and `GET /api/keys` say. No key, wrapped or not, is in it.
///
/// `{"fingerprint","installation","master_key":{"source","place","beside_data","next_pending"},"keys":[{"id","purpose",
/// "state","seals","created_at"}],"sealing":{"running","done","total","unopened"},"recovery":{"code","state","confirmed",
/// "code_confirmed_at","master_key_confirmed_at"},"engines","memory_locked"}`; a recovery's `state` is `none`, `made` or
/// `unverified`.
enum KeyPage {
  static func json(_ keys: OpenKeys, progress: SealingPass.Progress?) throws(VaultError) -> JSONValue {
    let (ring, folder) = (keys.ring, keys.folder)
    let way = try ring.wayBack(in: folder)
    var members: [String: JSONValue] = [
      "fingerprint": .string(ring.fingerprint), "installation": .string("\(ring.installation)"),
      "master_key": [
        "source": .string(keys.master.source.word), "place": .string("\(keys.master.source)"),
        "beside_data": .bool(keys.master.source.lies(in: folder)),
        "next_pending": .bool(ring.isMasterPending),
      ],
      "keys": .array(ring.rows.map(row)),
      "recovery": [
        "code": .bool(way.code == .made), "state": .string(way.code.rawValue),
        "confirmed": .bool(way.isConfirmed),
        "code_confirmed_at": JSONValue(way.mark.code?.at.text),
        "master_key_confirmed_at": JSONValue(way.mark.masterKey?.at.text),
      ],
      "engines": .string(ring.engines), "memory_locked": .bool(keys.master.key.block.isLocked),
    ]
    if let progress {
      members["sealing"] = [
        "running": .bool(progress.isRunning), "done": .integer(progress.done), "total": .integer(progress.total),
        "unopened": .integer(progress.unopened),
      ]
    }
    return .object(members)
  }

  private static func row(_ row: KeyRingRow) -> JSONValue {
    [
      "id": .integer(Int64(row.id)), "purpose": .string(row.purpose.rawValue), "state": .string(row.state.rawValue),
      "seals": .integer(row.seals), "created_at": .string(row.createdAt.text),
    ]
  }

  /// For people.
  static func text(_ json: JSONValue, _ console: Console) -> String {
    var page = MemberPage(console.paint)
    let (master, recovery, sealing) = (json["master_key"], json["recovery"], json["sealing"])
    page.add("fingerprint", json["fingerprint"])
    page.add("installation", json["installation"])
    let beside = master?["beside_data"]?.boolValue == true
    page.add(
      "master key", text: (master?["place"]?.stringValue ?? "") + (beside ? " (beside the data)" : ""),
      beside ? .yellow : nil)
    if master?["next_pending"]?.boolValue == true {
      page.add(
        "", text: "a new one waits: put it in place and restart the service, or take it back by",
        .yellow)
      page.add("", text: "agent-system key rotate --master --cancel", .yellow)
    }
    let isConfirmed = recovery?["confirmed"]?.boolValue == true
    page.add("recovery", text: wayBack(recovery), isConfirmed ? .green : .yellow)
    if recovery?["state"]?.stringValue == WayBack.Code.unverified.rawValue {
      page.add("", text: "nothing shows that recovery.box was made with this master key:", .yellow)
      page.add("", text: "make a new code by agent-system key recovery new", .yellow)
    }
    page.add("engines", json["engines"])
    if json["memory_locked"]?.boolValue == false { page.add("memory", text: "not locked", .yellow) }
    if let line = progressLine(sealing) { page.add("sealing", text: line) }
    if let count = unopened(json) { page.add("not opened", text: "\(count), each named in the log", .yellow) }
    var table = TextTable(["ID", "PURPOSE", "STATE", "SEALS", "CREATED"], numeric: [0, 3])
    for key in json["keys"]?.arrayValue ?? [] {
      table.add([
        .init(key["id"]?.text ?? ""), .init(key["purpose"]?.stringValue ?? ""), .init(key["state"]?.stringValue ?? ""),
        .init(key["seals"]?.text ?? ""), .init(key["created_at"]?.stringValue ?? ""),
      ])
    }
    return page.text + "\n" + table.text(console.paint, limit: console.lineLimit)
  }

  private static func wayBack(_ recovery: JSONValue?) -> String {
    if recovery?["confirmed"]?.boolValue == true { return "confirmed" }
    return switch recovery?["state"]?.stringValue.flatMap({ WayBack.Code(rawValue: $0) }) {
    case .made: "a code was made, and nobody has confirmed it: agent-system key recovery confirm"
    case .unverified: "none that can be relied on"
    case .absent, nil: "none: agent-system key recovery new"
    }
  }

  /// What `key rotate` says at its end. `isOver`: it was watched until nothing went on any more.
  static func rotated(_ json: JSONValue, isOver: Bool) -> String {
    if isOver, progressLine(json["sealing"]) == nil, let count = unopened(json) {
      let stay =
        count == 1
        ? "1 value that does not open stays as it is, with the key it is under: the log names it"
        : "\(count) values that do not open stay as they are, with the keys they are under: the log names each"
      return "a new key is in use, and everything else is sealed with it; " + stay
    }
    return isSealedAnew(json)
      ? "a new key is in use, and everything is sealed with it"
      : "a new key is in use; the service seals with it what older ones sealed"
  }

  /// Values that the last pass left as they are; nil where all opened.
  private static func unopened(_ json: JSONValue) -> Int64? {
    json["sealing"]?["unopened"]?.integerValue.flatMap { $0 > 0 ? $0 : nil }
  }

  /// Nothing is being sealed anew, and no key of before has anything left.
  static func isSealedAnew(_ json: JSONValue) -> Bool {
    let isOpening = json["keys"]?.arrayValue?.contains {
      $0["purpose"]?.stringValue == KeyPurpose.field.rawValue
        && $0["state"]?.stringValue == KeyState.opening.rawValue
    }
    return isOpening != true && progressLine(json["sealing"]) == nil
  }

  /// Nil while nothing is being sealed anew.
  static func progressLine(_ sealing: JSONValue?) -> String? {
    guard sealing?["running"]?.boolValue == true else { return nil }
    return "\(sealing?["done"]?.text ?? "0") of \(sealing?["total"]?.text ?? "0") rows looked through"
  }
}
