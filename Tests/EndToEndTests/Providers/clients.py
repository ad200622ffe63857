"""Holds the provider double to the truth: the official `openai` and `anthropic` clients take what it says.

usage: clients.py FOLDER, by the Python of .build/test-rigs/clients. Prints a line a check and ends with 1 when one fails.
"""

import json
import pathlib
import subprocess
import sys
import traceback

import anthropic
import openai

HERE = pathlib.Path(__file__).parent
FOLDER = pathlib.Path(sys.argv[1])
TOOLS = [("file_read", {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]})]
OPENAI_TOOLS = [{"type": "function", "function": {"name": n, "parameters": s}} for n, s in TOOLS]
ANTHROPIC_TOOLS = [{"name": name, "input_schema": schema} for name, schema in TOOLS]
CALLS = [
    {"name": "file.read", "arguments": {"path": "one.txt"}},
    {"name": "file.read", "arguments": {"path": "zwei ü.txt"}}]
RULES = [
    {"when": {"turn": 1, "prompt": "use both"}, "reply": {"text": "Two files.", "calls": CALLS}},
    {"when": {"turn": 2, "prompt": "use both"}, "reply": {"text": "Both are read."}},
    {"when": {"prompt": "say it"}, "reply": {
        "text": "Hello there, ünïcödé 🙂.", "usage": {"input": 21, "output": 7, "cached": 5, "reasoning": 3}}},
    {"when": {"prompt": "split"}, "reply": {"text": "Hello there, ünïcödé 🙂."}, "fault": {"fragment": 1}},
    {"when": {"prompt": "think"}, "reply": {"thinking": [{"text": "Let me see."}], "calls": CALLS[:1]}},
    {"when": {"prompt": "refuse"}, "reply": {"refusal": "I can't help with that."}},
    {"when": {"prompt": "cut"}, "reply": {"text": "Half an ans", "finish": "length"}},
    {"when": {"prompt": "too long"}, "reply": {"error": {"kind": "context_too_long"}}},
    {"when": {"prompt": "no model"}, "reply": {"error": {"kind": "model_unknown"}}},
    {"when": {"prompt": "slow down"}, "reply": {"status": 429, "error": {}, "headers": {"Retry-After": "7"}}},
    {"when": {"prompt": "down"}, "reply": {"status": 500, "error": {}}},
    {"when": {"prompt": "overloaded"}, "reply": {"status": 529, "error": {}}},
    {"when": {"prompt": "breaks"}, "reply": {"text": "a b c d e f"},
     "fault": {"stream_error": {"after": 3, "error": {"message": "broke"}}}},
    {"when": {"prompt": "like llama.cpp", "turn": 1}, "reply": {"like": "llama", "calls": CALLS}},
    {"when": {"prompt": "like ollama", "turn": 1}, "reply": {"like": "ollama", "calls": CALLS[:1]}},
    {"when": {"prompt": "image"}, "reply": {"text": "A picture."}},
]


class Running:
    """The double, started; it ends with its standard input."""

    def __enter__(self):
        FOLDER.mkdir(exist_ok=True)
        script, self.log = FOLDER / "script.json", FOLDER / "requests.jsonl"
        script.write_text(json.dumps({"keys": {"right": "sk-right"}, "models": ["m-1", "m-2"], "rules": RULES}))
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "double.py"), "--script", str(script), "--log", str(self.log)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        address = self.process.stdout.readline().split()[-1]
        options = {"max_retries": 0, "timeout": 20}
        self.openai = openai.OpenAI(api_key="sk-right", base_url=address + "/v1", **options)
        self.anthropic = anthropic.Anthropic(api_key="sk-right", base_url=address, **options)
        self.strangers = (
            openai.OpenAI(api_key="sk-wrong", base_url=address + "/v1", **options),
            anthropic.Anthropic(api_key="sk-wrong", base_url=address, **options))
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)

    def requests(self):
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line for line in lines if "request" in line]

    def chat(self, prompt, **more):
        return self.openai.chat.completions.create(
            model="m-1", messages=more.pop("messages", [{"role": "user", "content": prompt}]), **more)

    def message(self, prompt, **more):
        return self.anthropic.messages.create(
            model="m-1", max_tokens=more.pop("max_tokens", 2048),
            messages=more.pop("messages", [{"role": "user", "content": prompt}]), **more)


def raised(kind, work):
    try:
        work()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


# MARK: OpenAI


def openai_models(run):
    assert [model.id for model in run.openai.models.list()] == ["m-1", "m-2"]


def openai_whole(run):
    answer = run.chat("say it")
    assert answer.choices[0].message.content == "Hello there, ünïcödé 🙂." and answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (21, 7, 28)
    assert answer.usage.prompt_tokens_details.cached_tokens == 5
    assert answer.usage.completion_tokens_details.reasoning_tokens == 3


