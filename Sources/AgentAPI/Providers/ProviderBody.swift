import AgentCore
import LLMProviders

/// How providers are written in answers.
enum ProviderBody {
  /// `{"name":"openai","type":"openai","model":…,"base_url":…,"status":"ok","status_since":…,"default":true,
  /// "last_error":null,"concurrency":{"in_use":0,"waiting":0,"max":null},"closed_until":null}`
  static func json(_ report: ProviderReport) -> JSONValue {
    [
      "name": .string(report.id.name), "type": .string(report.type), "model": JSONValue(report.model),
      "base_url": JSONValue(report.baseURL), "status": .string(report.health.status.rawValue),
      "status_since": .string(report.health.since.text), "default": .bool(report.isDefault),
      "last_error": report.health.lastError.map(json) ?? .null,
      "concurrency": [
        "in_use": JSONValue(report.inUse), "waiting": JSONValue(report.waiting),
        "max": report.maxConcurrent.map { JSONValue($0) } ?? .null,
      ],
      "closed_until": JSONValue(report.closedUntil?.text),
    ]
  }

  private static func json(_ error: ProviderHealth.LastError) -> JSONValue {
    ["code": .string(error.code), "detail": .string(error.detail), "at": .string(error.at.text)]
  }

  /// `{"ok":true,"latency_ms":412,"model":"…"}` or `{"ok":false,"error":{"code":"key_invalid","detail":"…"}}`
  static func json(_ test: ProviderTest) -> JSONValue {
    switch test {
    case .answered(let model, let latency):
      ["ok": true, "latency_ms": .integer(latency.wholeMilliseconds), "model": .string(model)]
    case .failed(let error):
      ["ok": false, "error": ["code": .string(error.code.rawValue), "detail": .string(error.detail)]]
    }
  }
}
