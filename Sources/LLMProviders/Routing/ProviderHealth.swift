import AgentCore
import Synchronization

/// What is known of a provider without asking it.
package enum ProviderStatus: String, Sendable, CaseIterable {
  case ok
  /// It needs a key, and configuration gives none.
  case noKey = "no_key"
  /// It refused the key (401, 403), and no good call came since.
  case keyInvalid = "key_invalid"
  /// The last call did not get through to it.
  case unreachable
}

/// How a provider has fared: its status, since when, and the last thing that went wrong. Shared by the calls of one
/// provider, and kept over a reload that leaves its key and address alone.
package final class ProviderHealth: Sendable {
  /// The last failed call; gone with the next good one.
  package struct LastError: Sendable, Hashable {
    package var code: String
    package var detail: String
    package var at: Timestamp
  }

  package struct Snapshot: Sendable, Hashable {
    package var status: ProviderStatus
    package var since: Timestamp
    package var lastError: LastError?
  }

  private let state: Mutex<Snapshot>

  init(lacksKey: Bool, at moment: Timestamp) {
    state = Mutex(Snapshot(status: lacksKey ? .noKey : .ok, since: moment, lastError: nil))
  }

  package var snapshot: Snapshot { state.withLock { $0 } }

  /// Takes in how a call went (nil: well); the status before and after where it changed.
  func note(_ error: ProviderError?, at moment: Timestamp) -> (from: ProviderStatus, to: ProviderStatus)? {
    state.withLock { state in
      state.lastError = error.map { LastError(code: $0.code.rawValue, detail: $0.detail, at: moment) }
      let next = Self.status(after: error, from: state.status)
      guard next != state.status else { return nil }
      defer { (state.status, state.since) = (next, moment) }
      return (state.status, next)
    }
  }

  /// Only a good call clears a refused key: a provider may well say 400 or 429 without having looked at the key. Every
  /// answer at all shows that it can be reached.
  private static func status(after error: ProviderError?, from status: ProviderStatus) -> ProviderStatus {
    guard let error else { return .ok }
    switch error.code {
    case .keyInvalid: return .keyInvalid
    case .refused, .truncated, .providerEmpty: return .ok
    case .unreachable, .tlsFailed: return status == .keyInvalid ? .keyInvalid : .unreachable
    // Once it was sent, a slow model has been reached.
    case .timeout where !error.wasSent: return status == .keyInvalid ? .keyInvalid : .unreachable
    case .cancelled, .timeout, .streamTruncated: return status
    default: return status == .unreachable ? .ok : status
    }
  }
}
