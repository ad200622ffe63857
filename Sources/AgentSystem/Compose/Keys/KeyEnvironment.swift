import CPlatform
import Glibc
import Vault

/// What the environment says of the master key, taken out of it: no child, and nobody who reads `/proc/PID/environ`,
/// finds it there afterwards.
struct KeyEnvironment: Sendable {
  /// `$CREDENTIALS_DIRECTORY`: where systemd put what `LoadCredential=` names.
  var credentials: String?
  /// In locked memory from here on: no text of it was ever made.
  var master: TakenMasterKey?

  /// To be called once, before anything else reads the environment.
  static func takenOver() -> KeyEnvironment {
    var result = KeyEnvironment()
    if let path = getenv("CREDENTIALS_DIRECTORY"), path.pointee != 0 { result.credentials = String(cString: path) }
    guard let value = getenv(MasterKeyPlaces.variableName) else { return result }
    let count = strlen(value)
    if count > 0 {
      result.master = TakenMasterKey(variable: UnsafeRawBufferPointer(start: value, count: count))
    }
    // The memory that the kernel shows of the process, not only the list of names.
    explicit_bzero(value, count)
    unsetenv(MasterKeyPlaces.variableName)
    return result
  }

  /// `handed`: for a command that root runs, read while it still is.
  func places(dataFolder: String, masterFile: String?, handed: HandedMasterKey? = nil) -> MasterKeyPlaces {
    MasterKeyPlaces(
      credentials: credentials, file: masterFile ?? MasterKeyPlaces.defaultFile(dataFolder: dataFolder),
      variable: master, handed: handed)
  }

  /// No core dump, and no other process of the same user that reads this one's memory.
  static func hideMemory() { _ = cplatform_hide_memory() }
}
