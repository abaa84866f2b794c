"""Gold answers of benchmarks, rewritten and damaged: what the grader refuses, what it credits, where math-verify differs.

    python benchmarks/gold_answers.py rewrites FOLDER [--math-verify 100000] [--seconds 480] [--workers 2]
    python benchmarks/gold_answers.py mutations FOLDER [--limit 60000]
    python benchmarks/gold_answers.py mismatches FOLDER [--pairs 5000]

FOLDER holds JSONL files (at any depth) with golds under `answer`. `rewrites` writes every gold in other ways that mean the
same; `mutations` changes one sign, digit, letter, bracket, word or item in it; `mismatches` pairs golds of different
questions. Credited mutations are split by why: written otherwise with the same value (`2.50`, `00`, `-0`), decimals that
round to one another (the policy `significant_digits`), and others, which are printed to be read.
`--math-verify N` also asks plain math-verify about N of the pairs, in processes that are ended where they take too long, and
prints how many it decides otherwise by kind, and examples. It stops after `--seconds`; golds are drawn at random, each with
all its pairs.
"""

import argparse
import json
import logging
import multiprocessing
import random
import re
import resource
import time
from collections import Counter
from functools import lru_cache
from multiprocessing.pool import ThreadPool
from pathlib import Path

from sent.config import Grading
from sent.grading.grader import Grader
from sent.log import progress

SHOWN = 200
EXAMPLES = 4
START_SECONDS, PAIR_SECONDS = 120, 20  # by the clock, of math-verify

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

MUTATIONS = {
    "digit": (r"\d", lambda m, draw: str((int(m.group()) + draw.randint(1, 8)) % 10)),
    "digit more": (r"\d", lambda m, draw: m.group() + str(draw.randint(0, 9))),
    "digit in front": (r"(?<![\d.])\d", lambda m, draw: str(draw.randint(1, 9)) + m.group()),
    "digit less": (r"(?<=\d)\d|\d(?=\d)", lambda m, draw: ""),
    "digits exchanged": (
        r"(\d)(?!\1)(\d)",
        lambda m, draw: m.group(2) + m.group(1),
    ),
    "sign": (r"[+-]", lambda m, draw: "+-"[m.group() == "+"]),
    "minus in front": (r"^(?!-)", lambda m, draw: "-"),
    "letter": (r"(?<![A-Za-z\\])[a-z](?![A-Za-z])", lambda m, draw: "qwvzk"[draw.randint(0, 4)]),
    "bracket": (r"[\[\]()](?=[^\[\]()]*,|$)", lambda m, draw: "([)]"["[(])".index(m.group())]),
    "plus one": (r"$", lambda m, draw: "+1"),
    "twice": (r"^(?![^=<>]*[=<>])", lambda m, draw: "2 "),
    "function": (r"\\(?:sin|cos|tan)(?![a-z])", lambda m, draw: r"\cot" if "tan" in m.group() else r"\tan"),
    "root less": (r"\\sqrt(?=\{)", lambda m, draw: ""),
    "constant less": (r"\\pi(?![a-z])", lambda m, draw: "3"),
    "item less": (r",[^,()\[\]{}]+$", lambda m, draw: ""),
    "item more": (r"(?<=[\d}])$", lambda m, draw: f", {draw.randint(100, 999)}"),
    "order": (r"<|>|\\[lg]eq?(?![a-z])", lambda m, draw: ORDERS[m.group()]),
    "word": (
        r"(?<!\\end\{)(?<![\\A-Za-z])[A-Za-z]{4,}(?=\}$|$)",
        lambda m, draw: m.group() if re.search(r"\d", m.string) else m.group()[1:] + m.group()[0],
    ),  # not of units, which may be left out
}
"""Kind -> what is changed, and how: a wrong answer, but for zeros and roundings."""
ORDERS = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le", r"\leq": "<", r"\geq": ">"}
OTHERS = "others"


