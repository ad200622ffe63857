"""OpenAI chat completions, as api.openai.com sends them and as it refuses them."""

import json
import re
import time

from .schemas import openai_problem
from .words import (Conversation, Refusal, argument_text, compact, fresh_id, joined, pieces, tokens, wire_name)

PATH = "/v1/chat/completions"
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
MEMBERS = set(
    "audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens messages "
    "metadata modalities model n parallel_tool_calls prediction presence_penalty prompt_cache_key reasoning_effort "
    "response_format safety_identifier seed service_tier stop store stream stream_options temperature tool_choice tools "
    "top_logprobs top_p user verbosity web_search_options".split())


def content_text(content):
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content if isinstance(part, dict))
    return content or ""


def look(body):
    view = Conversation("openai", body)
    messages = body.get("messages", [])
    users = [content_text(m.get("content")) for m in messages if m.get("role") == "user"]
    view.system = "".join(content_text(m.get("content")) for m in messages if m.get("role") in ("system", "developer"))
    view.prompt, view.last_prompt = (users[0], users[-1]) if users else ("", "")
    view.turn = 1 + sum(m.get("role") == "assistant" for m in messages)
    if messages and messages[-1].get("role") == "tool":
        view.last_result = content_text(messages[-1].get("content"))
        for call in (call for m in messages for call in m.get("tool_calls") or []):
            if call.get("id") == messages[-1].get("tool_call_id"):
                view.last_tool = call["function"]["name"]
    return view


# MARK: requests


def refuse(message, param=None, code=None, status=400):
    raise Refusal(status, "invalid_request_error", message, param=param, code=code)


def check(body):
    """Refuses what the real service refuses, in its words as far as they matter."""
    unknown = sorted(set(body) - MEMBERS)
    if unknown:
        refuse(f"Unrecognized request argument supplied: {', '.join(unknown)}", code="unknown_parameter")
    if not isinstance(body.get("model"), str) or not body["model"]:
        refuse("you must provide a model parameter", param="model")
    if not isinstance(body.get("messages"), list) or not body["messages"]:
        refuse("[] is too short - 'messages'", param="messages", code="empty_array")
    if "stream_options" in body and not body.get("stream"):
        refuse("The 'stream_options' parameter is only allowed when 'stream' is enabled.", param="stream_options")
    if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
        refuse("Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.")
    temperature = body.get("temperature")
    if temperature is not None and not (isinstance(temperature, (int, float)) and 0 <= temperature <= 2):
        refuse(f"Invalid 'temperature': {temperature}", param="temperature")
    check_tools(body)
    check_format(body.get("response_format"))
    check_messages(body["messages"])


def check_tools(body):
    if "tools" not in body:
        if "tool_choice" in body:
            refuse("'tool_choice' is only allowed when 'tools' are specified.", param="tool_choice")
        if "parallel_tool_calls" in body:
            refuse("'parallel_tool_calls' is only allowed when 'tools' are specified.", param="parallel_tool_calls")
        return
    if not body["tools"]:
        refuse("[] is too short - 'tools'", param="tools", code="empty_array")
    names = []
    for number, tool in enumerate(body["tools"]):
        function = tool.get("function") or {}
        if tool.get("type") != "function" or not NAME.match(function.get("name", "")):
            refuse(f"Invalid 'tools[{number}].function.name'", param=f"tools[{number}].function.name")
        if not isinstance(function.get("parameters", {}), dict):
            refuse(f"Invalid type for 'tools[{number}].function.parameters'", param="tools")
        if function.get("strict"):
            check_strict(function.get("parameters", {}), function["name"])
        names.append(function["name"])
    if len(set(names)) != len(names):
        refuse("Tool names must be unique.", param="tools")


def check_format(form):
    if form is None or form.get("type") in ("text", "json_object"):
        return
    schema = form.get("json_schema") or {}
    if form.get("type") != "json_schema" or not NAME.match(schema.get("name", "")):
        refuse("Missing required parameter: 'response_format.json_schema.name'.", param="response_format")
    if schema.get("strict"):
        check_strict(schema.get("schema", {}), schema["name"])


def check_strict(schema, name):
    problem = openai_problem(schema, name)
    if problem:
        refuse(problem, param="response_format")


def check_messages(messages):
    wanted = []  # ids of calls without an answer yet
    for number, message in enumerate(messages):
        role, where = message.get("role"), f"messages.[{number}]"
        if role == "tool":
            if message.get("tool_call_id") not in wanted:
                refuse(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
                    "'tool_calls'.", param=f"{where}.role")
            wanted.remove(message["tool_call_id"])
            check_content(message.get("content"), where)
            continue
        if wanted:
            refuse_unanswered(wanted)
        if role == "assistant":
            wanted = check_assistant(message, where)
        elif role in ("system", "developer", "user"):
            check_content(message.get("content"), where)
        else:
            refuse(f"Invalid value: '{role}' for '{where}.role'.", param=f"{where}.role")
    if wanted:
        refuse_unanswered(wanted)


