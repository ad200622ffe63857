"""Anthropic messages, as api.anthropic.com sends them and as it refuses them."""

import json
import re

from .schemas import anthropic_problem
from .words import (
    Conversation, Refusal, argument_text, compact, fresh_id, joined, pieces, signature_of, tokens, wire_name)

PATH = "/v1/messages"
NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}\Z")
CALL_ID = re.compile(r"[a-zA-Z0-9_-]+\Z")
MEMBERS = set(
    "model messages max_tokens metadata stop_sequences stream system temperature thinking tool_choice tools top_k top_p "
    "service_tier container context_management mcp_servers output_config output_format cache_control "
    "inference_geo".split())
# Thoughts that a script signed by itself.
signed = {}


def blocks(content):
    return [{"type": "text", "text": content}] if isinstance(content, str) else content or []


def text_of(content):
    return "".join(block.get("text", "") for block in blocks(content) if block.get("type") == "text")


def look(body):
    view = Conversation("anthropic", body)
    messages = body.get("messages", [])
    users = [text_of(m.get("content")) for m in messages if m.get("role") == "user"]
    users = [text for text in users if text]
    view.system = text_of(body.get("system"))
    view.prompt, view.last_prompt = (users[0], users[-1]) if users else ("", "")
    view.turn = 1 + sum(m.get("role") == "assistant" for m in messages)
    results = [b for b in blocks(messages[-1].get("content")) if b.get("type") == "tool_result"] if messages else []
    if results:
        view.last_result = text_of(results[-1].get("content"))
        for block in (b for m in messages for b in blocks(m.get("content")) if b.get("type") == "tool_use"):
            if block.get("id") == results[-1].get("tool_use_id"):
                view.last_tool = block.get("name")
    return view


# MARK: requests


def refuse(message):
    raise Refusal(400, "invalid_request_error", message)


