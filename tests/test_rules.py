"""Every rule's examples: the bad one breaks the rule, the good one keeps it."""

import pytest

import aespec
from aespec.rules import RULES, explain

SPECS = [code for code in RULES if code[1] in "12"]


@pytest.mark.parametrize("code", SPECS)
def test_bad_example_breaks_the_rule_and_the_good_one_keeps_it(code):
    with pytest.raises(aespec.AespecError) as caught:
        aespec.compile(aespec.parse(RULES[code].bad))
    assert {d.rule.code for d in caught.value.diagnostics} == {code}
    aespec.compile(aespec.parse(RULES[code].good))


@pytest.mark.parametrize("code", list(RULES))
def test_every_rule_explains_itself(code):
    text = explain(code)
    assert text.startswith(f"{code}: ")
    assert "Wrong:" in text
    assert "Right:" in text


def test_a_text_that_looks_like_a_variable_survives_being_written_and_read():
    spec = aespec.parse(
        {"description": "costs $${price}", "input": [3], "encoder": [{"dense": 2}], "decoder": "mirror"}
    )
    assert spec.description == "costs ${price}"
    assert aespec.parse(spec.to_data()).description == "costs ${price}"