def refuse_unanswered(ids):
    refuse(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
        f"The following tool_call_ids did not have response messages: {', '.join(ids)}", param="messages")


def check_content(content, where):
    if isinstance(content, str):
        return
    if not isinstance(content, list) or not content:
        refuse(f"Invalid value for 'content': expected a string, got {content!r}.", param=f"{where}.content")
    for part in content:
        kind = part.get("type")
        if kind == "text" and isinstance(part.get("text"), str):
            continue
        if kind == "image_url" and str((part.get("image_url") or {}).get("url", "")).startswith(("data:image/", "https:")):
            continue
        refuse(f"Invalid content part in '{where}': {kind}", param=f"{where}.content")


def check_assistant(message, where):
    calls = message.get("tool_calls")
    if calls is not None and not calls:
        refuse(f"[] is too short - '{where}.tool_calls'", param=f"{where}.tool_calls", code="empty_array")
    if not calls and message.get("content") is None and message.get("refusal") is None:
        refuse(f"Invalid value for '{where}.content': expected a string, got null.", param=f"{where}.content")
    if message.get("content") is not None and not isinstance(message["content"], (str, list)):
        refuse(f"Invalid type for '{where}.content'.", param=f"{where}.content")
    ids = []
    for call in calls or []:
        function = call.get("function") or {}
        if call.get("type") != "function" or not isinstance(call.get("id"), str) or not call["id"]:
            refuse(f"Missing required parameter: '{where}.tool_calls[0].id'.", param=where)
        if not NAME.match(function.get("name", "")) or not isinstance(function.get("arguments"), str):
            refuse(f"Invalid '{where}.tool_calls[0].function'", param=where)
        try:
            # llama.cpp answers 500 to these and OpenAI does not care; refused here, so that no test overlooks one.
            json.loads(function["arguments"])
        except ValueError:
            refuse(f"double: unparseable arguments were sent back: {function['arguments']!r}", code="double")
        ids.append(call["id"])
    if len(set(ids)) != len(ids):
        refuse(f"Duplicate value for 'tool_call_id' in '{where}'.", param=where)
    return ids


# MARK: answers


def usage_of(reply, body):
    usage = reply.get("usage", {})
    if usage is None:
        return None
    if "raw" in usage:
        return usage["raw"]
    said = joined(reply.get("text") or "") + "".join(argument_text(c) for c in reply.get("calls", []))
    inputs = usage.get("input", tokens(compact(body.get("messages", []))))
    outputs = usage.get("output", tokens(said) + usage.get("reasoning", 0))
    return {
        "prompt_tokens": inputs, "completion_tokens": outputs, "total_tokens": inputs + outputs,
        "prompt_tokens_details": {"cached_tokens": usage.get("cached", 0), "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.get("reasoning", 0), "audio_tokens": 0, "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0}}


def finish_of(reply):
    return reply["finish"] if "finish" in reply else "tool_calls" if reply.get("calls") else "stop"


def call_of(call, index=None):
    """`id` null leaves it out, as some servers do."""
    member = {} if index is None else {"index": index}
    if call.get("id", "") is not None:
        member["id"] = call["id"] if "id" in call else fresh_id("call_")
    member["type"] = "function"
    member["function"] = {"name": wire_name(call["name"]), "arguments": argument_text(call)}
    return member


def whole(reply, body):
    """The answer without `stream`."""
    message = {"role": "assistant", "content": joined(reply["text"]) if reply.get("text") is not None else None}
    if reply.get("calls"):
        message["tool_calls"] = [call_of(call) for call in reply["calls"]]
    if reply.get("thinking"):
        message["reasoning_content"] = "".join(thought.get("text", "") for thought in reply["thinking"])
    message["refusal"] = reply.get("refusal")
    message["annotations"] = []
    message.update(reply.get("members", {}))
    choices = [] if reply.get("no_choices") else [
        {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_of(reply)}]
    answer = {
        "id": fresh_id("chatcmpl-"), "object": "chat.completion", "created": int(time.time()),
        "model": reply.get("model", body.get("model")), "choices": choices, "usage": usage_of(reply, body),
        "service_tier": "default", "system_fingerprint": "fp_44709d6fcb"}
    if answer["usage"] is None:
        del answer["usage"]
    return json.dumps(answer, ensure_ascii=False, indent=2).encode() + b"\n"


