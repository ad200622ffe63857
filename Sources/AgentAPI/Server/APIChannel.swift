import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// HTTP/1.1 with our limits. Between the parser and the rest it notes requests of HTTP/1.0, whose version the types
/// above do not carry.
struct APIChannel: ServerChildChannel, HTTPChannelHandler {
  typealias Value = HTTP1Channel.Value

  private let base: HTTP1Channel
  var responder: HTTPChannelHandler.Responder { base.responder }

  init(responder: @escaping HTTPChannelHandler.Responder) {
    base = HTTP1Channel(
      responder: responder,
      configuration: HTTP1Channel.Configuration(
        idleTimeout: .seconds(APIOptions.idleSeconds),
        httpDecoderConfiguration: HTTP1Channel.Configuration.DecoderConfiguration(
          maxHeaderFieldSize: APIOptions.headerFieldBytes, maxHeaderListSize: APIOptions.headerBytes,
          maxHeaderFieldCount: APIOptions.headerFields)))
  }

  static var builder: HTTPServerBuilder { HTTPServerBuilder { responder in APIChannel(responder: responder) } }

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
    base.setup(channel: channel, logger: logger).flatMapThrowing { value in
      let pipeline = channel.pipeline.syncOperations
      let parser = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
      try pipeline.addHandler(OldVersionMark(), position: .after(parser))
      return value
    }
  }

  func handle(value: Value, logger: Logger) async { await handleHTTP(asyncChannel: value, logger: logger) }
}

/// Adds a header field to requests below HTTP/1.1. A client that sends the field itself only loses rights by it.
final class OldVersionMark: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart

  static let field = RequestName.fieldName("Agent-System-Old-Version")

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard case .head(var head) = unwrapInboundIn(data), Self.isOld(head.version) else {
      context.fireChannelRead(data)
      return
    }
    head.headers.replaceOrAdd(name: Self.field.rawName, value: "1")
    context.fireChannelRead(wrapInboundOut(.head(head)))
  }

  private static func isOld(_ version: HTTPVersion) -> Bool {
    version.major < 1 || (version.major == 1 && version.minor < 1)
  }
}