def openai_streamed(run, prompt="say it"):
    chunks = list(run.chat(prompt, stream=True, stream_options={"include_usage": True}))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == "Hello there, ünïcödé 🙂.", text
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens > 0
    assert all(c.usage is None for c in chunks[:-1]) and len(chunks) > 4
    assert not any(c.usage for c in run.chat(prompt, stream=True))


def openai_fragments(run):
    openai_streamed(run, "split")


def openai_parallel_tools(run):
    """By the client's own accumulator, then answered and asked again."""
    with run.openai.chat.completions.stream(
            model="m-1", messages=[{"role": "user", "content": "use both"}], tools=OPENAI_TOOLS) as stream:
        final = stream.get_final_completion()
    message = final.choices[0].message
    assert message.content == "Two files." and final.choices[0].finish_reason == "tool_calls"
    assert [json.loads(c.function.arguments) for c in message.tool_calls] == [c["arguments"] for c in CALLS]
    assert len({c.id for c in message.tool_calls}) == 2 and message.tool_calls[0].id.startswith("call_")
    history = [{"role": "user", "content": "use both"}, message.model_dump(include={"role", "content", "tool_calls"})]
    for call in history[1]["tool_calls"]:
        call["function"].pop("parsed_arguments", None)
        call.pop("index", None)
    results = [{"role": "tool", "tool_call_id": c.id, "content": "text"} for c in message.tool_calls]
    answer = run.chat("", messages=history + results, tools=OPENAI_TOOLS)
    assert answer.choices[0].message.content == "Both are read."
    error = raised(openai.BadRequestError, lambda: run.chat("", messages=history + results[:1], tools=OPENAI_TOOLS))
    assert "did not have response messages" in error.message, error.message
    whole = run.chat("use both", tools=OPENAI_TOOLS).choices[0].message
    assert [c.function.name for c in whole.tool_calls] == ["file_read", "file_read"]


def openai_ends(run):
    assert run.chat("refuse").choices[0].message.refusal == "I can't help with that."
    streamed = list(run.chat("refuse", stream=True))
    assert "".join(c.choices[0].delta.refusal or "" for c in streamed) == "I can't help with that."
    assert run.chat("cut").choices[0].finish_reason == "length"
    thought = run.chat("think", tools=OPENAI_TOOLS).choices[0].message
    assert thought.model_extra["reasoning_content"] == "Let me see." and thought.tool_calls


def openai_errors(run):
    stranger = run.strangers[0]
    error = raised(openai.AuthenticationError, lambda: stranger.chat.completions.create(
        model="m-1", messages=[{"role": "user", "content": "say it"}]))
    assert error.status_code == 401 and error.code == "invalid_api_key" and error.request_id
    assert raised(openai.BadRequestError, lambda: run.chat("too long")).code == "context_length_exceeded"
    assert raised(openai.NotFoundError, lambda: run.chat("no model")).code == "model_not_found"
    error = raised(openai.RateLimitError, lambda: run.chat("slow down"))
    assert error.response.headers["retry-after"] == "7" and error.response.headers["x-ratelimit-limit-requests"]
    assert raised(openai.InternalServerError, lambda: run.chat("down")).type == "server_error"
    error = raised(openai.APIError, lambda: list(run.chat("breaks", stream=True)))
    assert error.message == "broke"
    assert raised(openai.BadRequestError, lambda: run.chat("say it", temperature=3)).status_code == 400
    assert raised(openai.BadRequestError, lambda: run.chat("say it", extra_body={"frobnicate": 1}))
    loose = {"type": "object", "properties": {"a": {"type": "string"}}}
    form = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": loose}}
    assert "additionalProperties" in raised(openai.BadRequestError, lambda: run.chat("say it", response_format=form)).message


def openai_schemas(run):
    """What strict mode takes and what it refuses."""
    def form(schema):
        return {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": schema}}

    def closed(**properties):
        return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}

    text = {"type": "string"}
    for good in (
            closed(a=text), closed(a={"type": "array", "items": text}), closed(a={"anyOf": [text, {"type": "null"}]}),
            closed(a={"type": ["string", "null"]}), closed(a={"type": "string", "format": "date"}),
            dict(closed(a={"$ref": "#/$defs/b"}), **{"$defs": {"b": closed(c=text)}})):
        run.chat("say it", response_format=form(good))
    for bad in (
            {"type": "object", "properties": {"a": text}}, dict(closed(a=text), required=[]), {"anyOf": [closed(a=text)]},
            {"type": "array", "items": text}, closed(a={"enum": ["x"]}), closed(a={"type": "array"}),
            closed(a={"type": "string", "format": "uri"}), closed(a={"type": "object", "properties": {}}),
            closed(a={"type": ["object", "null"], "properties": {"b": text}}),
            closed(a={"anyOf": [{"type": "object", "properties": {"b": text}}]}), closed(a={"oneOf": [text]}),
            dict(closed(a={"$ref": "#/$defs/b"}), **{"$defs": {"b": {"minLength": 1}}})):
        error = raised(openai.BadRequestError, lambda: run.chat("say it", response_format=form(bad)))
        assert "Invalid schema" in error.message, bad
    for member in ({"tool_choice": "none"}, {"parallel_tool_calls": False}):
        error = raised(openai.BadRequestError, lambda: run.chat("say it", **member))
        assert "only allowed when 'tools'" in error.message


