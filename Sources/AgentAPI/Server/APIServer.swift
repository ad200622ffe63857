import HummingbirdCore
import Logging
import ServiceLifecycle

/// Where a listener is reached, once it is.
package enum BoundAddress: Sendable, Hashable, CustomStringConvertible {
  case tcp(host: String, port: Int)
  case socket(path: String)

  /// `http://127.0.0.1:8080`, `unix:/run/agent-system/api.sock`.
  package var description: String {
    switch self {
    case .tcp(let host, let port): "http://\(host.contains(":") ? "[\(host)]" : host):\(port)"
    case .socket(let path): "unix:\(path)"
    }
  }
}

/// Why the API cannot listen.
package enum APIServerError: Error, Sendable, Hashable {
  /// `address_in_use`: somebody else listens there.
  case addressInUse(String)
  /// `listen_failed`: no such address, no permission, a file in the socket's place.
  case listenFailed(String, reason: String)

  package var code: String {
    switch self {
    case .addressInUse: "address_in_use"
    case .listenFailed: "listen_failed"
    }
  }

  package var detail: String {
    switch self {
    case .addressInUse(let address): "\(address) is in use: another process listens there"
    case .listenFailed(let address, let reason): "cannot listen on \(address): \(reason)"
    }
  }
}

/// The HTTP API: one route table behind each TCP address and the unix socket.
package struct APIServer: Sendable {
  private let options: APIOptions
  private let services: APIServices
  private let logger: Logger

  package init(options: APIOptions, services: APIServices, logger: Logger) {
    (self.options, self.services, self.logger) = (options, services, logger)
  }

  /// The services to run in the process's service group: the database probe first, then a listener for each address.
  ///
  /// `onBound` is called once for each listener, when it takes connections, with its place: the TCP addresses in the
  /// order of the options, then the socket. A listener that cannot listen ends its
  /// `run()` with `APIServerError`, and so the group.
  package func listeners(onBound: @escaping @Sendable (BoundAddress, _ place: Int) -> Void) -> [any Service] {
    let responder = APIResponder(
      table: RouteTable(services: services), callerGuard: options.callerGuard, clock: services.clock,
      random: services.random, logger: logger)
    var places = options.binds.map { Listener.Place.tcp(host: $0.host, port: $0.port) }
    if let socket = options.socket { places.append(.socket(SocketFile(path: socket, group: options.adminGroup))) }
    let listeners = places.enumerated().map { number, place in
      Listener(place: place, responder: responder, logger: logger) { onBound($0, number) }
    }
    return [services.health.database] + listeners
  }
}
