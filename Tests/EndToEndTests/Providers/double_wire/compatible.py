"""OpenAI's messages as llama.cpp and Ollama send them: with members left out, and others that OpenAI does not have."""

import json
import time

from . import openai
from .words import argument_text, compact, fresh_id, joined, pieces, wire_name


def head(reply, body, kind):
    names = {"llama": "b7000-d0bl3", "ollama": "fp_ollama"}
    return {
        "created": int(time.time()), "id": fresh_id("chatcmpl-", 32), "model": reply.get("model", body.get("model")),
        "system_fingerprint": names[reply["like"]], "object": kind}


def usage_of(reply, body):
    usage = openai.usage_of(reply, body)
    if isinstance(usage, dict):
        usage = {name: usage[name] for name in ("completion_tokens", "prompt_tokens", "total_tokens") if name in usage}
    return usage


def call_of(call, like, index):
    member = {
        "index": index, "type": "function",
        "function": {"name": wire_name(call["name"]), "arguments": argument_text(call)}}
    if call.get("id", "") is not None:
        # llama.cpp's ids have no prefix.
        member["id"] = call["id"] if "id" in call else fresh_id("call_" if like == "ollama" else "", 32)
    return member


def whole(reply, body):
    message = {"role": "assistant", "content": joined(reply["text"]) if reply.get("text") is not None else None}
    if reply["like"] == "ollama" and message["content"] is None:
        message["content"] = ""
    if reply.get("calls"):
        message["tool_calls"] = [call_of(call, reply["like"], 0) for call in reply["calls"]]
    if reply.get("thinking"):
        name = "reasoning" if reply["like"] == "ollama" else "reasoning_content"
        message[name] = "".join(thought.get("text", "") for thought in reply["thinking"])
    message.update(reply.get("members", {}))
    answer = head(reply, body, "chat.completion")
    answer["choices"] = [] if reply.get("no_choices") else [
        {"finish_reason": openai.finish_of(reply), "index": 0, "message": message}]
    usage = usage_of(reply, body)
    if usage is not None:
        answer["usage"] = usage
    if reply["like"] == "llama":
        answer["timings"] = {"prompt_n": 1, "predicted_n": 1, "predicted_per_second": 115.2}
    return compact(answer).encode()


def events(reply, body):
    like, common = reply["like"], head(reply, body, "chat.completion.chunk")

    def chunk(choices, **members):
        return b"data: " + compact(dict(common, choices=choices, **members)).encode() + b"\n\n"

    def delta(members, finish=None):
        return chunk([{"finish_reason": finish, "index": 0, "delta": members}])

    if like == "llama":
        # While it reads the prompt.
        yield b":\n\n"
        yield delta({"role": "assistant", "content": None})
    for piece in pieces(joined([t.get("text", "") for t in reply.get("thinking", [])]), reply.get("piece")):
        yield delta({"reasoning" if like == "ollama" else "reasoning_content": piece})
    for piece in pieces(reply.get("text") or "", reply.get("piece")):
        yield delta({"role": "assistant", "content": piece} if like == "ollama" else {"content": piece})
    for number, call in enumerate(reply.get("calls", [])):
        yield from call_events(reply, number, call, delta)
    last = {"role": "assistant", "content": ""} if like == "ollama" else {}
    if openai.finish_of(reply) is not None:
        yield delta(last, openai.finish_of(reply))
    usage = usage_of(reply, body)
    if (body.get("stream_options") or {}).get("include_usage") and usage is not None:
        yield chunk([], usage=usage, **({"timings": {"prompt_n": 1, "predicted_n": 1}} if like == "llama" else {}))
    if reply.get("end", True):
        yield b"data: [DONE]\n\n"


def call_events(reply, number, call, delta):
    """Ollama sends each call whole and all of them at index 0; llama.cpp sends arguments token by token."""
    if reply["like"] == "ollama":
        yield delta({"role": "assistant", "content": "", "tool_calls": [call_of(call, "ollama", call.get("index", 0))]})
        return
    member = call_of(call, "llama", call.get("index", number))
    arguments, index = member["function"]["arguments"], member["index"]
    member["function"]["arguments"] = arguments[:1]
    yield delta({"tool_calls": [member]})
    for piece in pieces(arguments[1:], reply.get("piece") or 3):
        yield delta({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})


def error_body(status, error):
    """llama.cpp's: the code is the status, as a number."""
    value = {"code": status, "message": error.get("message", "the server failed"), "type": "server_error"}
    if error.get("kind") == "context_too_long":
        status = 400
        value = {
            "code": 400, "type": "exceed_context_size_error", "n_prompt_tokens": 9000, "n_ctx": 8192,
            "message": "the request exceeds the available context size, try increasing it"}
    value.update(error.get("members", {}))
    return status, json.dumps({"error": value}).encode()