def check(body):
    """Refuses what the real service refuses, in its words as far as they matter."""
    for name in sorted(set(body) - MEMBERS):
        refuse(f"{name}: Extra inputs are not permitted")
    for name in ("model", "messages", "max_tokens"):
        if name not in body:
            refuse(f"{name}: Field required")
    if not isinstance(body["max_tokens"], int) or body["max_tokens"] < 1:
        refuse("max_tokens: Input should be greater than or equal to 1")
    temperature = body.get("temperature")
    if temperature is not None and not 0 <= temperature <= 1:
        refuse("temperature: range: 0..1")
    thinks = (body.get("thinking") or {}).get("type") in ("enabled", "adaptive")
    if (body.get("thinking") or {}).get("type") == "enabled":
        budget = body["thinking"].get("budget_tokens", 0)
        if budget < 1024:
            refuse("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
        if budget >= body["max_tokens"]:
            refuse("`max_tokens` must be greater than `thinking.budget_tokens`.")
    if thinks and temperature not in (None, 1):
        refuse("`temperature` may only be set to 1 when thinking is enabled.")
    for block in blocks(body.get("system")):
        if not block.get("text"):
            refuse("system: text content blocks must be non-empty")
    check_tools(body.get("tools"))
    check_use(body)
    check_hints(body)
    form = (body.get("output_config") or {}).get("format") or body.get("output_format")
    problem = form and anthropic_problem(form.get("schema"))
    if problem:
        refuse(problem)
    check_messages(body["messages"], thinks)


def check_use(body):
    """Whoever speaks of tools must have some."""
    if body.get("tools"):
        return
    if "tool_choice" in body:
        refuse("tool_choice may only be specified while providing tools")
    kinds = {block.get("type") for message in body["messages"] for block in blocks(message.get("content"))}
    if kinds & {"tool_use", "tool_result"}:
        refuse("Requests which include `tool_use` or `tool_result` blocks must define tools")


def check_hints(body):
    """Where a prefix is to be kept for later calls: in few places, and not on what cannot be cached by itself."""
    marked = [body] + blocks(body.get("system")) + (body.get("tools") or [])
    marked += [block for message in body["messages"] for block in blocks(message.get("content"))]
    marked = [block for block in marked if block.get("cache_control") is not None]
    if len(marked) > 4:
        refuse(f"A maximum of 4 blocks with cache_control may be provided. Found {len(marked)}.")
    for block in marked:
        if block["cache_control"].get("type") != "ephemeral":
            refuse("cache_control: Input tag found using 'type' does not match any of the expected tags: 'ephemeral'")
        if block.get("type") in ("thinking", "redacted_thinking"):
            refuse(f"{block['type']}.cache_control: Extra inputs are not permitted")


def check_tools(tools):
    names = []
    for number, tool in enumerate(tools or []):
        if not NAME.match(tool.get("name", "")):
            refuse(f"tools.{number}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
        if (tool.get("input_schema") or {}).get("type") != "object":
            refuse(f"tools.{number}.custom.input_schema.type: Field required")
        for name in set(tool) - {"name", "description", "input_schema", "type", "cache_control", "strict"}:
            refuse(f"tools.{number}.custom.{name}: Extra inputs are not permitted")
        names.append(tool["name"])
    if len(set(names)) != len(names):
        refuse("tools: Tool names must be unique.")


def check_messages(messages, thinks):
    if not messages:
        refuse("messages: at least one message is required")
    if messages[0].get("role") != "user":
        refuse("messages: first message must use the \"user\" role")
    wanted, seen = [], set()
    for number, message in enumerate(messages):
        where = f"messages.{number}"
        if message.get("role") not in ("user", "assistant"):
            refuse(f"{where}: Unexpected role \"{message.get('role')}\". The Messages API accepts a top-level `system`")
        for name in set(message) - {"role", "content"}:
            refuse(f"{where}.{name}: Extra inputs are not permitted")
        content = blocks(message.get("content"))
        if not content:
            refuse(f"{where}: all messages must have non-empty content except for the optional final assistant message")
        answered = [b.get("tool_use_id") for b in content if b.get("type") == "tool_result"]
        if wanted and (message["role"] != "user" or set(wanted) - set(answered)):
            refuse(
                f"{where}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{', '.join(set(wanted) - set(answered))}. Each `tool_use` block must have a corresponding "
                "`tool_result` block in the next message.")
        if set(answered) - set(wanted) or len(set(answered)) != len(answered):
            refuse(f"{where}.content: unexpected `tool_use_id` found in `tool_result` blocks: {answered}")
        for place, block in enumerate(content):
            check_block(block, f"{where}.content.{place}", message["role"])
        check_order(content, where, message["role"])
        wanted = [b["id"] for b in content if b.get("type") == "tool_use"]
        if seen & set(wanted) or len(set(wanted)) != len(wanted):
            refuse(f"{where}: `tool_use` ids must be unique")
        seen |= set(wanted)
        if thinks and wanted and answered_since(messages, number) and content[0].get("type") not in (
                "thinking", "redacted_thinking"):
            refuse(
                f"{where}.content.0.type: Expected `thinking` or `redacted_thinking`, but found "
                f"`{content[0].get('type')}`. When `thinking` is enabled, a final `assistant` message must start with a "
                "thinking block.")
    if wanted:
        refuse("messages: `tool_use` ids were found without `tool_result` blocks immediately after")


def answered_since(messages, number):
    """The message belongs to the turn that is going on: after it come tool results alone."""
    return all(
        m.get("role") == "assistant" or all(b.get("type") == "tool_result" for b in blocks(m.get("content")))
        for m in messages[number + 1:])


def check_order(content, where, role):
    kinds = [block.get("type") for block in content]
    if role == "user" and "tool_result" in kinds:
        last = len(kinds) - 1 - kinds[::-1].index("tool_result")
        if any(kind != "tool_result" for kind in kinds[:last]):
            refuse(f"{where}: `tool_result` blocks must come first in the content")


def check_block(block, where, role):
    kind = block.get("type")
    if kind == "text":
        if not block.get("text"):
            refuse(f"{where}.text: text content blocks must be non-empty")
        if not block["text"].strip():
            refuse(f"{where}.text: text content blocks must contain non-whitespace text")
    elif kind == "tool_use" and role == "assistant":
        if not CALL_ID.match(block.get("id", "")):
            refuse(f"{where}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'")
        if not NAME.match(block.get("name", "")):
            refuse(f"{where}.tool_use.name: String should match pattern")
        if not isinstance(block.get("input"), dict):
            refuse(f"{where}.tool_use.input: Input should be a valid dictionary")
    elif kind == "thinking" and role == "assistant":
        thought, signature = block.get("thinking"), block.get("signature")
        if signature not in (signature_of(thought or ""), signed.get(thought)):
            refuse(f"{where}: Invalid `signature` in `thinking` block")
    elif kind == "redacted_thinking" and role == "assistant":
        if not block.get("data"):
            refuse(f"{where}.redacted_thinking.data: Field required")
    elif kind == "tool_result" and role == "user":
        for name in set(block) - {"type", "tool_use_id", "content", "is_error", "cache_control"}:
            refuse(f"{where}.tool_result.{name}: Extra inputs are not permitted")
        if block.get("is_error") and not block.get("content"):
            refuse(f"{where}.tool_result: content cannot be empty if `is_error` is true")
    elif kind == "image" and role == "user":
        source = block.get("source") or {}
        if source.get("media_type") not in ("image/jpeg", "image/png", "image/gif", "image/webp"):
            refuse(f"{where}.image.source.base64.media_type: Input should be an image type")
    else:
        refuse(f"{where}: Input tag '{kind}' found using 'type' does not match any of the expected tags")


# MARK: answers


def usage_of(reply, body, is_start=False):
    usage = reply.get("usage", {})
    if usage is None:
        return None
    if "raw" in usage:
        return usage["raw"]
    said = joined(reply.get("text") or "") + "".join(argument_text(c) for c in reply.get("calls", []))
    cached, written = usage.get("cached", 0), usage.get("cache_write", 0)
    return {
        "input_tokens": usage.get("input", tokens(compact(body.get("messages", [])))),
        "cache_creation_input_tokens": written, "cache_read_input_tokens": cached,
        "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 1 if is_start else usage.get("output", tokens(said)), "service_tier": "standard"}


def stop_of(reply):
    """`finish` is sent as it stands; without one it follows from the answer."""
    if "finish" in reply:
        return reply["finish"]
    return "refusal" if reply.get("refusal") else "tool_use" if reply.get("calls") else "end_turn"


def content_of(reply):
    content = []
    for thought in reply.get("thinking", []):
        if "data" in thought:
            content.append({"type": "redacted_thinking", "data": thought["data"]})
            continue
        signature = thought.get("signature", signature_of(thought["text"]))
        signed[thought["text"]] = signature
        content.append({"type": "thinking", "thinking": thought["text"], "signature": signature})
    if reply.get("text"):
        content.append({"type": "text", "text": joined(reply["text"])})
    elif reply.get("refusal"):
        content.append({"type": "text", "text": reply["refusal"]})
    for call in reply.get("calls", []):
        block = {"type": "tool_use", "name": wire_name(call["name"]), "input": call.get("arguments", {})}
        if call.get("id", "") is not None:
            block["id"] = call["id"] if "id" in call else fresh_id("toolu_01", 22)
        content.append(block)
    return content


def whole(reply, body):
    """The answer without `stream`."""
    message = {
        "model": reply.get("model", body.get("model")), "id": fresh_id("msg_01", 22), "type": "message",
        "role": "assistant", "content": [] if reply.get("no_choices") else content_of(reply),
        "stop_reason": stop_of(reply), "stop_sequence": None, "usage": usage_of(reply, body)}
    if message["usage"] is None:
        del message["usage"]
    message.update(reply.get("members", {}))
    return compact(message).encode()


def event(name, members):
    # The real service pads its lines with spaces that mean nothing.
    text = compact(dict({"type": name}, **members))
    return f"event: {name}\ndata: {text[:-1]}{' ' * (len(text) % 5)}}}\n\n".encode()


def events(reply, body):
    """The answer with `stream`: one bytes value an event."""
    usage = usage_of(reply, body, is_start=True)
    message = {
        "model": reply.get("model", body.get("model")), "id": fresh_id("msg_01", 22), "type": "message",
        "role": "assistant", "content": [], "stop_reason": None, "stop_sequence": None}
    if usage is not None:
        message["usage"] = usage
    yield event("message_start", {"message": message})
    for index, block in enumerate([] if reply.get("no_choices") else content_of(reply)):
        if index == 0:
            yield b'event: ping\ndata: {"type": "ping"}\n\n'
        yield from block_events(index, block, reply)
    end = usage_of(reply, body)
    if stop_of(reply) is not None:
        members = {"delta": {"stop_reason": stop_of(reply), "stop_sequence": None}}
        if end is not None:
            members["usage"] = end if "raw" in (reply.get("usage") or {}) else {
                name: end[name] for name in (
                    "input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")}
        yield event("message_delta", members)
    if reply.get("end", True):
        yield event("message_stop", {})


def block_events(index, block, reply):
    size, kind = reply.get("piece"), block["type"]

    def delta(members):
        return event("content_block_delta", {"index": index, "delta": members})

    starts = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}, "tool_use": {"input": {}}}
    yield event("content_block_start", {"index": index, "content_block": dict(block, **starts.get(kind, {}))})
    if kind == "text":
        shown = reply["text"] if isinstance(reply.get("text"), list) else block["text"]
        yield from (delta({"type": "text_delta", "text": piece}) for piece in pieces(shown, size))
    elif kind == "thinking":
        yield from (
            delta({"type": "thinking_delta", "thinking": piece}) for piece in pieces(block["thinking"], size))
        yield delta({"type": "signature_delta", "signature": block["signature"]})
    elif kind == "tool_use":
        # The first fragment is empty; an object without members has no other.
        yield delta({"type": "input_json_delta", "partial_json": ""})
        text = argument_text({"arguments": block["input"]})
        if text != "{}":
            yield from (delta({"type": "input_json_delta", "partial_json": piece}) for piece in pieces(text, size or 5))
    yield event("content_block_stop", {"index": index})


# MARK: errors

ERRORS = {
    400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error",
    404: "not_found_error", 408: "timeout_error", 409: "conflict_error", 413: "request_too_large",
    422: "invalid_request_error", 429: "rate_limit_error", 500: "api_error", 504: "timeout_error",
    529: "overloaded_error"}
KINDS = {
    "context_too_long": (
        400, "invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum"),
    "model_unknown": (404, "not_found_error", "model: gone-1"),
    "quota": (
        400, "invalid_request_error",
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing."),
    "content_filter": (400, "invalid_request_error", "Output blocked by content filtering policy"),
}


def error_object(status, error):
    kind = error.get("kind")
    kind_status, *named = KINDS[kind] if kind else (status, ERRORS.get(status, "api_error"), None)
    value = {"type": named[0], "message": named[1] or named[0].replace("_error", "").capitalize()}
    value.update({name: member for name, member in error.items() if name not in ("kind", "bare", "members")})
    return kind_status if kind else status, value


def error_body(status, error):
    status, value = error_object(status, error)
    return status, compact({"type": "error", "error": value, "request_id": fresh_id("req_011", 22)}).encode()


def stream_error(error, is_named=True):
    value = error_object(529, error)[1]
    return event("error", {"error": value, "request_id": fresh_id("req_011", 22)})


def rejection(refusal):
    value = {"type": refusal.kind, "message": refusal.message}
    return compact({"type": "error", "error": value, "request_id": fresh_id("req_011", 22)}).encode()


def headers():
    return [
        ("anthropic-organization-id", "00000000-0000-4000-8000-000000000000"),
        ("anthropic-ratelimit-requests-limit", "4000"), ("anthropic-ratelimit-requests-remaining", "3999"),
        ("anthropic-ratelimit-requests-reset", "2026-01-01T00:00:00Z"),
        ("anthropic-ratelimit-tokens-limit", "400000"), ("anthropic-ratelimit-tokens-remaining", "399000"),
        ("anthropic-ratelimit-tokens-reset", "2026-01-01T00:00:00Z"), ("request-id", fresh_id("req_011", 22)),
        ("strict-transport-security", "max-age=31536000"), ("via", "1.1 google")]


STREAM_TYPE, STREAM_END = "text/event-stream; charset=utf-8", event("message_stop", {})


def models(names):
    data = [
        {"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z"} for name in names]
    return {
        "data": data, "has_more": False, "first_id": names[0] if names else None,
        "last_id": names[-1] if names else None}
