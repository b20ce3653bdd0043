"""A reply is searched for secrets once where that is enough: it comes out as if each of its texts were searched."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.kore import client as client_module
from orchestrator.kore.wire import read_body
from orchestrator.redaction import Redactor
from tests.canaries import SECRET, spellings
from tests.raw_server import TOKEN

SHORT = "hunter2-canary"
REDACTOR = Redactor([SECRET, SHORT])
FORMS = [form.decode() for secret in (SECRET, SHORT, TOKEN) for form in spellings(secret).values()]


def escaped(text):
    """JSON in which every letter and digit of a text is an escape, as any server may write it."""
    return "".join(f"\\u{ord(one):04x}" if one.isalnum() and ord(one) < 0x10000 else one for one in text)


secrets = st.sampled_from([*FORMS, SHORT, SHORT[:9], TOKEN.rpartition(".")[2]])
texts = st.lists(secrets | st.text(max_size=8), max_size=3).map("".join)
values = st.recursive(
    texts | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
ways = st.sampled_from(
    [
        json.dumps,
        lambda value: json.dumps(value, ensure_ascii=False),
        lambda value: escaped(json.dumps(value, ensure_ascii=False).replace("\\", "\\\\")),
        lambda value: "\ufeff" + json.dumps(value, ensure_ascii=False),
        lambda value: json.dumps(value) + " " * client_module._LOOKED_AT,
        lambda value: " " * client_module._LOOKED_AT + json.dumps(value),
        lambda value: "<p>" + json.dumps(value),
    ]
)
replies = st.builds(lambda way, value: way(value).encode("utf-8", "replace"), ways, values)


@example(f'["{escaped(SHORT)}"]'.encode())
@example(b" " * client_module._LOOKED_AT + f'["{SHORT}"]'.encode())
@given(replies)
def test_a_reply_comes_out_as_if_each_text_were_searched(raw):
    payload, text = client_module._redacted(REDACTOR, raw, TOKEN)

    assert payload == REDACTOR.value(read_body(raw), TOKEN)
    assert text == REDACTOR.text(raw[: client_module._LOOKED_AT].decode("utf-8", "replace"), TOKEN)
