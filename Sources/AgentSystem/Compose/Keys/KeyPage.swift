import AgentCore
import AgentPersistence
import Vault

/// What `key show` and `GET /api/keys` say. No key, wrapped or not, is in it.
///
/// `{"fingerprint","installation","master_key":{"source","place","beside_data","next_pending"},"keys":[{"id","purpose",
/// "state","seals","created_at"}],"sealing":{"running","done","total"},"recovery":{"code","confirmed","code_confirmed_at",
/// "master_key_confirmed_at"},"engines","memory_locked"}`
enum KeyPage {
  static func json(_ keys: OpenKeys, progress: SealingPass.Progress?) throws(VaultError) -> JSONValue {
    let (ring, folder) = (keys.ring, keys.folder)
    let (box, mark) = (try folder.recoveryBox(), try folder.recoveryMark())
    let isBeside: Bool
    if case .file(let path) = keys.master.source {
      isBeside = path.hasPrefix(folder.path + "/")
    } else {
      isBeside = false
    }
    var members: [String: JSONValue] = [
      "fingerprint": .string(ring.fingerprint), "installation": .string("\(ring.installation)"),
      "master_key": [
        "source": .string(keys.master.source.word), "place": .string("\(keys.master.source)"),
        "beside_data": .bool(isBeside), "next_pending": .bool(ring.isMasterPending),
      ],
      "keys": .array(ring.rows.map(row)),
      "recovery": [
        "code": .bool(box != nil), "confirmed": .bool(mark.holds(box: box, fingerprint: ring.fingerprint)),
        "code_confirmed_at": JSONValue(mark.code?.at.text),
        "master_key_confirmed_at": JSONValue(mark.masterKey?.at.text),
      ],
      "engines": .string(ring.engines), "memory_locked": .bool(keys.master.key.block.isLocked),
    ]
    if let progress {
      members["sealing"] = [
        "running": .bool(progress.isRunning), "done": .integer(progress.done), "total": .integer(progress.total),
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
      page.add("", text: "a new one waits: put it in place and restart the service", .yellow)
    }
    let isConfirmed = recovery?["confirmed"]?.boolValue == true
    let hasCode = recovery?["code"]?.boolValue == true
    page.add(
      "recovery",
      text: isConfirmed
        ? "confirmed"
        : hasCode
          ? "a code was made, and nobody has confirmed it: agent-system key recovery confirm"
          : "none: agent-system key recovery new", isConfirmed ? .green : .yellow)
    page.add("engines", json["engines"])
    if json["memory_locked"]?.boolValue == false { page.add("memory", text: "not locked", .yellow) }
    if let line = progressLine(sealing) { page.add("sealing", text: line) }
    var table = TextTable(["ID", "PURPOSE", "STATE", "SEALS", "CREATED"], numeric: [0, 3])
    for key in json["keys"]?.arrayValue ?? [] {
      table.add([
        .init(key["id"]?.text ?? ""), .init(key["purpose"]?.stringValue ?? ""), .init(key["state"]?.stringValue ?? ""),
        .init(key["seals"]?.text ?? ""), .init(key["created_at"]?.stringValue ?? ""),
      ])
    }
    return page.text + "\n" + table.text(console.paint, limit: console.lineLimit)
  }

  /// Nil while nothing is being sealed anew.
  static func progressLine(_ sealing: JSONValue?) -> String? {
    guard sealing?["running"]?.boolValue == true else { return nil }
    return "\(sealing?["done"]?.text ?? "0") of \(sealing?["total"]?.text ?? "0") rows looked through"
  }
}
