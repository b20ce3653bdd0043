import sys

import pytest

from orchestrator.core.discovery import Changes, Found
from orchestrator.core.manifest.models import Defaults
from orchestrator.errors import Refused
from orchestrator.loading import yaml_reader
from orchestrator.loading.yaml_edit import YamlList
from orchestrator.model import CampaignType

NEW = Found("st-1", "cd-2", "acme", CampaignType.SMS, "New: #1", "Ready")
ITEM = '{stream: st-1, campaign: cd-2, name: "New: #1"}'
LINE = f"- {ITEM}  # Ready\n"
JSON = '{"stream": "st-1", "campaign": "cd-2", "name": "New: #1"}'


def edited(text, **fields):
    return YamlList("m.yaml", text).edited(Changes(**fields), Defaults(account="acme"))[0]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: 1\ncampaigns:\n- {stream: s}\n", "a: 1\ncampaigns:\n- {stream: s}\n" + LINE),
        ("campaigns:\n  - stream: s # x\n\n  # end\nz: 1\n",
         f"campaigns:\n  - stream: s # x\n  {LINE}\n  # end\nz: 1\n"),
        ("campaigns:\n  - name: |\n      a\nz: 1\n", f"campaigns:\n  - name: |\n      a\n  {LINE}z: 1\n"),
        ("campaigns:\n  - tags: [a,\n     b]\n", f"campaigns:\n  - tags: [a,\n     b]\n  {LINE}"),
        ("campaigns:\n  - {stream: s}", f"campaigns:\n  - {{stream: s}}\n  {LINE[:-1]}"),
        ("a: 1\n# end\n", f"a: 1\n# end\ncampaigns:\n  {LINE}"),
        ("a: 1", f"a: 1\ncampaigns:\n  {LINE[:-1]}"),
        ("campaigns:\nz: 1\n", f"campaigns:\n  {LINE}z: 1\n"),
        ("campaigns: [] # none\nz: 1\n", f"campaigns:  # none\n  {LINE}z: 1\n"),
        ("campaigns: ~\n", f"campaigns: \n  {LINE}"),
        ("campaigns: [{stream: s}]\n", f"campaigns: [{{stream: s}}, {ITEM}]\n"),
        ("campaigns: [\n  {stream: s} # x\n  ]\n", f"campaigns: [\n  {{stream: s}}, # x\n  {ITEM}\n  ]\n"),
        ("campaigns: [\n  {stream: s}, # x\n]\n", f"campaigns: [\n  {{stream: s}}, # x\n  {ITEM},\n]\n"),
        ('{"campaigns": [{"stream": "s"}]}', f'{{"campaigns": [{{"stream": "s"}}, {JSON}]}}'),
        ('{"a": 1, "campaigns": []}\n', f'{{"a": 1, "campaigns": [{JSON}]}}\n'),
        ('{"a": {"b": 1}\n}\n', f'{{"a": {{"b": 1}}, "campaigns": [{JSON}]\n}}\n'),
        ("campaigns:\r\n  - {stream: \u00fc\U0001f389}\r\nz: 1\r\n",
         f"campaigns:\r\n  - {{stream: \u00fc\U0001f389}}\r\n  {LINE[:-1]}\r\nz: 1\r\n"),
        ("%YAML 1.1\n---\na: 1\n", f"%YAML 1.1\n---\na: 1\ncampaigns:\n  {LINE}"),
    ],
)  # fmt: skip
def test_a_campaign_is_added_and_no_other_byte_changes(before, after):
    assert edited(before, added=(NEW,)) == after
    assert yaml_reader.load(after, "m.yaml").value["campaigns"][-1]["name"] == "New: #1"


def test_a_mark_stands_above_its_campaign_once_until_it_is_back():
    before = "campaigns:\r\n  - stream: s\r\n    campaign: c\r\n  - {stream: t}\r\n"
    mark = "  # gone: the platform no longer lists it\r\n"
    marked = edited(before, gone=(1,))

    assert marked == before.replace("  - {stream: t}", mark + "  - {stream: t}")
    assert edited(marked, gone=(1,)) == marked
    assert edited(marked, listed={1: "Ready"}) == before


def test_in_brackets_nothing_is_marked():
    text = "campaigns: [{stream: s}]\n"

    assert YamlList("m.yaml", text).edited(Changes(gone=(0,)), Defaults()) == (text, 0)


@pytest.mark.parametrize("text", ["x: &c\n- {stream: s}\ncampaigns: *c\n", "a: 1\n...\n"])
def test_what_cannot_be_added_to_in_place_is_refused(text):
    with pytest.raises(Refused, match="cannot be added to in place"):
        edited(text, added=(NEW,))


def test_without_ruamel_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "ruamel.yaml", None)
    with pytest.raises(Refused, match="writing YAML needs the extra edit") as refused:
        YamlList("m.yaml", "a: 1\n")

    assert "pip install 'campaign-orchestrator[edit]'" in refused.value.next_step