def openai_compatible(run):
    for prompt, count in (("like llama.cpp", 2), ("like ollama", 1)):
        with run.openai.chat.completions.stream(
                model="m-1", messages=[{"role": "user", "content": prompt}], tools=OPENAI_TOOLS,
                stream_options={"include_usage": True}) as stream:
            final = stream.get_final_completion()
        calls = final.choices[0].message.tool_calls
        assert [json.loads(c.function.arguments) for c in calls] == [c["arguments"] for c in CALLS[:count]], calls
        assert final.usage.total_tokens > 0
        assert run.chat(prompt, tools=OPENAI_TOOLS).choices[0].message.tool_calls[0].function.name == "file_read"


# MARK: Anthropic


def anthropic_models(run):
    assert [model.id for model in run.anthropic.models.list()] == ["m-1", "m-2"]


def anthropic_whole(run):
    answer = run.message("say it", system="Be brief.")
    assert answer.content[0].text == "Hello there, ünïcödé 🙂." and answer.stop_reason == "end_turn"
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.cache_read_input_tokens) == (21, 7, 5)


def anthropic_streamed(run, prompt="say it"):
    with run.anthropic.messages.stream(
            model="m-1", max_tokens=100, messages=[{"role": "user", "content": prompt}]) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == final.content[0].text == "Hello there, ünïcödé 🙂." and final.stop_reason == "end_turn"
    assert final.usage.output_tokens > 1 and final.usage.input_tokens > 0
    kinds = [event.type for event in run.message(prompt, stream=True)]
    assert kinds[0] == "message_start" and kinds[-2:] == ["message_delta", "message_stop"]


def anthropic_fragments(run):
    anthropic_streamed(run, "split")


def anthropic_parallel_tools(run):
    with run.anthropic.messages.stream(
            model="m-1", max_tokens=100, tools=ANTHROPIC_TOOLS,
            messages=[{"role": "user", "content": "use both"}]) as stream:
        final = stream.get_final_message()
    uses = [block for block in final.content if block.type == "tool_use"]
    assert final.content[0].text == "Two files." and final.stop_reason == "tool_use"
    assert [use.input for use in uses] == [call["arguments"] for call in CALLS]
    assert len({use.id for use in uses}) == 2 and uses[0].id.startswith("toolu_")
    results = [{"type": "tool_result", "tool_use_id": use.id, "content": "text"} for use in uses]
    history = [{"role": "user", "content": "use both"}, {"role": "assistant", "content": final.content}]
    answer = run.message("", messages=history + [{"role": "user", "content": results}], tools=ANTHROPIC_TOOLS)
    assert answer.content[0].text == "Both are read."
    error = raised(anthropic.BadRequestError, lambda: run.message(
        "", messages=history + [{"role": "user", "content": results[:1]}], tools=ANTHROPIC_TOOLS))
    assert "without `tool_result` blocks" in str(error)


def anthropic_thinking(run):
    """A thought goes back as it came; one that was touched is refused."""
    more = {"tools": ANTHROPIC_TOOLS, "thinking": {"type": "enabled", "budget_tokens": 1024}}
    with run.anthropic.messages.stream(
            model="m-1", max_tokens=2048, messages=[{"role": "user", "content": "think"}], **more) as stream:
        final = stream.get_final_message()
    thought, use = final.content
    assert thought.thinking == "Let me see." and thought.signature and use.type == "tool_use"
    result = [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": use.id, "content": "x"}]}]
    history = [{"role": "user", "content": "think"}]
    run.message("", messages=history + [{"role": "assistant", "content": final.content}] + result, **more)
    touched = [dict(thought.model_dump(), thinking="Let me see!"), use]
    for content in (touched, [use]):
        error = raised(anthropic.BadRequestError, lambda: run.message(
            "", messages=history + [{"role": "assistant", "content": content}] + result, **more))
        assert "signature" in str(error) or "Expected `thinking`" in str(error)


def anthropic_tools_defined(run):
    """A conversation with calls in it needs tools, used or not; without tools there is no choice of them."""
    use = {"type": "tool_use", "id": "toolu_1", "name": "file_read", "input": {}}
    history = [
        {"role": "user", "content": "say it"}, {"role": "assistant", "content": [use]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "x"}]}]
    error = raised(anthropic.BadRequestError, lambda: run.message("", messages=history))
    assert "must define tools" in str(error)
    run.message("", messages=history, tools=ANTHROPIC_TOOLS, tool_choice={"type": "none"})
    error = raised(anthropic.BadRequestError, lambda: run.message("say it", tool_choice={"type": "none"}))
    assert "while providing tools" in str(error)


