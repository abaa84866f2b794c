"""Questions of reasoning-gym: by seed, the families taking turns, with ids that name family, seed and number."""

import pytest
from sent.config import Source
from sent.data import load
from sent.errors import SentError

pytest.importorskip("reasoning_gym", reason="needs the package reasoning-gym (extra `reasoning`)")


def source(seed: int = 3, count: int = 5, **families) -> Source:
    families = families or {"chain_sum": {"max_terms": 3}, "spell_backward": {}}
    return Source(reasoning_gym={"families": families, "count": count, "seed": seed})


def test_families_take_turns_and_seeds_make_the_questions():
    found = load.load(source()).questions
    assert [row["question_id"] for row in found] == [
        "chain_sum-3-0", "spell_backward-3-0", "chain_sum-3-1", "spell_backward-3-1", "chain_sum-3-2",
    ]  # fmt: skip
    assert [row["group"] for row in found][:2] == ["chain_sum", "spell_backward"]
    expression = found[0]["question"].partition(": ")[2].removesuffix(" =")
    signs = expression.split()
    total = int(signs[0])
    for sign, number in zip(signs[1::2], signs[2::2], strict=True):
        total += int(number) if sign == "+" else -int(number)
    assert found[0]["answer"] == str(total)
    word = found[1]["question"].split()[-1]
    assert found[1]["answer"] == word[::-1]
    assert load.load(source()).questions == found
    assert load.load(source(seed=4)).questions != found


@pytest.mark.parametrize(
    ("families", "message"),
    [
        ({"chain_sums": {}}, r"chain_sums: its options {} do not fit: Dataset 'chain_sums' not registered"),
        ({"chain_sum": {"terms": 2}}, r"chain_sum: its options .*terms"),
        ({"chain_sum": {"min_terms": 0}}, r"chain_sum: its options .*min_terms"),
    ],
)
def test_what_a_family_refuses_is_one_message(families, message):
    with pytest.raises(SentError, match=message):
        load.load(source(**families))