def main() -> None:
    """Print one line a kind and the pairs that were decided otherwise than expected."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["rewrites", "mutations", "mismatches"])
    parser.add_argument("folder")
    parser.add_argument("--pairs", type=int, default=5000)
    parser.add_argument("--limit", type=int, default=60_000)
    parser.add_argument("--math-verify", type=int, default=0)
    parser.add_argument("--seconds", type=int, default=480, help="by the clock, of math-verify")
    parser.add_argument("--workers", type=int, default=2)
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
            (case, grade.verdict, *_reason(grader, case, grade))
            for case, grade in zip(cases, grades, strict=True)
            if (grade.verdict == "correct") != expected
        ]
    counts, totals = Counter(case[0] for case, *_ in wrong), Counter(kind for kind, _, _ in cases)
    print(
        f"{len(golds)} golds, {len(cases)} pairs, {len(wrong)} not as expected, {seconds:.1f} s of processor"
    )
    for kind, total in totals.items():
        print(f"  {kind:20}{total:8}{counts[kind]:8}")
    print(f"  why: {dict(Counter(why for *_, why in wrong).most_common())}")
    for (kind, gold, answer), verdict, rule, why in sorted(wrong, key=lambda w: w[3] != OTHERS)[:SHOWN]:
        print(f"  {why}, {kind}: {gold!r} | {answer!r}: {verdict}, {rule}")
    if args.math_verify:
        _beside_math_verify(cases, grades, args)


def _golds(folder: Path) -> list[str]:
    """Distinct golds; of MATH's training questions the answers, too."""
    golds = {}
    for path in sorted(folder.rglob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            answer = json.loads(line).get("answer")
            if isinstance(answer, str) and answer.strip():
                golds[answer] = None
    return list(golds)


def _reason(grader: Grader, case: tuple, grade) -> tuple[str, str]:
    """The rule that decided, and to which part of the split a credited mutation belongs."""
    if _without_zeros(case[1]) == _without_zeros(case[2]):
        return grade.reason, "same value, other zeros"
    steps = grader.steps(case[1], grade)
    return grade.reason, "rounding" if any(
        step.rule == "rounding" and step.same for step in steps
    ) else OTHERS


def _without_zeros(text: str) -> str:
    """Numerals without zeros in front and at the end of their decimals; nothing is not negative."""
    text = re.sub(r"(\.\d*?)0+(?!\d)", r"\1", re.sub(r"\s+|(?<![\d.])0+(?=\d)", "", text))
    return re.sub(
        r"^-(?=\\begin\{pmatrix\}[0&\\]+\\end)|-(?=0(?![\d.]))",
        "",
        re.sub(r"\.(?!\d)|(?<!\d)0(?=\.\d)", "", text),
    )


def _rewrites(golds: list[str], args) -> list[tuple[str, str, str]]:
    found = [(kind, gold, rewrite(gold)) for gold in golds for kind, rewrite in REWRITES.items()]
    return [case for case in found if case[2] is not None]


def _mutations(golds: list[str], args) -> list[tuple[str, str, str]]:
    """Up to two changes of a kind, at places drawn by the gold's own text."""
    cases = {}
    for gold in golds:
        draw = random.Random(gold)
        for kind, (pattern, change) in MUTATIONS.items():
            places = list(re.finditer(pattern, gold))
            for at in draw.sample(places, min(2, len(places))):
                changed = gold[: at.start()] + change(at, draw) + gold[at.end() :]
                if changed != gold and changed.strip():
                    cases.setdefault((gold, changed), kind)
    found = [(kind, *pair) for pair, kind in cases.items()]
    return found if len(found) <= args.limit else random.Random(0).sample(found, args.limit)


def _mismatches(golds: list[str], args) -> list[tuple[str, str, str]]:
    draw = random.Random(0)
    return [("other gold", *draw.sample(golds, 2)) for _ in range(args.pairs)]


def _beside_math_verify(cases: list, grades: list, args) -> None:
    start = time.perf_counter()
    theirs = _math_verify(cases, args)
    differing = [
        (*cases[place], grades[place].verdict, found)
        for place, found in theirs.items()
        if found != (grades[place].verdict == "correct")
    ]
    print(
        f"math-verify on {len(theirs)} of the pairs, {args.workers} processes, {time.perf_counter() - start:.0f} s "
        f"by the clock: {len(differing)} decided otherwise"
    )
    groups: dict = {}
    for kind, gold, answer, ours, found in differing:
        groups.setdefault((kind, ours, found), []).append((gold, answer))
    for (kind, ours, found), pairs in sorted(groups.items(), key=lambda group: -len(group[1])):
        print(f"  {kind:20}{len(pairs):8} that are {ours} for us, {found} for math-verify")
        for gold, answer in random.Random(2).sample(pairs, min(EXAMPLES, len(pairs))):
            print(f"      {gold!r} | {answer!r}")


def _math_verify(cases: list, args) -> dict:
    """Verdicts of math-verify by place: golds in random order with all their pairs, until the pairs or the time are spent."""
    of_gold: dict = {}
    for place, (_, gold, _) in enumerate(cases):
        of_gold.setdefault(gold, []).append(place)
    drawn = random.Random(1).sample(sorted(of_gold), len(of_gold))
    places = [place for gold in drawn for place in of_gold[gold]][: args.math_verify]
    size = -(-len(places) // args.workers)
    parts = [places[at : at + size] for at in range(0, len(places), size)]
    end = time.monotonic() + args.seconds
    with progress(total=len(places), desc="math-verify", unit="pair") as bar, ThreadPool(len(parts)) as pool:
        found = pool.map(lambda part: _asked([cases[place][1:] for place in part], end, bar.update), parts)
    return {
        place: verdict
        for part in zip(parts, found, strict=True)
        for place, verdict in zip(*part, strict=False)
    }


def _asked(pairs: list, end: float, advance) -> list:
    """Verdicts of one process until ``end``: True, False, an error's name, or `timeout` where it was ended and started anew."""
    found: list = []
    processes = multiprocessing.get_context("spawn")
    while len(found) < len(pairs) and time.monotonic() < end:
        receiver, sender = processes.Pipe(duplex=False)
        worker = processes.Process(target=_ask_math_verify, args=(pairs[len(found) :], sender))
        worker.start()
        sender.close()
        try:
            receiver.poll(START_SECONDS) and receiver.recv()
            while len(found) < len(pairs) and time.monotonic() < end:
                slow = not receiver.poll(PAIR_SECONDS)
                found.append("timeout" if slow else receiver.recv())
                advance(1)
                if slow:
                    break
        except EOFError:
            found.append("died")
            advance(1)
        worker.kill()
        worker.join()
    return found


def _ask_math_verify(pairs: list, sender) -> None:
    """Answer pair after pair; the pairs of one gold follow one another, so that it is parsed once."""
    from math_verify import parse, verify

    logging.disable(logging.CRITICAL)
    resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
    parsed = lru_cache(64)(lambda text: parse(_delimited(text)))
    sender.send("ready")
    for gold, answer in pairs:
        try:
            found = bool(verify(parsed(gold), parsed(answer)))
        except Exception as error:
            found = type(error).__name__
        sender.send(found)


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
    """With sized brackets, unless some have a size: two sizes in a row are no LaTeX."""
    if "(" not in text or text.count("(") != text.count(")") or re.search(r"\\left|\\[bB]ig", text):
        return None
    return text.replace("(", rf"{left}(").replace(")", rf"{right})")


if __name__ == "__main__":
    main()