def anthropic_cache_hints(run):
    hint = {"cache_control": {"type": "ephemeral"}}

    def told(count):
        return [dict({"type": "text", "text": "say it"}, **hint) for _ in range(count)]

    tools = [dict(ANTHROPIC_TOOLS[0], **hint)]
    run.message("", messages=[{"role": "user", "content": told(2)}], tools=tools, system=told(1))
    error = raised(anthropic.BadRequestError, lambda: run.message(
        "", messages=[{"role": "user", "content": told(3)}], tools=tools, system=told(1)))
    assert "maximum of 4 blocks" in str(error)


def anthropic_schemas(run):
    text = {"type": "string"}
    closed = {"type": "object", "properties": {"a": text}, "required": [], "additionalProperties": False}

    def ask(schema):
        return run.message("say it", extra_body={"output_config": {"format": {"type": "json_schema", "schema": schema}}})

    def defining(definition, use):
        return dict(closed, properties={"a": use}, **{"$defs": {"b": definition}})

    leaf = dict(closed, properties={"c": text})
    ask(closed)
    ask(defining(leaf, {"$ref": "#/$defs/b"}))
    circle = dict(closed, properties={"c": {"anyOf": [{"$ref": "#/$defs/b"}, {"type": "null"}]}})
    error = raised(anthropic.BadRequestError, lambda: ask(defining(circle, {"$ref": "#/$defs/b"})))
    assert "Circular reference detected" in str(error)
    for bad in (
            defining(leaf, {"allOf": [{"$ref": "#/$defs/b"}]}), dict(closed, properties={"a": {"enum": [{"x": 1}]}}),
            {"type": "object", "properties": {"a": text}}, dict(closed, properties={"a": {"type": "string", "minLength": 1}}),
            dict(closed, properties={"a": {"type": "array", "items": {"type": "object"}}}),
            dict(closed, properties={"a": {"title": "any"}})):
        assert "output_config.format.schema" in str(raised(anthropic.BadRequestError, lambda: ask(bad))), bad


def anthropic_ends(run):
    assert run.message("refuse").stop_reason == "refusal"
    with run.anthropic.messages.stream(
            model="m-1", max_tokens=9, messages=[{"role": "user", "content": "refuse"}]) as stream:
        assert stream.get_final_message().stop_reason == "refusal"
    assert run.message("image", messages=[{"role": "user", "content": [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        {"type": "text", "text": "image"}]}]).content[0].text == "A picture."


def anthropic_errors(run):
    error = raised(anthropic.AuthenticationError, lambda: run.strangers[1].messages.create(
        model="m-1", max_tokens=9, messages=[{"role": "user", "content": "say it"}]))
    assert error.status_code == 401 and error.body["error"]["type"] == "authentication_error"
    assert "prompt is too long" in str(raised(anthropic.BadRequestError, lambda: run.message("too long")))
    assert raised(anthropic.NotFoundError, lambda: run.message("no model")).body["error"]["type"] == "not_found_error"
    error = raised(anthropic.RateLimitError, lambda: run.message("slow down"))
    assert error.response.headers["retry-after"] == "7" and error.response.headers["anthropic-ratelimit-requests-limit"]
    assert raised(anthropic.InternalServerError, lambda: run.message("down")).status_code == 500
    assert raised(anthropic.APIStatusError, lambda: run.message("overloaded")).status_code == 529
    error = raised(anthropic.APIStatusError, lambda: list(run.message("breaks", stream=True)))
    assert "broke" in str(error)
    assert raised(anthropic.BadRequestError, lambda: run.message("say it", extra_body={"frobnicate": 1}))


def log(run):
    """Each request is in the log, with its key's name and never the key."""
    assert "sk-right" not in run.log.read_text() and "sk-wrong" not in run.log.read_text()
    keys = {line["key"] for line in run.requests()}
    assert keys == {"right", "unknown"} and not any(line["leaked"] for line in run.requests())


def main():
    checks = [check for name, check in globals().items()
              if name.startswith(("openai_", "anthropic_")) and callable(check)] + [log]
    failed = 0
    with Running() as run:
        for check in checks:
            try:
                check(run)
                print(f"ok {check.__name__}")
            except Exception:
                failed += 1
                print(f"FAILED {check.__name__}\n{traceback.format_exc()}")
    print(f"{len(checks)} checks, {failed} failed; openai {openai.__version__}, anthropic {anthropic.__version__}")
    sys.exit(1 if failed else 0)


main()