def events(reply, body):
    """The answer with `stream`: one bytes value an event."""
    head = {
        "id": fresh_id("chatcmpl-"), "object": "chat.completion.chunk", "created": int(time.time()),
        "model": reply.get("model", body.get("model")), "service_tier": "default",
        "system_fingerprint": "fp_44709d6fcb"}
    wants_usage = bool((body.get("stream_options") or {}).get("include_usage"))

    def chunk(choices, usage=None):
        value = dict(head, choices=choices)
        if wants_usage:
            value["usage"] = usage
        value["obfuscation"] = fresh_id("", 7)
        return b"data: " + compact(value).encode() + b"\n\n"

    def delta(members, finish=None):
        return chunk([{"index": 0, "delta": members, "logprobs": None, "finish_reason": finish}])

    if not reply.get("no_choices"):
        yield from deltas(reply, delta)
        if finish_of(reply) is not None:
            yield delta({}, finish_of(reply))
    usage = usage_of(reply, body)
    if wants_usage and usage is not None:
        yield chunk([], usage)
    if reply.get("end", True):
        yield b"data: [DONE]\n\n"


def deltas(reply, delta):
    size, calls = reply.get("piece"), reply.get("calls", [])
    first = {"role": "assistant", "content": None if calls and not reply.get("text") else "", "refusal": None}
    first.update(reply.get("members", {}))
    if not calls:
        yield delta(first)
    for thought in reply.get("thinking", []):
        yield from (delta({"reasoning_content": piece}) for piece in pieces(thought.get("text", ""), size))
    if reply.get("refusal"):
        yield from (delta({"refusal": piece}) for piece in pieces(reply["refusal"], size))
    if calls and reply.get("text"):
        yield delta(first)
    yield from (delta({"content": piece}) for piece in pieces(reply.get("text") or "", size))
    for number, call in enumerate(calls):
        index = call.get("index", number)
        member = call_of(call, index)
        arguments = member["function"]["arguments"]
        member["function"]["arguments"] = ""
        opening = {"tool_calls": [member]}
        yield delta(dict(first, **opening) if number == 0 and not reply.get("text") else opening)
        for piece in pieces(arguments, size or 3):
            yield delta({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})


# MARK: errors

ERRORS = {
    400: ("invalid_request_error", None), 401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"), 408: ("timeout", None), 409: ("conflict", None),
    413: ("invalid_request_error", None), 422: ("invalid_request_error", None),
    429: ("requests", "rate_limit_exceeded"), 500: ("server_error", None), 503: ("server_error", "overloaded")}
KINDS = {
    "context_too_long": (
        400, "invalid_request_error", "context_length_exceeded",
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."),
    "model_unknown": (
        404, "invalid_request_error", "model_not_found",
        "The model `gone-1` does not exist or you do not have access to it."),
    "quota": (
        429, "insufficient_quota", "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details."),
    "content_filter": (
        400, "invalid_request_error", "content_filter", "The response was filtered."),
}


def error_object(status, error):
    """The `error` member: a kind by name, or members that replace the usual ones."""
    kind = error.get("kind")
    kind_status, *named = KINDS[kind] if kind else (status, *ERRORS.get(status, ("server_error", None)), None)
    value = {
        "message": named[2] or "The server had an error while processing your request. Sorry about that!",
        "type": named[0], "param": None, "code": named[1]}
    value.update({name: member for name, member in error.items() if name not in ("kind", "bare", "members")})
    return kind_status if kind else status, value


def error_body(status, error):
    status, value = error_object(status, error)
    return status, json.dumps({"error": value}, indent=4).encode() + b"\n"


def stream_error(error, is_named=False):
    """An error object in the middle of a stream that began with 200."""
    return b"data: " + compact({"error": error_object(500, error)[1]}).encode() + b"\n\n"


def rejection(refusal):
    value = {"message": refusal.message, "type": refusal.kind, "param": None, "code": None}
    value.update(refusal.members)
    return json.dumps({"error": value}, indent=4).encode() + b"\n"


def headers():
    return [
        ("access-control-expose-headers", "X-Request-ID"), ("openai-organization", "double"),
        ("openai-processing-ms", "12"), ("openai-version", "2020-10-01"), ("x-ratelimit-limit-requests", "10000"),
        ("x-ratelimit-limit-tokens", "200000"), ("x-ratelimit-remaining-requests", "9999"),
        ("x-ratelimit-remaining-tokens", "199000"), ("x-ratelimit-reset-requests", "8.64s"),
        ("x-ratelimit-reset-tokens", "5ms"), ("x-request-id", fresh_id("req_", 32)),
        ("strict-transport-security", "max-age=31536000"), ("x-content-type-options", "nosniff")]


STREAM_TYPE, STREAM_END = "text/event-stream; charset=utf-8", b"data: [DONE]\n\n"


def models(names):
    return {"object": "list", "data": [
        {"id": name, "object": "model", "created": 1715367049, "owned_by": "double"} for name in names]}
