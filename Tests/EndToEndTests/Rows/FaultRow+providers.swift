/// The rows about providers and about configuration.
extension FaultRow {
  var providerEntry: Entry {
    switch self {
    case .providerUnreachable:
      Entry(
        "refused, no route, DNS", "unreachable, tried again", parts: ["refused", "no route", "DNS"])
    case .providerTLS:
      Entry(
        "certificate bad, expired, of another name; old TLS", "tls_failed, not tried again", not: "send the key",
        parts: ["certificate", "old TLS"])
    case .providerTimeout:
      Entry(
        "hang, drip, idle", "timeout by the provider's timeouts", not: "outlive the task",
        parts: ["connect", "hang", "drip", "idle", "past the task"])
    case .providerCut:
      Entry("cut in mid-stream, no end mark", "stream_truncated, tried again", not: "take a part for the whole")
    case .providerStreamError:
      Entry(
        "an error object in a 200 stream; a call cut by length; arguments in the history that are no JSON",
        "provider_error, tried again; truncated; mended before they are sent back", not: "run half a call")
    case .providerMalformed:
      Entry("wrong type, HTML, malformed JSON or event", "provider_malformed", not: "show the body in the error")
    case .providerTooLarge:
      Entry(
        "over max_response, a line over 1 MiB, a bomb", "provider_too_large", not: "take 20 MiB more memory")
    case .providerSplit: Entry("an event that is parted at any byte", "the same result")
    case .providerCallIDs: Entry("ids of calls doubled, empty, missing", "given anew in order", not: "mix results")
    case .providerTools:
      Entry("a tool unknown, forbidden", "told to the model: tool_unknown, tool_forbidden", not: "have an effect")
    case .providerArguments:
      Entry("arguments no JSON, off schema", "tool_arguments_invalid; the third in a row fails", not: "guess")
    case .providerEndless: Entry("endless calls", "step_limit")
    case .providerRejects:
      Entry(
        "400, 404, 413, 422", "provider_rejected, model_unknown, context_too_long", not: "ask the same again")
    case .providerKey: Entry("401, 403", "key_invalid, marked", not: "answer with our own 401")
    default: limitEntry
    }
  }

  private var limitEntry: Entry {
    switch self {
    case .providerFails:
      Entry("408, 409, 500, 502, 503, 504, 529", "provider_error, tried again", not: "hammer")
    case .providerRetryAfter:
      Entry(
        "429 with Retry-After: seconds, date, absurd, unreadable",
        "waited, at most an hour and never past the deadline; unreadable: backoff", not: "sleep a day")
    case .providerStorm:
      Entry(
        "429 without, a storm of them", "rate_limited, backoff, one gate for all",
        parts: ["no header", "storm", "storm without header", "in order", "no place", "shaped"])
    case .providerEmpty:
      Entry(
        "no choices; a refusal; cut by length", "provider_empty, tried again; refused; truncated",
        not: "succeed with nothing")
    case .providerUsage: Entry("usage missing, negative, absurd", "own count, estimated", not: "cost nothing")
    case .providerRedirect: Entry("a redirect", "provider_redirect", not: "send the key elsewhere")
    case .configInvalid:
      Entry(
        "unknown or duplicate key, type, value, alias bomb", "78 config_invalid, file and line, the nearest key",
        not: "fall back to defaults")
    case .configVariable: Entry("${VAR} unset", "78 config_variable_unset", not: "take an empty secret")
    case .reloadRefused:
      Entry("a bad file at SIGHUP", "WARN reload_refused, the old stays", not: "apply half of it")
    case .foreignServices:
      Entry("postgresql://; REDIS_URL", "78 database_url_unsupported; one WARN", not: "keep silent")
    case .reloadSignals:
      Entry("SIGHUP; SIGTERM twice; SIGPIPE", "reload; stop now; ignored")
    default: Entry("", "")
    }
  }
}
