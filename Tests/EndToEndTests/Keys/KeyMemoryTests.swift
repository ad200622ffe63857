import AgentCore
import AgentTestKit
import Foundation
import Glibc
import Testing

/// What the memory of the running service holds of the master key, and who else may look into it.
@Suite(.enabled(if: geteuid() == 0, "only root may read another process's memory")) struct KeyMemoryTests {
  /// usage: python3 -c … PID BASE64: a line for each place where the key stands in the process's memory: `text` or
  /// `bytes`, and the flags of its mapping (`lo`: locked, `dd`: in no core dump).
  private static let search = """
    import base64, re, sys
    text = sys.argv[2].encode()
    mappings = []
    for line in open(f"/proc/{sys.argv[1]}/smaps"):
        head = re.match(r"([0-9a-f]+)-([0-9a-f]+) r", line)
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            mapping = [int(head[1], 16), int(head[2], 16)] if head and "[v" not in line else None
        elif line.startswith("VmFlags:") and mapping:
            mappings.append((mapping[0], mapping[1], line.split(":")[1].split()))
    memory = open(f"/proc/{sys.argv[1]}/mem", "rb", 0)
    for start, end, flags in mappings:
        # In pieces that overlap by more than the key: a mapping may be large.
        for offset in range(start, end, 1 << 24):
            try:
                memory.seek(offset)
                piece = memory.read(min(end - offset, (1 << 24) + 64))
            except OSError:
                continue
            for kind, wanted in (("text", text), ("bytes", base64.b64decode(text))):
                if wanted in piece:
                    print(kind, *flags)
    """

  @Test(
    "the master key stands in memory once it is read, as bytes and in locked pages alone, wherever it came from",
    arguments: ["environment", "credential", "file"])
  func memory(source: String) async throws {
    let rig = try KeyRig()
    let bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max) }
    let key = Data(bytes).base64EncodedString()
    var environment: [String: String] = [:]
    var files = ServiceProcess.scripted([ServiceProcess.saysDone])
    let file = rig.folder.appending("master.key")
    if source == "environment" {
      environment["AGENT_SYSTEM_MASTER_KEY"] = key
    } else {
      try Data((key + "\n").utf8).write(to: URL(fileURLWithPath: file))
      #expect(chmod(file, 0o400) == 0)
      if source == "credential" { environment["CREDENTIALS_DIRECTORY"] = rig.folder.path }
      if source == "file" { files["server.yaml"] = "keys: {master_file: \(file)}\n" }
    }
    let service = try await ServiceProcess.serve(in: rig.folder, files: files, environment: environment)
    let page = try await service.send("GET", "/api/keys").json
    #expect(page["master_key"]?["source"]?.stringValue == source && page["memory_locked"] == true, "\(page)")
    _ = try await service.ended(
      try await service.create(["agent": "coder", "input": ["prompt": "go", "api_key": "planted-secret"]]))
    let run = try await ShellRun.run("/usr/bin/env", ["python3", "-c", Self.search, "\(service.pid)", key])
    let lines = run.output.split(separator: "\n").map { $0.split(separator: " ") }
    #expect(run.status == 0 && !lines.isEmpty, "\(run)")
    #expect(lines.allSatisfy { $0[0] == "bytes" && $0.contains("lo") && $0.contains("dd") }, "\(run.output)")
    let variables = try Data(contentsOf: URL(fileURLWithPath: "/proc/\(service.pid)/environ"))
    #expect(variables.range(of: Data(key.utf8)) == nil && variables.range(of: Data("HOME=".utf8)) != nil)
  }

  @Test("the digest key of before the ring stands in locked pages alone once the ring has it")
  func digest() async throws {
    let rig = try KeyRig()
    await rig.stop(try await rig.serve())
    try await rig.forgetKeys()
    let bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max) }
    try rig.writeDigestKey(bytes)
    let service = try await rig.serve()
    #expect(!rig.exists("digest.key"))
    let key = Data(bytes).base64EncodedString()
    let run = try await ShellRun.run("/usr/bin/env", ["python3", "-c", Self.search, "\(service.pid)", key])
    let lines = run.output.split(separator: "\n").map { $0.split(separator: " ") }
    #expect(run.status == 0 && !lines.isEmpty, "\(run)")
    #expect(lines.allSatisfy { $0[0] == "bytes" && $0.contains("lo") && $0.contains("dd") }, "\(run.output)")
  }

  @Test("the service's own user cannot look into its memory, which it could were the process not closed")
  func closed() async throws {
    let site = try await DoorSite()
    let identity = DoorCaller.Identity(uid: DoorSite.user, gid: DoorSite.group)
    func tried(_ script: String) async throws -> ShellRun {
      try await ShellRun.run("/usr/bin/setpriv", identity.arguments + ["/bin/sh", "-c", script])
    }
    let pid = site.service.pid
    let account = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
    #expect(account.contains(/Uid:\t64243\t64243\t64243/), "\(account)")
    // Its files belong to root, and reading them is refused.
    var status = stat()
    #expect(stat("/proc/\(pid)/mem", &status) == 0 && status.st_uid == 0)
    for name in ["mem", "environ", "maps"] {
      let run = try await tried("exec 2>&1; head -c 1 /proc/\(pid)/\(name)")
      #expect(run.status != 0 && run.output.contains("Permission denied"), "\(name): \(run)")
    }
    // So does no other process of the same user: the shell's own child reads what its parent has.
    let open = try await tried("stat -c %u /proc/$$/mem; head -c 1 /proc/$$/environ >/dev/null && echo read")
    #expect(open.output == "\(DoorSite.user)\nread\n", "\(open)")
  }
}
