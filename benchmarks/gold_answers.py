"""Gold answers of benchmarks, rewritten and damaged: what the grader refuses, what it credits, where math-verify differs.

    python benchmarks/gold_answers.py rewrites FOLDER [--math-verify 2000]
    python benchmarks/gold_answers.py mutations FOLDER [--limit 60000]
    python benchmarks/gold_answers.py mismatches FOLDER [--pairs 1000]

FOLDER holds JSONL files (at any depth) with golds under `answer`. `rewrites` writes every gold in other ways that mean the
same; `mutations` changes one sign, digit or bracket in it; `mismatches` pairs golds of different questions.
`--math-verify N` also asks plain math-verify about N of the pairs and prints those that it decides otherwise.
"""

import argparse
import json
import random
import re
import time
from collections import Counter
from pathlib import Path

from sent.config import Grading
from sent.grading.grader import Grader

SHOWN = 200

REWRITES = {
    "spaces around": lambda t: f"  {t} ",
    "full stop": lambda t: f"{t}.",
    "dollars": lambda t: f"${t}$" if "$" not in t else None,
    "display": lambda t: rf"\[{t}\]" if "$" not in t else None,
    "braces": lambda t: f"{{{t}}}",
    "dfrac": lambda t: t.replace(r"\frac", r"\dfrac") if r"\frac" in t else None,
    "left and right": lambda t: _sized(t, r"\left", r"\right"),
    "big": lambda t: _sized(t, r"\bigl", r"\bigr"),
    "thin spaces": lambda t: t.replace("+", r"\,+\,") if "+" in t else None,
    "display style": lambda t: rf"\displaystyle {t}",
    "bold": lambda t: rf"\mathbf{{{t}}}" if re.fullmatch(r"-?\d+", t) else None,
    "x =": lambda t: f"x = {t}" if _is_formula(t) else None,
    "plus sign": lambda t: f"+{t}" if re.fullmatch(r"\d+", t) else None,
    "decimal zeros": lambda t: f"{t}.0" if re.fullmatch(r"-?\d+", t) else None,
    "grouped": lambda t: f"{int(t):,}" if re.fullmatch(r"\d{4,15}", t) else None,
    "product with one": lambda t: rf"1\cdot({t})" if _is_formula(t) else None,
    "sum with nought": lambda t: f"({t})+0" if _is_formula(t) else None,
    "inline fraction": lambda t: (
        re.sub(r"\\frac\{(-?\w+)\}\{(\w+)\}", r"((\1)/(\2))", t)
        if re.search(r"\\frac\{-?\w+\}\{\w+\}", t)
        else None
    ),
}


