"""Answers as texts: which two are written the same, but for notation, and which are words rather than mathematics."""

import functools
from typing import TypeGuard

from sent.grading.answers.brackets import QUOTED, bare
from sent.grading.answers.compare import squeezed
from sent.grading.answers.latex import canonical
from sent.grading.answers.number_words import number_in_words
from sent.grading.answers.structure import Group, Tree, structure
from sent.grading.answers.words import Word, is_choice, word

LONGEST = 4000  # characters; a longer answer is a text like any other


def normal_form(answer: str) -> str:
    """Return an answer in canonical notation, such that answers with the same result count as the same text.

    Words lose their capitals, article and final punctuation. Nothing is computed: ``117`` and ``117.0`` differ. It is
    empty where the answer holds nothing but markup.
    """
    return _normal_form(answer) if len(answer) <= LONGEST else " ".join(answer.split())


def in_words(answer: str) -> bool:
    """Tell whether an answer is in words, or a list of words: not for mathematics to decide, unless they are equal.

    Numbers in words and letters of a choice are mathematics.
    """
    if len(answer) > LONGEST:
        return False
    tree = _tree(answer)
    items = tree.items if isinstance(tree, Group) and not tree.brackets else (tree,)
    return all(_is_words(item) for item in items)


def _is_words(tree: object) -> TypeGuard[Word]:
    return isinstance(tree, Word) and not is_choice(tree.text) and not number_in_words(tree.plain)


@functools.lru_cache(maxsize=20_000)
def _normal_form(answer: str) -> str:
    text = bare(canonical(answer))
    found = word(text)
    if found is None:
        return squeezed(QUOTED.sub(r"\1", text))
    return found.plain.upper() if is_choice(text) else found.plain


@functools.lru_cache(maxsize=20_000)
def _tree(answer: str) -> Tree:
    return structure(bare(canonical(answer)))
