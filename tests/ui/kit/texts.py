"""Texts that machines really send, and that attackers would."""

HOSTILE = {
    "html": "<b>bold</b><img src='file:///etc/passwd'><a href='x'>&amp;",
    "bidi": "safe\u202egnp.exe\u2066\u200f",
    "hebrew": "שלום עולם",
    "control": "a\x00b\x07c\x1b[31mred\x1b]0;title\x07\x7f\x85d",
    "newlines": "one\ntwo\r\nthree\u2028four\ttab",
    "emoji": "👩‍👩‍👧‍👦 🚀 \U0001f3f4",
    "zalgo": "Z" + "\u0335\u0301" * 200,
    "surrogate": "half \ud83d pair",
    "long": "x" * 10_000,
    "mnemonic": "Rock & Roll && more",
    "empty": "",
}
