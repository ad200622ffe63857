import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle

/// One address, served until the service stops.
struct Listener: Service {
  enum Place: Sendable {
    case tcp(host: String, port: Int)
    case socket(SocketFile)

    var description: String {
      switch self {
      case .tcp(let host, let port): BoundAddress.tcp(host: host, port: port).description
      case .socket(let file): BoundAddress.socket(path: file.path).description
      }
    }
  }

  let place: Place
  let responder: APIResponder
  let logger: Logger
  let onBound: @Sendable (BoundAddress) -> Void

  func run() async throws {
    do {
      switch place {
      case .tcp(let host, let port):
        try await application(at: .hostname(host, port: port)) { channel in
          let address = channel.localAddress
          onBound(.tcp(host: address?.ipAddress ?? host, port: address?.port ?? port))
        }.run()
      case .socket(let file):
        try file.prepare()
        defer { file.remove() }
        try await application(at: .unixDomainSocket(path: file.path)) { _ in
          if let problem = file.open() { logger.error("\(problem)", metadata: ["path": "\(file.path)"]) }
          onBound(.socket(path: file.path))
        }.run()
      }
    } catch let error as IOError {
      if error.errnoCode == SocketFile.addressInUse { throw APIServerError.addressInUse(place.description) }
      throw APIServerError.listenFailed(place.description, reason: "\(error)")
    } catch let error as SocketAddressError {
      throw APIServerError.listenFailed(place.description, reason: "\(error)")
    }
  }

  private func application(
    at address: BindAddress, onRunning: @escaping @Sendable (any Channel) -> Void
  ) -> Application<APIResponder> {
    Application(
      responder: responder, server: APIChannel.builder,
      configuration: ApplicationConfiguration(
        address: address,
        availableConnectionsDelegate: MaximumAvailableConnections(
          APIOptions.maximumConnections, logger: logger)),
      onServerRunning: { onRunning($0) }, logger: logger)
  }
}
