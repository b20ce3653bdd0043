from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError

from orchestrator.core.manifest.signers import Approval, Signers
from orchestrator.core.manifest.values import TextForm, fault


def read(value):
    # Built anew: what is built on import is built once.
    return TypeAdapter(Approval).validate_python(value)


def test_approval_is_a_word_or_says_who_signs():
    signers = Signers(signers="allowed_signers", required=2)

    assert (read("none"), read("plan")) == ("none", "plan")
    assert read({"signers": "allowed_signers", "required": 2}) == read(signers) == signers
    assert (signers.not_, signers.expires, signers.revoked) == (("planner", "runner"), 86400.0, None)


@pytest.mark.parametrize("value", ["yes", True, 7, ["plan"], None])
def test_anything_else_asks_for_no_approval(value):
    with pytest.raises(ValidationError) as refused:
        read(value)
    (error,) = refused.value.errors()
    assert (error["msg"], error["ctx"]["hint"]) == (
        "must be 'none', 'plan' or a mapping", "write {signers: allowed_signers} to ask for signatures",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({}, ("signers",)),
        ({"signers": "x", "required": 0}, ("required",)),
        ({"signers": "x", "not": ["me"]}, ("not", 0)),
    ],
)
def test_a_fault_of_its_mapping_stands_at_its_place(value, place):
    with pytest.raises(ValidationError) as refused:
        read(value)
    assert [error["loc"] for error in refused.value.errors()] == [place]


def test_the_schema_knows_both_forms():
    word, mapping = TypeAdapter(Approval).json_schema()["anyOf"]
    assert word == {"enum": ["none", "plan"], "type": "string"}
    assert mapping.get("$ref", "").endswith("Signers") or "signers" in mapping["properties"]


def even(value):
    if value % 2:
        raise fault("is odd", "write an even one")
    return value // 2


def test_a_form_of_text_is_read_and_described():
    form = TypeAdapter(Annotated[int, TextForm(even, {"type": "integer"})])
    assert form.validate_python(4) == 2
    assert form.json_schema() == {"type": "integer"}
    with pytest.raises(ValidationError, match="is odd"):
        form.validate_python(3)
