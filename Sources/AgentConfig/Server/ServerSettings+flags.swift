/// Flags that stand above a key of this file are held to what it is held to.
extension ServerSettings {
  /// `path`: absolute already, or empty as it was given; `key`: one of this file's whose value, or each of whose values,
  /// is a path.
  ///
  /// - Throws: `config_invalid` for what that key would not take.
  package static func checkPath(_ path: String, flag: String, key: String) throws(ConfigError) {
    guard let declared = keys.first(where: { $0.path == key }) else { preconditionFailure("'\(key)' is not declared") }
    let maximum =
      if case .text(let bytes) = declared.type { bytes } else { ConfigReader.maximumItemBytes }
    guard path.utf8.count <= maximum else {
      throw invalid(flag, "has \(path.utf8.count) bytes as an absolute path; \(maximum) is the most")
    }
    guard isPath(path) else { throw invalid(flag, "is no path: it is empty, or has a control character") }
  }

  /// What the flag that stands above `listen` gives, each as it was given.
  ///
  /// - Throws: `config_invalid` for too many, one that stands twice or is no address; `plaintext_refused` for one that is
  ///   not loopback.
  package static func listeners(_ texts: [String], flag: String) throws(ConfigError) -> [ListenAddress] {
    guard texts.count <= maximumListeners else {
      throw invalid(flag, "is given \(texts.count) times; \(maximumListeners) is the most")
    }
    var (result, issues, seen) = ([ListenAddress](), [ConfigIssue](), Set<String>())
    for text in texts {
      guard seen.insert(text).inserted else {
        issues += invalid(flag, "'\(text)' is given twice").issues
        continue
      }
      do throws(ConfigError) { result.append(try ListenAddress.parse(text, flag: flag)) } catch {
        issues += error.issues
      }
    }
    guard issues.isEmpty else { throw ConfigError(issues: issues) }
    return result
  }

  private static func invalid(_ flag: String, _ message: String) -> ConfigError {
    ConfigError(issues: [ConfigIssue(file: flag, code: .invalid, message: message)])
  }

  /// Whether it is an absolute path that we take.
  static func isPath(_ text: String) -> Bool {
    text.hasPrefix("/") && !text.split(separator: "/").contains("..") && !SecretText.hasControlCharacter(text)
  }
}
