"""Small things that both dialects need: ids, token counts, durations, the text of content."""

import base64
import hashlib
import itertools
import json
import os

_salt = os.urandom(8)
_numbers = itertools.count(1)
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def fresh_id(prefix, length=24):
    """As both services draw theirs: a prefix and letters that are never used twice."""
    digest = hashlib.sha256(_salt + str(next(_numbers)).encode()).digest()
    return prefix + "".join(_ALPHABET[byte % 62] for byte in digest)[:length]


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def seconds(duration):
    """`350ms`, `2s`, `1m` or a number of seconds."""
    if isinstance(duration, (int, float)):
        return float(duration)
    for unit, factor in (("ms", 0.001), ("s", 1.0), ("m", 60.0)):
        if duration.endswith(unit):
            return float(duration[: -len(unit)]) * factor
    return float(duration)


def tokens(text):
    """A count as plausible as any: four bytes are a token."""
    return max(1, (len(text.encode()) + 3) // 4)


def pieces(text, size=None):
    """A text as it is streamed: word by word, or in pieces of `size` letters; a list is taken as it is."""
    if isinstance(text, list):
        return text
    if size:
        return [text[at : at + size] for at in range(0, len(text), size)]
    words = text.split(" ")
    return [word if number == 0 else " " + word for number, word in enumerate(words)] if text else []


def joined(text):
    return "".join(text) if isinstance(text, list) else text


def wire_name(name):
    """`file.read` is `file_read` to a model."""
    return name.replace(".", "_")


def argument_text(call):
    """Arguments as a model wrote them: a string in the script is sent as it stands, whatever it is."""
    arguments = call.get("arguments", {})
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


def signature_of(thinking):
    """What the double signs a thought with, and knows again when it is sent back."""
    digest = hashlib.sha512(b"double's thought" + thinking.encode()).digest()
    return base64.b64encode(digest * 3).decode()


class Refusal(Exception):
    """A request that the real service would refuse: status, kind and message."""

    def __init__(self, status, kind, message, **members):
        super().__init__(message)
        self.status, self.kind, self.message, self.members = status, kind, message, members


class Conversation:
    """What rules look at, whatever the dialect."""

    def __init__(self, dialect, body):
        self.dialect, self.body = dialect, body
        self.model = body.get("model", "")
        self.stream = bool(body.get("stream"))
        self.prompt = self.last_prompt = self.system = self.last_result = ""
        self.last_tool = None
        self.turn = 1