def main() -> None:
    """Print one line a kind and the pairs that were decided otherwise than expected."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["rewrites", "mutations", "mismatches"])
    parser.add_argument("folder")
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--limit", type=int, default=60_000)
    parser.add_argument("--math-verify", type=int, default=0)
    args = parser.parse_args()
    golds = _golds(Path(args.folder))
    make = {"rewrites": _rewrites, "mutations": _mutations, "mismatches": _mismatches}[args.what]
    cases = make(golds, args)
    expected = args.what == "rewrites"
    start = time.process_time()
    with Grader(Grading(timeout_seconds=3)) as grader:
        grades = grader.grade_answers([(gold, answer) for _, gold, answer in cases])
        seconds = time.process_time() - start
        wrong = [
            (case, grade.verdict, grader.explain(case[1], grade)[0])
            for case, grade in zip(cases, grades, strict=True)
            if (grade.verdict == "correct") != expected
        ]
    counts, totals = Counter(case[0] for case, _, _ in wrong), Counter(kind for kind, _, _ in cases)
    print(
        f"{len(golds)} golds, {len(cases)} pairs, {len(wrong)} not as expected, {seconds:.1f} s of processor"
    )
    for kind, total in totals.items():
        print(f"  {kind:20}{total:8}{counts[kind]:8}")
    print(f"  by rule: {dict(Counter(rule for _, _, rule in wrong).most_common())}")
    for (kind, gold, answer), verdict, rule in wrong[:SHOWN]:
        print(f"  {kind}: {gold!r} | {answer!r}: {verdict}, {rule}")
    if args.math_verify:
        _beside_math_verify(cases, grades, args.math_verify)


def _golds(folder: Path) -> list[str]:
    """Distinct golds; of MATH's training questions the answers, too."""
    golds = {}
    for path in sorted(folder.rglob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            answer = json.loads(line).get("answer")
            if isinstance(answer, str) and answer.strip():
                golds[answer] = None
    return list(golds)


def _rewrites(golds: list[str], args) -> list[tuple[str, str, str]]:
    found = [(kind, gold, rewrite(gold)) for gold in golds for kind, rewrite in REWRITES.items()]
    return [case for case in found if case[2] is not None]


def _mutations(golds: list[str], args) -> list[tuple[str, str, str]]:
    """One change each, at a place drawn by the gold's own text."""
    cases = []
    for gold in golds:
        draw = random.Random(gold)
        for kind, pattern, change in (
            ("digit", r"\d", lambda m, draw: str((int(m.group()) + draw.randint(1, 8)) % 10)),
            ("digit more", r"\d(?!\d)", lambda m, draw: m.group() + str(draw.randint(0, 9))),
            ("digit less", r"(?<=\d)\d", lambda m, draw: ""),
            ("sign", r"[+-]", lambda m, draw: "+-"[m.group() == "+"]),
            ("minus in front", r"^(?!-)", lambda m, draw: "-"),
            ("letter", r"(?<![A-Za-z\\])[a-z](?![A-Za-z])", lambda m, draw: "qwvzk"[draw.randint(0, 4)]),
            (
                "bracket",
                r"[\[\]()](?=[^\[\]()]*,|$)",
                lambda m, draw: {"[": "(", "]": ")", "(": "[", ")": "]"}[m.group()],
            ),
            ("plus one", r"$", lambda m, draw: "+1"),
        ):
            places = list(re.finditer(pattern, gold))
            if places:
                at = places[draw.randrange(len(places))]
                changed = gold[: at.start()] + change(at, draw) + gold[at.end() :]
                if changed != gold:
                    cases.append((kind, gold, changed))
    draw = random.Random(0)
    return cases if len(cases) <= args.limit else draw.sample(cases, args.limit)


def _mismatches(golds: list[str], args) -> list[tuple[str, str, str]]:
    draw = random.Random(0)
    return [("other gold", *draw.sample(golds, 2)) for _ in range(args.pairs)]


def _beside_math_verify(cases: list, grades: list, count: int) -> None:
    from math_verify import parse, verify

    places = random.Random(1).sample(range(len(cases)), min(count, len(cases)))
    differing = []
    for place in places:
        kind, gold, answer = cases[place]
        try:
            theirs = bool(verify(parse(_delimited(gold)), parse(_delimited(answer))))
        except Exception as error:
            theirs = type(error).__name__
        if theirs != (grades[place].verdict == "correct"):
            differing.append((kind, gold, answer, grades[place].verdict, theirs))
    print(f"math-verify on {len(places)} of the pairs: {len(differing)} decided otherwise")
    for (kind, ours), count in Counter((kind, ours) for kind, _, _, ours, _ in differing).most_common():
        print(f"  {kind:20}{count:8} that are {ours} for us")
    for kind, gold, answer, ours, theirs in differing[:SHOWN]:
        print(f"  {kind}: {gold!r} | {answer!r}: ours {ours}, math-verify {theirs}")


def _delimited(text: str) -> str:
    """As math-verify expects it: between dollar signs, unless it has delimiters."""
    return text if re.match(r"\s*(?:\$|\\\[)", text) else f"${text}$"


def _is_formula(text: str) -> bool:
    """Whether a gold is one formula, which may be a factor or a term: no list, equation, unit or words."""
    return not re.search(
        r"[,;=<>%$\[\]:]|\\(?:text|mathrm|le|ge|ne|in|cup|pm|mp|begin|circ|mbox|infty|approx|mathbb)|[A-Za-z]{3}",
        re.sub(
            r"\\(?:d?frac|sqrt|pi|cdot|sin|cos|tan|log|ln|left|right|times|binom|theta|alpha|lambda)",
            "",
            text,
        ),
    )


def _sized(text: str, left: str, right: str) -> str | None:
    if "(" not in text or text.count("(") != text.count(")") or left in text:
        return None
    return text.replace("(", rf"{left}(").replace(")", rf"{right})")


if __name__ == "__main__":
    main()
