// swift-tools-version: 6.2
import PackageDescription

// Layers, from the bottom up; nothing points up (docs/ARCHITECTURE.md, "Targets").

let hummingbird = "hummingbird"
let lowest: [Target] = [
  .systemLibrary(
    name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
  .systemLibrary(
    name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
  .target(name: "CPlatform"),
  .target(name: "AgentCore"),
]

let middle: [Target] = [
  .target(name: "InProcessCache", dependencies: ["AgentCore"]),
  .target(name: "Vault", dependencies: ["AgentCore", "CSodium", .product(name: "Crypto", package: "swift-crypto")]),
  .target(name: "HTTPTransport", dependencies: ["AgentCore", "CCurl"]),
  .target(name: "AgentConfig", dependencies: ["AgentCore", .product(name: "Yams", package: "Yams")]),
  .target(name: "AgentRuntime", dependencies: ["AgentCore"]),
  .target(
    name: "AgentPersistence",
    dependencies: [
      "AgentCore", "Vault", "CPlatform", .product(name: "GRDB", package: "GRDB.swift"),
      .product(name: "GRDBSQLite", package: "GRDB.swift"),
    ]),
  .target(name: "LLMProviders", dependencies: ["AgentCore", "AgentConfig", "HTTPTransport", "InProcessCache"]),
  .target(name: "AgentTools", dependencies: ["AgentCore", "CPlatform", "HTTPTransport"]),
  .target(name: "AgentObservability", dependencies: ["AgentCore", .product(name: "Logging", package: "swift-log")]),
]

let top: [Target] = [
  .target(
    name: "AgentAPI",
    dependencies: [
      "AgentCore", "AgentRuntime", "InProcessCache", "LLMProviders", "CPlatform",
      .product(name: "Hummingbird", package: hummingbird), .product(name: "HummingbirdCore", package: hummingbird),
      .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      .product(name: "Logging", package: "swift-log"), .product(name: "NIOCore", package: "swift-nio"),
      .product(name: "NIOPosix", package: "swift-nio"),
      .product(name: "NIOHTTP1", package: "swift-nio"),
      .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
      .product(name: "HTTPTypes", package: "swift-http-types"),
    ]),
  .executableTarget(
    name: "AgentSystem",
    dependencies: [
      "AgentAPI", "AgentConfig", "AgentCore", "AgentObservability", "AgentPersistence", "AgentRuntime", "AgentTools",
      "CPlatform", "HTTPTransport", "InProcessCache", "LLMProviders", "Vault",
      .product(name: "ArgumentParser", package: "swift-argument-parser"),
      .product(name: "Logging", package: "swift-log"),
      .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      .product(name: "UnixSignals", package: "swift-service-lifecycle"),
    ],
    linkerSettings: [
      .unsafeFlags(
        [
          "-use-ld=lld", "-Xlinker", "--no-export-dynamic", "-Xlinker", "--icf=safe", "-Xlinker", "-z", "-Xlinker",
          "now",
        ], .when(configuration: .release))
    ]),
]

let kit: [Target.Dependency] = ["AgentTestKit", "AgentCore"]
let tests: [Target] = [
  .target(name: "AgentTestKit", dependencies: ["AgentCore", "Vault"], path: "Tests/AgentTestKit"),
  .testTarget(name: "AgentCoreTests", dependencies: kit),
  .testTarget(name: "InProcessCacheTests", dependencies: kit + ["InProcessCache"]),
  .testTarget(name: "VaultTests", dependencies: kit + ["Vault"]),
  .testTarget(name: "HTTPTransportTests", dependencies: kit + ["HTTPTransport"], exclude: ["http2.py"]),
  .testTarget(name: "AgentConfigTests", dependencies: kit + ["AgentConfig", .product(name: "Yams", package: "Yams")]),
  .testTarget(
    name: "AgentRuntimeTests",
    dependencies: kit + ["AgentRuntime", "AgentConfig", "AgentPersistence", "AgentTools", "LLMProviders", "Vault"]),
  .testTarget(
    name: "AgentPersistenceTests",
    dependencies: kit + [
      "AgentPersistence", "Vault", .product(name: "GRDB", package: "GRDB.swift"),
      .product(name: "GRDBSQLite", package: "GRDB.swift"),
    ]),
  .testTarget(
    name: "LLMProvidersTests", dependencies: kit + ["LLMProviders", "AgentConfig", "HTTPTransport", "InProcessCache"]),
  .testTarget(name: "AgentToolsTests", dependencies: kit + ["AgentTools", "CPlatform", "HTTPTransport"]),
  .testTarget(
    name: "AgentObservabilityTests",
    dependencies: kit + ["AgentObservability", .product(name: "Logging", package: "swift-log")]),
  .testTarget(
    name: "AgentAPITests",
    dependencies: kit + [
      "AgentAPI", "AgentConfig", "AgentRuntime", "AgentTools", "InProcessCache", "LLMProviders",
      .product(name: "Hummingbird", package: hummingbird),
      .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      .product(name: "Logging", package: "swift-log"), .product(name: "NIOCore", package: "swift-nio"),
      .product(name: "HTTPTypes", package: "swift-http-types"),
    ]),
  .testTarget(
    name: "AgentSystemTests",
    dependencies: kit + [
      "AgentSystem", "AgentAPI", "AgentConfig", "HTTPTransport",
      .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ]),
  .testTarget(
    name: "EndToEndTests", dependencies: kit + ["HTTPTransport", "AgentSystem"],
    exclude: [
      "Crash/recorder.py", "Manual", "Providers/clients.py", "Providers/clients.txt", "Providers/double.py",
      "Providers/double_wire", "Providers/llama", "Providers/llama.txt",
    ]),
  .testTarget(name: "TidyTests"),
]

// Only `make bench` asks for it: builds and tests are not to wait for one more program.
let benchmarks: [Target] =
  Context.environment["AGENT_SYSTEM_BENCHMARKS"] == nil
  ? []
  : [
    .executableTarget(
      name: "AgentBenchmarks",
      dependencies: [
        "AgentCore", "AgentPersistence", "AgentTestKit", "CPlatform", "HTTPTransport", "Vault",
        .product(name: "GRDB", package: "GRDB.swift"),
      ], path: "Benchmarks")
  ]
let programs: [Product] =
  [.executable(name: "agent-system", targets: ["AgentSystem"])]
  + benchmarks.map { .executable(name: "agent-benchmarks", targets: [$0.name]) }

let package = Package(
  name: "AgentSystem",
  products: programs,
  dependencies: [
    .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1"),
    .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-extras", exact: "1.35.2"),
    .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
  ],
  targets: lowest + middle + top + tests + benchmarks,
  swiftLanguageModes: [.v6]
)
